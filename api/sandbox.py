"""Run a function on untrusted input in a child process with limits of memory and time.

The parent never unpickles: the child speaks lines of JSON, and what it says is treated as a
stranger's words. The child is a fresh interpreter, or forked from one (`api.nursery`), so that no
lock, thread or memory of the parent's comes along, and the heavy imports happen there.

    parent --(JSON on stdin)--> child           the function's name, its arguments, what it is told
    parent <--(JSON lines on a pipe)-- child    progress, once some news, then result or error
    parent <--(bytes on stderr)-- child         what C libraries mutter: its last bytes are kept
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from api.child import TRACE
from api.errors import ChildCrashed, ChildFaulted, OutOfMemory, OutOfTime, Refused, SandboxError
from api.nursery import Born, born
from api.told import printable

Json = Any
Progress = Callable[[int, int], None]


class Voice(Protocol):
    """How a function in the child is heard while it works."""

    def __call__(self, done: int, total: int) -> None:
        """Say how far it is."""
        ...

    def tell(self, news: Json) -> None:
        """Say, once, what whoever asked should know before the end."""
        ...


LINE_BYTES = 4 << 20
STDERR_BYTES = 16 << 10
TICK_S = 0.5
BUSY = 9


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may take.

    `silence_s` bounds the time between two words (progress that advances counts as one), and
    from the start to the first word. Time spent waiting for a processor does not count, up to
    BUSY times as much: a machine with much to do is no fault of the file.
    """

    memory_bytes: int = 1 << 30
    silence_s: float = 9.0


def limits_for(size_bytes: int, memory_bytes: int = 1 << 30) -> Limits:
    """The limits for a file of that size: reading 50 MB takes a second on the slowest disks."""
    return Limits(memory_bytes, 9.0 + size_bytes / 50e6)


def size_of(path: Path) -> int:
    """The bytes of a file, or of the files of a folder; 0 for what is not there."""
    if path.is_dir():
        return sum(one.stat().st_size for one in path.iterdir() if one.is_file())
    return path.stat().st_size if path.is_file() else 0


def run_limited(
    function: str,
    arguments: dict[str, Json],
    limits: Limits | None = None,
    progress: Progress | None = None,
    meanwhile: Callable[[], None] | None = None,
    scratch: Path | None = None,
    news: Callable[[Json], None] | None = None,
    told: Mapping[str, str] | None = None,
) -> Json:
    """What `module:function` returns for these arguments, run in a child process.

    The function is called as `function(say, **arguments)`, where `say(done, total)` tells the
    parent how far it is and `say.tell(…)` something more, once; `progress` and `news` hear it, and
    `meanwhile` is called about twice a second. Whatever they raise ends the child. Its temporary
    files lie in a folder of its own (inside `scratch`, which must exist), gone afterwards however
    it ended. Of this process's environment it knows what names no secret, and what is `told`.

    Where another's end took the child with it, another child begins anew, in an interpreter of its
    own, and is heard as the first one was: what is said of a file is of that file alone.

    Raises Refused (the function's own words), OutOfMemory, OutOfTime, ChildCrashed, ChildFaulted.
    """
    limits = limits or Limits()
    heard = _Heard(limits.silence_s, progress, meanwhile, news)
    with TemporaryDirectory(prefix="sansverre-", dir=scratch) as folder:
        environment = _environment_of(folder)
        asked = {
            "function": function,
            "arguments": arguments,
            # Not of what it begins with: the nursery would know it, and all that are forked later.
            "told": {name: one for name, one in (told or {}).items() if name not in environment},
        }
        request = json.dumps(asked).encode()
        with suppress(_Orphaned):
            return _answer(_child, function, request, limits, environment, heard)
        return _answer(_alone, function, request, limits, environment, heard)


class _Orphaned(Exception):
    """The nursery ended, and the child with it."""


@dataclass(slots=True)
class _Heard:
    """Who hears a child, and for how long it may be silent."""

    silence_s: float
    progress: Progress | None
    meanwhile: Callable[[], None] | None
    news: Callable[[Json], None] | None


