"""Plan → dask graph → run: every block of the slide read once, every level written from it.

A task owns one square block, reads it once, writes every level over it, and returns one reduced
tile; 8 × 8 of those make the next stage's block, until one block is left. A slide of 98,304²
pixels takes 586 tasks. The graph runs on threads here, or on a `dask.distributed` scheduler whose
workers see the same files; either way the parts and so the objects are the same.

The only module that imports dask.
"""

import os
import uuid
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from queue import SimpleQueue
from threading import Lock
from typing import Any, Protocol

import numpy as np

from tiles.codec import decode_jpeg_half, half_into
from tiles.errors import DamagedCodestream
from tiles.finished import Finished
from tiles.plan import Action, LevelPlan, Plan
from tiles.pyramid import Box, Level, Plane
from tiles.sink import Part, Sink, Task
from tiles.source import Frame, Pixels, TileSource, frames_in_order

BLOCK_PX = 4096
"""Side of a first-stage block: large enough that a graph stays small, 12 MB once halved."""

FAN = 8
"""Reduced tiles along the side of a later stage's block."""

Progress = Callable[[int, int], None]
"""`progress(done, total)` in tasks."""


class Open(Hashable, Protocol):
    """Opens a source. Picklable, and equal for equal sources, so that a process opens each once."""

    def __call__(self) -> TileSource:
        """The opened source."""
        ...


def run(
    source: Open,
    plan: Plan,
    sink: Sink,
    *,
    scheduler: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
    finished: Finished | None = None,
) -> None:
    """Make all tiles that a plan asks for and that the sink wants.

    Tasks that are `finished` are not run again; those that run are noted there.

    `scheduler` is the address of a `dask.distributed` scheduler; None runs on `threads` threads
    here. Memory is bounded by the blocks in flight, whatever the slide's size. Raises what the
    source raises on reading; parts already written stay for the caller to discard.
    """
    builder = _Builder(source, plan, sink, finished)
    chains = list(_chains(plan, sink))
    if not chains:
        return
    if scheduler is None:
        _run_here(builder, chains, threads or os.cpu_count() or 1, progress or _silent)
    else:
        _run_distributed(builder, chains, scheduler, progress or _silent)


def tasks(plan: Plan) -> Iterator[Task]:
    """Every block of a plan, whether or not a sink wants it."""
    for plane in plan.planes:
        for start, stop in _spans(plan):
            for stage in _stages(plan, start, stop, plane):
                yield from stage


def _chains(plan: Plan, sink: Sink) -> Iterator[list[list[Task]]]:
    """Stages of blocks that hang together: from a level read from the source to where none derives.

    Every plane is a tree of its own. Chains of which the sink wants nothing are left out.
    """
    for plane in plan.planes:
        for start, stop in _spans(plan):
            if any(sink.wants(level) for level in range(start, stop)):
                yield _stages(plan, start, stop, plane)


def _spans(plan: Plan) -> Iterator[tuple[int, int]]:
    """From each level read from the source to the next one."""
    starts = [i for i, step in enumerate(plan.levels) if step.action is not Action.DERIVE]
    return zip(starts, [*starts[1:], len(plan.levels)], strict=True)


