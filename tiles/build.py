"""Plan → dask graph → run: every block of the slide read once, every level written from it.

A task owns one square block, reads it once, writes every level over it, and returns one reduced
tile; 8 × 8 of those make the next stage's block, until one block is left. A slide of 98,304²
pixels takes 586 tasks. The graph runs on threads here, or on a `dask.distributed` scheduler whose
workers see the same files; either way the parts and so the objects are the same.

The only module that imports dask.
"""

import os
import uuid
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Lock
from typing import Any, Protocol

import numpy as np

from tiles.codec import decode_jpeg_half, half
from tiles.errors import DamagedCodestream
from tiles.plan import Action, LevelPlan, Plan
from tiles.pyramid import Box
from tiles.sink import Part, Sink, Task
from tiles.source import Pixels, TileSource

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
) -> None:
    """Make all tiles that a plan asks for and that the sink wants.

    `scheduler` is the address of a `dask.distributed` scheduler; None runs on `threads` threads
    here. Memory is bounded by the blocks in flight, whatever the slide's size. Raises what the
    source raises on reading; parts already written stay for the caller to discard.
    """
    builder = _Builder(source, plan, sink)
    chains = list(_chains(plan, sink))
    if not chains:
        return
    if scheduler is None:
        _run_here(builder, chains, threads or os.cpu_count() or 1, progress or _silent)
    else:
        _run_distributed(builder, chains, scheduler, progress or _silent)


def tasks(plan: Plan) -> Iterator[Task]:
    """Every block of a plan, whether or not a sink wants it."""
    for start, stop in _spans(plan):
        for stage in _stages(plan, start, stop):
            yield from stage


def _chains(plan: Plan, sink: Sink) -> Iterator[list[list[Task]]]:
    """Stages of blocks that hang together: from a level read from the source to where none derives.

    Chains of which the sink wants nothing are left out.
    """
    for start, stop in _spans(plan):
        if any(sink.wants(level) for level in range(start, stop)):
            yield _stages(plan, start, stop)


def _spans(plan: Plan) -> Iterator[tuple[int, int]]:
    """From each level read from the source to the next one."""
    starts = [i for i, step in enumerate(plan.levels) if step.action is not Action.DERIVE]
    return zip(starts, [*starts[1:], len(plan.levels)], strict=True)


def _stages(plan: Plan, start: int, stop: int) -> list[list[Task]]:
    stages: list[list[Task]] = []
    first = start
    while first < stop:
        level = plan.levels[first].grid
        span = FAN if stages else _span(max(level.tile_width, level.tile_height))
        last = min(stop, first + span.bit_length() - 1)
        stages.append(
            [
                Task(first, column, row, range(first, last), span)
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


@dataclass(frozen=True)
class _Builder:
    """Makes one block; sent to other processes as it is."""

    source: Open
    plan: Plan
    sink: Sink

    def __call__(self, task: Task, children: list[Pixels], reduce: bool) -> Pixels | None:
        """Write every level of the block; give the tile it is reduced to where `reduce` asks."""
        rows = self._joined(task, children) if children else self._read(task)
        reduced: Pixels | None = None
        with self.sink.part(task) as part:
            for index in task.levels:
                goes_on = reduce or index != task.levels[-1]
                if not goes_on:
                    self._put(part, task, index, rows)
                    return None
                if self.plan.levels[index + 1].source_level is None:
                    reduced = self._write(part, task, index, rows)
                else:
                    reduced = self._decode_half(task)
                rows = _rows_of(reduced, self.plan.levels[index].grid.tile_height)
        return reduced

    def _read(self, task: Task) -> Iterator[Pixels]:
        """The block at its first level, one row of tiles at a time, from the source."""
        source = _opened.get(self.source)
        step = self.plan.levels[task.levels[0]]
        if step.source_level is None:
            raise ValueError(f"level {task.levels[0]} is not read from the source")
        level = step.grid
        # As high as the source's tiles: none is decoded for each row of ours.
        stored = source.pyramid.level(step.source_level)
        down = min(task.span, _power_of_two(stored.tile_height // level.tile_height))
        width, height = task.span * level.tile_width, down * level.tile_height
        for row in range(task.row * task.span, (task.row + 1) * task.span, down):
            box = Box(task.column * width, row * level.tile_height, width, height)
            inside = box.within(level.width, level.height)
            if inside.height:
                pixels = source.pixels(step.source_level, inside)
                yield from _rows_of(pixels, level.tile_height)

    def _decode_half(self, task: Task) -> Pixels:
        """The block one level below its first, from the encoded tiles decoded at half scale."""
        source = _opened.get(self.source)
        step = self.plan.levels[task.levels[0]]
        columns = range(task.column * task.span, (task.column + 1) * task.span)
        rows = range(task.row * task.span, (task.row + 1) * task.span)
        return np.concatenate(
            [
                np.concatenate(
                    [
                        _half_tile(source, step, column, row)
                        for column in columns[: step.level.columns - columns.start]
                    ],
                    axis=1,
                )
                for row in rows[: step.level.rows - rows.start]
            ]
        )

    def _joined(self, task: Task, children: list[Pixels]) -> Iterator[Pixels]:
        """The block at its first level, one row of tiles at a time, from reduced tiles."""
        level = self.plan.levels[task.levels[0]].grid
        across = min(task.span, level.columns - task.column * task.span)
        for start in range(0, len(children), across):
            yield np.concatenate(children[start : start + across], axis=1)

    def _write(self, part: Part, task: Task, index: int, rows: Iterator[Pixels]) -> Pixels:
        """Put the tiles of one level, and give the level below."""
        halves = []
        for number, pixels in enumerate(rows):
            self._put_row(part, task, index, number, pixels)
            halves.append(half(pixels))
        return np.concatenate(halves, axis=0)

    def _put(self, part: Part, task: Task, index: int, rows: Iterator[Pixels]) -> None:
        for number, pixels in enumerate(rows):
            self._put_row(part, task, index, number, pixels)

    def _put_row(self, part: Part, task: Task, index: int, number: int, pixels: Pixels) -> None:
        if not self.sink.wants(index):
            return
        halvings = index - task.levels[0]
        tile = self.plan.levels[index].grid.tile_width
        row = (task.row * task.span >> halvings) + number
        first = task.column * task.span >> halvings
        for offset, x in enumerate(range(0, pixels.shape[1], tile)):
            part.put(index, first + offset, row, pixels[:, x : x + tile])


def _half_tile(source: TileSource, step: LevelPlan, column: int, row: int) -> Pixels:
    """The real pixels of a tile at half scale; the padding of an edge tile has no part in them."""
    level, number = step.level, step.source_level or 0
    box = level.box(column, row)
    frame = source.frame(number, column, row)
    if frame is None or not level.is_whole(column, row):
        return half(source.pixels(number, box))
    try:
        return decode_jpeg_half(frame.data, box.width, box.height, source.pyramid.samples)
    except DamagedCodestream as error:
        raise DamagedCodestream(f"level {number}, tile ({column}, {row}): {error}") from error


def _rows_of(pixels: Pixels, tile: int) -> Iterator[Pixels]:
    return (pixels[y : y + tile] for y in range(0, pixels.shape[0], tile))


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

    roots, total = _graph(builder, chains)
    try:
        # A pool of its own: it ends with the last block under way, also when another has failed.
        with ThreadPoolExecutor(threads, "build") as pool, _counting(total, progress):
            compute(*roots, scheduler="threads", pool=pool)
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
