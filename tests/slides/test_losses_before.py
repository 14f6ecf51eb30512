"""What pixels lost in the scanner's file is said of them, also where OpenSlide alone reads it."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset

from slides.convert import Request, convert
from slides.errors import DamagedSlide
from slides.mirax_structure import read_images
from slides.open import open_slide
from slides.openslide_stored import behind
from tests.samples import real_samples, vendors
from tests.samples.czi import Block, write_czi
from tests.samples.hamamatsu import Scan, ndpi
from tests.samples.mirax import write_mirax

PICTURE = vendors.picture(1024, 768)
SMALL_NM = (1_300_000, 5_700_000)
"""A glass on which areas two millimetres apart fit."""
JPEG, JPEG_XR = "ISO_10918_1", "ISO_29199_2"
Make = Callable[[Path], Path]


def czi(path: Path, compression: str) -> Path:
    left, right = PICTURE[:, :512, ::-1], PICTURE[:, 512:, ::-1]
    blocks = [
        Block(np.ascontiguousarray(left), 0, 0, compression=compression),
        Block(np.ascontiguousarray(right), 512, 0, compression=compression, mosaic=1),
    ]
    return write_czi(path, blocks)


def grey_czi(path: Path, compression: str) -> Path:
    grey = np.ascontiguousarray(PICTURE[..., 1])
    return write_czi(path, [Block(grey, 0, 0, compression=compression)])


def webp(path: Path, *, lossless: bool) -> Path:
    how: dict[str, Any] = {"compression": "webp", "compressionargs": {"lossless": lossless}}
    return vendors.generic(path, PICTURE, **how)


EARLIER: dict[str, tuple[Make, list[str]]] = {
    "jpeg.mrxs": (partial(write_mirax, pixels=PICTURE), [JPEG]),
    "png.mrxs": (partial(write_mirax, pixels=PICTURE, image_format="PNG"), []),
    "bmp.mrxs": (partial(write_mirax, pixels=PICTURE, image_format="BMP24"), []),
    "overlap.bif": (partial(vendors.ventana, pixels=PICTURE, overlap=8), [JPEG]),
    "overlap.tif": (partial(vendors.trestle, pixels=PICTURE, overlap=8), [JPEG]),
    "areas.scn": (partial(vendors.leica, pixels=PICTURE, areas=2, glass_nm=SMALL_NM), [JPEG]),
    "grey.czi": (partial(grey_czi, compression="zstd1"), []),
    "grey-jpeg.czi": (partial(grey_czi, compression="jpeg"), [JPEG]),
    "grey-jpegxr.czi": (partial(grey_czi, compression="jpegxr"), [JPEG_XR]),
    "lossy-webp.tif": (partial(webp, lossless=False), ["WEBP"]),
    "lossless-webp.tif": (partial(webp, lossless=True), []),
}


def losses(header: Dataset) -> tuple[str, list[str], list[float]]:
    """What a header says: whether anything was lost, how, and by which ratios."""
    methods, ratios = (
        header.get(f"LossyImageCompression{what}", []) for what in ("Method", "Ratio")
    )
    several = not isinstance(methods, str)
    return (
        header.LossyImageCompression,
        list(methods) if several else [methods],
        [float(one) for one in (ratios if several else [ratios])],
    )


@pytest.mark.parametrize("name", EARLIER)
def test_every_generation_is_told(name: str, tmp_path: Path) -> None:
    make, before = EARLIER[name]
    report = convert(make(tmp_path / name), tmp_path / "out", Request(mpp_um=(0.5, 0.5)))
    assert report.plan.levels[0].action == "encode"
    own = [JPEG] if report.plan.encoding == "jpeg-baseline" else []
    for level in (tmp_path / "out").glob("level-*.dcm"):
        header = dcmread(level, stop_before_pixels=True)
        flag, methods, ratios = losses(header)
        assert methods == [*before, *own]
        assert flag == ("01" if methods else "00")
        assert len(ratios) == len(methods)
        assert all(ratio > 1.5 for ratio in ratios)


@pytest.mark.parametrize(
    ("compression", "methods"),
    [("none", []), ("zstd1", []), ("jpeg", [JPEG]), ("jpegxr", [JPEG_XR])],
)
def test_colours_of_a_czi_may_have_lost(
    compression: str, methods: list[str], tmp_path: Path
) -> None:
    path = czi(tmp_path / "a.czi", compression)
    found = behind(path, "zeiss", [path], (1024, 768), {})
    assert [loss.method for loss in found.levels.losses] == methods
    assert found.levels.decoded_bytes == 1024 * 768 * 3


@pytest.mark.parametrize("name", ["jpeg.mrxs", "overlap.tif", "grey-jpeg.czi"])
def test_the_ratio_is_that_of_the_file(name: str, tmp_path: Path) -> None:
    """Decoded bytes over those in the file, within what an index and a picture beside it take."""
    path = EARLIER[name][0](tmp_path / name)
    size = path.stat().st_size
    if name.endswith(".mrxs"):
        size = (tmp_path / "jpeg" / "Data0000.dat").stat().st_size
    with open_slide(path) as slide:
        ((loss,), *_) = slide.losses
        decoded = sum(one.width * one.height for one in slide.source.pyramid.levels)
        decoded *= slide.source.pyramid.samples
        assert float(loss.ratio) == pytest.approx(decoded / size, rel=0.3)


@pytest.mark.parametrize(
    "make",
    [
        partial(write_mirax, image_format="PNG"),
        partial(ndpi, scan=Scan(listed=False)),
    ],
    ids=["mrxs", "ndpi"],
)
def test_an_overview_in_jpeg_says_so(make: Callable[..., Path], tmp_path: Path) -> None:
    path = make(tmp_path / "a.mrxs", PICTURE)
    convert(path, tmp_path / "out", Request())
    flag, methods, ratios = losses(dcmread(tmp_path / "out" / "overview.dcm"))
    assert (flag, methods) == ("01", [JPEG])
    assert ratios[0] > 1.5


def test_an_index_is_read_as_its_scanner_wrote_it() -> None:
    """Images in several pages, pictures among many records."""
    folder = real_samples()
    if folder is None:
        return
    images = read_images(folder / "wsi/mirax/Mirax2-Fluorescence-2")
    assert images.format == "JPEG"
    assert images.decoded_bytes == 1024 * 347 * 260 * 3
    assert images.stored_bytes == 29_864_810
    assert images.beside == {"macro": 93_922, "label": 46_313, "thumbnail": 15_265}


@given(st.data())
def test_no_damage_of_an_index_is_more_than_damage(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("mirax")
    write_mirax(folder / "a.mrxs", PICTURE[:256, :256])
    index = folder / "a" / "Index.dat"
    content = bytearray(index.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    index.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(DamagedSlide):
        assert read_images(folder / "a").decoded_bytes % (128 * 128 * 3) == 0