_Started = subprocess.Popen[bytes] | Born


def _answer(
    begin: Callable[[str, int, int, Mapping[str, str]], _Started],
    function: str,
    request: bytes,
    limits: Limits,
    environment: Mapping[str, str],
    heard: _Heard,
) -> Json:
    """What a child answers."""
    parent_end, child_end = os.pipe()
    try:
        child = begin(function, child_end, limits.memory_bytes, environment)
    except BaseException:
        os.close(parent_end)
        raise
    finally:
        os.close(child_end)
    try:
        return _Ear(child, parent_end, heard).listen(request)
    finally:
        os.close(parent_end)
        child.end() if isinstance(child, Born) else end(child)


def _child(
    function: str, child_end: int, memory_bytes: int, environment: Mapping[str, str]
) -> _Started:
    """A child that waits for its request, of this process's nursery where there can be one."""
    known = born(function, child_end, memory_bytes, environment)
    return known or _alone(function, child_end, memory_bytes, environment)


def _alone(_: str, child_end: int, memory_bytes: int, environment: Mapping[str, str]) -> _Started:
    """A child that waits for its request in an interpreter of its own."""
    return start("api.child", child_end, memory_bytes, environment, stderr=subprocess.PIPE)


class _Ear:
    """The parent's side of one run: listens, counts the silence, keeps the child's last words."""

    def __init__(self, child: _Started, words: int, heard: _Heard) -> None:
        self._child, self._words, self._heard = child, words, heard
        self._silence_s = heard.silence_s
        self._pending, self._muttered = b"", b""
        self._furthest = (-1, -1)
        self._heard_s, self._queued_s = time.monotonic(), 0.0
        self._has_news = False
        self._verdict: Json = None

    def listen(self, request: bytes) -> Json:
        stderr, stdin = self._child.stderr, self._child.stdin
        assert stderr is not None
        assert stdin is not None
        try:
            stdin.write(request)
            stdin.close()
        except BrokenPipeError:
            return self._judge_exit()
        with selectors.DefaultSelector() as selector:
            selector.register(self._words, selectors.EVENT_READ)
            selector.register(stderr, selectors.EVENT_READ)
            while self._words in selector.get_map():
                for key, _ in selector.select(TICK_S):
                    data = os.read(key.fd, 1 << 16)
                    if not data:
                        selector.unregister(key.fileobj)
                    elif key.fd == self._words:
                        self._hear(data)
                    else:
                        self._muttered = (self._muttered + data)[-STDERR_BYTES:]
                if self._silent_s() > self._silence_s:
                    raise OutOfTime(f"it gave no sign of life for {self._silence_s:.0f} s")
                if self._heard.meanwhile is not None:
                    self._heard.meanwhile()
        return self._judge_exit()

    def _hear(self, data: bytes) -> None:
        *lines, self._pending = (self._pending + data).split(b"\n")
        if len(self._pending) > LINE_BYTES:
            raise ChildCrashed("its answer is too long")
        for line in lines:
            try:
                word = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ChildCrashed("its answer is garbled") from error
            if not isinstance(word, dict):
                raise ChildCrashed("its answer is garbled")
            match word:
                case {"done": int(done), "total": int(total)}:
                    self._advance(done, total)
                case {"news": news} if not self._has_news:
                    self._has_news = True
                    if self._heard.news is not None:
                        self._heard.news(news)
                case {"result": _} | {"error": {"kind": str(), "name": str(), "message": str()}}:
                    self._verdict = word
                case _:
                    raise ChildCrashed("its answer is garbled")

    def _advance(self, done: int, total: int) -> None:
        # Saying the same number again and again is not a sign of life.
        if (total, done) != self._furthest:
            self._furthest = (total, done)
            self._heard_s, self._queued_s = time.monotonic(), queued_s(self._child.pid)
        if self._heard.progress is not None:
            self._heard.progress(done, total)

    def _silent_s(self) -> float:
        waited_s = max(0.0, queued_s(self._child.pid) - self._queued_s)
        return time.monotonic() - self._heard_s - min(waited_s, BUSY * self._silence_s)

    def _judge_exit(self) -> Json:
        try:
            code = self._child.wait(timeout=max(0.1, self._silence_s - self._silent_s()))
        except subprocess.TimeoutExpired as error:
            raise OutOfTime("it did not end") from error
        if TRACE in os.environ:
            sys.stderr.buffer.write(self._muttered)
        if isinstance(self._child, Born) and self._child.is_orphan:
            raise _Orphaned
        match self._verdict:
            case {"result": result} if code == 0:
                return result
            case {"error": {"kind": kind, "name": name, "message": message}} if code == 0:
                raise _as_error(kind, name, one_line(message))
        if code == -signal.SIGKILL:
            raise OutOfMemory("reading it takes more memory than a file is given")
        if b"bad_alloc" in self._muttered or b"annot allocate memory" in self._muttered:
            raise OutOfMemory("reading it takes more memory than a file is given")
        reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        raise ChildCrashed(f"reading it ended in {reason}")


