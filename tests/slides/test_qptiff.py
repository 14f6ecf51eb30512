"""QPTIFF: pages of every channel and level, told apart by their XML."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from slides.convert import Request, convert
from slides.errors import DamagedSlide
from slides.open import open_slide
from tests.samples import vendors
from tests.slides.converted import complaints
from tiles import plan as planning
from tiles.plan import Action
from tiles.pyramid import Box, Plane

COLOURS = vendors.picture(1100, 801)
CHANNELS = [COLOURS[..., 0].copy(), COLOURS[..., 1].copy(), COLOURS[..., 2].copy()]


@pytest.mark.parametrize(
    "how", [{}, {"compression": "lzw", "compressionargs": None}], ids=["jpeg", "lzw"]
)
def test_every_channel_has_its_levels(how: dict[str, Any], tmp_path: Path) -> None:
    path = vendors.qptiff(tmp_path / "a.qptiff", CHANNELS, **how)
    with tifffile.TiffFile(path) as tiff, open_slide(path) as slide:
        baseline = tiff.series[0]
        assert baseline.kind == "qpi"
        pyramid = slide.source.pyramid
        assert [(level.height, level.width) for level in pyramid.levels] == [
            level.shape[1:] for level in baseline.levels
        ]
        for number, level in enumerate(baseline.levels):
            expected = level.asarray()
            whole = Box(0, 0, level.shape[2], level.shape[1])
            for channel in range(3):
                found = slide.source.pixels(number, whole, Plane(0, channel))
                assert np.array_equal(found[..., 0], expected[channel])
        facts = slide.facts
        assert (facts.format, facts.mpp_um, facts.objective_power) == ("qptiff", (0.5, 0.5), 20)
        assert [one.name for one in facts.channels] == ["Opal 0", "Opal 1", "Opal 2"]
        assert facts.channels[0].colour == (0, 0, 255)
        assert facts.scanner.model == "Vectra Polaris"
        assert facts.barcodes[0] == vendors.BARCODE
        assert set(slide.associated) == {"thumbnail", "macro", "label"}


def test_bright_field_is_a_pyramid_in_colour(tmp_path: Path) -> None:
    path = vendors.qptiff(tmp_path / "a.qptiff", [COLOURS])
    with open_slide(path) as slide:
        assert len(slide.source.pyramid.planes) == 1
        assert {one.action for one in planning.stored(slide.source).levels} == {Action.COPY}
        found = slide.source.pixels(0, Box(0, 0, 1100, 801))
        assert np.array_equal(found, tifffile.imread(path, key=0))


@pytest.mark.parametrize("pictures", [CHANNELS, [COLOURS]], ids=["channels", "colour"])
@pytest.mark.parametrize("levels", ["full", "source"])
def test_what_is_made_of_it_is_conformant(pictures: Any, levels: Any, tmp_path: Path) -> None:
    path = vendors.qptiff(tmp_path / "a.qptiff", pictures)
    report = convert(path, tmp_path / "out", Request(levels=levels, verify=True))
    assert report.proof is not None
    assert not complaints(tmp_path / "out")


def test_without_its_first_level_it_is_damaged(tmp_path: Path) -> None:
    path = vendors.qptiff(tmp_path / "a.qptiff", [COLOURS])
    path.write_bytes(path.read_bytes().replace(b"FullResolution", b"FullResolutiom"))
    with pytest.raises(DamagedSlide, match="none of its pages"):
        open_slide(path)
