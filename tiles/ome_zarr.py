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
from numcodecs import zstd
from zarr.codecs import ZstdCodec
from zarr.storage import LocalStore

from tiles.plan import Plan
from tiles.shard import Shard
from tiles.sink import Task
from tiles.source import Pixels

ZSTD_LEVEL = 1
"""Tissue shrinks 1.86 times at level 1, and 1.87 times at level 3 in half as much time again."""

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
            compressors=ZstdCodec(level=ZSTD_LEVEL),
            fill_value=0,
            dimension_names=("c", "y", "x"),
        )
        (folder / str(index) / "c" / "0").mkdir(parents=True)
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
        """Collect the chunks of a task; its shards are written when all tiles are in."""
        part = _ZarrPart(self.plan, task)
        yield part
        for level, shard in part.shards.items():
            place = self.folder / str(level) / "c" / "0" / str(task.row) / str(task.column)
            shard.write(place)


class _ZarrPart:
    """Tiles are encoded as they come: memory holds a shard as small as it will be on disk."""

    def __init__(self, plan: Plan, task: Task) -> None:
        self._plan = plan
        self._task = task
        self.shards: dict[int, Shard] = {}

    def put(self, level: int, column: int, row: int, pixels: Pixels) -> None:
        across = max(1, self._task.span >> (level - self._task.levels[0]))
        shard = self.shards.setdefault(level, Shard(across * across))
        grid = self._plan.levels[level].level
        chunk = np.zeros((self._plan.samples, grid.tile_height, grid.tile_width), np.uint8)
        rows, columns = pixels.shape[:2]
        chunk[:, :rows, :columns] = np.moveaxis(pixels, 2, 0)
        number = row % across * across + column % across
        shard.put(number, zstd.compress(chunk, ZSTD_LEVEL))
