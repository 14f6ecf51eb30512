"""Run a function on untrusted input in a child process with limits of memory and time.

The parent never unpickles: the child speaks lines of JSON, and what it says is treated as a
stranger's words. The child is a fresh interpreter, so that no lock, thread or secret of the
parent's comes along, and the heavy imports happen there.

    parent --(JSON on stdin)--> child           the function's name and its arguments
    parent <--(JSON lines on a pipe)-- child    progress, once some news, then result or error
    parent <--(bytes on stderr)-- child         what C libraries mutter: its last bytes are kept
"""

import ctypes
import errno
import importlib
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn, Protocol, cast

from api.errors import ChildCrashed, ChildFaulted, OutOfMemory, OutOfTime, Refused, SandboxError
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


PACKAGES = ("tiles", "archive", "slides", "dermato", "api")
"""Whose exceptions speak to people; any other is a fault of ours and is told by its class only."""

TRACE = "SANSVERRE_TRACE"
"""Set by developers: what children mutter, faults included, is passed on to standard error."""

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
) -> Json:
    """What `module:function` returns for these arguments, run in a child process.

    The function is called as `function(say, **arguments)`, where `say(done, total)` tells the
    parent how far it is and `say.tell(…)` something more, once; `progress` and `news` hear it, and
    `meanwhile` is called about twice a second. Whatever they raise ends the child. Its temporary
    files lie in a folder of its own (inside `scratch`, which must exist), gone afterwards however
    it ended.

    Raises Refused (the function's own words), OutOfMemory, OutOfTime, ChildCrashed, ChildFaulted.
    """
    limits = limits or Limits()
    request = json.dumps({"function": function, "arguments": arguments}).encode()
    with TemporaryDirectory(prefix="sansverre-", dir=scratch) as folder:
        parent_end, child_end = os.pipe()
        try:
            child = start(
                "api.sandbox", child_end, limits.memory_bytes, folder, stderr=subprocess.PIPE
            )
        finally:
            os.close(child_end)
        try:
            ear = _Ear(child, parent_end, limits.silence_s, progress, meanwhile, news)
            return ear.listen(request)
        finally:
            os.close(parent_end)
            end(child)


class _Ear:
    """The parent's side of one run: listens, counts the silence, keeps the child's last words."""

    def __init__(
        self,
        child: subprocess.Popen[bytes],
        words: int,
        silence_s: float,
        progress: Progress | None,
        meanwhile: Callable[[], None] | None,
        news: Callable[[Json], None] | None,
    ) -> None:
        self._child, self._words, self._silence_s = child, words, silence_s
        self._progress, self._meanwhile = progress, meanwhile
        self._news: Callable[[Json], None] | None = news or (lambda _: None)
        self._pending, self._muttered = b"", b""
        self._furthest = (-1, -1)
        self._heard_s, self._queued_s = time.monotonic(), 0.0
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
                if self._meanwhile is not None:
                    self._meanwhile()
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
                case {"news": news} if self._news is not None:
                    self._news(news)
                    self._news = None
                case {"result": _} | {"error": {"kind": str(), "name": str(), "message": str()}}:
                    self._verdict = word
                case _:
                    raise ChildCrashed("its answer is garbled")

    def _advance(self, done: int, total: int) -> None:
        # Saying the same number again and again is not a sign of life.
        if (total, done) != self._furthest:
            self._furthest = (total, done)
            self._heard_s, self._queued_s = time.monotonic(), _queued_s(self._child.pid)
        if self._progress is not None:
            self._progress(done, total)

    def _silent_s(self) -> float:
        queued_s = max(0.0, _queued_s(self._child.pid) - self._queued_s)
        return time.monotonic() - self._heard_s - min(queued_s, BUSY * self._silence_s)

    def _judge_exit(self) -> Json:
        try:
            code = self._child.wait(timeout=max(0.1, self._silence_s - self._silent_s()))
        except subprocess.TimeoutExpired as error:
            raise OutOfTime("it did not end") from error
        if TRACE in os.environ:
            sys.stderr.buffer.write(self._muttered)
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


def _queued_s(pid: int) -> float:
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


def _environment_of(folder: str | Path) -> dict[str, str]:
    """The environment of a child whose temporary files lie in that folder."""
    return {
        **os.environ,
        # Libraries that size their buffers by the number of cores would fill the limit with them.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "4",
        "TMPDIR": str(folder),
    }


def start(
    module: str,
    child_end: int,
    memory_bytes: int,
    folder: str,
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
        env=_environment_of(folder),
        process_group=0,
        bufsize=bufsize,
    )


def end(child: subprocess.Popen[bytes]) -> None:
    """End a child and whatever it started."""
    if child.poll() is None:
        # The group, as a library may have started helpers of its own.
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stderr):
        if pipe is not None:
            pipe.close()


def die_with(parent_pid: int) -> None:
    """Have the kernel end this process when its parent ends, however that happens (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    set_parent_death_signal = 1
    ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent_pid:
        # It had ended before the kernel was asked.
        os._exit(1)


def confine(parent_pid: int, memory_bytes: int) -> None:
    """Take the limits of a child upon this process."""
    die_with(parent_pid)
    # DATA, not AS: files mapped for reading and reserved address space cost nobody memory.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> NoReturn:
    """The child: read the request, run the function, say how it went."""
    descriptor, parent_pid, memory_bytes = map(int, sys.argv[1:4])
    confine(parent_pid, memory_bytes)
    os.set_inheritable(descriptor, False)
    request = json.loads(sys.stdin.buffer.read())
    _say(descriptor, _run(request, descriptor))
    # Straight out: threads that libraries left behind must not hold a finished answer back.
    os._exit(0)


def _run(request: dict[str, Json], descriptor: int) -> dict[str, Json]:
    try:
        module, name = request["function"].split(":")
        function = cast("Callable[..., Json]", getattr(importlib.import_module(module), name))
        return {"result": function(_Mouth(descriptor), **request["arguments"])}
    except MemoryError:
        return _error("memory", "MemoryError", "")
    except OSError as error:
        if type(error).__module__.partition(".")[0] in PACKAGES:
            return _error("refused", type(error).__name__, str(error))
        # The number tells a full disk from a file that cannot be read.
        name = errno.errorcode.get(error.errno or 0, type(error).__name__)
        return _error("refused", name, os.strerror(error.errno) if error.errno else name)
    except Exception as error:  # noqa: BLE001 - whatever a hostile file makes a parser raise
        if type(error).__module__.partition(".")[0] in PACKAGES:
            return _error("refused", type(error).__name__, str(error))
        if TRACE in os.environ:
            sys.excepthook(*sys.exc_info())
        return _error("failed", type(error).__name__, "")


def _error(kind: str, name: str, message: str) -> dict[str, Json]:
    return {"error": {"kind": kind, "name": name, "message": message}}


class _Mouth:
    """The child's side of a Voice."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, done: int, total: int) -> None:
        _say(self._descriptor, {"done": int(done), "total": int(total)})

    def tell(self, news: Json) -> None:
        _say(self._descriptor, {"news": news})


def _say(descriptor: int, word: dict[str, Json]) -> None:
    rest = memoryview(json.dumps(word).encode() + b"\n")
    while rest:
        rest = rest[os.write(descriptor, rest) :]


if __name__ == "__main__":
    main()
