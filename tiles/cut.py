"""Neighbouring frames of a stored instance, read apart from the others: what a part is made of."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiles.errors import DamagedInstance, ShortRead
from tiles.frames import WRITE_BYTES
from tiles.instance import FrameIndex
from tiles.source import ReadRange

_ITEM_BYTES = 8
_TABLES_BYTES = 16 + 16
"""The places of a frame in both tables: the one before the frames, and the one behind them."""


def sizes_of(index: FrameIndex) -> list[int]:
    """What each frame takes of an instance, in bytes: its item, and its places in tables."""
    sizes = _ends(index) - index.offsets + np.uint64(_ITEM_BYTES + _TABLES_BYTES)
    return list(sizes.tolist())


def neighbours(sizes: Sequence[int], room: int) -> list[range]:
    """Neighbours by number, as many together as there is room for; one that has none is alone."""
    groups = []
    first = taken = 0
    for number, size in enumerate(sizes):
        if number > first and taken + size > room:
            groups.append(range(first, number))
            first, taken = number, 0
        taken += size
    return [*groups, range(first, len(sizes))]


@dataclass(frozen=True)
class StoredFrames:
    """Some frames of an instance, neighbours, read as they are wanted."""

    read: ReadRange
    index: FrameIndex
    numbers: range
    sha256: str = ""
    """The digest of all of them, one behind the other, where it is known."""

    def __len__(self) -> int:
        return len(self.numbers)

    def lots(self) -> Iterator[Sequence[bytes]]:
        """Some megabytes at a time, in one read where they lie together.

        Raises ShortRead, and DamagedInstance at the end where they are not those of the digest.
        """
        digest = hashlib.sha256()
        for run in _runs(self.index, self.numbers):
            offsets, lengths = self.index.offsets[run.start : run.stop], self._lengths(run)
            begin = int(offsets[0])
            data = _whole(self.read, begin, int(offsets[-1]) + lengths[-1] - begin)
            places = zip((offsets - offsets[0]).tolist(), lengths, strict=True)
            lot = [data[at : at + length] for at, length in places]
            if self.sha256:
                for frame in lot:
                    digest.update(frame)
            yield lot
        if self.sha256 not in {"", digest.hexdigest()}:
            raise DamagedInstance("the frames are others than those that were meant")

    def _lengths(self, run: range) -> list[int]:
        return list(self.index.lengths[run.start : run.stop].tolist())


def lie_together(index: FrameIndex) -> bool:
    """Whether the frames of an instance lie one behind the other, in their order."""
    behind = _ends(index)[:-1] + np.uint64(_ITEM_BYTES)
    return bool((index.offsets[1:] == behind).all())


def digests(
    read: ReadRange, index: FrameIndex, groups: Sequence[range], meanwhile: Callable[[], None]
) -> tuple[str, list[str]]:
    """The digest of all items, as `items_sha256` gives it, and that of the frames of each group.

    The groups are of all frames, which lie together. All is read once, some megabytes at a time,
    and `meanwhile` called for each. Raises ShortRead.
    """
    ends = _ends(index)
    whole, each = hashlib.sha256(), []
    for group in groups:
        own = hashlib.sha256()
        for run in _runs(index, group):
            begin = int(index.offsets[run.start]) - _ITEM_BYTES
            data = memoryview(_whole(read, begin, int(ends[run.stop - 1]) - begin))
            whole.update(data)
            for number in run:
                at = int(index.offsets[number]) - begin
                own.update(data[at : at + int(index.lengths[number])])
            meanwhile()
        each.append(own.hexdigest())
    return whole.hexdigest(), each


def _ends(index: FrameIndex) -> NDArray[np.uint64]:
    """Where the items of the frames end, which are of an even length."""
    return np.asarray(index.offsets + index.lengths + index.lengths % np.uint64(2), np.uint64)


def _runs(index: FrameIndex, numbers: range) -> Iterator[range]:
    """Frames that lie together, some megabytes of them at a time."""
    ends = _ends(index)[numbers.start : numbers.stop].tolist()
    offsets = index.offsets[numbers.start : numbers.stop].tolist()
    first = 0
    for here in range(1, len(ends)):
        is_apart = offsets[here] != ends[here - 1] + _ITEM_BYTES
        if is_apart or ends[here] - offsets[first] > WRITE_BYTES:
            yield numbers[first:here]
            first = here
    yield numbers[first:]


def _whole(read: ReadRange, offset: int, length: int) -> bytes:
    data = read(offset, length)
    if len(data) != length:
        raise ShortRead(f"{len(data)} bytes of {length}")
    return data
