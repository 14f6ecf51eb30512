"""One file read by offset from many threads."""

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from tiles.errors import ShortRead

RUN_BYTES = 4 << 20
"""Read at once of what lies together: long enough that the call costs nothing."""

MOST_GAP_BYTES = 1 << 14
"""Skipped by reading it: what scanners leave between tiles is a few bytes."""


class SharedFile:
    """An open file whose `read` is a `ReadRange`: it moves no position that threads would share."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self.size = os.fstat(self._descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`; raises ShortRead where the file ends before."""
        if self._descriptor is None:
            raise ShortRead("the slide has been closed")
        if offset < 0 or length < 0:
            raise ShortRead(f"{length} bytes expected at {offset}, where no file has any")
        data = os.pread(self._descriptor, length, offset)
        if len(data) != length:
            raise ShortRead(f"{length} bytes expected at {offset}, {len(data)} found")
        return data

    def read_in_order(self, extents: Sequence[tuple[int, int]]) -> Iterator[bytes]:
        """The bytes of each extent (offset, length) in turn; neighbours are read at once."""
        for run in runs(extents):
            start = run[0][0]
            data = self.read(start, sum(run[-1]) - start)
            for offset, length in run:
                yield data[offset - start : offset - start + length]

    def close(self) -> None:
        """Release the file; safe to call twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def runs(extents: Sequence[tuple[int, int]]) -> Iterator[Sequence[tuple[int, int]]]:
    """Extents (offset, length) that lie one after another, in lots of up to RUN_BYTES."""
    first = 0
    for number, ((offset, length), (following, extent)) in enumerate(pairwise(extents), 1):
        near = 0 <= following - (offset + length) <= MOST_GAP_BYTES
        if not near or following + extent - extents[first][0] > RUN_BYTES:
            yield extents[first:number]
            first = number
    if extents:
        yield extents[first:]
