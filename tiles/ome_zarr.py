"""Write a pyramid as OME-Zarr 0.5: zarr v3, sharded, one writer a shard.

A chunk is one tile of one plane with all its samples, a shard the part of one task. Documents are
those of `tiles.ngff`; zarr itself is not needed to write them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tiles import ngff
from tiles.composite import Channel
from tiles.plan import Plan
from tiles.pyramid import Box, Plane, spacing_of
from tiles.shard import Shard
from tiles.sink import Task
from tiles.source import Pixels


def create(folder: Path, plan: Plan) -> None:
    """Lay out the arrays, empty, in a folder that is empty or not there yet."""
    layout = layout_of(plan)
    folder.mkdir(exist_ok=True)
    for index, step in enumerate(plan.levels):
        chunk = layout.chunk(step.level)
        across = _tiles_along(plan, index)
        shard = (*chunk[:-2], chunk[-2] * across, chunk[-1] * across)
        codecs = ngff.sharded(chunk, ngff.compressed(layout))
        place = folder / str(index)
        for plane in plan.planes:
            _place(folder, plan, index, plane).mkdir(parents=True)
        ngff.write_document(place, ngff.array_document(layout, step.level, shard, codecs))


def describe(
    folder: Path,
    plan: Plan,
    mpp_um: tuple[float, float],
    name: str,
    channels: Sequence[Channel] = (),
    focal_step_um: float = 1.0,
) -> None:
    """Make the arrays a group that says what they are; `mpp_um` is (x, y) of level 0."""
    layout = layout_of(plan, focal_step_um)
    base = plan.levels[0].level
    spacings = [spacing_of(step.level, base, mpp_um) for step in plan.levels]
    document = ngff.group_document(layout, spacings, name, "box average", channels)
    ngff.write_document(folder, document)


def layout_of(plan: Plan, focal_step_um: float = 1.0) -> ngff.Layout:
    """What the arrays of a plan have in common."""
    paths = 1 + max(plane.optical_path for plane in plan.planes)
    depth = len(plan.planes) // paths
    return ngff.Layout(plan.samples, plan.bits, paths, depth, focal_step_um)


def _place(folder: Path, plan: Plan, level: int, plane: Plane) -> Path:
    """The folder of the shards of one plane of a level."""
    deep = len(layout_of(plan).axes) == 4
    depth = (str(plane.focal_plane),) if deep else ()
    return folder.joinpath(str(level), "c", str(plane.optical_path), *depth)


def pixels_of(array: Any, samples: int, box: Box, plane: Plane) -> Pixels:
    """A box of one plane of a level's array, of shape (box.height, box.width, samples)."""
    channels = slice(plane.optical_path * samples, (plane.optical_path + 1) * samples)
    depth = (plane.focal_plane,) if array.ndim == 4 else ()
    part = array[(channels, *depth, slice(box.y, box.bottom), slice(box.x, box.right))]
    return np.moveaxis(np.asarray(part), 0, 2)


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
            place = _place(self.folder, self.plan, level, task.plane)
            shard.write(place / str(task.row) / str(task.column))


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
