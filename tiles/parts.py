"""One level out of several instances: the parts of a concatenation, read as if they were one.

Source: PS3.3 C.7.6.16.1.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tiles.errors import DamagedInstance
from tiles.instance import FrameIndex
from tiles.positions import Lying
from tiles.source import ReadRange


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the frames of all parts lie, the parts thought one behind the other.

    `begins` has for each part where its first byte lies in that. What did not come yet is -1.
    """

    index: FrameIndex
    begins: tuple[int, ...]

    def part(self, offset: int) -> tuple[int, int]:
        """The number of the part that holds a byte, and the byte's offset in it."""
        number = bisect_right(self.begins, offset) - 1
        return number, offset - self.begins[number]

    def reader(self, readers: Sequence[ReadRange]) -> ReadRange:
        """What reads the frames, given what reads each part."""

        def read(offset: int, length: int) -> bytes:
            number, own = self.part(offset)
            return readers[number](own, length)

        return read


def joined(parts: Sequence[tuple[FrameIndex, int]]) -> Parts:
    """The parts of one level, each with its length in bytes; raises DamagedInstance.

    Where two have a tile, the later one shows.
    """
    (first, _), *more = parts
    if not more:
        return Parts(first, (0,))
    begins, begin, count = [], 0, 0
    tiles, frames, offsets = [], [], []
    for index, length_bytes in parts:
        every = np.arange(len(index.offsets), dtype=np.int64)
        own = Lying(every, every) if index.lying is None else index.lying
        same = (index.level, index.samples, index.bits, index.encoding, index.planes)
        if same != (first.level, first.samples, first.bits, first.encoding, first.planes):
            raise DamagedInstance("the parts of a level are not of one kind")
        tiles.append(own.tiles)
        frames.append(own.frames + count)
        offsets.append(index.offsets + np.uint64(begin))
        begins.append(begin)
        begin += length_bytes
        count += len(index.offsets)
    whole = replace(
        first,
        offsets=np.concatenate(offsets),
        lengths=np.concatenate([index.lengths for index, _ in parts]),
        lying=Lying.of(np.concatenate(tiles), np.concatenate(frames)),
    )
    return Parts(whole, tuple(begins))
