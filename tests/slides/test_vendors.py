"""Vendors' files that we read by ourselves: facts and pixels are those of OpenSlide."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np
import openslide
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from slides.open import open_slide
from slides.slide import Slide
from tests.samples import vendors
from tests.samples.hamamatsu import Scan, ndpi
from tiles.codec import decode_jpeg
from tiles.errors import DamagedCodestream
from tiles.pyramid import Box
from tiles.scan import check
from tiles.source import Encoding, Pixels, frames_in_order

PICTURE = vendors.picture(1025, 769)
# OpenSlide's NDPI and BIF have whole restart intervals and tiles.
WHOLE_TILES = vendors.picture(1024, 768)
Make = Callable[[Path], Path]
FILES: dict[str, Make] = {
    "a.bif": partial(vendors.ventana, pixels=WHOLE_TILES),
    "trestle.tif": partial(vendors.trestle, pixels=PICTURE),
    "philips.tiff": partial(vendors.philips, pixels=PICTURE, empty=(1, 7)),
    "squares.ndpi": partial(ndpi, pixels=WHOLE_TILES, scan=Scan(512)),
    "bands.ndpi": partial(ndpi, pixels=WHOLE_TILES, scan=Scan(1024, "4:4:4")),
    "beyond-4-gib.ndpi": partial(
        ndpi, pixels=WHOLE_TILES, scan=Scan(512, begins_at=(1 << 32) + 12_345_678)
    ),
    "ndpi-under-another-name.tif": partial(ndpi, pixels=WHOLE_TILES, scan=Scan(256, "4:4:4")),
}


def shown(theirs: openslide.OpenSlide, level: int) -> Pixels:
    """A level as OpenSlide shows it, on its background."""
    region = theirs.read_region((0, 0), level, theirs.level_dimensions[level])
    alpha = np.asarray(region)[..., 3:]
    assert set(np.unique(alpha)) <= {0, 255}
    colour = bytes.fromhex(theirs.properties.get("openslide.background-color", "ffffff"))
    ground = np.frombuffer(colour, np.uint8)
    return np.where(alpha == 0, ground, np.asarray(region)[..., :3])


def whole(slide: Slide, level: int) -> Pixels:
    """All pixels of a level."""
    shape = slide.source.pyramid.levels[level]
    return slide.source.pixels(level, Box(0, 0, shape.width, shape.height))


@pytest.fixture(params=FILES)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return FILES[request.param](tmp_path / request.param)


def test_pixels_are_those_that_openslide_shows(path: Path) -> None:
    with open_slide(path) as slide, openslide.OpenSlide(path) as theirs:
        levels = slide.source.pyramid.levels
        sizes = [(level.width, level.height) for level in levels]
        # Of a JPEG OpenSlide makes smaller levels, which no file holds.
        assert sizes == list(theirs.level_dimensions)[: len(sizes)]
        assert slide.facts.format == "ndpi" or len(sizes) == theirs.level_count
        for level in range(len(levels)):
            assert np.array_equal(whole(slide, level), shown(theirs, level))
        assert set(slide.associated) == set(theirs.associated_images)
        for name, image in theirs.associated_images.items():
            assert np.array_equal(slide.associated[name].pixels(), np.asarray(image.convert("RGB")))


def test_facts_are_those_that_openslide_states(path: Path) -> None:
    with open_slide(path) as slide, openslide.OpenSlide(path) as theirs:
        properties, facts = theirs.properties, slide.facts
        spacing = [properties.get(f"openslide.mpp-{axis}") for axis in "xy"]
        expected = tuple(float(one) for one in spacing if one)
        assert facts.mpp_um == (pytest.approx(expected) if expected else None)
        power = properties.get("openslide.objective-power")
        assert facts.objective_power == (float(power) if power else None)
        assert facts.barcodes[:1] == tuple(filter(None, [properties.get("openslide.barcode")]))
        assert (facts.acquired_at is None) == (facts.format in {"bif", "trestle"})
        assert facts.scanner.manufacturer


def test_tiles_are_to_be_had_as_they_are_stored(path: Path) -> None:
    with open_slide(path) as slide:
        assert slide.source.encoding(0) is Encoding.JPEG_BASELINE
        assert slide.source.frame(0, 0, 0) is not None
        (loss,) = slide.lost(0)
        assert loss.method == "ISO_10918_1"
        assert float(loss.ratio) > 2


def strip(path: Path, level: int) -> bytes:
    """The one JPEG of a level of an NDPI."""
    with tifffile.TiffFile(path, is_ndpi=True) as tiff:
        page: Any = tiff.pages[level]
        offset, length = page.tags.valueof(273)[0], page.tags.valueof(279)[0]
    return path.read_bytes()[offset : offset + length]


@pytest.mark.parametrize(("interval_px", "subsampling"), [(128, "4:2:2"), (64, "4:2:0")])
def test_intervals_put_together_show_what_the_one_jpeg_shows(
    interval_px: int, subsampling: str, tmp_path: Path
) -> None:
    pixels = vendors.picture(512, 512)
    path = ndpi(tmp_path / "a.ndpi", pixels, Scan(interval_px, subsampling))
    with open_slide(path) as slide:
        assert slide.source.pyramid.levels[0].tiles == 1
        assert np.array_equal(whole(slide, 0), decode_jpeg(strip(path, 0)))
        frame = slide.source.frame(0, 0, 0)
        assert frame is not None
        assert check(frame.data, 512, 512).restart_interval == interval_px // 16


def test_an_ndpi_that_is_not_as_expected_is_read_otherwise(tmp_path: Path) -> None:
    unlisted = ndpi(tmp_path / "unlisted.ndpi", vendors.picture(5120, 4096), Scan(listed=False))
    lying = ndpi(tmp_path / "lying.ndpi", WHOLE_TILES)
    with tifffile.TiffFile(lying, is_ndpi=True) as tiff:
        listed = tiff.pages.first.tags.valueof(65426).astype("<u4")
    # As if the list were that of another file.
    lying.write_bytes(lying.read_bytes().replace(listed.tobytes(), (listed + 1).tobytes()))
    with open_slide(unlisted) as slide:
        assert slide.facts.format == "ndpi"
        assert slide.source.encoding(0) is Encoding.OPAQUE
    with open_slide(lying) as slide:
        # A small level can be decoded whole, whatever is listed.
        assert slide.source.pyramid.levels[0].tiles == 1
        assert np.array_equal(whole(slide, 0), decode_jpeg(strip(lying, 0)))


def test_a_marker_that_is_not_where_it_is_listed_is_damage(tmp_path: Path) -> None:
    path = ndpi(tmp_path / "a.ndpi", vendors.picture(2048, 2048), Scan(512, "4:4:4"))
    jpeg, data = strip(path, 0), path.read_bytes()
    marks = [mark.start() for mark in re.finditer(rb"\xff[\xd0-\xd7]", jpeg)]
    at = data.index(jpeg) + marks[1]
    path.write_bytes(data[:at] + b"\0\0" + data[at + 2 :])
    with open_slide(path) as slide, pytest.raises(DamagedCodestream, match="no restart marker"):
        slide.source.frame(0, 1, 0)


def test_a_level_without_restart_markers_is_one_frame(tmp_path: Path) -> None:
    path = ndpi(tmp_path / "a.ndpi", vendors.picture(700, 500), Scan(0, "4:2:0"))
    with open_slide(path) as slide:
        frame = slide.source.frame(0, 0, 0)
        assert frame is not None
        assert frame.data == strip(path, 0)
        assert np.array_equal(whole(slide, 0), decode_jpeg(frame.data))


SIDE = st.integers(1, 9)


def ranges(most: int) -> st.SearchStrategy[range]:
    """Some neighbours among so many."""
    ends = st.tuples(st.integers(0, most - 1), st.integers(1, most))
    return ends.map(lambda pair: range(pair[0], max(pair[0] + 1, pair[1])))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_frames_in_a_row_are_those_one_by_one(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("ndpi") / "a.ndpi"
    interval, wide, high = (data.draw(one) for one in (st.sampled_from([64, 96, 256]), SIDE, SIDE))
    ndpi(path, vendors.picture(interval * wide, 24 * high), Scan(interval, "4:2:2"))
    with open_slide(path) as slide:
        level = slide.source.pyramid.levels[0]
        columns = data.draw(ranges(level.columns))
        rows = data.draw(ranges(level.rows))
        one_by_one = [slide.source.frame(0, c, r) for r in rows for c in columns]
        assert list(frames_in_order(slide.source, 0, columns, rows)) == one_by_one
        whole(slide, 0)


def test_an_scn_of_one_area_is_that_area(tmp_path: Path) -> None:
    path = vendors.leica(tmp_path / "a.scn", PICTURE)
    with open_slide(path) as slide, openslide.OpenSlide(path) as theirs:
        properties, facts = theirs.properties, slide.facts
        corner = int(properties["openslide.bounds-x"]), int(properties["openslide.bounds-y"])
        levels = slide.source.pyramid.levels
        assert [(level.width, level.height) for level in levels] == [
            (1025, 769),
            (512, 384),
            (256, 192),
        ]
        for level, shape in enumerate(levels):
            region = theirs.read_region(corner, level, (shape.width, shape.height))
            assert np.array_equal(whole(slide, level), np.asarray(region)[..., :3])
            assert slide.source.encoding(level) is Encoding.JPEG_BASELINE
        assert facts.mpp_um == pytest.approx((0.5, 0.5))
        assert facts.objective_power == float(properties["openslide.objective-power"])
        assert facts.barcodes == (properties["openslide.barcode"],)
        assert facts.acquired_at == datetime(2021, 3, 4, 10, 11, 12, tzinfo=UTC)
        assert facts.scanner.model == "Leica SCN400"
        macro = np.asarray(theirs.associated_images["macro"].convert("RGB"))
        assert np.array_equal(slide.associated["macro"].pixels(), macro)


@pytest.mark.parametrize(
    "make",
    [
        partial(vendors.ventana, pixels=WHOLE_TILES, overlap=8),
        partial(vendors.trestle, pixels=WHOLE_TILES, overlap=8),
        partial(vendors.leica, pixels=PICTURE, areas=2),
    ],
)
def test_tiles_that_lie_over_one_another_are_put_together_by_openslide(
    make: Make, tmp_path: Path
) -> None:
    path = make(tmp_path / "a.tif")
    with open_slide(path) as slide, openslide.OpenSlide(path) as theirs:
        assert slide.source.encoding(0) is Encoding.OPAQUE
        size = slide.source.pyramid.levels[0].width, slide.source.pyramid.levels[0].height
        assert size == theirs.dimensions


def test_a_level_larger_than_a_jpeg_may_state_is_read(tmp_path: Path) -> None:
    path = ndpi(tmp_path / "a.ndpi", WHOLE_TILES, Scan(512, "4:2:2"))
    with open_slide(path) as slide:
        expected = whole(slide, 0)
    # Above 65,535 pixels the scanner leaves extents out of the JPEG's own header.
    extents = b"\xff\xc0\x00\x11\x08" + pack(">HH", 768, 1024)
    data = path.read_bytes()
    assert data.count(extents) == 1
    path.write_bytes(data.replace(extents, extents[:5] + bytes(4)))
    with open_slide(path) as slide:
        assert slide.source.encoding(0) is Encoding.JPEG_BASELINE
        assert np.array_equal(whole(slide, 0), expected)
