"""One file read by offset from many threads."""

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tiles.errors import ShortRead

Integers = NDArray[np.int64]

RUN_BYTES = 1 << 20
"""Read at once of what lies together: long enough that the call costs nothing, and no longer than
what the processor keeps near while the tiles in it are looked at."""

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

    def read_runs(self, offsets: Integers, lengths: Integers) -> Iterator[list[bytes]]:
        """The bytes of each extent in turn; what comes together lies together and is read at once.

        Raises ShortRead.
        """
        for run in runs(offsets, lengths):
            start = int(offsets[run.start])
            begins = offsets[run] - start
            ends = begins + lengths[run]
            data = self.read(start, int(ends[-1]))
            yield [data[a:b] for a, b in zip(begins.tolist(), ends.tolist(), strict=True)]

    def close(self) -> None:
        """Release the file; safe to call twice."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


def runs(offsets: Integers, lengths: Integers) -> Iterator[slice]:
    """Extents that lie one after another, in lots of up to RUN_BYTES."""
    ends = offsets + lengths
    gaps = offsets[1:] - ends[:-1]
    apart = np.flatnonzero((gaps < 0) | (gaps > MOST_GAP_BYTES)) + 1
    for begin, stop in pairwise([0, *apart.tolist(), len(offsets)]):
        first = begin
        while first < stop:
            room = np.searchsorted(ends[first:stop], offsets[first] + RUN_BYTES, "right")
            last = first + max(1, int(room))
            yield slice(first, last)
            first = last
