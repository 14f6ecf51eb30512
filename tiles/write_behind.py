"""Writing beside the work that makes the bytes: it needs neither Python nor its lock."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from io import RawIOBase
from typing import Any

SYNC_BYTES = 32 << 20
"""After so many bytes the disk is told to begin, so that little is left for it at the end."""


class WriteBehind:
    """A file that takes bytes in their order and writes them while the next are made."""

    def __init__(self, file: RawIOBase, beside: ThreadPoolExecutor) -> None:
        self._file = file
        self._beside = beside
        self._writing: Future[Any] | None = None
        self._syncing: Future[Any] | None = None
        self._unsynced = 0

    def write(self, data: bytes) -> None:
        """Take bytes, once those before them are written; raises OSError if they were not."""
        self.wait()
        self._writing = self._beside.submit(_write_whole, self._file, data)
        self._unsynced += len(data)
        if self._unsynced >= SYNC_BYTES and (self._syncing is None or self._syncing.done()):
            _result(self._syncing)
            self._syncing = self._beside.submit(os.fdatasync, self._file.fileno())
            self._unsynced = 0

    def wait(self) -> None:
        """Return when all bytes taken are written; raises OSError if they were not."""
        _result(self._writing)

    def finish(self) -> None:
        """Return when nothing is under way; raises OSError."""
        self.wait()
        _result(self._syncing)


@contextmanager
def written_behind(file: RawIOBase) -> Iterator[WriteBehind]:
    """A file to write to until the end of a block; all is written then, though not synced."""
    with ThreadPoolExecutor(2, "write") as beside:
        behind = WriteBehind(file, beside)
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
