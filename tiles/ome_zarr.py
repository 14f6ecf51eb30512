"""Write a pyramid as OME-Zarr 0.5: zarr v3, sharded, one writer a shard.

A chunk is one tile with all its samples, a shard the part of one task. Documents are those of
`tiles.ngff`; zarr itself is not needed to write them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from tiles import ngff
from tiles.plan import Plan
from tiles.pyramid import spacing_of
from tiles.shard import Shard
from tiles.sink import Task
from tiles.source import Pixels


def create(folder: Path, plan: Plan, mpp_um: tuple[float, float], name: str) -> None:
    """Lay out the group and its arrays, empty, in a folder that is empty or not there yet.

    `mpp_um` is (x, y) of level 0.
    """
    layout = ngff.Layout(plan.samples)
    base = plan.levels[0].level
    spacings = [spacing_of(step.level, base, mpp_um) for step in plan.levels]
    folder.mkdir(exist_ok=True)
    ngff.write_document(folder, ngff.group_document(layout, spacings, name, "box average"))
    for index, step in enumerate(plan.levels):
        chunk = layout.chunk(step.level)
        across = _tiles_along(plan, index)
        shard = (*chunk[:-2], chunk[-2] * across, chunk[-1] * across)
        codecs = ngff.sharded(chunk, ngff.compressed(layout))
        place = folder / str(index)
        (place / "c" / "0").mkdir(parents=True)
        ngff.write_document(place, ngff.array_document(layout, step.level, shard, codecs))


def _tiles_along(plan: Plan, index: int) -> int:
    """Tiles along the side of a shard: what one task makes of a level (tiles.build)."""
    from tiles.build import tasks  # the graph's geometry, not its execution

    for task in tasks(plan):
        if index in task.levels:
            return max(1, task.span >> (index - task.levels[0]))
    raise LookupError(f"no task makes level {index}")


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
        rows, columns = pixels.shape[:2]
        if (rows, columns) != (grid.tile_height, grid.tile_width):
            fill = ((0, grid.tile_height - rows), (0, grid.tile_width - columns), (0, 0))
            pixels = np.pad(pixels, fill)
        number = row % across * across + column % across
        shard.put(number, ngff.compress(pixels))
