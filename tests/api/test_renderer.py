"""Originals without addressable tiles, seen through a child process before they are converted."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from api import renderer, sandbox
from api.ingest import Order, receive
from api.settings import Settings
from api.wanted import BUILD
from api.work import Workplace, work_once
from archive.record import Image, ImageState, ObjectRole
from slides.open import open_slide
from tests.api.conftest import Web, reading
from tests.samples import vendors
from tests.serving import LONG_S, until
from tiles.codec import decode_jpeg, half
from tiles.pyramid import Box

SIZE = 1100, 900
TILE = vendors.TILE


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rendered") / "a.svs"
    return vendors.aperio_jpeg_2000(path, vendors.picture(*SIZE))


class Clock:
    """The real time, and what a test adds to it."""

    def __init__(self) -> None:
        self.added_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.added_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What is waited for takes as long as it takes, but where a test says otherwise."""
    made = Clock()
    monkeypatch.setattr(renderer, "time", made)
    for name in ("ANSWER_S", "IDLE_S", "FAILED_S"):
        monkeypatch.setattr(renderer, name, LONG_S)
    return made


OPENED: set[int] = set()
"""The processes that were told of an image: what they have open, no other of their user sees."""


@pytest.fixture(autouse=True)
def _told(monkeypatch: pytest.MonkeyPatch) -> None:
    tell = renderer._Pipes.tell

    def noted(pipes: renderer._Pipes, told: renderer.Question) -> None:
        OPENED.add(pipes.process.pid)
        tell(pipes, told)

    OPENED.clear()
    monkeypatch.setattr(renderer._Pipes, "tell", noted)


@pytest.fixture
def web(settings: Settings, place: Workplace, clock: Clock) -> Iterator[Web]:
    with reading(settings) as client:
        yield client
    assert everyone() == []
    # Of what was laid out for them nothing is left, but for the desk of this test's own workplace.
    assert list(place.scratch.parent.glob("desk-*/*")) == []


@pytest.fixture
def image(place: Workplace, slide: Path) -> Image:
    return receive(place, slide, Order("north"))


def everyone() -> list[psutil.Process]:
    found = []
    for one in psutil.Process().children():
        # What ends meanwhile is none of them.
        with suppress(psutil.NoSuchProcess):
            if one.status() != psutil.STATUS_ZOMBIE and "api.renderer" in one.cmdline():
                found.append(one)
    return found


def the_waiting() -> psutil.Process:
    """The one that has no image open, once its name is told: not yet in the instant of its exec."""
    until(lambda: len(everyone()) > len(children()))
    (waiting,) = set(everyone()) - set(children())
    return waiting


def children() -> list[psutil.Process]:
    """Those that have an image open; the one that waits for the next has none."""
    return [one for one in everyone() if one.pid in OPENED]


def address(image: Image, level: int = 11, column: int = 0, row: int = 0) -> str:
    return f"/deepzoom/{image.id}_files/{level}/{column}_{row}.jpeg"


def test_it_is_seen_and_the_converted_takes_over(
    web: Web, place: Workplace, image: Image, slide: Path
) -> None:
    assert image.objects_as(ObjectRole.TILE_MAP) == ()
    early = web.get(f"/api/images/{image.id}").json()
    assert (early["viewable"], early["state"], early["tile_size"]) == (True, "received", TILE)
    assert (early["width"], early["height"]) == SIZE
    description = web.get(early["deepzoom"]).content
    answers = {level: web.get(address(image, level)) for level in range(12)}
    assert {one.status_code for one in answers.values()} == {200}
    assert {one.headers["cache-control"] for one in answers.values()} == {"private, no-cache"}
    with open_slide(slide) as own:
        expected = own.source.pixels(0, Box(0, 0, TILE, TILE))
    shown = decode_jpeg(answers[11].content)
    assert np.abs(shown.astype(int) - expected).mean() < 2
    assert web.get(early["files"]["thumbnail"]).status_code == 200
    assert len(children()) == 1

    place.catalog.jobs.enqueue(BUILD, image.id, {"mpp_um": [0.5, 0.5]})
    assert work_once(place)
    final = web.get(f"/api/images/{image.id}").json()
    assert final["state"] == ImageState.PUBLISHED
    assert web.get(final["deepzoom"]).content == description
    for level, before in answers.items():
        answer = web.get(address(image, level), headers={"if-none-match": before.headers["etag"]})
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        was, now = half(decode_jpeg(before.content)), half(decode_jpeg(answer.content))
        assert np.abs(was.astype(int) - now).mean() < (4 if now.size > 3000 else 40)


