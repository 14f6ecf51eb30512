"""A child that misbehaves in every way is one clear error, and leaves nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.errors import (
    ChildCrashed,
    ChildFaulted,
    OutOfMemory,
    OutOfTime,
    Refused,
    SandboxError,
)
from api.sandbox import Limits, limits_for, one_line, run_limited, stay
from tests.serving import LONG_S, until

SMALL = Limits(memory_bytes=256 << 20, silence_s=300)


class Clock:
    """The real time, and what a test adds to it."""

    def __init__(self) -> None:
        self.added_s = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.added_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """By which children's silence is measured."""
    made = Clock()
    monkeypatch.setattr("api.sandbox.time", made)
    return made


def run(name: str, limits: Limits = SMALL, **arguments: Any) -> Any:
    return run_limited(f"tests.api.children:{name}", arguments, limits)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        # Gone before it is looked for, or while it is read of.
        return False


@pytest.mark.parametrize("value", [None, 3, "é\n", [1, {"a": None}], {"big": "x" * 1_000_000}])
def test_what_it_returns_arrives(value: object) -> None:
    heard: list[tuple[int, int]] = []
    given = run_limited(
        "tests.api.children:answer", {"value": value}, SMALL, lambda *word: heard.append(word)
    )
    assert given == value
    assert heard == [(1, 2), (2, 2)]


def test_news_is_told_once_before_the_end() -> None:
    heard: list[Any] = []

    def told(times: int) -> Any:
        return run_limited(
            "tests.api.children:announce",
            {"times": times},
            SMALL,
            lambda *word: heard.append(word),
            news=heard.append,
        )

    assert told(1) == "done"
    assert heard == [(0, 2), {"number": 0}, (2, 2)]
    with pytest.raises(ChildCrashed, match="garbled"):
        told(2)
    assert run("announce", times=1) == "done"


@pytest.mark.parametrize("name", ["hog", "hog_in_c"])
def test_a_memory_hog_is_stopped(name: str) -> None:
    with pytest.raises((OutOfMemory, ChildCrashed)):
        run(name)


def test_memory_that_runs_out_in_python_is_called_so() -> None:
    with pytest.raises(OutOfMemory, match="memory"):
        run("hog")


def test_being_killed_from_outside_is_taken_for_memory() -> None:
    with pytest.raises(OutOfMemory):
        run("be_killed")


@pytest.mark.parametrize("name", ["loop", "loop_in_c", "babble"])
def test_an_endless_loop_is_stopped(name: str) -> None:
    with pytest.raises(OutOfTime, match="no sign of life"):
        run(name, Limits(silence_s=1))


def test_who_makes_progress_may_take_longer_and_is_asked_after(
    clock: Clock, tmp_path: Path
) -> None:
    """Six words, each most of the silence that is borne after the one before."""
    asked = 0

    def heard(done: int, total: int) -> None:
        clock.added_s += 200

    def ask() -> None:
        nonlocal asked
        asked += clock.added_s == 6 * 200
        # As nobody speaks any more, these are asked for by the time alone.
        if asked == 3:
            (tmp_path / "there").touch()

    told = run_limited(
        "tests.api.children:work_until",
        {"there": str(tmp_path / "there")},
        Limits(silence_s=300),
        heard,
        meanwhile=ask,
    )
    assert told == "done"
    assert clock.added_s == 6 * 200
    assert asked >= 3


def test_a_crash_is_an_error_of_ours() -> None:
    with pytest.raises(ChildCrashed, match="SIGSEGV"):
        run("segfault")


def test_an_early_exit_is_a_crash() -> None:
    with pytest.raises(ChildCrashed, match="exit code 3"):
        run("leave")


def test_muttering_is_swallowed(capfd: pytest.CaptureFixture[str]) -> None:
    assert run("mutter") == "heard"
    assert capfd.readouterr() == ("", "")


