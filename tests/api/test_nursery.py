"""Children that are forked begin as if each had an interpreter of its own, and end alone."""

import json
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from api import tasks
from api.errors import ChildCrashed
from api.nursery import _OURS, PACKET_BYTES, Born, Nursery
from api.sandbox import Limits, run_limited

PATIENT = Limits(silence_s=600)


def look_around() -> dict[str, Any]:
    found: dict[str, Any] = run_limited("tests.api.children:look_around", {}, PATIENT)
    return found


def test_each_begins_with_nothing_of_the_others() -> None:
    first, second = look_around(), look_around()
    assert first["parent"] == second["parent"] != os.getpid()
    assert first["pid"] != second["pid"]
    for one in (first, second):
        assert one["left"] == []
        assert one["open"] == [0, 1, 2, 3]
        assert one["group"] == one["pid"]
        assert one["threads"] == 1


def test_each_is_told_what_holds_today(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = look_around()
    monkeypatch.setenv("LC_TOLD", "é")
    monkeypatch.chdir(tmp_path)
    now = look_around()
    assert (before["told"], now["told"], now["folder"]) == (None, "é", str(tmp_path))
    assert before["parent"] == now["parent"]
    # What an interpreter reads as it starts has another one started.
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    assert look_around()["parent"] != now["parent"]


def test_one_that_was_killed_is_replaced() -> None:
    before = look_around()
    os.kill(before["parent"], signal.SIGKILL)
    # Where it ends just as it is asked, this child has an interpreter of its own.
    assert look_around()["parent"] != before["parent"]
    after = look_around()["parent"]
    assert after not in {before["parent"], os.getpid()}
    assert look_around()["parent"] == after


def test_what_it_bore_ends_with_it_and_is_asked_again_alone() -> None:
    begun: list[int] = []

    def stop(pid: int, _: int) -> None:
        begun.append(pid)
        if (parent := parent_of(pid)) == os.getpid():
            os.kill(pid, signal.SIGTERM)
        else:
            os.kill(parent, signal.SIGKILL)

    with pytest.raises(ChildCrashed, match="SIGTERM"):
        run_limited("tests.api.children:wait", {}, PATIENT, stop)
    assert len(set(begun)) == 2


def test_one_that_ends_the_nursery_is_asked_again_alone() -> None:
    look_around()
    function = "tests.api.children:end_the_nursery"
    assert run_limited(function, {"asker": os.getpid()}, PATIENT) == "done"


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    found = Nursery(os.environ)
    yield found
    found.end()


def bear(nursery: Nursery, function: str, held: ExitStack) -> Born:
    """A child that was asked to run a function, and has begun."""
    words, theirs = os.pipe()
    held.callback(os.close, words)
    born = nursery.bear(function, theirs, 1 << 30, os.environ)
    os.close(theirs)
    assert born is not None
    held.callback(born.end)
    born.stdin.write(json.dumps({"function": function, "arguments": {}, "told": {}}).encode())
    born.stdin.close()
    assert os.read(words, 1)
    return born


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def is_in(pid: int, state: str) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == state


def until(fact: Callable[[], bool]) -> None:
    end = time.monotonic() + 600
    while not fact():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_children_that_end_as_they_are_ended_take_no_other_along(nursery: Nursery) -> None:
    with ExitStack() as held:
        other = bear(nursery, "tests.api.children:wait", held)
        several = [bear(nursery, "tests.api.children:wait", held) for _ in range(3)]
        keeper = parent_of(other.pid)
        os.kill(keeper, signal.SIGSTOP)
        until(lambda: is_in(keeper, "T"))
        for one in several:
            os.kill(one.pid, signal.SIGKILL)
            until(lambda pid=one.pid: is_in(pid, "Z"))  # type: ignore[misc]
        for one in several:
            # It hears at once that they have ended, and that they are wanted no more.
            one._life.shutdown(socket.SHUT_WR)
        os.kill(keeper, signal.SIGCONT)
        for one in several:
            assert one.wait() == -signal.SIGKILL
            assert not one.is_orphan
        later = bear(nursery, "tests.api.children:wait", held)
        assert other.poll() is None
        assert parent_of(later.pid) == keeper


def test_where_no_more_may_be_open_those_that_are_there_go_on(nursery: Nursery) -> None:
    with ExitStack() as held:
        keeper = parent_of(bear(nursery, "tests.api.children:wait", held).pid)
        usual = resource.prlimit(keeper, resource.RLIMIT_NOFILE)
        words, theirs = os.pipe()
        held.callback(os.close, words)
        held.callback(os.close, theirs)
        # How many it has open, nobody of its user sees: with room for one more each time, at last
        # all that a child takes are.
        for may in range(4, 100):
            resource.prlimit(keeper, resource.RLIMIT_NOFILE, (may, usual[1]))
            born = nursery.bear("tests.api.children:wait", theirs, 1 << 30, os.environ)
            if born is not None:
                born.end()
                break
        resource.prlimit(keeper, resource.RLIMIT_NOFILE, usual)
        # The standard three, the way to it, the selector, and two of the child that lives.
        assert 7 + 4 <= may < 99
        assert parent_of(bear(nursery, "tests.api.children:wait", held).pid) == keeper


def test_more_words_than_a_packet_holds_end_nobody(nursery: Nursery) -> None:
    with ExitStack() as held:
        keeper = parent_of(bear(nursery, "tests.api.children:wait", held).pid)
        much = {**os.environ, "MUCH": "x" * PACKET_BYTES}
        assert nursery.bear("tests.api.children:wait", 2, 1 << 30, much) is None
        assert nursery.serves(os.environ)
        assert parent_of(bear(nursery, "tests.api.children:wait", held).pid) == keeper


def test_those_that_have_ended_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    several: list[Nursery] = []
    before: list[int] = []
    monkeypatch.setitem(_OURS, os.getpid(), several)
    for number in range(3):
        # What an interpreter reads as it starts has another one started.
        monkeypatch.setenv("PYTHONHASHSEED", str(number))
        keeper = look_around()["parent"]
        assert keeper not in {os.getpid(), *before}
        assert len(several) == 1
        before.append(keeper)
        several[-1].end()


def test_one_that_is_ended_leaves_the_other(tmp_path: Path) -> None:
    class Enough(Exception):
        pass

    begun, told, mark = threading.Event(), [], tmp_path / "there"

    def other() -> None:
        told.append(
            run_limited(
                "tests.api.children:work_until",
                {"there": str(mark)},
                PATIENT,
                lambda *_: begun.set(),
            )
        )

    def stop(*_: int) -> None:
        raise Enough

    look_around()
    thread = threading.Thread(target=other)
    thread.start()
    assert begun.wait(600)
    with pytest.raises(Enough):
        run_limited("tests.api.children:wait", {}, PATIENT, stop)
    mark.touch()
    thread.join(600)
    assert told == ["done"]


def test_what_tasks_are_said_to_need_is_there() -> None:
    for name, modules in tasks.NEEDS.items():
        assert callable(getattr(tasks, name))
        for module in modules:
            assert Path(*module.split(".")).with_suffix(".py").is_file()
