"""Huge slides: memory stays bounded, and every copy shows the same pixels in every level."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from slides.open import open_slide
from tests.samples.mosaic import repeat
from tests.samples.slide import make_slide
from tiles.pyramid import Box
from tiles.source import Pixels, TileSource

BYTES_MOST = 350e6
LARGE = pytest.param(8192, 12, marks=pytest.mark.soak)
"""98,304 pixels a side."""

WAYS = {
    "source": ("--to", "dicom", "--levels", "source"),
    "full": ("--to", "dicom"),
    "both": ("--to", "both"),
    "zarr": ("--to", "zarr"),
}


SOAK = pytest.mark.soak
# What writes both writes all that these do.
ALONE = [pytest.param(one, marks=SOAK) for one in ("full", "zarr")]


@pytest.mark.parametrize("way", ["source", "both", *ALONE])
@pytest.mark.parametrize(("side", "times"), [(1024, 4), LARGE], ids=["large", "huge"])
@pytest.mark.timeout(1800)
def test_memory_is_bounded_whatever_the_size(
    side: int, times: int, way: str, tmp_path: Path
) -> None:
    piece = make_slide(tmp_path / "piece.svs", side, side, mpp=0.25, form="complete-ycbcr")
    slide = repeat(piece, tmp_path / "slide.svs", times)
    out, result = tmp_path / "out", tmp_path / "result.json"
    command = ("api.cli", "convert", str(slide), str(out), *WAYS[way])
    measured = (sys.executable, "-m", "tests.measured", str(result), sys.executable, "-m", *command)
    subprocess.run(measured, check=True)
    taken = json.loads(result.read_text())
    assert taken["code"] == 0
    assert taken["bytes_most"] <= BYTES_MOST
    if way != "zarr":
        _same_in_every_copy(out / "level-0.dcm", side, times)


def _same_in_every_copy(path: Path, side: int, times: int) -> None:
    with open_slide(path) as slide:
        levels = slide.source.pyramid.levels
        assert (levels[0].width, levels[0].height) == (side * times, side * times)
        for number, level in enumerate(levels):
            step = level.width // times
            # Where a tile shows several copies, each has other neighbours.
            if level.width % times or step < level.tile_width:
                break
            first = _corner(slide.source, number, 0, 0)
            last = (times - 1) * step
            for x, y in ((last, 0), (0, last), (last, last)):
                assert np.array_equal(first, _corner(slide.source, number, x, y))


def _corner(source: TileSource, level: int, x: int, y: int) -> Pixels:
    return source.pixels(level, Box(x, y, 64, 64))
