"""One file read by offset from many threads."""

import os
from pathlib import Path

from tiles.errors import ShortRead


class SharedFile:
    """An open file whose `read` is a `ReadRange`: it moves no position that threads would share."""

    def __init__(self, path: Path) -> None:
        self._descriptor: int | None = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self.size = os.fstat(self._descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`; raises ShortRead where the file ends before."""
        if self._descriptor is None:
            raise ShortRead("the slide has been closed")
        data = os.pread(self._descriptor, length, offset)
        if len(data) != length:
            raise ShortRead(f"{length} bytes expected at {offset}, {len(data)} found")
        return data

    def close(self) -> None:
        """Release the file; safe to call twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
