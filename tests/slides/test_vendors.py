"""Vendors' files that we read by ourselves: facts and pixels are those of OpenSlide."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import openslide
import pytest

from slides.open import open_slide
from slides.slide import Slide
from tests.samples import vendors
from tiles.pyramid import Box
from tiles.source import Encoding, Pixels

PICTURE = vendors.picture(1025, 769)
Make = Callable[[Path], Path]
FILES: dict[str, Make] = {
    "philips.tiff": partial(vendors.philips, pixels=PICTURE, empty=(1, 7)),
}


def shown(theirs: openslide.OpenSlide, level: int) -> Pixels:
    """A level as OpenSlide shows it, on white."""
    region = theirs.read_region((0, 0), level, theirs.level_dimensions[level])
    alpha = np.asarray(region)[..., 3:]
    assert set(np.unique(alpha)) <= {0, 255}
    return np.where(alpha == 0, np.uint8(255), np.asarray(region)[..., :3])


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
        assert [(level.width, level.height) for level in levels] == list(theirs.level_dimensions)
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
        assert facts.acquired_at is not None
        assert facts.scanner.manufacturer


def test_tiles_are_to_be_had_as_they_are_stored(path: Path) -> None:
    with open_slide(path) as slide:
        assert slide.source.encoding(0) is Encoding.JPEG_BASELINE
        assert slide.source.frame(0, 0, 0) is not None
        (loss,) = slide.lost(0)
        assert loss.method == "ISO_10918_1"
        assert float(loss.ratio) > 2