def _stages(plan: Plan, start: int, stop: int, plane: Plane) -> list[list[Task]]:
    stages: list[list[Task]] = []
    first = start
    while first < stop:
        level = plan.levels[first].grid
        span = FAN if stages else _span(max(level.tile_width, level.tile_height))
        last = min(stop, first + span.bit_length() - 1)
        stages.append(
            [
                Task(first, column, row, range(first, last), span, plane)
                for row in range(-(-level.rows // span))
                for column in range(-(-level.columns // span))
            ]
        )
        first = last
    return stages


def _span(tile: int) -> int:
    """Tiles along a first-stage block's side: the power of two that comes up to BLOCK_PX."""
    return max(2, _power_of_two(BLOCK_PX // tile))


def _power_of_two(most: int) -> int:
    """The largest power of two up to `most`, at least 1."""
    return 1 << (max(1, most).bit_length() - 1)


def _graph(builder: "_Build", chains: list[list[list[Task]]]) -> tuple[list[Any], int]:
    """Delayed results of the last stage of each chain, and how many tasks stand behind them."""
    from dask.delayed import delayed

    # A scheduler that serves several builds at once knows tasks by their names alone.
    name = f"{_BLOCK}{uuid.uuid4().hex}-"
    block = delayed(builder, pure=False)
    roots: list[Any] = []
    count = 0
    for stages in chains:
        below: dict[tuple[int, int], Any] = {}
        for tasks in stages:
            reduce = tasks is not stages[-1]
            above = {
                (task.column, task.row): block(
                    task,
                    [below[child] for child in _children(task) if child in below],
                    reduce,
                    dask_key_name=name + task.name,
                )
                for task in tasks
            }
            below = above
            count += len(tasks)
        roots.extend(below.values())
    return roots, count


def _children(task: Task) -> Iterator[tuple[int, int]]:
    """Blocks of the stage before, row by row, whose reduced tiles make up this block."""
    for row in range(task.row * task.span, (task.row + 1) * task.span):
        for column in range(task.column * task.span, (task.column + 1) * task.span):
            yield column, row


Row = Iterable[Pixels]
"""The tiles of one row of a block, left to right; at the image's edge real pixels only."""


@dataclass(frozen=True)
class _Builder:
    """Makes one block; sent to other processes as it is.

    Rows of tiles flow from level to level, two making one of the next: what is worked on at a time
    is a few tiles and stays near the processor.
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
        source = _opened.get(self.source)
        step = self.plan.levels[task.levels.start]
        if step.source_level is None:
            raise ValueError(f"level {task.levels.start} is not read from the source")
        level = step.grid
        # As high as the source's tiles: none is decoded for each row of ours.
        stored = source.pyramid.level(step.source_level)
        down = min(task.span, _power_of_two(stored.tile_height // level.tile_height))
        width, height = task.span * level.tile_width, down * level.tile_height
        for row in range(task.row * task.span, (task.row + 1) * task.span, down):
            box = Box(task.column * width, row * level.tile_height, width, height)
            inside = box.within(level.width, level.height)
            if inside.height:
                yield from _tiles(source.pixels(step.source_level, inside, task.plane), level)

    def _decoded_half(self, task: Task) -> Iterator[Row]:
        """The block one level below its first, from the encoded tiles decoded at half scale."""
        source = _opened.get(self.source)
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


class _Opened:
    """The sources this process has open: one each, shared by its threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._sources: dict[Open, TileSource] = {}

    def get(self, source: Open) -> TileSource:
        with self._lock:
            if source not in self._sources:
                while len(self._sources) >= _OPEN_AT_ONCE:
                    self._sources.pop(next(iter(self._sources))).close()
                self._sources[source] = source()
            return self._sources[source]

    def forget(self, source: Open) -> None:
        with self._lock:
            opened = self._sources.pop(source, None)
        if opened is not None:
            opened.close()


_OPEN_AT_ONCE = 4
_opened = _Opened()


def _run_here(
    builder: _Builder, chains: list[list[list[Task]]], threads: int, progress: Progress
) -> None:
    from dask.base import compute
    from dask.threaded import get

    roots, total = _graph(builder, chains)
    try:
        # A pool of its own: it ends with the last block under way, also when another has failed.
        with ThreadPoolExecutor(threads, "build") as pool, _counting(total, progress):
            # By its name, dask would load all of `distributed` to find out that it is not meant.
            compute(*roots, scheduler=get, pool=pool)
    finally:
        _opened.forget(builder.source)


def _counting(total: int, progress: Progress) -> Any:
    """A dask callback that reports finished blocks."""
    from dask.callbacks import Callback

    done = 0

    def finished(key: str, *_: object) -> None:
        nonlocal done
        if str(key).startswith(_BLOCK):
            done += 1
            progress(done, total)

    return Callback(posttask=finished)


@dataclass(frozen=True)
class _Telling:
    """A builder on a cluster, which tells whoever listens to a topic of every block it made."""

    build: _Builder
    topic: str

    def __call__(self, task: Task, children: list[Pixels], reduce: bool) -> Pixels | None:
        from distributed import get_worker

        reduced = self.build(task, children, reduce)
        get_worker().log_event(self.topic, task.name)
        return reduced


def _run_distributed(
    builder: _Builder, chains: list[list[list[Task]]], scheduler: str, progress: Progress
) -> None:
    from distributed import Client, futures_of

    topic = f"blocks-{uuid.uuid4().hex}"
    roots, total = _graph(_Telling(builder, topic), chains)
    news: SimpleQueue[Any] = SimpleQueue()
    made: set[str] = set()
    with Client(scheduler, set_as_default=False) as client:
        client.subscribe_topic(topic, lambda event: news.put(event[1]))
        futures = futures_of(client.persist(roots), client=client)
        for future in futures:
            future.add_done_callback(news.put)
        left = len(futures)
        while left:
            match news.get():
                case str(name):
                    made.add(name)
                    progress(len(made), total)
                case future:
                    future.result()
                    left -= 1
    progress(total, total)


_Build = Callable[[Task, list[Pixels], bool], Pixels | None]
_BLOCK = "block-"


def _silent(_done: int, _total: int) -> None:
    return
