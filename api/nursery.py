"""A process that has loaded what children need, and forks them: most of a small file's time else.

It is a fresh interpreter, as a child of its own would be: no lock, thread or memory of the parent's
comes along. It never sees a file or a child's words: it loads modules of ours, forks, and says how
each child ended. On Linux alone, and only while nothing that it loaded has started a thread.

    parent --(packets on a socket)--> nursery   what to load, limits, the ends of a child's pipes
    parent <--(a socket a child)--> nursery     its number, then how it ended; closed, it is ended
"""

import atexit
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn

IDLE_S = 300.0
"""For so long it waits for the next child; then what it takes of memory is free again."""
PACKET_BYTES = 1 << 17
_NONE = b"none"
_READ_AT_START = ("PYTHON", "LD_", "OMP_", "OPENBLAS_", "OPENCV_", "MALLOC_")
"""How variables begin that an interpreter or a library reads once."""


@dataclass(slots=True)
class Born:
    """A forked child, as far as its parent's parent sees it; like a `Popen`."""

    pid: int
    stdin: IO[bytes]
    stderr: IO[bytes]
    _life: socket.socket
    returncode: int | None = None
    is_orphan: bool = False
    """Whether it ended because the nursery did, of which its own work may know nothing."""

    def poll(self) -> int | None:
        """How it ended; None while it has not."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """How it ended, as soon as it has; raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._life, selectors.EVENT_READ)
                if not selector.select(timeout):
                    raise subprocess.TimeoutExpired("a child", timeout or 0)
            told = self._life.recv(16)
            # A nursery that was killed takes its children with it, and says nothing.
            self.is_orphan = not told
            self.returncode = int(told) if told else -signal.SIGKILL
        return self.returncode

    def end(self) -> None:
        """End it and whatever it started, and let go of its pipes."""
        if self.poll() is None:
            with suppress(OSError):
                self._life.shutdown(socket.SHUT_WR)
        self.wait()
        for one in (self.stdin, self.stderr, self._life):
            one.close()


class Nursery:
    """The parent's side. Thread-safe."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._key, self._is_lost = _key(environment), False
        self._way, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "api.nursery", str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # What else there is of it each child is told by itself.
                env=dict(self._key),
                process_group=0,
            )

    def serves(self, environment: Mapping[str, str]) -> bool:
        """Whether a child of this environment would have begun like one of this nursery's."""
        is_there = not self._is_lost and not self.has_ended()
        return is_there and self._key == _key(environment)

    def has_ended(self) -> bool:
        """Whether it is there no more."""
        return self._process.poll() is not None

    def bear(
        self, function: str, words: int, memory_bytes: int, environment: Mapping[str, str]
    ) -> Born | None:
        """A child that is to run a function, and speaks into `words`; None where none came."""
        asked = {
            "function": function,
            "memory_bytes": memory_bytes,
            "environment": dict(environment),
            "folder": str(Path.cwd()),
        }
        packet = json.dumps(asked).encode()
        if len(packet) > PACKET_BYTES:
            return None
        with ExitStack() as theirs, ExitStack() as ours:
            life, their_life = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.callback(life.close)
            theirs.callback(their_life.close)
            their_input, stdin = os.pipe()
            theirs.callback(os.close, their_input)
            stderr, their_errors = os.pipe()
            theirs.callback(os.close, their_errors)
            pipes = os.fdopen(stdin, "wb"), os.fdopen(stderr, "rb")
            for one in pipes:
                ours.callback(one.close)
            ends = [their_life.fileno(), words, their_input, their_errors]
            try:
                socket.send_fds(self._way, [packet], ends)
                theirs.close()
                told = life.recv(16)
            except OSError:
                # It has ended.
                told = b""
            self._is_lost = not told
            if not told or told == _NONE:
                return None
            ours.pop_all()
            return Born(int(told), *pipes, life)

    def leave(self) -> None:
        """Ask it for no more: it ends with the last of its children."""
        self._way.close()

    def end(self) -> None:
        """End it now, and its children with it."""
        self._way.close()
        self._process.kill()
        self._process.wait()


def _key(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_AT_START)}


_LOCK = threading.Lock()
_OURS: dict[int, list[Nursery]] = {}
"""Those of this process, by its number, as a fork of it has none; the last one serves."""


def born(
    function: str, words: int, memory_bytes: int, environment: Mapping[str, str]
) -> Born | None:
    """A child of this process's nursery; None where there can be none, and a fresh one is due."""
    with _LOCK:
        ours = _OURS.setdefault(os.getpid(), [])
        if not ours or not ours[-1].serves(environment):
            if not _is_possible():
                return None
            if ours:
                ours[-1].leave()
            else:
                atexit.register(_end)
            ours[:] = [*(one for one in ours if not one.has_ended()), Nursery(environment)]
        return ours[-1].bear(function, words, memory_bytes, environment)


def _is_possible() -> bool:
    # The kernel ends it with the thread that started it.
    is_last = threading.current_thread() is threading.main_thread()
    return is_last and sys.platform.startswith("linux")


def _end() -> None:
    for one in _OURS.pop(os.getpid(), []):
        one.end()


@dataclass(slots=True)
class _Child:
    """The nursery's side of a child."""

    pid: int
    life: socket.socket
    handle: int = field(default=-1)


