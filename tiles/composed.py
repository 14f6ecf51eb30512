"""A stored instance under another header, without touching its frames: what leaves the archive.

The frames stay where they are in the store and are read from there; only the header in front of
them is made anew, and the shard index behind them, which counts from the beginning of the file.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite

from tiles.errors import DamagedInstance, ShortRead
from tiles.instance import read_header, read_index
from tiles.source import ReadRange
from tiles.trailing_index import (
    ends_in_index,
    read_trailing_index,
    trailing_bytes,
    trailing_index,
)

PART_BYTES = 1 << 20
"""What is held of the frames while an instance is sent."""


@dataclass(frozen=True, slots=True)
class Composed:
    """An instance as a new head, a stretch of the stored one, and a new tail."""

    read: ReadRange
    head: bytes
    begin: int
    """Where the stretch begins in the stored instance."""
    kept_bytes: int
    tail: bytes

    @classmethod
    def of(cls, read: ReadRange, size_bytes: int, change: Callable[[Dataset], Dataset]) -> Self:
        """The stored instance under the header that `change` makes of its own.

        `change` gets everything before the pixel data, with the file meta information, and may
        return the same object; it leaves alone what describes the frames. Raises DamagedInstance
        and DamagedShard.
        """
        header, begin = read_header(read, size_bytes)
        if begin == size_bytes:
            return cls(read, encoded(change(header)), size_bytes, 0, b"")
        index = read_index(read, size_bytes)
        head = encoded(change(header))
        frames = len(index.lengths)
        end, tail = size_bytes, b""
        # One that came by another way than this software's has none: DICOM has no need of it.
        if ends_in_index(read, size_bytes, frames):
            offsets, lengths = read_trailing_index(read, size_bytes, frames)
            end -= trailing_bytes(frames)
            moved = offsets.astype("i8") + (len(head) - begin)
            tail = trailing_index(moved.astype("u8"), lengths)
        return cls(read, head, begin, end - begin, tail)

    @property
    def length_bytes(self) -> int:
        """How long the whole is."""
        return len(self.head) + self.kept_bytes + len(self.tail)

    def parts(self, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `offset` on, some at a time; raises ShortRead and what reading raises."""
        end = self.length_bytes if length is None else min(offset + length, self.length_bytes)
        while offset < end:
            part = self._part(offset, min(end - offset, PART_BYTES))
            yield part
            offset += len(part)

    def _part(self, offset: int, most: int) -> bytes:
        if offset < len(self.head):
            return self.head[offset : offset + most]
        offset -= len(self.head)
        if offset >= self.kept_bytes:
            offset -= self.kept_bytes
            return self.tail[offset : offset + most]
        wanted = min(most, self.kept_bytes - offset)
        data = self.read(self.begin + offset, wanted)
        if len(data) != wanted:
            raise ShortRead(f"{len(data)} bytes of {wanted}")
        return data


def encoded(header: Dataset) -> bytes:
    """A header as it stands in a file, up to its pixel data; raises DamagedInstance."""
    buffer = io.BytesIO()
    try:
        dcmwrite(buffer, header, enforce_file_format=True)
    except Exception as error:  # pydicom raises what it likes
        raise DamagedInstance("the header of the instance cannot be written") from error
    return buffer.getvalue()
