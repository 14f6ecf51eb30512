"""What becomes of camera files: taken in with their own scan, turned upright, or refused."""

import io
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from struct import pack

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from dermato.camera.exif import Camera, read_camera
from dermato.errors import (
    DamagedPhoto,
    MissingPhoto,
    NotAPhotograph,
    PhotoError,
    TooLarge,
    UnsupportedPhoto,
)
from dermato.photo import open_photo
from tests.dermato.pictures import GPS, MADE, TURNED, UPRIGHT, photograph
from tests.samples import sample
from tests.samples.photo import SERIAL_NUMBER
from tiles.errors import OutsideImage
from tiles.pyramid import Box, Plane
from tiles.source import Encoding


def scan_of(jpeg: bytes) -> bytes:
    """The scan of a clean JPEG, from SOS to EOI."""
    return jpeg[jpeg.index(b"\xff\xda", jpeg.index(b"\xff\xc0")) :]


def saved(form: str, mode: str = "RGB", **how: object) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        pixels = np.arange(48 * 64 * 4, dtype=np.uint8).reshape(48, 64, 4)
        Image.fromarray(pixels, "RGBA" if mode != "CMYK" else "CMYK").convert(mode).save(
            path, form, **how
        )

    return make


def cut(path: Path) -> None:
    MADE(path)
    path.write_bytes(path.read_bytes()[:9000])


def zeroed(path: Path) -> None:
    MADE(path)
    data = bytearray(path.read_bytes())
    data[-3000:-1500] = bytes(1500)
    data[-1400:-1395] = b"\xff\x05\xff\x06\xff"
    path.write_bytes(data)


def old_jpeg(path: Path) -> None:
    tifffile.imwrite(path, np.zeros((48, 64, 3), np.uint8), compression="jpeg")
    data = path.read_bytes()
    tag = data.index(pack("<HHII", 259, 3, 1, 7))
    path.write_bytes(data[: tag + 8] + pack("<I", 6) + data[tag + 12 :])


