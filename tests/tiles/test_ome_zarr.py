"""OME-Zarr as other people's tools see it."""

from pathlib import Path

import numpy as np
import pytest
import zarr
from ome_zarr_models.v05.image import Image as OmeImage
from yaozarrs import validate_zarr_store

from tests.tiles.arrays import OpenPicture, halved_by_definition
from tiles import plan as planning
from tiles.build import run
from tiles.ome_zarr import ZarrSink, create, describe


@pytest.mark.parametrize(("samples", "size"), [(3, (4700, 2111)), (1, (513, 300))])
def test_pixels_units_and_metadata(tmp_path: Path, samples: int, size: tuple[int, int]) -> None:
    opener = OpenPicture(*size, 512, samples)
    plan = planning.pixels_only(opener(), 512)
    folder = tmp_path / "slide.ome.zarr"
    create(folder, plan)
    run(opener, plan, ZarrSink(folder, plan))
    describe(folder, plan, (0.25, 0.5), "slide")
    validate_zarr_store(str(folder))
    group = zarr.open_group(folder, mode="r")
    attributes = OmeImage.from_zarr(group).ome_attributes
    scales = [
        dataset.coordinateTransformations[0].model_dump()["scale"]
        for dataset in attributes.multiscales[0].datasets
    ]
    assert scales == [[1.0, 0.5 * 2**n, 0.25 * 2**n] for n in range(len(plan.levels))]
    units = [axis.unit for axis in attributes.multiscales[0].axes]
    assert units == [None, "micrometer", "micrometer"]
    expected = opener().array
    for index in range(len(plan.levels)):
        array = group[str(index)]
        assert isinstance(array, zarr.Array)
        assert array.shards is not None
        assert array.shards[1] % array.chunks[1] == 0
        assert np.array_equal(np.moveaxis(np.asarray(array[:]), 0, 2), expected)
        expected = halved_by_definition(expected)


def test_one_file_a_shard_and_one_task_a_file(tmp_path: Path) -> None:
    opener = OpenPicture(2500, 2100, 256)
    plan = planning.pixels_only(opener(), 256)
    folder = tmp_path / "slide.ome.zarr"
    create(folder, plan)
    written: list[tuple[str, str]] = []

    class Noting(ZarrSink):
        def part(self, task):  # type: ignore[no-untyped-def]
            written.extend((task.name, str(level)) for level in task.levels)
            return super().part(task)

    run(opener, plan, Noting(folder, plan))
    files = [path for path in folder.rglob("c/*/*/*") if path.is_file()]
    assert len(files) == len(set(written)) == len(written)
