"""A folder that is watched by hand: one look after the other, in this process."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from api.watch import writers
from api.watch.memory import Memory, Stage, open_memory
from api.watch.report import report_of
from api.watch.taking import Wish
from api.watch.watcher import Watched, Watcher
from api.work import Workplace, work_once
from archive.record import Exam, Image, ImageState
from tests.samples.slide import small_svs

SETTLED_S = 0.2
NORTH = Wish("north")
FOREVER = threading.Event()


class Clock:
    """The watch's time, which stands still but where a test lets it go on."""

    def __init__(self) -> None:
        self.now_s = 1e9

    def monotonic(self) -> float:
        return self.now_s

    time = monotonic


CLOCK = Clock()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow a machine is, the watch sees no more time go by than is said here."""
    monkeypatch.setattr("api.watch.watcher.time", CLOCK)


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_svs(tmp_path_factory.mktemp("watch") / "small.svs", 300, 200, 240, seed=7)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "in"
    made.mkdir()
    return made


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with open_memory(tmp_path / "watched.sqlite", b"north") as opened:
        yield opened


@pytest.fixture
def watcher(place: Workplace, folder: Path, memory: Memory) -> Watcher:
    return watch(place, folder, memory)


def watch(place: Workplace, folder: Path, memory: Memory, **more: object) -> Watcher:
    writers.prepare()
    watched = Watched(folder, NORTH, SETTLED_S)
    return Watcher(place, replace(watched, **more), memory)  # type: ignore[arg-type]


def look(watcher: Watcher, place: Workplace, seconds: float = 2 * SETTLED_S) -> None:
    """Look again and again, for so long, and until what was kept is built."""
    keep(watcher, seconds)
    while watcher.counts()[Stage.KEPT] + watcher.counts()[Stage.PUBLISHED]:
        work_once(place)
        CLOCK.now_s += SETTLED_S / 4
        watcher.look(FOREVER)


def keep(watcher: Watcher, seconds: float = 2 * SETTLED_S) -> None:
    """Look again and again, for so long; what is kept waits to be built."""
    for _ in range(round(4 * seconds / SETTLED_S) + 1):
        watcher.look(FOREVER)
        CLOCK.now_s += SETTLED_S / 4


def exams(place: Workplace) -> tuple[Exam, ...]:
    return place.catalog.exams(establishment="north", states=list(ImageState)).exams


def images(place: Workplace) -> list[Image]:
    return [image for exam in exams(place) for image in exam.images]


def told(folder: Path, name: str) -> str:
    return report_of(folder / name).read_text("utf-8-sig")
