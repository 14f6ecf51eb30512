"""Children that look files over, one after another: what starting one for each would cost is saved.

The parent treats what they say as a stranger's words, as `api.sandbox` does.
"""

import json
import os
import queue
import selectors
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from api.errors import ChildCrashed, ChildFaulted, OutOfMemory, OutOfTime
from api.instances.shares import Shares
from api.sandbox import BUSY, TICK_S, one_line, queued_s, size_of, stay

CHILDREN = 3
"""At once, in each process that receives; one establishment alone has one fewer."""
MEMORY_BYTES = 1 << 30
IDLE_S = 60.0
SILENCE_S = 60.0
SLOWEST_BYTES_S = 5e6
_LINE_BYTES = 1 << 20


class Examiners:
    """Children of this process, each asked by one thread at a time. Thread-safe."""

    def __init__(self, scratch: Path, most: int = CHILDREN) -> None:
        self._scratch = scratch
        # Who is at the end of the line was used last, and has not left yet.
        self._free: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(most):
            self._free.put(None)
        self._most, self._shares = most, Shares(most)

    def examine(self, path: Path, anew: Path, whose: str) -> dict[str, Any]:
        """What `api.instances.examine` finds of a file; blocks until a child is free.

        Raises SandboxError, and OSError where the disk failed the child.
        """
        return self.ask({"path": str(path), "anew": str(anew)}, size_of(path), whose)

    def ask(self, question: dict[str, Any], size_bytes: int, whose: str) -> dict[str, Any]:
        """What a child answers to a question about so many bytes; otherwise as `examine`."""
        with self._shares.place(whose):
            return self._ask_any(question, size_bytes)

    def _ask_any(self, question: dict[str, Any], size_bytes: int) -> dict[str, Any]:
        child = self._free.get()
        kept: _Child | None = None
        try:
            child, told = self._ask(child, question, size_bytes)
            kept = child
        finally:
            if kept is None and child is not None:
                child.close()
            self._free.put(kept)
        match told:
            case {"memory": _}:
                raise OutOfMemory("reading it takes more memory than a file is given")
            case {"errno": int(number)}:
                raise OSError(number, os.strerror(number))
            case {"fault": str(name)}:
                raise ChildFaulted(f"this software failed on it ({one_line(name, 80)})")
        return told

    def close(self) -> None:
        """End the children, once what they are asked is answered."""
        for _ in range(self._most):
            child = self._free.get()
            if child is not None:
                child.close()

    def _ask(
        self, child: "_Child | None", asked: dict[str, Any], size_bytes: int
    ) -> "tuple[_Child, dict[str, Any]]":
        question = json.dumps(asked).encode() + b"\n"
        patience_s = SILENCE_S + size_bytes / SLOWEST_BYTES_S
        if child is not None:
            try:
                return child, child.ask(question, patience_s)
            except _Gone:
                # For idleness; a new one that leaves at once is at fault.
                child.close()
        child = _Child(self._scratch)
        try:
            return child, child.ask(question, patience_s)
        except _Gone as error:
            child.close()
            raise ChildCrashed("reading it ended without an answer") from error
        except BaseException:
            child.close()
            raise


class _Gone(Exception):
    """The child has left."""


class _Child:
    def __init__(self, scratch: Path) -> None:
        with ExitStack() as held:
            folder = held.enter_context(TemporaryDirectory(prefix="examining-", dir=scratch))
            self._process, self._words = stay(
                held, "api.instances.examine", MEMORY_BYTES, folder, str(IDLE_S)
            )
            self._held = held.pop_all()

    def ask(self, question: bytes, patience_s: float) -> dict[str, Any]:
        """Its answer; raises _Gone, OutOfTime, ChildCrashed."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(question)
        except BrokenPipeError as error:
            raise _Gone from error
        pid, heard = self._process.pid, bytearray()
        began, queued = time.monotonic(), queued_s(pid)
        while b"\n" not in heard:
            # A machine with much to do is no fault of the file.
            waited_s = time.monotonic() - began
            waited_s -= min(max(0.0, queued_s(pid) - queued), BUSY * patience_s)
            if waited_s > patience_s:
                raise OutOfTime("reading it takes too long")
            with selectors.DefaultSelector() as selector:
                selector.register(self._words, selectors.EVENT_READ)
                if not selector.select(TICK_S):
                    continue
            data = os.read(self._words, 1 << 16)
            if not data:
                raise _Gone
            heard += data
            if len(heard) > _LINE_BYTES:
                raise ChildCrashed("its answer is too long")
        try:
            told = json.loads(heard)
        except (ValueError, RecursionError) as error:
            raise ChildCrashed("its answer is garbled") from error
        if not isinstance(told, dict):
            raise ChildCrashed("its answer is garbled")
        return told

    def close(self) -> None:
        self._held.close()
