"""Killed at any moment: nothing shows, and the next run ends in the very same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from slides.convert import Request, convert
from slides.draft import place_of
from tests.api.holding import await_held, held_at
from tests.samples.slide import make_slide
from tests.slides.converted import digests
from tests.tiles.arrays import OpenPicture
from tiles import plan as planning
from tiles.build import run, tasks
from tiles.finished import Finished
from tiles.frames import FrameSink
from tiles.sink import Task

SOAK = pytest.mark.soak
LONG_S = 600.0


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_slide(tmp_path_factory.mktemp("slide") / "a.svs", 5000, 4500, mpp=0.5)


def start(
    slide: Path, out: Path, *more: str, held: Mapping[str, str] = os.environ
) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "api.cli", "convert", str(slide), str(out), "--json", *more]
    pipe = subprocess.PIPE
    # What it leaves when it is killed goes with the test's own files.
    own = {**held, "TMPDIR": str(slide.parent)}
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=own)


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=SOAK)])
@pytest.mark.parametrize(
    "more",
    [
        ("--to", "dicom"),
        pytest.param(("--to", "dicom", "--levels", "source"), marks=SOAK),
        pytest.param(("--to", "both", "--verify"), marks=SOAK),
        ("--to", "zarr"),
    ],
    ids="-".join,
)
@pytest.mark.timeout(1800)
def test_killed_at_any_moment_it_ends_in_the_same_bytes(
    slide: Path, tmp_path: Path, more: tuple[str, ...], kills: int
) -> None:
    whole = tmp_path / "whole"
    began = time.monotonic()
    with start(slide, whole, *more) as process:
        assert process.wait(LONG_S) == 0
    took_s = time.monotonic() - began
    expected = digests(whole)
    chance = random.Random(kills)
    place = tmp_path / "place"
    place.mkdir()
    for number in range(kills):
        out = place / str(number // 5)
        process = start(slide, out, *more)
        try:
            process.wait(chance.uniform(0.1, 1.1) * took_s)
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=LONG_S)
        shown = [one for one in place.iterdir() if not one.name.startswith(".")]
        for one in shown:
            assert digests(one) == expected
        if number % 5 != 4 and number != kills - 1:
            continue
        if not out.exists() or place_of(out).exists():
            process = start(slide, out, *more)
            _, complaint = process.communicate(timeout=LONG_S)
            assert (process.returncode, complaint) == (0, "")
        assert digests(out) == expected
        assert not place_of(out).exists()
    assert all(one.name.isdigit() for one in place.iterdir())


def test_two_at_once_do_the_work_once(slide: Path, tmp_path: Path) -> None:
    both = [start(slide, tmp_path / "out", "--to", "dicom") for _ in range(2)]
    answers = [one.communicate(timeout=LONG_S) for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert answers[0] == answers[1]
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


def test_one_thread_or_four_give_the_same_bytes(
    slide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for threads in (1, 4):
        monkeypatch.setattr(os, "cpu_count", lambda threads=threads: threads)
        for to in ("dicom", "zarr"):
            convert(slide, tmp_path / f"{to}-{threads}", Request(to=to))
    assert digests(tmp_path / "dicom-1") == digests(tmp_path / "dicom-4")
    assert digests(tmp_path / "zarr-1") == digests(tmp_path / "zarr-4")


def test_finished_tasks_are_not_run_again(tmp_path: Path) -> None:
    """Whatever had been done before: only the rest is run, and the frames are the same."""
    opener = OpenPicture(5000, 4200, 512, 1)
    plan = planning.full(opener())
    every = list(tasks(plan))

    class Counting(FrameSink):
        def __init__(self, folder: Path, allowed: list[Task]) -> None:
            super().__init__(folder, plan)
            self.allowed = allowed
            self.ran: list[Task] = []

        def part(self, task: Task):  # type: ignore[no-untyped-def]
            if task not in self.allowed:
                raise KeyboardInterrupt
            self.ran.append(task)
            return super().part(task)

    def frames(sink: FrameSink) -> list[list[bytes]]:
        return [list(sink.frames(level)) for level in range(len(plan.levels))]

    whole = FrameSink(tmp_path, plan)
    run(opener, plan, whole)
    expected = frames(whole)
    for stop in (0, len(every) - 1, len(every) // 2):
        folder = tmp_path / str(stop)
        folder.mkdir()
        first = Counting(folder, every[:stop])
        with pytest.raises(KeyboardInterrupt):
            run(opener, plan, first, threads=1, finished=Finished(folder))
        second = Counting(folder, every)
        run(opener, plan, second, finished=Finished(folder))
        assert sorted(t.name for t in first.ran + second.ran) == sorted(t.name for t in every)
        assert frames(second) == expected


def test_a_draft_is_gone_on_with(slide: Path, tmp_path: Path) -> None:
    """What a killed run had finished is not touched by the next one."""
    out, mark = tmp_path / "out", tmp_path / "mark"
    process = start(slide, out, "--to", "dicom", "--verify", held=held_at("level 0", mark))
    await_held(process, mark)
    process.kill()
    process.communicate(timeout=LONG_S)
    assert (place_of(out) / "level-0.frames.npy").exists()
    written = place_of(out) / "result" / "level-0.dcm"
    before = written.stat().st_ino
    with ThreadPoolExecutor(1) as beside:
        again = beside.submit(convert, slide, out, Request(verify=True))
        again.result(LONG_S)
    assert (out / "level-0.dcm").stat().st_ino == before