def queued_s(pid: int) -> float:
    """How long a process was ready and had no processor (Linux; else nothing is known of it)."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


def one_line(text: str, length: int = 400) -> str:
    """A stranger's text as one printable line, of no more than `length` characters."""
    line = printable(text)
    return line if len(line) <= length else line[: length - 1] + "…"


def _as_error(kind: str, name: str, message: str) -> SandboxError:
    match kind:
        case "refused":
            return Refused(message, name)
        case "memory":
            return OutOfMemory("reading it takes more memory than a file is given")
    return ChildFaulted(f"this software failed on it ({one_line(name, 80)})")


_TO_ALL = (
    *("PATH", "HOME", "LANG", "LC_", "TZ", "VIRTUAL_ENV", TRACE),
    *("PYTHON", "LD_", "OMP_", "OPENBLAS_", "OPENCV_", "MALLOC_"),
)
"""How variables begin that children are told: none of them is a password or a key."""


def _environment_of(folder: str) -> dict[str, str]:
    """The environment of a child whose temporary files lie in that folder.

    A file that takes a child over learns from it no secret of a database, a store or an archive.
    """
    return {
        **{name: value for name, value in os.environ.items() if name.startswith(_TO_ALL)},
        # Libraries that size their buffers by the number of cores would fill the limit with them.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "4",
        "TMPDIR": folder,
    }


def start(
    module: str,
    child_end: int,
    memory_bytes: int,
    environment: Mapping[str, str],
    *more: str,
    stderr: int,
    bufsize: int = -1,
) -> subprocess.Popen[bytes]:
    """A child that runs a module of ours, which is to `confine` itself first of all.

    It is given the end of the pipe that it speaks into, its parent, its limit, and `more`.
    """
    words = (str(child_end), str(os.getpid()), str(memory_bytes), *more)
    return subprocess.Popen(  # noqa: S603 - our own interpreter and our own module
        [sys.executable, "-m", module, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        pass_fds=(child_end,),
        env=environment,
        process_group=0,
        bufsize=bufsize,
    )


def stay(
    held: ExitStack, module: str, memory_bytes: int, folder: str, *more: str
) -> tuple[subprocess.Popen[bytes], int]:
    """A child that stays while it is asked, and the pipe that it speaks into; both end with `held`.

    It is told no secret. Otherwise as `start`.
    """
    words, child_end = os.pipe()
    held.callback(os.close, words)
    try:
        # Unbuffered: what was not taken must not be left to be written when the pipe is closed.
        child = start(
            module,
            child_end,
            memory_bytes,
            _environment_of(folder),
            *more,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
    finally:
        os.close(child_end)
    held.callback(end, child)
    return child, words


def end(child: subprocess.Popen[bytes]) -> None:
    """End a child and whatever it started."""
    if child.poll() is None:
        # The group, as a library may have started helpers of its own.
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stderr):
        if pipe is not None:
            pipe.close()
