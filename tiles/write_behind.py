"""Writing beside the work that makes the bytes: it needs neither Python nor its lock."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import RawIOBase
from typing import Any

SYNC_BYTES = 32 << 20
"""After so many bytes the disk is told to begin, so that little is left for it at the end."""

MOST_WAITING = 4
"""Writes that may wait for the one under way: now and then the system keeps one for long."""


class WriteBehind:
    """A file that takes bytes in their order and writes them while the next are made."""

    def __init__(
        self, file: RawIOBase, writer: ThreadPoolExecutor, syncer: ThreadPoolExecutor
    ) -> None:
        self._file = file
        self._writer = writer
        self._syncer = syncer
        self._writing: deque[Future[Any]] = deque()
        self._syncing: Future[Any] | None = None
        self._unsynced = 0

    def write(self, data: bytes) -> None:
        """Take bytes, once few before them wait; raises OSError if such were not written."""
        self._wait(MOST_WAITING)
        self._writing.append(self._writer.submit(_write_whole, self._file, data))
        self._unsynced += len(data)
        if self._unsynced >= SYNC_BYTES and (self._syncing is None or self._syncing.done()):
            _result(self._syncing)
            self._syncing = self._syncer.submit(os.fdatasync, self._file.fileno())
            self._unsynced = 0

    def finish(self) -> None:
        """Return when nothing is under way; raises OSError."""
        self._wait(0)
        _result(self._syncing)

    def _wait(self, most: int) -> None:
        while len(self._writing) > most:
            self._writing.popleft().result()


@contextmanager
def written_behind(file: RawIOBase) -> Iterator[WriteBehind]:
    """A file to write to until the end of a block; all is written then, though not synced."""
    # One thread alone writes, so that the order stays.
    with ThreadPoolExecutor(1, "write") as writer, ThreadPoolExecutor(1, "sync") as syncer:
        behind = WriteBehind(file, writer, syncer)
        yield behind
        behind.finish()


def _result(work: "Future[Any] | None") -> None:
    if work is not None:
        work.result()


def _write_whole(file: RawIOBase, data: bytes) -> None:
    # The system may write less than it is asked to.
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]
