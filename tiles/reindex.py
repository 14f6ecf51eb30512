"""Make anew the index at the end of a DICOM instance, where other software dropped or moved it.

Frames are found by walking the items of the pixel data, which no tool can get wrong and leave a
readable file; the Extended Offset Table is not asked.
"""

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from struct import Struct
from typing import BinaryIO

import numpy as np
from pydicom.dataset import Dataset

from tiles.errors import DamagedInstance, UnsupportedPixels
from tiles.instance import read_header
from tiles.shard import Places
from tiles.source import ReadRange
from tiles.trailing_index import PADDING_TAG, trailing_index

_HEAD = Struct("<4sI")
_ITEM, _END_OF_ITEMS = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_ENCAPSULATED = tuple(b"\xe0\x7f\x10\x00" + vr + b"\0\0\xff\xff\xff\xff" for vr in (b"OB", b"OW"))
_LONG_VALUES = frozenset((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UN", b"UT"))
"""Value representations whose length takes four bytes, of those found behind pixel data."""
_UNDEFINED = 0xFFFFFFFF
_COPY_BYTES = 4 << 20

Progress = Callable[[int, int], None]


def reindex(path: Path, draft: Path, progress: Progress | None = None) -> bool:
    """Write an instance with a right index as `draft`; False, and no draft, if it has it already.

    Pixel data and header are copied as they are. Raises DamagedInstance for what is no whole
    instance and UnsupportedPixels where frames are not one fragment each.
    """
    with path.open("rb") as file:
        size_bytes = os.fstat(file.fileno()).st_size
        read = partial(_pread, file.fileno())
        header, at = read_header(read, size_bytes)
        offsets, lengths, end = _walk(read, at, size_bytes, _frames(header))
        kept = _before_padding(read, end, size_bytes)
        element = trailing_index(offsets, lengths)
        if read(kept, size_bytes - kept) == element:
            return False
        with draft.open("xb") as out:
            _copy(file, out, kept, progress or _unheard)
            out.write(element)
            out.flush()
            os.fsync(out.fileno())
    shutil.copymode(path, draft)
    return True


def _frames(header: Dataset) -> int:
    try:
        return int(header.get("NumberOfFrames") or 1)
    except Exception as error:  # pydicom raises what it likes
        raise DamagedInstance("its header is damaged where it counts the frames") from error


def _walk(read: ReadRange, at: int, size_bytes: int, frames: int) -> tuple[Places, Places, int]:
    """Where the one fragment of each frame lies, and where the pixel data end."""
    if read(at, 12) not in _ENCAPSULATED:
        raise UnsupportedPixels("its pixels are not encapsulated frames, so there is none to index")
    tag, length = _item(read, at + 12, size_bytes)
    if tag != _ITEM:
        raise DamagedInstance("its pixel data do not begin with an offset table")
    position = at + 20 + length
    places: list[tuple[int, int]] = []
    while (item := _item(read, position, size_bytes))[0] == _ITEM:
        if len(places) == frames:
            raise UnsupportedPixels(
                f"its {frames} frames lie in more than one fragment each; convert it anew"
            )
        places.append((position + 8, item[1]))
        position += 8 + item[1]
    if item != (_END_OF_ITEMS, 0):
        raise DamagedInstance("its pixel data are damaged or cut short; fetch it again")
    if len(places) != frames:
        raise DamagedInstance(f"it holds {len(places)} frames of {frames}; fetch it again")
    table = np.array(places, "<u8").reshape(-1, 2)
    return table[:, 0], table[:, 1], position + 8


def _item(read: ReadRange, position: int, size_bytes: int) -> tuple[bytes, int]:
    if position + 8 > size_bytes:
        raise DamagedInstance("its pixel data are cut short; fetch it again")
    tag, length = _HEAD.unpack(read(position, 8))
    return tag, length


def _before_padding(read: ReadRange, position: int, size_bytes: int) -> int:
    """Where padding begins, whole or not, behind the elements that may follow pixel data."""
    while position < size_bytes:
        head = read(position, min(12, size_bytes - position))
        if head[:4] == PADDING_TAG[: len(head)]:
            break
        long = head[4:6] in _LONG_VALUES
        length = int.from_bytes(head[8:12] if long else head[6:8], "little")
        position += length + (12 if long else 8)
        if len(head) < 12 or length == _UNDEFINED or position > size_bytes:
            raise DamagedInstance("what follows its pixel data is no whole element; fetch it again")
    return position


def _copy(file: BinaryIO, out: BinaryIO, length: int, progress: Progress) -> None:
    done = 0
    while done < length:
        data = file.read(min(_COPY_BYTES, length - done))
        if not data:
            raise DamagedInstance("it became shorter while it was read; try again")
        out.write(data)
        done += len(data)
        progress(done, length)


def _pread(file: int, offset: int, length: int) -> bytes:
    return os.pread(file, length, offset)


def _unheard(_done: int, _total: int) -> None:
    return
