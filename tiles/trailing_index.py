"""The zarr shard index at the end of a DICOM instance: what makes the one file both.

The index is the value of Data Set Trailing Padding (FFFC,FFFC), the last element a file may hold,
which readers of DICOM pass over (PS3.10 7.2); readers of zarr look at the last bytes of a shard
and at nothing else but the chunks these lead to.
"""

from struct import Struct

import numpy as np

from tiles.errors import DamagedShard
from tiles.shard import Places, index_bytes, read_shard_index, shard_index
from tiles.source import ReadRange

PADDING_TAG = b"\xfc\xff\xfc\xff"
_HEAD = Struct("<4s2sHI")
"""Tag, VR, two reserved bytes and the length of the value (PS3.5 7.1.2)."""


def trailing_bytes(frames: int) -> int:
    """The length of the element that holds the index of so many frames."""
    return _HEAD.size + index_bytes(frames)


def trailing_index(offsets: Places, lengths: Places) -> bytes:
    """The last element of an instance: where each frame begins in the file, and how long it is."""
    index = shard_index(offsets, lengths)
    return _HEAD.pack(PADDING_TAG, b"OB", 0, len(index)) + index


def read_trailing_index(read: ReadRange, size_bytes: int, frames: int) -> tuple[Places, Places]:
    """Offsets and lengths of the frames of an instance, out of its last element.

    Raises DamagedShard where an instance of so many frames does not end in their index.
    """
    if not ends_in_index(read, size_bytes, frames):
        raise DamagedShard("the instance does not end in the index of its frames")
    begin = size_bytes - trailing_bytes(frames)
    offsets, lengths = read_shard_index(read(begin + _HEAD.size, index_bytes(frames)), frames)
    end = np.uint64(begin)
    if bool(((offsets > end) | (lengths > end - np.minimum(offsets, end))).any()):
        raise DamagedShard("the index at the end of the instance is not that of its frames")
    return offsets, lengths


def ends_in_index(read: ReadRange, size_bytes: int, frames: int) -> bool:
    """Whether the last element of an instance is as long as the index of so many frames."""
    begin = size_bytes - trailing_bytes(frames)
    expected = _HEAD.pack(PADDING_TAG, b"OB", 0, index_bytes(frames))
    return begin >= 0 and read(begin, _HEAD.size) == expected