def test_a_child_that_was_killed_is_replaced(web: Web, image: Image) -> None:
    first = web.get(address(image))
    (child,) = children()
    os.kill(child.pid, signal.SIGKILL)
    assert web.get(address(image, 10)).status_code == 200
    assert children() != [child]
    assert web.get(address(image)).content == first.content


def test_nobody_waits_for_a_child_that_is_silent(
    web: Web, image: Image, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert web.get(address(image)).status_code == 200
    (child,) = children()
    child.suspend()
    with monkeypatch.context() as patch:
        patch.setattr(renderer, "ANSWER_S", 0.5)
        assert web.get(address(image, 10)).status_code == 503
    assert children() == []
    # It is not tried again at once, but then it is.
    assert web.get(address(image, 10)).status_code == 503
    assert children() == []
    clock.added_s += LONG_S
    assert web.get(address(image, 10)).status_code == 200


def test_a_child_leaves_when_nobody_asks_and_another_comes_when_somebody_does(
    web: Web, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def stay(*words: Any) -> "tuple[subprocess.Popen[bytes], int]":
        child, pipe = sandbox.stay(*words)
        started.append(child)
        return child, pipe

    monkeypatch.setattr(renderer, "stay", stay)
    monkeypatch.setattr(renderer, "IDLE_S", 0.5)
    assert web.get(address(image)).status_code == 200
    assert started[0].wait(timeout=LONG_S) == 0
    assert web.get(address(image, 10)).status_code == 200


def test_children_are_few(web: Web, place: Workplace, image: Image, tmp_path: Path) -> None:
    images = [image]
    for number in range(renderer.CHILDREN):
        picture = vendors.picture(600 + 10 * number, 500)
        other = vendors.aperio_jpeg_2000(tmp_path / f"{number}.svs", picture)
        images.append(receive(place, other, Order("north")))
    for _ in range(2):
        for one in images:
            assert web.get(address(one, 8)).status_code == 200
        assert len(children()) == renderer.CHILDREN


def test_an_original_that_cannot_be_read_any_more_is_no_fault_of_ours(
    web: Web, place: Workplace, image: Image
) -> None:
    (original,) = image.objects_as(ObjectRole.ORIGINAL)
    path = place.storage.local_path(original.key)
    assert path is not None
    path.write_bytes(b"no slide at all")
    for level in (8, 9):
        assert web.get(address(image, level)).status_code == 503
    assert len(everyone()) == 1


def test_the_next_one_is_drawn_by_a_child_that_waited_for_it(
    web: Web, place: Workplace, image: Image, tmp_path: Path
) -> None:
    assert web.get(address(image)).status_code == 200
    waiting = the_waiting()
    other = vendors.aperio_jpeg_2000(tmp_path / "b.svs", vendors.picture(600, 500))
    second = receive(place, other, Order("north"))
    assert web.get(address(second, 8)).status_code == 200
    assert waiting in children()
    # Another waits now; one that was killed meanwhile is missed by nobody.
    the_waiting().kill()
    third = vendors.aperio_jpeg_2000(tmp_path / "c.svs", vendors.picture(700, 500))
    assert web.get(address(receive(place, third, Order("north")), 8)).status_code == 200