class _Keeper:
    """The nursery itself: one thread, which waits for parents' words and children's ends."""

    def __init__(self, way: socket.socket, bear: Callable[[dict[str, Any], int], NoReturn]) -> None:
        self._way, self._bear = way, bear
        self._selector = selectors.DefaultSelector()
        self._selector.register(way, selectors.EVENT_READ)
        self._children: dict[int, _Child] = {}

    def keep(self) -> None:
        """Fork children until nobody asks any more, or nobody has for long."""
        is_asked = True
        while is_asked or self._children:
            ready = self._selector.select(None if self._children else IDLE_S)
            if not ready:
                return
            for key, _ in ready:
                if self._selector.get_map().get(key.fd) is not key:
                    # What came before it in this round ended it; its number may be another's.
                    continue
                if key.fileobj is self._way:
                    is_asked = self._hear()
                elif key.fd in self._children:
                    self._ended(self._children[key.fd])
                elif isinstance(key.data, _Child):
                    self._end(key.data)

    def _hear(self) -> bool:
        packet, ends, _, _ = socket.recv_fds(self._way, PACKET_BYTES, 4)
        with ExitStack() as taken:
            for one in ends:
                taken.callback(os.close, one)
            if not packet:
                self._selector.unregister(self._way)
                return False
            if len(ends) == 4:
                # Fewer came where no more may be open; closed, they say that no child is to come.
                asked = json.loads(packet)
                _load(asked["function"])
                taken.pop_all()
                self._begin(asked, socket.socket(fileno=ends[0]), ends[1:])
        return True

    def _begin(self, asked: dict[str, Any], life: socket.socket, ends: list[int]) -> None:
        """Fork a child, or say that none is to come."""
        try:
            pid = self._forked(asked, ends)
        finally:
            for one in ends:
                os.close(one)
        if pid is None or (child := self._known(pid, life)) is None:
            with life, suppress(OSError):
                life.send(_NONE)
            return
        with suppress(OSError):
            # Who has gone meanwhile is heard of by the same socket.
            child.life.send(str(pid).encode())

    def _forked(self, asked: dict[str, Any], ends: list[int]) -> int | None:
        try:
            if len(list(Path("/proc/self/task").iterdir())) > 1:
                # A lock that another thread holds would never be free in a child.
                return None
            gc.freeze()
            pid = os.fork()
        except OSError:
            # More processes, files or memory than there may be: those that are there go on.
            return None
        if pid == 0:
            self._live(asked, *ends)
        return pid

    def _known(self, pid: int, life: socket.socket) -> _Child | None:
        """A child that is waited for from now on; None for one of which that is not possible."""
        with suppress(OSError):
            # Both do it, as either may come first.
            os.setpgid(pid, pid)
        try:
            child = _Child(pid, life, os.pidfd_open(pid))
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return None
        self._children[child.handle] = child
        self._selector.register(child.handle, selectors.EVENT_READ)
        self._selector.register(child.life, selectors.EVENT_READ, child)
        return child

    def _live(self, asked: dict[str, Any], words: int, stdin: int, stderr: int) -> NoReturn:
        """Be the child, from here on."""
        try:
            os.setpgid(0, 0)
            os.dup2(stdin, 0)
            os.dup2(stderr, 2)
            os.dup2(words, 3)
            for one in {words, stdin, stderr} - {0, 2, 3}:
                # First, so that there is room to list the others.
                os.close(one)
            for one in [int(link.name) for link in Path("/proc/self/fd").iterdir()]:
                # Other children's, and that by which the folder was listed, which is closed.
                if one > 3:
                    with suppress(OSError):
                        os.close(one)
            sys.argv[1:] = ["3"]
            os.environ.clear()
            os.environ.update(asked["environment"])
            tempfile.tempdir = None
            os.chdir(asked["folder"])
            self._bear(asked, 3)
        finally:
            os._exit(1)

    def _end(self, child: _Child) -> None:
        """Whoever asked for it wants no more of it."""
        self._selector.unregister(child.life)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)

    def _ended(self, child: _Child) -> None:
        with suppress(ProcessLookupError):
            # What it started goes with it, before its number can be another's.
            os.killpg(child.pid, signal.SIGKILL)
        _, status = os.waitpid(child.pid, 0)
        del self._children[child.handle]
        with suppress(KeyError):
            self._selector.unregister(child.life)
        self._selector.unregister(child.handle)
        os.close(child.handle)
        with child.life, suppress(OSError):
            child.life.send(str(os.waitstatus_to_exitcode(status)).encode())


def _load(function: str) -> None:
    """Import the module of a function, and what that says the function needs."""
    module, _, name = function.partition(":")
    # What is not there, or cannot be loaded, is for the child to tell.
    with suppress(Exception):
        for needed in getattr(importlib.import_module(module), "NEEDS", {}).get(name, ()):
            importlib.import_module(needed)


def main() -> None:
    """The nursery: keep children until the parent ends."""
    from api.child import run
    from api.confinement import confine, die_with, hide

    descriptor, parent_pid = map(int, sys.argv[1:3])
    die_with(parent_pid)
    hide()
    ours = os.getpid()

    def bear(asked: dict[str, Any], words: int) -> NoReturn:
        confine(ours, asked["memory_bytes"])
        run(words)

    with socket.socket(fileno=descriptor) as way:
        _Keeper(way, bear).keep()


if __name__ == "__main__":
    main()
