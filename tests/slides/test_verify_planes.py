"""Every focal plane of every optical path is read again, in DICOM, in zarr and in both."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import zarr

from slides.concatenation import split
from slides.convert import Report, Request, convert
from slides.errors import NotFaithful
from slides.instances import LINKED, Instance
from slides.open import open_slide
from slides.proof import Proof
from slides.verify import verify
from tests.samples.dicom_planes import Cut, Stack, smooth, write_stack
from tests.slides.test_verify import frame_at, overwrite

MEASURED = (2, 3, 600, 700, 1)
"""Optical paths, focal planes, rows, columns, samples."""


def made(folder: Path, to: Literal["dicom", "zarr", "both"], stack: Stack, cut: Cut) -> Report:
    (path,) = write_stack(folder, "a", stack, cut)
    return convert(path, folder / "out", Request(to=to, verify=True))


def judged(folder: Path, report: Report) -> Proof:
    (path,) = folder.glob("a*.dcm")
    with open_slide(path) as slide:
        return verify(slide, report.plan, folder / "out", report.mpp_um, lambda *_: None)


@pytest.fixture(scope="module", params=["dicom", "zarr", "both"])
def unharmed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Report]:
    """Six planes of 16 bits."""
    folder = tmp_path_factory.mktemp("unharmed")
    paths, depth, rows, columns, samples = MEASURED
    stack = smooth(paths, depth, columns, rows, np.uint16, samples)
    return folder, made(folder, request.param, stack, Cut("JPEG-LS", tile=256))


@pytest.fixture
def measured(unharmed: tuple[Path, Report], tmp_path: Path) -> tuple[Path, Report]:
    """The same, for a test to harm."""
    folder, report = unharmed
    # A shard and the instance that it is one file with stay one.
    subprocess.run(["cp", "-a", f"{folder}/.", tmp_path], check=True)
    return tmp_path, report


def test_the_tiles_of_all_planes_are_counted(measured: tuple[Path, Report]) -> None:
    _, report = measured
    assert report.proof is not None
    for level, step in zip(report.proof.levels, report.plan.levels, strict=True):
        assert level.planes == 6
        assert level.tiles == 6 * step.level.tiles == level.copied + level.equal
        assert (level.compared, level.missing) == (0, 0)


@pytest.mark.parametrize("number", range(6))
def test_a_pixel_that_is_wrong_in_any_plane_is_named(
    measured: tuple[Path, Report], number: int
) -> None:
    folder, report = measured
    plane = report.plan.planes[number]
    if report.to == "zarr":
        array: Any = zarr.open_group(folder / "out", mode="r+")["0"]
        place = (plane.optical_path, plane.focal_plane, 599, 699)
        array[place] = 65535 - int(array[place])
    else:
        # The last tile of a plane, out of the next plane.
        level = folder / "out" / "level-0.dcm"
        tiles = report.plan.levels[0].level.tiles
        at, room = frame_at(level, tiles * number + tiles - 1)
        there, length = frame_at(level, (tiles * (number + 1) + tiles - 1) % (6 * tiles))
        data = level.read_bytes()[there : there + min(length, room)]
        overwrite(level, at, data.ljust(room, b"\0"))
    named = f"optical path {plane.optical_path}, focal plane {plane.focal_plane}"
    with pytest.raises(NotFaithful, match=f"level 0, tile .* of {named} "):
        judged(folder, report)


def test_copied_planes_are_the_sources_bytes(tmp_path: Path) -> None:
    stack = smooth(1, 3, 900, 600, np.uint8, 3)
    report = made(tmp_path, "both", stack, Cut("JPEG", tile=256, fluorescent=False))
    assert report.proof is not None
    base, *derived = report.proof.levels
    assert (base.planes, base.copied, base.tiles) == (3, 36, 36)
    assert all(level.psnr_db is not None and level.psnr_db > 30 for level in derived)


def test_a_zarr_group_that_shows_something_else_is_named(tmp_path: Path) -> None:
    """Its shards are the instances, but it says that tiles lie on their side."""
    stack = smooth(1, 3, 600, 600, np.uint8, 3)
    report = made(tmp_path, "both", stack, Cut("JPEG", tile=256, fluorescent=False))
    about = tmp_path / "out" / LINKED / "0" / "zarr.json"
    told = json.loads(about.read_text())
    transposed = told["codecs"][0]["configuration"]["codecs"][0]
    order = transposed["configuration"]["order"]
    down, across = order.index(2), order.index(3)
    order[down], order[across] = 3, 2
    about.write_text(json.dumps(told))
    with pytest.raises(NotFaithful, match=r"level 0, tile .* zarr group"):
        judged(tmp_path, report)


def test_parts_of_a_concatenation_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is verified is what stays: the parts, not the whole that they are cut from."""
    (path,) = write_stack(tmp_path, "a", smooth(2, 3, 600, 700, np.uint16), Cut("JPEG-LS"))
    most = 1_000_000
    report = convert(path, tmp_path / "good", Request(verify=True, max_instance_bytes=most))
    assert report.proof is not None
    assert report.proof.instances == len(list((tmp_path / "good").glob("*.dcm"))) > 2

    def cut(instances: Sequence[Instance], most_bytes: int) -> None:
        split(instances, most_bytes)
        min((tmp_path / ".bad.partial" / "result").glob("*-part-*.dcm")).unlink()

    monkeypatch.setattr("slides.concatenation.split", cut)
    with pytest.raises(NotFaithful):
        convert(path, tmp_path / "bad", Request(verify=True, max_instance_bytes=most))
    assert not (tmp_path / "bad").exists()