def test_a_refusal_keeps_its_words_on_one_line() -> None:
    with pytest.raises(Refused) as refused:
        run("refuse")
    assert str(refused.value) == "half of it is missing [31m"
    assert refused.value.name == "DamagedCodestream"


def test_a_fault_keeps_its_words_to_itself() -> None:
    with pytest.raises(ChildFaulted) as fault:
        run("fault")
    assert "KeyError" in str(fault.value)
    assert "DOE" not in str(fault.value)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(Refused, match="No such file") as refused:
        run("not_there")
    assert "DOE" not in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "3",
        "[]",
        "{}",
        '{"done": "1", "total": 2}',
        '{"error": "x"}',
        '{"error": {"kind": "refused"}}',
        '{"error": {"kind": 1, "name": 2, "message": 3}}',
        "[" * 100_000,
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_forged_answers_are_no_answers(line: str) -> None:
    with pytest.raises(ChildCrashed, match="garbled"):
        run("forge", line=line)


def test_an_endless_answer_is_cut_off() -> None:
    with pytest.raises(ChildCrashed, match="too long"):
        run("flood")


def test_no_function_is_a_fault() -> None:
    with pytest.raises(ChildFaulted):
        run("absent")


def test_the_limits_hold_in_the_child() -> None:
    assert run("limits") == [256 << 20, 0]


def test_no_secret_is_told_to_a_child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SANSVERRE_DATABASE", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "ANY_OTHER"):
        monkeypatch.setenv(name, "a secret")
    assert "a secret" not in run("environment").values()
    with ExitStack() as held:
        folder = str(tmp_path)
        child, words = stay(held, "tests.api.children", 256 << 20, folder)
        with os.fdopen(os.dup(words), "rb") as heard:
            told = json.loads(heard.readline())
        assert child.wait(LONG_S) == 0
    assert told["TMPDIR"] == folder
    assert "a secret" not in told.values()


def test_temporary_files_go_with_the_child(tmp_path: Path) -> None:
    folder = run_limited("tests.api.children:leave_files", {}, SMALL, scratch=tmp_path)
    assert Path(folder).is_relative_to(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_the_child_started_ends_with_it(clock: Clock) -> None:
    pids: list[int] = []

    def heard(pid: int, _: int) -> None:
        pids.append(pid)
        clock.added_s += 10_000

    with pytest.raises(OutOfTime):
        run_limited("tests.api.children:start_helper", {}, Limits(silence_s=300), heard)
    until(lambda: not is_alive(pids[0]))


def test_whoever_listens_may_end_it() -> None:
    class Enough(Exception):
        pass

    pids: list[int] = []

    def stop(pid: int, _: int) -> None:
        pids.append(pid)
        raise Enough

    with pytest.raises(Enough):
        run_limited("tests.api.children:wait", {}, SMALL, stop)
    assert not is_alive(pids[0])


def test_the_child_ends_with_its_parent() -> None:
    program = (
        "from api.sandbox import *; "
        "run_limited('tests.api.children:wait', {}, Limits(silence_s=600), "
        "lambda pid, _: print(pid, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert is_alive(pid)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    until(lambda: not is_alive(pid))


@pytest.mark.soak
def test_a_busy_machine_is_no_fault_of_the_file() -> None:
    spin = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(spin) for _ in range(10 * (os.cpu_count() or 1))]
    try:
        started = time.monotonic()
        assert run("work_hard", Limits(silence_s=3)) == "done"
        assert time.monotonic() - started > 3
    finally:
        for one in others:
            one.kill()
            one.wait()


def test_a_larger_file_is_given_more_time() -> None:
    assert limits_for(0).silence_s < 10
    assert limits_for(10**10).silence_s > 100
    assert limits_for(10**10).memory_bytes == 1 << 30


@given(st.text())
@settings(max_examples=200)
def test_any_text_becomes_one_printable_line(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= 400


def test_every_error_is_one_kind() -> None:
    for kind in (Refused, OutOfMemory, OutOfTime, ChildCrashed, ChildFaulted):
        assert issubclass(kind, SandboxError)