def written(data: bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(data)

    return make


@pytest.mark.parametrize("relative", UPRIGHT)
def test_the_scan_is_the_cameras_own_and_nothing_else_is(relative: str) -> None:
    path = photograph(relative)
    photo = open_photo(path)

    assert photo.facts.derivation is None
    assert scan_of(photo.whole.data) in path.read_bytes()
    markers = re.findall(
        rb"\xff([\xc0-\xfe])", photo.whole.data[: photo.whole.data.index(b"\xff\xda") + 2]
    )
    assert not set(markers) & {bytes([marker]) for marker in (*range(0xE1, 0xEE), 0xEF, 0xFE)}
    assert photo.whole.data.endswith(b"\xff\xd9")
    assert photo.whole.data.count(b"\xff\xd8") == 1

    with Image.open(path) as before, Image.open(io.BytesIO(photo.whole.data)) as after:
        assert np.array_equal(np.asarray(before), np.asarray(after))
        assert not {"exif", "icc_profile", "comment", "mp"} & after.info.keys()


@pytest.mark.parametrize("relative", GPS)
def test_no_byte_of_what_identifies_is_left(relative: str) -> None:
    path = photograph(relative)
    with Image.open(path) as picture:
        exif = picture.getexif()
        assert exif.get_ifd(0x8825), "the sample is meant to have a place"
        told = [str(exif[tag]) for tag in (0x010F, 0x0110) if tag in exif]
        told += [str(one) for one in exif.get_ifd(0x8769).values() if isinstance(one, str)]
    jpeg = open_photo(path).whole.data
    for one in (*told, SERIAL_NUMBER, "Exif", "GPS", "http", "ICC_PROFILE"):
        if len(one) > 3:
            assert one.encode() not in jpeg


@pytest.mark.parametrize(("relative", "orientation"), TURNED.items())
def test_a_picture_lying_down_is_stood_up_and_says_so(relative: str, orientation: int) -> None:
    path = photograph(relative)
    photo = open_photo(path)

    assert photo.facts.camera.orientation == orientation
    assert photo.facts.derivation is None
    assert "without loss" in (photo.facts.recoded or "")
    assert [loss.method for loss in photo.facts.losses] == ["ISO_10918_1"]
    with Image.open(path) as picture:
        upright = np.asarray(ImageOps.exif_transpose(picture), np.int16)
    pixels = photo.pixels(0, Box(0, 0, photo.pyramid.width, photo.pyramid.height))
    assert pixels.shape == upright.shape
    apart = np.abs(pixels - upright)
    if photo.whole.encoding is Encoding.JPEG_LS:
        assert not apart.any()
    # A decoder's own rounding goes by rows first, then by columns.
    assert apart.max() <= 8
    assert apart.mean() < 0.5


REFUSED: dict[str, tuple[type[PhotoError], str, Callable[[Path], None]]] = {
    "hostile/photo/ojpeg-tile.tif": (UnsupportedPhoto, "TIFF", old_jpeg),
    "hostile/photo/decompression_bomb.gif": (UnsupportedPhoto, "GIF", saved("GIF", "P")),
    "hostile/photo/decompression_bomb.ico": (NotAPhotograph, "no photograph", written(b"\0\0\1\0")),
    "hostile/photo/libvips-truncated.jpg": (DamagedPhoto, "cut off", cut),
    "hostile/photo/corrupted-olympus.jpg": (DamagedPhoto, "damaged", zeroed),
}


@pytest.mark.parametrize("relative", REFUSED)
def test_refused_with_a_reason_and_a_way_out(relative: str) -> None:
    kind, says, make = REFUSED[relative]
    with pytest.raises(kind, match=says) as refusal:
        open_photo(sample(relative, make))
    assert "\n" not in str(refusal.value)
    assert re.search("convert|send|reduce|export", str(refusal.value))


ODD_BUT_GOOD: dict[str, Callable[[Path], object]] = {
    "hostile/photo/exif_gps_typeerror.jpg": MADE,
    "hostile/photo/multiple_exif.jpg": saved("JPEG", "L"),
}


@pytest.mark.parametrize("relative", ODD_BUT_GOOD)
def test_odd_metadata_is_no_reason_to_refuse(relative: str) -> None:
    photo = open_photo(sample(relative, ODD_BUT_GOOD[relative]))
    assert photo.facts.derivation is None
    assert photo.facts.camera.orientation == 1


def test_missing_empty_and_too_large(tmp_path: Path) -> None:
    with pytest.raises(MissingPhoto):
        open_photo(tmp_path / "nothing.jpg")
    empty = tmp_path / "empty.jpg"
    empty.touch()
    with pytest.raises(DamagedPhoto, match="empty"):
        open_photo(empty)
    bomb = bytearray(MADE(tmp_path / "bomb.jpg").read_bytes())
    frame = bomb.index(b"\xff\xc0")
    bomb[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    (tmp_path / "bomb.jpg").write_bytes(bomb)
    with pytest.raises(TooLarge, match="65535"):
        open_photo(tmp_path / "bomb.jpg")


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    whole = make_small(tmp_path / "whole.jpg").read_bytes()
    path = tmp_path / "cut.jpg"
    for length in range(3, len(whole) - 1, 251):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedPhoto):
            open_photo(path)
    # Cut inside the scan, but closed by an EOI: only a full decode can tell.
    path.write_bytes(whole[: len(whole) * 3 // 4] + b"\xff\xd9")
    with pytest.raises(DamagedPhoto):
        open_photo(path)


make_small = partial(MADE, width=160, height=128, kind="dermoscopy")


def test_one_level_of_one_tile(tmp_path: Path) -> None:
    photo = open_photo(make_small(tmp_path / "photo.jpg"))
    (level,) = photo.pyramid.levels
    assert (level.width, level.height, level.tiles) == (160, 128, 1)
    assert photo.frame(0, 0, 0).data == photo.whole.data
    whole = photo.pixels(0, Box(0, 0, 160, 128))
    assert np.array_equal(photo.pixels(0, Box(32, 16, 50, 40)), whole[16:56, 32:82])
    for address in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        with pytest.raises(OutsideImage):
            photo.frame(*address)
    with pytest.raises(OutsideImage):
        photo.frame(0, 0, 0, Plane(1))


def test_components_stored_as_rgb_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "rgb.jpg"
    with Image.open(make_small(tmp_path / "photo.jpg")) as picture:
        picture.save(path, "JPEG", keep_rgb=True, quality=97)
    photo = open_photo(path)
    assert "R, G, B" in (photo.facts.recoded or "")
    with Image.open(path) as picture:
        assert np.array_equal(photo.pixels(0, Box(0, 0, 160, 128)), np.asarray(picture))


def test_the_camera_is_known_by_maker_model_and_time(tmp_path: Path) -> None:
    camera = open_photo(make_small(tmp_path / "photo.jpg")).facts.camera
    assert (camera.make, camera.model) == ("Sansverre", "Sample Phone 1")
    assert camera.taken_at is not None
    assert camera.taken_at.isoformat() == "2024-03-14T09:26:53+01:00"


@pytest.mark.parametrize(
    "exif",
    [b"", b"II", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + b"\1" * 90, bytes(99)],
)
def test_an_unreadable_exif_block_says_nothing(exif: bytes) -> None:
    assert read_camera(exif) == Camera()
