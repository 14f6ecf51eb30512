"""A conversion to both: DICOM and OME-Zarr that are one set of bytes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from wsidicom import WsiDicom
from yaozarrs import validate_zarr_store

from slides.convert import Request, convert
from slides.errors import CannotLink
from slides.instances import LINKED
from tests.samples import sample
from tests.samples.slide import small_svs
from tests.slides.converted import CMU, complaints, stored
from tests.tiles.test_linked_zarr import no_links
from tiles.pyramid import Box
from tiles.zarr_codec import register


@pytest.fixture(scope="module", params=["abbreviated-rgb", "complete-ycbcr"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "abbreviated-rgb":
        return sample(CMU, small_svs)
    folder = tmp_path_factory.mktemp("source")
    return small_svs(folder / "slide.svs", form="complete-ycbcr")


@pytest.fixture(scope="module")
def folder(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("both") / "slide"
    assert LINKED in convert(source, out, Request(to="both")).files
    return out


def sizes(folder: Path) -> dict[int, int]:
    """The files of a folder, each counted once however many names it has."""
    found = (path.stat() for path in folder.rglob("*") if path.is_file())
    return {one.st_ino: one.st_size for one in found}


def test_zarr_gives_the_pixels_that_dicom_gives(folder: Path) -> None:
    register()
    validate_zarr_store(str(folder / LINKED))
    group = zarr.open_group(folder / LINKED, mode="r")
    image = stored(folder)
    for number, level in enumerate(image.pyramid.levels):
        array = group[str(number)]
        assert isinstance(array, zarr.Array)
        pixels = np.moveaxis(np.asarray(array[:]), 0, 2)
        assert np.array_equal(pixels, image.pixels(number, Box(0, 0, level.width, level.height)))
        if number == 0:
            with WsiDicom.open(folder) as slide:
                shown = slide.read_region((0, 0), 0, (level.width, level.height))
                assert np.array_equal(np.asarray(shown), pixels)
    assert len(group) == len(image.pyramid.levels)


def test_both_cost_the_bytes_of_one(source: Path, folder: Path, tmp_path: Path) -> None:
    convert(source, tmp_path / "dicom", Request(to="dicom"))
    alone = {path.name: path.read_bytes() for path in (tmp_path / "dicom").iterdir()}
    assert {path.name: path.read_bytes() for path in folder.glob("*.dcm")} == alone
    assert sum(sizes(folder).values()) <= 1.01 * sum(sizes(tmp_path / "dicom").values())
    for path in folder.glob("level-*.dcm"):
        number = path.stem.removeprefix("level-")
        assert (folder / LINKED / number / "c/0/0/0").samefile(path)


def test_validators_have_nothing_to_say(folder: Path) -> None:
    assert complaints(folder) == []


def test_stored_levels_keep_their_own_scale(tmp_path: Path) -> None:
    source = small_svs(tmp_path / "slide.svs")
    convert(source, tmp_path / "out", Request(to="both", levels="source", mpp_um=(0.25, 0.5)))
    validate_zarr_store(str(tmp_path / "out" / LINKED))
    group = zarr.open_group(tmp_path / "out" / LINKED, mode="r")
    ome: Any = group.attrs["ome"]
    datasets = ome["multiscales"][0]["datasets"]
    scales = [one["coordinateTransformations"][0]["scale"] for one in datasets]
    assert scales == [[1.0, 0.5, 0.25], [1.0, 2.0, 1.0]]


def test_where_files_have_one_name_only_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = small_svs(tmp_path / "slide.svs", 500, 400, 240)
    monkeypatch.setattr("os.link", no_links)
    monkeypatch.setattr("os.symlink", no_links)
    with pytest.raises(CannotLink, match="convert to dicom alone"):
        convert(source, tmp_path / "out", Request(to="both"))
    assert [path.name for path in tmp_path.iterdir()] == ["slide.svs"]
