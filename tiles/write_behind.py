"""Writing beside the work that makes the bytes: it needs neither Python nor its lock.

The long rest of a long file goes straight to the disk, past the system's cache: that saves a copy
and the memory for it, leaves the cache to what is being looked at, and leaves little to be synced
at the end. What is read back of it afterwards comes from the disk, too.
"""

import errno
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from mmap import mmap
from pathlib import Path

LOT_BYTES = 4 << 20
"""Written at once; a disk's blocks, and pages of memory, end where it does."""

LOTS = 4
"""In memory: one is being filled, others wait for the one that the system may keep for long."""

O_DIRECT = getattr(os, "O_DIRECT", 0)
"""Where there is none, all goes through the cache."""

DIRECT_FROM = 32 << 20
"""What comes before is written through the cache: shorter files are soon looked at."""


class WriteBehind:
    """A file that takes bytes in their order and writes them while the next are made."""

    def __init__(self, path: Path, writer: ThreadPoolExecutor) -> None:
        self._path = path
        self._writer = writer
        self._cached = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        self._direct: int | None = None
        self._writing: deque[tuple[Future[None], mmap]] = deque()
        self._lot = mmap(-1, LOT_BYTES)
        self._lots = 1
        self._filled = 0
        self._at = 0

    def write(self, data: bytes) -> None:
        """Take bytes; raises OSError where earlier ones could not be written."""
        rest = memoryview(data)
        while rest:
            part = rest[: LOT_BYTES - self._filled]
            self._lot[self._filled : self._filled + len(part)] = part
            self._filled += len(part)
            rest = rest[len(part) :]
            if self._filled == LOT_BYTES:
                self._submit()
                self._lot = self._free_lot()

    def finish(self) -> None:
        """Return when all is written, though not synced; raises OSError."""
        self._submit()
        while self._writing:
            self._writing.popleft()[0].result()

    def close(self) -> None:
        """Close the file."""
        os.close(self._cached)
        if self._direct is not None:
            os.close(self._direct)

    def _submit(self) -> None:
        work = self._writer.submit(self._write_lot, self._lot, self._filled, self._at)
        self._writing.append((work, self._lot))
        self._at += self._filled
        self._filled = 0

    def _free_lot(self) -> mmap:
        if self._lots < LOTS:
            self._lots += 1
            return mmap(-1, LOT_BYTES)
        work, lot = self._writing.popleft()
        work.result()
        return lot

    def _write_lot(self, lot: mmap, length: int, at: int) -> None:
        rest = memoryview(lot)[:length]
        if at >= DIRECT_FROM and length == LOT_BYTES:
            rest = rest[self._past_the_cache(rest, at) :]
        # The system may write less than it is asked to.
        while rest:
            rest = rest[os.pwrite(self._cached, rest, at + length - len(rest)) :]

    def _past_the_cache(self, lot: memoryview, at: int) -> int:
        """How many bytes were written so; 0 where the system or the file system cannot."""
        try:
            if self._direct is None:
                self._direct = os.open(self._path, os.O_WRONLY | O_DIRECT)
            return os.pwrite(self._direct, lot, at)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return 0


@contextmanager
def written_behind(path: Path) -> Iterator[WriteBehind]:
    """A new file to write to until the end of a block; all is written then, though not synced."""
    # One thread alone writes, as one lot after the other is the order of a disk.
    with ThreadPoolExecutor(1, "write") as writer:
        behind = WriteBehind(path, writer)
        try:
            yield behind
            behind.finish()
        finally:
            writer.shutdown()
            behind.close()
