"""The made slides are what they claim: OpenSlide and the codestream agree."""

from inspect import unwrap
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
import zxingcpp
from PIL import Image

from tests.samples import slide
from tests.samples.slide import Form, make_slide, small_svs
from tests.samples.tissue import GLASS, STAINS
from tiles.codestream import parse_jpeg


def tile_of(path: Path, number: int) -> bytes:
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages.first
        tiff.filehandle.seek(page.dataoffsets[number])
        return bytes(tiff.filehandle.read(page.databytecounts[number]))


@pytest.mark.parametrize("form", ["abbreviated-rgb", "complete-ycbcr"])
@pytest.mark.parametrize(("width", "height", "tile"), [(1111, 963, 240), (1201, 1025, 256)])
def test_openslide_reads_it_as_aperio(
    tmp_path: Path, form: Form, width: int, height: int, tile: int
) -> None:
    path = small_svs(tmp_path / "slide.svs", width, height, tile, form)
    with openslide.OpenSlide(path) as opened:
        assert opened.detect_format(path) == "aperio"
        assert opened.level_dimensions[:2] == ((width, height), (width // 4, height // 4))
        assert opened.properties["openslide.mpp-x"] == "0.5"
        assert opened.properties["openslide.objective-power"] == "20"
        assert set(opened.associated_images) == {"thumbnail", "label", "macro"}
        base = np.asarray(opened.read_region((0, 0), 0, (width, height)).convert("RGB"))
        reduced = opened.read_region((0, 0), 1, (width // 4, height // 4)).convert("RGB")
    assert abs(base.mean((0, 1)) - GLASS).max() < 60
    expected = slide.reduced_by_4(base)
    assert np.abs(np.asarray(reduced, np.int16) - expected).mean() < 6


def test_rgb_tiles_are_abbreviated_and_say_nothing_of_their_colours(tmp_path: Path) -> None:
    path = small_svs(tmp_path / "slide.svs", 500, 500)
    header = parse_jpeg(tile_of(path, 0))
    assert not header.quantization
    assert not header.has_huffman
    assert header.adobe_transform is None
    assert [one.identifier for one in header.components] == [0, 1, 2]
    assert header.subsampling == "444"


def test_ycbcr_tiles_are_complete(tmp_path: Path) -> None:
    path = small_svs(tmp_path / "slide.svs", 500, 500, form="complete-ycbcr")
    header = parse_jpeg(tile_of(path, 0))
    assert header.quantization
    assert header.has_huffman
    assert header.subsampling == "420"
    assert not header.rgb


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    make = unwrap(small_svs)
    first = make(tmp_path / "a.svs", 600, 500, seed=3).read_bytes()
    assert make(tmp_path / "b.svs", 600, 500, seed=3).read_bytes() == first
    assert make(tmp_path / "c.svs", 600, 500, seed=4).read_bytes() != first


@pytest.mark.parametrize("stain", [*STAINS, "mixed"])
def test_every_stain_has_tissue_and_glass(tmp_path: Path, stain: str) -> None:
    path = make_slide(tmp_path / "slide.svs", 900, 700, stain=stain, mpp=1.0, icc=True)
    with openslide.OpenSlide(path) as opened:
        pixels = np.asarray(opened.get_thumbnail((225, 175)).convert("RGB")).astype(int)
        assert opened.color_profile is not None
    glass = np.abs(pixels - GLASS).max(2) < 6
    assert 0.15 < glass.mean() < 0.9
    assert pixels[~glass].std() > 20


def test_the_label_is_readable_on_the_label_and_on_the_macro(tmp_path: Path) -> None:
    path = small_svs(tmp_path / "slide.svs", 500, 500, seed=7)
    with openslide.OpenSlide(path) as opened:
        for name in ("label", "macro"):
            picture = opened.associated_images[name].convert("RGB")
            assert [one.text for one in zxingcpp.read_barcodes(picture)] == ["SV24-00007;1"]
            assert isinstance(picture, Image.Image)
