"""The made photographs are what they claim."""

from inspect import unwrap
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.samples.photo import SERIAL_NUMBER, Kind, make_photo
from tiles.codestream import parse_jpeg


@pytest.mark.parametrize("kind", ["clinical", "dermoscopy"])
def test_a_baseline_jpeg_with_everything_a_phone_says(tmp_path: Path, kind: Kind) -> None:
    path = make_photo(tmp_path / "photo.jpg", kind=kind, width=320, height=240)
    assert parse_jpeg(path.read_bytes()).baseline
    with Image.open(path) as picture:
        assert picture.size == (320, 240)
        assert picture.info["icc_profile"][12:16] == b"mntr"
        exif = picture.getexif()
        assert exif.get_ifd(0x8769)[0xA431] == SERIAL_NUMBER
        assert exif.get_ifd(0x8825)[1] == "N"
        pixels = np.asarray(picture, np.int16)
    middle, skin = pixels[100:140, 130:190], pixels[90:150, 60:75]
    assert middle.mean() < skin.mean() - 15


def test_no_place_where_none_is_asked_for(tmp_path: Path) -> None:
    path = make_photo(tmp_path / "photo.jpg", width=160, height=120, gps=False)
    with Image.open(path) as picture:
        assert 0x8825 not in picture.getexif()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_by_its_orientation_it_is_upright(tmp_path: Path, orientation: int) -> None:
    # The lamp is at the upper left, whichever way the camera was held.
    path = make_photo(
        tmp_path / "photo.jpg", width=240, height=240, orientation=orientation, phototype=2
    )
    with Image.open(path) as picture:
        upright = np.asarray(ImageOps.exif_transpose(picture), np.int16)
    assert upright[:90, :90].mean() > upright[-90:, -90:].mean() + 5


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    make = unwrap(make_photo)

    def made(seed: int) -> bytes:
        path: Path = make(tmp_path / "a.jpg", seed=seed, width=160, height=120)
        return path.read_bytes()

    assert made(2) == made(2) != made(3)


def test_what_is_made_once_is_copied_for_the_same_arguments_alone(tmp_path: Path) -> None:
    first, again, other = (
        make_photo(tmp_path / name, seed=seed, width=160, height=120)
        for name, seed in (("a.jpg", 2), ("b.jpg", 2), ("c.jpg", 3))
    )
    assert [one.name for one in (first, again, other)] == ["a.jpg", "b.jpg", "c.jpg"]
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()
    # What a test does with its own is its own.
    first.write_bytes(b"")
    again.unlink()
    third = make_photo(tmp_path / "d.jpg", seed=2, width=160, height=120)
    assert third.stat().st_size > 1000
