"""One block of a slide: read once, every level over it written, one reduced tile given.

Rows of tiles flow from level to level, two making one of the next.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from threading import Lock
from typing import Any, Protocol

import numpy as np

from tiles.codec import decode_jpeg_half, half_into
from tiles.errors import DamagedCodestream
from tiles.finished import Finished
from tiles.plan import LevelPlan, Plan
from tiles.pyramid import Box, Level, Plane
from tiles.sink import Part, Sink, Task
from tiles.source import Frame, Pixels, TileSource, frames_in_order


class Open(Hashable, Protocol):
    """Opens a source. Picklable, and equal for equal sources, so that a process opens each once."""

    def __call__(self) -> TileSource:
        """The opened source."""
        ...


Row = Iterable[Pixels]
"""The tiles of one row of a block, left to right; at the image's edge real pixels only."""


@dataclass(frozen=True)
class Builder:
    """Makes one block; sent to other processes as it is.

    What is worked on at a time is a few tiles, which stay near the processor.
    """

    source: Open
    plan: Plan
    sink: Sink
    finished: Finished | None = None

    def __call__(self, task: Task, children: list[Pixels], reduce: bool) -> Pixels | None:
        """Write every level of the block; give the tile it is reduced to where `reduce` asks."""
        if self.finished is not None and self.finished.has(task):
            return self.finished.reduced(task)
        made = self._made(task, children, reduce)
        if self.finished is not None:
            self.finished.add(task, made)
        return made

    def _made(self, task: Task, children: list[Pixels], reduce: bool) -> Pixels | None:
        levels = task.levels if not reduce else range(task.levels.start, task.levels.stop + 1)
        with self.sink.part(task) as part:
            rows = self._joined(task, children) if children else self._read(task)
            for index in levels:
                if index > levels.start:
                    halves = self.plan.levels[index].source_level is not None
                    rows = self._decoded_half(task) if halves else _halved(rows)
                if index in task.levels and self.sink.wants(index):
                    rows = self._put(part, task, index, rows)
            last = deque(chain.from_iterable(rows), 1)
        return last[0] if reduce else None

    def _put(self, part: Part, task: Task, index: int, rows: Iterator[Row]) -> Iterator[Row]:
        """Hand every tile to the sink on its way."""
        halvings = index - task.levels.start
        column, row = (first * task.span >> halvings for first in (task.column, task.row))
        for down, tiles in enumerate(rows):
            kept = []
            for across, tile in enumerate(tiles):
                part.put(index, column + across, row + down, tile)
                kept.append(tile)
            yield kept

    def _joined(self, task: Task, children: list[Pixels]) -> Iterator[Row]:
        """The block at its first level, from reduced tiles."""
        across = min(task.span, self._level(task).columns - task.column * task.span)
        return (children[start : start + across] for start in range(0, len(children), across))

    def _read(self, task: Task) -> Iterator[Row]:
        """The block at its first level, from the source."""
        source = opened.get(self.source)
        step = self.plan.levels[task.levels.start]
        if step.source_level is None:
            raise ValueError(f"level {task.levels.start} is not read from the source")
        level = step.grid
        stored = source.pyramid.level(step.source_level)
        if stored == level:
            yield from self._read_tiles(source, step.source_level, task)
            return
        # As high as the source's tiles: none is decoded for each row of ours.
        down = min(task.span, power_of_two(stored.tile_height // level.tile_height))
        width, height = task.span * level.tile_width, down * level.tile_height
        for row in range(task.row * task.span, (task.row + 1) * task.span, down):
            box = Box(task.column * width, row * level.tile_height, width, height)
            inside = box.within(level.width, level.height)
            if inside.height:
                yield from _tiles(source.pixels(step.source_level, inside, task.plane), level)

    def _read_tiles(self, source: TileSource, number: int, task: Task) -> Iterator[Row]:
        """The block, each tile by itself: they are the source's own."""
        level, pixels = source.pyramid.level(number), source.pixels
        columns = range(task.column * task.span, min((task.column + 1) * task.span, level.columns))
        for row in range(task.row * task.span, min((task.row + 1) * task.span, level.rows)):
            yield (pixels(number, level.box(column, row), task.plane) for column in columns)

    def _decoded_half(self, task: Task) -> Iterator[Row]:
        """The block one level below its first, from the encoded tiles decoded at half scale."""
        source = opened.get(self.source)
        step = self.plan.levels[task.levels.start]
        level = step.level
        half_tile = partial(_half_tile, source, step, task.plane)
        columns = range(task.column * task.span, min((task.column + 1) * task.span, level.columns))
        last = min((task.row + 1) * task.span, level.rows)
        for row in range(task.row * task.span, last, 2):
            rows = range(row, min(row + 2, last))
            frames = frames_in_order(source, step.source_level or 0, columns, rows, task.plane)
            quarters = [
                [half_tile(column, down, next(frames)) for column in columns] for down in rows
            ]
            yield _joined_by_four(quarters, source.pyramid.samples, np.dtype(np.uint8))

    def _level(self, task: Task) -> Level:
        return self.plan.levels[task.levels.start].grid


Quarter = tuple[int, int, Callable[[Pixels], None]]
"""Height and width of a halved tile, and what puts its pixels into an array of these extents."""


def _halved(rows: Iterator[Row]) -> Iterator[Row]:
    """Rows of tiles one level below: two make one."""
    for upper in rows:
        pair = [list(upper), list(next(rows, ()))]
        quarters = [[_quarter(tile) for tile in row] for row in pair if row]
        yield _joined_by_four(quarters, pair[0][0].shape[2], pair[0][0].dtype)


def _quarter(tile: Pixels) -> Quarter:
    return -(-tile.shape[0] // 2), -(-tile.shape[1] // 2), partial(half_into, tile)


def _half_tile(
    source: TileSource, step: LevelPlan, plane: Plane, column: int, row: int, frame: Frame | None
) -> Quarter:
    """The real pixels of a tile at half scale; the padding of an edge tile has no part in them."""
    level, number = step.level, step.source_level or 0
    box = level.box(column, row)

    def fill(out: Pixels) -> None:
        if frame is None or (box.width, box.height) != (level.tile_width, level.tile_height):
            half_into(source.pixels(number, box, plane), out)
            return
        try:
            out[...] = decode_jpeg_half(frame.data, box.width, box.height, out.shape[2])
        except DamagedCodestream as error:
            raise DamagedCodestream(f"level {number}, tile ({column}, {row}): {error}") from error

    return -(-box.height // 2), -(-box.width // 2), fill


def _joined_by_four(
    quarters: list[list[Quarter]], samples: int, dtype: "np.dtype[Any]"
) -> Iterator[Pixels]:
    """A row of tiles, each made of two by two; fewer at the image's edge."""
    for column in range(0, len(quarters[0]), 2):
        square = [line[column : column + 2] for line in quarters]
        height = sum(line[0][0] for line in square)
        width = sum(wide for _, wide, _ in square[0])
        tile = np.empty((height, width, samples), dtype)
        y = 0
        for line in square:
            x = 0
            for high, wide, fill in line:
                fill(tile[y : y + high, x : x + wide])
                x += wide
            y += line[0][0]
        yield tile


def _tiles(pixels: Pixels, level: Level) -> Iterator[Row]:
    """Pixels that begin at a tile's corner, cut into rows of tiles."""
    for y in range(0, pixels.shape[0], level.tile_height):
        row = pixels[y : y + level.tile_height]
        yield [row[:, x : x + level.tile_width] for x in range(0, row.shape[1], level.tile_width)]


class Opened:
    """The sources this process has open: one each, shared by its threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sources: dict[Open, TileSource] = {}

    def get(self, source: Open) -> TileSource:
        """The opened source."""
        with self._lock:
            if source not in self._sources:
                while len(self._sources) >= _OPEN_AT_ONCE:
                    self._sources.pop(next(iter(self._sources))).close()
                self._sources[source] = source()
            return self._sources[source]

    def forget(self, source: Open) -> None:
        """Close a source, if it is open."""
        with self._lock:
            closing = self._sources.pop(source, None)
        if closing is not None:
            closing.close()


_OPEN_AT_ONCE = 4
opened = Opened()
"""Those of this process, whichever builds they serve."""


def power_of_two(most: int) -> int:
    """The largest power of two up to `most`, at least 1."""
    return 1 << (max(1, most).bit_length() - 1)
