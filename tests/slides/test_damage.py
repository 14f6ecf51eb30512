"""Damage of every kind, anywhere: refused with the tile named, or nothing is missing."""

import random
import shutil
from pathlib import Path
from typing import Literal

import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames

from slides.convert import Request, convert
from slides.errors import SlideError
from tests.slides.damage import HARMS, beheaded, dicom_tiles, harmed, tiff_tiles
from tests.slides.kinds import KINDS, MPP_UM

OWN = (
    *("rgb.svs", "ycbcr.svs", "33005.svs", "generic.tif", "1024.tif", "grey.tif"),
    *("a.ome.tif", "lzw.tif", "set/a.dcm", "fragments/a.dcm", "native/a.dcm"),
)
"""Kinds whose tiles are read by ourselves, so that each can be named."""

# What has no codestream has no structure either: erased or foreign, it is another picture. So is
# the middle of a frame, which is what the end of its first fragment is.
WITHIN = {"filled", "tail_erased", "ended_early", "overwritten"}
UNSEEN = {
    "lzw.tif": WITHIN | {"erased", "beheaded"},
    "native/a.dcm": WITHIN | {"erased", "beheaded"},
    "fragments/a.dcm": WITHIN,
}


MODES: tuple[Literal["full", "source"], ...] = ("full", "source")


def frames(out: Path) -> dict[str, list[bytes]]:
    """The frames of every level of a result."""
    found = {}
    for path in sorted(out.glob("level-*.dcm")):
        data = dcmread(path)
        count = int(data.NumberOfFrames)
        found[path.name] = list(generate_frames(data.PixelData, number_of_frames=count))
    return found


@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(n, marks=pytest.mark.soak) for n in range(2, 20))]
)
@pytest.mark.parametrize("name", OWN)
@pytest.mark.timeout(900)
def test_no_harm_passes_unseen(name: str, seed: int, tmp_path: Path) -> None:
    whole = KINDS[name].make(tmp_path / name)
    if whole.suffix == ".dcm":
        # Only the largest level: which file is harmed is then known.
        for other in whole.parent.iterdir():
            if other != whole and other.name != "0.dcm":
                other.unlink()
        tiles = dicom_tiles(whole)
    else:
        tiles = tiff_tiles(whole)
    data = whole.read_bytes()
    expected = {}
    for levels in MODES:
        out = tmp_path / levels
        convert(whole, out, Request(levels=levels, mpp_um=MPP_UM))
        expected[levels] = frames(out)
    passed = []
    for number, (harm, tile, made) in enumerate(harmed(data, tiles, random.Random(seed))):
        whole.write_bytes(made)
        for levels in MODES:
            out = tmp_path / f"{number}-{levels}"
            verify = not HARMS[harm].structural or name in UNSEEN
            request = Request(levels=levels, mpp_um=MPP_UM, verify=verify)
            what = f"{harm} of level {tile.level}, tile ({tile.column}, {tile.row}), {levels}"
            try:
                convert(whole, out, request)
            except SlideError as error:
                assert not out.exists()
                named = f"tile ({tile.column}, {tile.row})" in str(error) or "frame" in str(error)
                if not named and harm != "cut_file":
                    passed.append(f"{what}: {error}")
                continue
            if frames(out) != expected[levels] and harm not in UNSEEN.get(name, ()):
                passed.append(f"{what}: exit 0, other frames")
            shutil.rmtree(out)
    assert passed == []


@pytest.mark.parametrize("name", [name for name in OWN if "beheaded" not in UNSEEN.get(name, ())])
def test_a_damaged_tile_is_named_where_tiles_are_read_together(name: str, tmp_path: Path) -> None:
    """The first of those that are read at once stands for the others at first."""
    whole = KINDS[name].make(tmp_path / name)
    data = whole.read_bytes()
    tiles = dicom_tiles(whole) if whole.suffix == ".dcm" else tiff_tiles(whole)
    for tile in tiles:
        if tile.level or tile.column:
            continue
        harmed_file = bytearray(data)
        beheaded(harmed_file, tile, tiles, random.Random(1))
        whole.write_bytes(harmed_file)
        for levels in MODES:
            out = tmp_path / "out"
            with pytest.raises(SlideError, match=rf"tile \({tile.column}, {tile.row}\)|frame"):
                convert(whole, out, Request(levels=levels, mpp_um=MPP_UM))
            assert not out.exists()
