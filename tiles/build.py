"""Plan → dask graph → run: every block of the slide read once, every level written from it.

A task owns one square block, reads it once, writes every level over it, and returns one reduced
tile; 8 × 8 of those make the next stage's block, until one block is left. A slide of 98,304²
pixels takes 586 tasks. The graph runs on threads here, or on a `dask.distributed` scheduler whose
workers see the same files; either way the parts and so the objects are the same.

The only module that imports dask.
"""

import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from tiles.block import Builder, Open, opened, power_of_two
from tiles.finished import Finished
from tiles.plan import Action, Plan
from tiles.pyramid import Plane
from tiles.sink import Sink, Task
from tiles.source import Pixels

BLOCK_PX = 4096
"""Side of a first-stage block: large enough that a graph stays small, 12 MB once halved."""

FAN = 8
"""Reduced tiles along the side of a later stage's block."""

Progress = Callable[[int, int], None]
"""`progress(done, total)` in tasks."""


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
    builder = Builder(source, plan, sink, finished)
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
    return max(2, power_of_two(BLOCK_PX // tile))


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


def _run_here(
    builder: Builder, chains: list[list[list[Task]]], threads: int, progress: Progress
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
        opened.forget(builder.source)


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

    build: Builder
    topic: str

    def __call__(self, task: Task, children: list[Pixels], reduce: bool) -> Pixels | None:
        from distributed import get_worker

        reduced = self.build(task, children, reduce)
        get_worker().log_event(self.topic, task.name)
        return reduced


def _run_distributed(
    builder: Builder, chains: list[list[list[Task]]], scheduler: str, progress: Progress
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
