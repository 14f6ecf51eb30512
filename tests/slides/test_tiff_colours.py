"""TIFF's colours that no scanner writes and other programs do: pixels are libtiff's."""

from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from slides.convert import Request, convert
from slides.errors import UnsupportedSlide
from slides.open import open_slide
from slides.tiff_colours import unpacked
from tests.samples import vendors
from tests.slides.converted import complaints
from tests.slides.test_tiff import TIFF_WIDTH, changed, whole

PICTURE = vendors.picture(403, 301)
SHOWN = Image.fromarray(PICTURE)
GREY = np.asarray(SHOWN.convert("L"))


def palette(colours: int) -> Image.Image:
    """The picture in few colours."""
    return SHOWN.quantize(colours)


STRIPS = {
    "palette of 200": (palette(200), "tiff_lzw"),
    "palette of 16, raw": (palette(16), "raw"),
    "palette of 2": (palette(2), "tiff_adobe_deflate"),
    "black and white": (SHOWN.convert("1"), "raw"),
    "black and white, packed": (SHOWN.convert("1"), "packbits"),
    "black and white, deflated": (SHOWN.convert("1"), "tiff_adobe_deflate"),
}


@pytest.mark.parametrize("name", STRIPS)
def test_few_bits_and_palettes_in_strips(name: str, tmp_path: Path) -> None:
    image, compression = STRIPS[name]
    image.save(tmp_path / "a.tif", compression=compression)
    mode = "L" if image.mode == "1" else "RGB"
    expected = np.asarray(image.convert(mode)).reshape(301, 403, -1)
    with open_slide(tmp_path / "a.tif") as slide:
        assert np.array_equal(whole(slide), expected)
    report = convert(tmp_path / "a.tif", tmp_path / "out", Request(mpp_um=(0.5, 0.5), verify=True))
    assert report.proof is not None
    assert not complaints(tmp_path / "out")


TILES: dict[str, tuple[Any, dict[str, Any]]] = {
    "white is zero": (GREY, {"photometric": "miniswhite", "compression": "zlib"}),
    "white is zero, JPEG": (GREY, {"photometric": "miniswhite", "compression": "jpeg"}),
    "white is zero, differences": (GREY, {"photometric": "miniswhite", "predictor": True}),
    "inks": (
        np.asarray(SHOWN.convert("CMYK")),
        {"photometric": "separated", "compression": "lzw", "predictor": True},
    ),
    "inks, JPEG": (
        np.asarray(SHOWN.convert("CMYK")),
        {"photometric": "separated", "compression": "jpeg"},
    ),
    "palette": (
        np.asarray(palette(256)),
        {
            "photometric": "palette",
            "colormap": np.random.default_rng(1).integers(0, 1 << 16, (3, 256), np.uint16),
            "compression": "zlib",
        },
    ),
}


@pytest.mark.parametrize("name", TILES)
def test_tiles_show_what_openslide_shows(name: str, tmp_path: Path) -> None:
    pixels, how = TILES[name]
    path = tmp_path / "a.tif"
    if how.get("predictor"):
        how = {"compression": "zlib"} | how
    tifffile.imwrite(path, pixels, tile=(128, 128), metadata=None, **how)
    with open_slide(path) as slide, openslide.OpenSlide(path) as theirs:
        shown = np.asarray(theirs.read_region((0, 0), 0, (403, 301)).convert("RGB"))
        found = whole(slide)
        assert np.array_equal(found, shown[..., : found.shape[2]])


@pytest.mark.parametrize("compression", ["zlib", "packbits", None])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_bits_in_tiles(compression: str | None, photometric: Any, tmp_path: Path) -> None:
    path, bits = tmp_path / "a.tif", GREY > 150
    how: Any = {"tile": (128, 128), "metadata": None, "compression": compression}
    tifffile.imwrite(path, bits, photometric=photometric, **how)
    with open_slide(path) as slide:
        lit = bits if photometric == "minisblack" else ~bits
        assert np.array_equal(whole(slide)[..., 0], lit * np.uint8(255))


def test_a_picture_without_its_palette_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    palette(256).save(path, compression="raw")
    with tifffile.TiffFile(path, mode="r+") as tiff:
        tiff.pages.first.tags[320].overwrite([0] * 3)
    with pytest.raises(UnsupportedSlide, match="without their palette"):
        open_slide(path)


def test_bits_run_out_with_their_row(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    SHOWN.convert("1").save(path, compression="raw")
    with open_slide(changed(path, TIFF_WIDTH, 397)) as slide:
        assert whole(slide).shape == (301, 397, 1)


@given(st.sampled_from([1, 2, 4]), st.integers(1, 40), st.integers(1, 5), st.randoms())
def test_unpacking(bits: int, width: int, rows: int, chance: Any) -> None:
    samples = np.array([[chance.randrange(1 << bits) for _ in range(width)] for _ in range(rows)])
    text = ["".join(f"{value:0{bits}b}" for value in row) for row in samples]
    size = -(-width * bits // 8)
    packed = b"".join(int(row.ljust(8 * size, "0"), 2).to_bytes(size, "big") for row in text)
    rows_of_bytes = np.frombuffer(packed, np.uint8).reshape(rows, size)
    assert np.array_equal(unpacked(rows_of_bytes, bits, width), samples)
