"""What is particular to a format: damage, depths, inks, profiles, raw files."""

import io
from contextlib import suppress
from pathlib import Path
from struct import pack

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageOps

from dermato.camera.coefficients import baseline_upright
from dermato.camera.colour import in_8_bits, print_colours_in_srgb
from dermato.camera.kinds import read
from dermato.camera.picture import Jpeg, Picture
from dermato.camera.upright import upright
from dermato.errors import DamagedPhoto, PhotoError, TooLarge, UnsupportedPhoto
from tests.dermato.jpegtran import turned
from tests.samples.cameras import CAMERAS, HEIGHT, WIDTH, colours


def written(name: str, tmp_path: Path) -> bytes:
    CAMERAS[name](tmp_path / name)
    return (tmp_path / name).read_bytes()


def decoded(found: Jpeg | Picture) -> Picture:
    assert isinstance(found, Picture)
    return found


@pytest.mark.parametrize("name", CAMERAS)
def test_what_is_cut_off_is_damaged(name: str, tmp_path: Path) -> None:
    whole = written(name, tmp_path)
    # What stands behind the picture may be missing: nobody sees it.
    for part in (0.1, 0.3, 0.5):
        with pytest.raises(DamagedPhoto, match="send"):
            read(whole[: int(len(whole) * part)])


# libheif may crash at damage, and does so in a child of ours; here it would take the tests along.
@pytest.mark.parametrize("name", [one for one in CAMERAS if not one.endswith(".heic")])
@given(data=st.data())
def test_damage_anywhere_is_refused_or_harmless(name: str, data: st.DataObject) -> None:
    whole = bytearray(MADE[name])
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    # Whatever else is raised is a fault of ours.
    with suppress(PhotoError):
        assert read(bytes(whole)).camera.orientation in range(1, 9)


MADE: dict[str, bytes] = {}


@pytest.fixture(scope="module", autouse=True)
def _made(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("made")
    MADE.update({name: written(name, folder) for name in CAMERAS})


@given(
    st.integers(0, 65535), st.integers(0, 65535), st.sampled_from([8, 10, 12, 16]), st.booleans()
)
def test_depth_and_opacity_are_rounded_once(
    value: int, opacity: int, bits: int, grey: bool
) -> None:
    most = (1 << bits) - 1
    value, opacity = value & most, opacity & most
    dtype = np.uint8 if bits == 8 else np.uint16
    samples = [value, opacity] if grey else [value, 0, most, opacity]
    (pixel,), _ = in_8_bits(np.array([[samples]], dtype), bits)
    wanted = 255 * (value / most * opacity / most + 1 - opacity / most)
    assert abs(int(pixel[0, 0]) - wanted) <= 0.5 + 1e-9
    (opaque,), said = in_8_bits(np.array([[[value]]], dtype), bits)
    assert abs(int(opaque[0, 0]) - 255 * value / most) <= 0.5
    assert said == ((f"Reduced from {bits} to 8 bits by rounding",) if bits > 8 else ())


def test_print_colours_without_a_profile_of_theirs() -> None:
    values = np.indices((64, 300), np.uint8).sum(0).astype(np.uint8)
    inks = Image.fromarray(values[..., np.newaxis].repeat(4, 2), "CMYK")
    # No profile of a press is at hand: one of R, G, B is no profile of inks, and is not used.
    rgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels, said = print_colours_in_srgb(inks, rgb)
    assert np.array_equal(pixels, np.asarray(inks.convert("RGB")))
    assert "no profile" in said


@pytest.mark.parametrize(
    ("colours_as", "made"),
    [
        ("separated", np.indices((HEIGHT, WIDTH, 4), np.uint8).sum(0).astype(np.uint8)),
        ("miniswhite", colours()[..., 0]),
        ("minisblack", colours()[..., 1]),
    ],
)
def test_tiff_of_other_colours(colours_as: str, made: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    tifffile.imwrite(path, made, photometric=colours_as)
    found = decoded(read(path.read_bytes()))
    with Image.open(path) as picture:
        wanted = np.asarray(picture.convert("RGB" if colours_as == "separated" else "L"))
    assert np.array_equal(found.pixels.squeeze(), wanted)


def test_a_palette_of_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    Image.fromarray(colours()).quantize(16).save(path)
    with Image.open(path) as picture:
        wanted = np.asarray(picture.convert("RGB"))
    assert np.array_equal(decoded(read(path.read_bytes())).pixels, wanted)


def test_a_raw_file_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "raw.dng"
    tifffile.imwrite(path, colours(), extratags=[(50706, 1, 4, b"\1\4\0\0", True)])
    for data in (
        path.read_bytes(),
        b"II*\0\x10\0\0\0CR\2\0" + bytes(64),
        b"\0\0\0\x18ftypcrx " + bytes(64),
    ):
        with pytest.raises(UnsupportedPhoto, match="raw file of a camera, which holds"):
            read(data)


def test_declared_extents_are_asked_before_decoding(tmp_path: Path) -> None:
    heic = bytearray(written("turned.heic", tmp_path))
    at = heic.index(b"ispe") + 8
    heic[at : at + 8] = pack(">II", 40_000, 40_000)
    png = bytearray(written("colours.png", tmp_path))
    png[16:24] = pack(">II", 40_000, 40_000)
    webp = bytearray(written("lossy.webp", tmp_path))
    at = webp.index(b"VP8X") + 12
    webp[at : at + 6] = (16_000).to_bytes(3, "little") * 2
    for bomb in (heic, png, webp):
        with pytest.raises(TooLarge, match="reduce it"):
            read(bytes(bomb))


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_by_coefficients_as_jpegtran_does(orientation: int, subsampling: int) -> None:
    buffer = io.BytesIO()
    Image.fromarray(colours()).save(buffer, "JPEG", quality=90, subsampling=subsampling)
    other = turned(buffer.getvalue(), orientation)
    made = baseline_upright(buffer.getvalue(), orientation)
    with Image.open(io.BytesIO(made)) as ours, Image.open(io.BytesIO(other)) as theirs:
        assert np.array_equal(np.asarray(ours), np.asarray(theirs))
    # Turned back, it is the picture that it was, to the last value.
    back = {6: 8, 8: 6}.get(orientation, orientation)
    again = baseline_upright(made, back)
    with Image.open(io.BytesIO(again)) as ours, Image.open(buffer) as theirs:
        assert np.array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize("orientation", range(2, 9))
def test_upright_is_what_exif_means(orientation: int) -> None:
    picture = Image.fromarray(colours())
    picture.getexif()[0x0112] = orientation
    wanted = np.asarray(ImageOps.exif_transpose(picture))
    assert np.array_equal(upright(colours(), orientation), wanted)
