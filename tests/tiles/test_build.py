"""Building: every tile once, every level from the one above, whatever runs the tasks."""

import pickle
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cluster import two_processes
from tests.tiles.arrays import ArraySource, OpenPicture, halved_by_definition
from tiles import plan as planning
from tiles.build import run, tasks
from tiles.codec import decode_jpeg, encode_jpeg, padded
from tiles.errors import DamagedCodestream, DamagedInstance
from tiles.frames import FrameSink
from tiles.plan import Action, Plan
from tiles.pyramid import FIRST, Box, Plane, dyadic
from tiles.sink import Task
from tiles.source import Pixels


class Recording:
    """A sink that remembers every tile it is given."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int, int], Pixels] = {}
        self.counts: Counter[tuple[int, int, int]] = Counter()

    def wants(self, level: int) -> bool:
        return True

    @contextmanager
    def part(self, task: Task) -> Iterator["Recording"]:
        yield self

    def put(self, level: int, column: int, row: int, pixels: Pixels) -> None:
        self.counts[level, column, row] += 1
        self.tiles[level, column, row] = pixels.copy()


@settings(max_examples=12, deadline=None)
@given(
    st.integers(1, 9000),
    st.integers(1, 3000),
    st.sampled_from([64, 240, 256, 512]),
    st.sampled_from([1, 3]),
)
def test_every_level_is_the_box_halved_source(
    width: int, height: int, tile: int, samples: int
) -> None:
    opener = OpenPicture(width, height, tile, samples)
    sink = Recording()
    plan = planning.pixels_only(opener(), tile)
    run(opener, plan, sink)
    expected = opener().array
    for index, step in enumerate(plan.levels):
        for row in range(step.level.rows):
            for column in range(step.level.columns):
                box = step.level.box(column, row)
                area = expected[box.y : box.bottom, box.x : box.right]
                assert np.array_equal(sink.tiles[index, column, row], area), (index, column, row)
        expected = halved_by_definition(expected)
    assert set(sink.counts.values()) == {1}
    assert len(sink.counts) == sum(step.level.tiles for step in plan.levels)


def test_a_large_slide_takes_few_tasks() -> None:
    levels = tuple(
        planning.LevelPlan(level, Action.DERIVE if i else Action.ENCODE, None if i else 0, "")
        for i, level in enumerate(dyadic(98_304, 98_304, 256))
    )
    assert len(list(tasks(Plan(levels, 3, 90, "444")))) == 586


@pytest.mark.parametrize("size", [(1, 1), (511, 512), (2221, 2967), (4097, 4099)])
def test_encoded_levels_hold_the_halved_pixels(tmp_path: Path, size: tuple[int, int]) -> None:
    opener = OpenPicture(*size)
    plan = planning.full(opener())
    assert [step.action for step in plan.levels[:1]] == [Action.ENCODE]
    sink = FrameSink(tmp_path, plan)
    done = []
    run(opener, plan, sink, progress=lambda *step: done.append(step))
    assert done[-1][0] == done[-1][1] == len(list(tasks(plan)))
    expected = opener().array
    for index, step in enumerate(plan.levels):
        level = step.level
        frames = list(sink.frames(index))
        assert len(frames) == level.tiles
        for number, data in enumerate(frames):
            box = level.box(number % level.columns, number // level.columns)
            area = expected[box.y : box.bottom, box.x : box.right]
            tile = padded(area, level.tile_height, level.tile_width)
            assert data == encode_jpeg(tile, plan.quality, plan.subsampling)
        expected = halved_by_definition(expected)


def test_copied_base_is_not_encoded_and_is_read_once(tmp_path: Path) -> None:
    opener = OpenPicture(3001, 2003, 256, jpeg_quality=85)
    source = opener()
    plan = planning.full(source)
    assert [step.action for step in plan.levels] == [Action.COPY] + [Action.DERIVE] * 4
    assert (plan.quality, plan.subsampling) == (85, "444")
    assert [step.source_level for step in plan.levels] == [0, 0, None, None, None]
    sink = FrameSink(tmp_path, plan)
    source.frames_read.clear()
    run(lambda: source, plan, sink)
    # Whole tiles are decoded at half scale, edge tiles in full and without their padding.
    edges = 3001 * 2003 - 11 * 256 * 7 * 256
    assert source.pixels_read == edges
    assert set(source.frames_read.values()) == {1}
    with pytest.raises(DamagedInstance, match="never made"):
        sink.frames(0)
    first = decode_jpeg(next(iter(sink.frames(1))))
    assert np.abs(first.astype(int) - halved_by_definition(source.array)[:256, :256]).mean() < 3


@pytest.mark.parametrize("tile", [301, 2100])
def test_a_base_of_other_tiles_is_copied_and_the_rest_lies_on_our_grid(
    tile: int, tmp_path: Path
) -> None:
    opener = OpenPicture(4301, 1103, tile, jpeg_quality=85)
    source = opener()
    plan = planning.full(source)
    assert [step.action for step in plan.levels] == [Action.COPY] + [Action.DERIVE] * 4
    assert [step.level.tile_width for step in plan.levels] == [tile] + [512] * 4
    assert [step.level for step in plan.levels[1:]] == list(dyadic(4301, 1103, 512)[1:])
    sink = FrameSink(tmp_path, plan)
    run(lambda: source, plan, sink)
    expected = source.array
    for index, step in enumerate(plan.levels[1:], 1):
        expected, level = halved_by_definition(expected), step.level
        for number, data in enumerate(sink.frames(index)):
            box = level.box(number % level.columns, number // level.columns)
            area = expected[box.y : box.bottom, box.x : box.right]
            assert data == encode_jpeg(padded(area, 512, 512), plan.quality, plan.subsampling)


def test_stored_levels_are_kept_as_they_are() -> None:
    source = OpenPicture(1000, 700, 256, jpeg_quality=85)()
    plan = planning.stored(source, quality=70)
    assert [(step.action, step.source_level) for step in plan.levels] == [(Action.COPY, 0)]
    assert plan.quality == 70


@pytest.mark.parametrize(("own", "expected"), [(30, 80), (85, 85), (99, 95)])
def test_quality_follows_the_source_within_bounds(own: int, expected: int) -> None:
    plan = planning.full(OpenPicture(600, 600, 256, jpeg_quality=own)())
    assert plan.quality == expected


def test_plan_identity_tells_plans_apart() -> None:
    source = OpenPicture(1000, 700, 256, jpeg_quality=85)()
    identities = {
        planning.full(source).identity,
        planning.stored(source).identity,
        planning.full(source, 50).identity,
        planning.full(OpenPicture(1000, 701, 256, jpeg_quality=85)()).identity,
    }
    assert len(identities) == 4
    assert planning.full(source).identity == planning.full(source).identity


def test_a_repeated_task_changes_nothing_and_a_missing_one_is_noticed(tmp_path: Path) -> None:
    opener = OpenPicture(3000, 2000)
    plan = planning.full(opener())
    sink = pickle.loads(pickle.dumps(FrameSink(tmp_path, plan)))
    run(opener, plan, sink)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    run(opener, plan, sink)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert all(name.endswith(".part") for name in before)
    for part in tmp_path.glob("0.*.part"):
        part.unlink()
    with pytest.raises(DamagedInstance, match="never made"):
        list(sink.frames(0))


def test_damage_in_the_source_stops_the_build(tmp_path: Path) -> None:
    class Damaged(type(OpenPicture(1, 1)())):  # type: ignore[misc]
        def pixels(self, level: int, box: Box, plane: object = None) -> Pixels:
            raise DamagedCodestream("tile (3, 1) is damaged")

    source = Damaged(OpenPicture(2000, 2000)().array, 256)
    plan = planning.full(source)
    with pytest.raises(DamagedCodestream, match=r"tile \(3, 1\)"):
        run(lambda: source, plan, FrameSink(tmp_path, plan))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.soak
def test_two_processes_of_a_scheduler_make_the_same_bytes(tmp_path: Path) -> None:
    opener = OpenPicture(4700, 2300, 512)
    plan = planning.full(opener())
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    run(opener, plan, FrameSink(here, plan))
    with two_processes() as scheduler:
        run(opener, plan, FrameSink(there, plan), scheduler=scheduler)
    names = sorted(path.name for path in here.iterdir())
    assert names == sorted(path.name for path in there.iterdir())
    assert len(names) == len(list(tasks(plan)))
    for name in names:
        assert (here / name).read_bytes() == (there / name).read_bytes()


def test_the_smallest_level_is_one_tile() -> None:
    assert dyadic(98_304, 98_304, 256)[-1].tiles == 1


def test_a_failed_run_ends_with_its_last_block(tmp_path: Path) -> None:
    """What is under way when a block fails still writes: not after the run has ended."""
    opener = OpenPicture(8192, 600, 512)
    under_way, ended = threading.Event(), threading.Event()

    class OneBadBlock(ArraySource):
        def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
            if box.x == 0:
                under_way.wait(600)
                raise DamagedCodestream("tile (0, 0)")
            under_way.set()
            time.sleep(0.3)
            ended.set()
            return super().pixels(level, box, plane)

    source = OneBadBlock(opener().array, 512)
    plan = planning.full(source)
    with pytest.raises(DamagedCodestream):
        run(lambda: source, plan, FrameSink(tmp_path, plan), threads=2)
    assert ended.is_set()
    left = sorted(tmp_path.iterdir())
    time.sleep(0.5)
    assert sorted(tmp_path.iterdir()) == left


@pytest.mark.parametrize("tile", [1024, 800])
def test_no_tile_of_the_source_is_read_for_each_of_ours(tile: int) -> None:
    source = ArraySource(OpenPicture(2250, 2250, tile)().array, tile)
    boxes: list[Box] = []

    class Watched:
        pyramid = source.pyramid
        encoding, frame, close = source.encoding, source.frame, source.close

        def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
            boxes.append(box)
            return source.pixels(level, box)

    sink = Recording()
    run(Watched, planning.pixels_only(source, 256), sink)
    assert set(sink.counts.values()) == {1}
    assert {box.y % (tile // 256 // 2 * 512) for box in boxes} == {0}
    assert sum(box.width * box.height for box in boxes) == 2250 * 2250
