"""Write a pyramid as OME-Zarr 0.5: zarr v3, sharded, one writer a shard.

Axes are c, y, x; a chunk is one tile with all its samples, a shard the part of one task. Scales
are micrometres (https://ngff.openmicroscopy.org/0.5/).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.codecs import ZstdCodec
from zarr.storage import LocalStore

from tiles.plan import Plan
from tiles.sink import Task
from tiles.source import Pixels

TILE = 512
_CHANNELS = {1: (("grey", "FFFFFF"),), 3: (("R", "FF0000"), ("G", "00FF00"), ("B", "0000FF"))}


def create(folder: Path, plan: Plan, mpp_um: tuple[float, float], name: str) -> None:
    """Lay out the group and its arrays, empty, in a folder that does not exist yet.

    `mpp_um` is (x, y) of level 0. A reduced pixel is centred between those it averages, which its
    translation says.
    """
    group = zarr.create_group(LocalStore(folder), zarr_format=3)
    for index, step in enumerate(plan.levels):
        level = step.level
        side = level.tile_width * _tiles_along(plan, index)
        group.create_array(
            str(index),
            shape=(plan.samples, level.height, level.width),
            dtype=np.uint8,
            chunks=(plan.samples, level.tile_height, level.tile_width),
            shards=(plan.samples, side, side),
            compressors=ZstdCodec(level=3),
            fill_value=0,
            dimension_names=("c", "y", "x"),
        )
    group.attrs["ome"] = _metadata(plan, mpp_um, name)


def _tiles_along(plan: Plan, index: int) -> int:
    """Tiles along the side of a shard: what one task makes of a level (tiles.build)."""
    from tiles.build import tasks  # the graph's geometry, not its execution

    for task in tasks(plan):
        if index in task.levels:
            return max(1, task.span >> (index - task.levels[0]))
    raise LookupError(f"no task makes level {index}")


def _metadata(plan: Plan, mpp_um: tuple[float, float], name: str) -> dict[str, Any]:
    datasets = []
    for index in range(len(plan.levels)):
        scale = 1 << index
        x, y = mpp_um[0] * scale, mpp_um[1] * scale
        shift = [0.0, (y - mpp_um[1]) / 2, (x - mpp_um[0]) / 2]
        transformations: list[dict[str, Any]] = [{"type": "scale", "scale": [1.0, y, x]}]
        if index:
            transformations.append({"type": "translation", "translation": shift})
        datasets.append({"path": str(index), "coordinateTransformations": transformations})
    return {
        "version": "0.5",
        "multiscales": [
            {
                "name": name,
                "axes": [
                    {"name": "c", "type": "channel"},
                    {"name": "y", "type": "space", "unit": "micrometer"},
                    {"name": "x", "type": "space", "unit": "micrometer"},
                ],
                "datasets": datasets,
                "type": "box average",
            }
        ],
        "omero": {
            "channels": [
                {
                    "label": label,
                    "color": color,
                    "active": True,
                    "window": {"min": 0, "max": 255, "start": 0, "end": 255},
                }
                for label, color in _CHANNELS[plan.samples]
            ],
        },
    }


class ZarrSink:
    """Writes each task's part of each level as one shard, whole, so that repeating is safe."""

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan

    def wants(self, level: int) -> bool:
        """Every level is kept as pixels."""
        return 0 <= level < len(self.plan.levels)

    @contextmanager
    def part(self, task: Task) -> Iterator["_ZarrPart"]:
        """Collect the pixels of a task; its shards are written when all tiles are in."""
        part = _ZarrPart(self.folder, self.plan, task)
        yield part
        part.finish()


class _ZarrPart:
    def __init__(self, folder: Path, plan: Plan, task: Task) -> None:
        self._folder = folder
        self._plan = plan
        self._task = task
        self._shards: dict[int, Pixels] = {}

    def put(self, level: int, column: int, row: int, pixels: Pixels) -> None:
        shard = self._shards.get(level)
        x0, y0, width, height = self._place(level)
        if shard is None:
            # Whole shards go out one by one: memory holds the shards of one level at a time.
            self.finish()
            shard = np.zeros((self._plan.samples, height, width), np.uint8)
            self._shards[level] = shard
        grid = self._plan.levels[level].level
        y, x = row * grid.tile_height - y0, column * grid.tile_width - x0
        rows, columns = pixels.shape[:2]
        shard[:, y : y + rows, x : x + columns] = np.moveaxis(pixels, 2, 0)

    def _place(self, level: int) -> tuple[int, int, int, int]:
        grid = self._plan.levels[level].level
        side = grid.tile_width * max(1, self._task.span >> (level - self._task.levels[0]))
        x, y = self._task.column * side, self._task.row * side
        return x, y, min(side, grid.width - x), min(side, grid.height - y)

    def finish(self) -> None:
        for level, shard in self._shards.items():
            x, y, width, height = self._place(level)
            array = zarr.open_array(LocalStore(self._folder), path=str(level), mode="r+")
            array[:, y : y + height, x : x + width] = shard
        self._shards.clear()
