"""The focal planes of NDPI: all are read, copied and told apart."""

from functools import partial
from pathlib import Path

import numpy as np
import openslide
import pytest
import tifffile
from pydicom import dcmread

from slides.convert import Request, convert
from slides.errors import UnsupportedSlide
from slides.formats import ndpi as reader
from slides.open import open_slide
from tests.samples import vendors
from tests.samples.hamamatsu import Scan, ndpi
from tests.slides.converted import complaints
from tests.slides.test_vendors import shown
from tiles.codec import decode_jpeg
from tiles.pyramid import Box, Plane
from tiles.source import Encoding, Pixels

HEIGHTS_NM = (0, -2000, 2000, 4000)
STACK = Scan(256, "4:4:4", HEIGHTS_NM)
make = partial(ndpi, pixels=vendors.picture(1024, 768), scan=STACK)


def planes_of(path: Path, level: int) -> list[Pixels]:
    """A level's planes from the lowest to the highest, each decoded from its own page."""
    data = path.read_bytes()
    with tifffile.TiffFile(path, is_ndpi=True) as tiff:
        tags = [page.aspage().tags for page in tiff.pages]
    widths = sorted({one.valueof(256) for one in tags if one.valueof(65421) > 0}, reverse=True)
    own = [one for one in tags if one.valueof(256) == widths[level] and one.valueof(65421) > 0]
    found = []
    for one in sorted(own, key=lambda one: int(one.valueof(65424))):
        offset, length = one.valueof(273)[0], one.valueof(279)[0]
        found.append(decode_jpeg(data[offset : offset + length]))
    return found


def test_every_focal_plane_is_read_from_its_own_page(tmp_path: Path) -> None:
    path = make(tmp_path / "a.ndpi")
    with open_slide(path) as slide, openslide.OpenSlide(path) as theirs:
        assert slide.source.pyramid.planes == tuple(Plane(z, 0) for z in range(4))
        assert slide.facts.focal_spacing_um == pytest.approx(2)
        assert slide.source.encoding(0) is Encoding.JPEG_BASELINE
        assert set(slide.associated) == {"macro"}
        for number, level in enumerate(slide.source.pyramid.levels):
            box = Box(0, 0, level.width, level.height)
            found = [
                slide.source.pixels(number, box, plane) for plane in slide.source.pyramid.planes
            ]
            for own, expected in zip(found, planes_of(path, number), strict=True):
                assert np.array_equal(own, expected)
            # The one in focus, at the height 0, is what OpenSlide shows.
            assert np.array_equal(found[1], shown(theirs, number))


@pytest.mark.parametrize("levels", ["full", "source"])
def test_every_focal_plane_is_copied(levels: str, tmp_path: Path) -> None:
    path = make(tmp_path / "a.ndpi")
    report = convert(path, tmp_path / "out", Request(levels=levels, verify=True))  # type: ignore[arg-type]
    assert str(report.plan.levels[0].action) == "copy"
    assert complaints(tmp_path / "out") == []
    header = dcmread(tmp_path / "out" / "level-0.dcm", stop_before_pixels=True)
    assert header.TotalPixelMatrixFocalPlanes == 4
    measures = header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert float(measures.SpacingBetweenSlices) == pytest.approx(0.002)
    with open_slide(tmp_path / "out") as written:
        box = Box(0, 0, 1024, 768)
        for plane, expected in enumerate(planes_of(path, 0)):
            assert np.array_equal(written.source.pixels(0, box, Plane(plane, 0)), expected)


def test_planes_that_cannot_all_be_read_are_not_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = Scan(256, "4:4:4", (0, 1000), listed=False)
    path = ndpi(tmp_path / "unlisted.ndpi", vendors.picture(512, 384), scan)
    monkeypatch.setattr(reader, "MOST_WHOLE_PIXELS", 100_000)
    with pytest.raises(UnsupportedSlide, match="of its focal planes one of its levels"):
        open_slide(path)
