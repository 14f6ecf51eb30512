"""Where the frames of a DICOM instance lie in its file.

Source: PS3.5 A.4 (encapsulation).
"""

from struct import error as StructError  # noqa: N812  (it is a class in disguise)
from struct import unpack
from typing import BinaryIO

import numpy as np
from pydicom.dataset import Dataset

from slides.errors import DamagedSlide, UnsupportedSlide
from slides.extents import first_overlap

UNDEFINED = 0xFFFFFFFF
ITEM, SEQUENCE_END = 0xE000FFFE, 0xE0DDFFFE
PIXEL_DATA = (0x7FE0, 0x0010)
IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"

Places = tuple[tuple[tuple[int, int], ...], ...]
"""For every frame the offsets and lengths of its fragments in the file."""


def find_frames(stream: BinaryIO, header: Dataset, syntax: str, count: int) -> Places:
    """The places of all frames; `stream` stands where the Pixel Data element begins.

    Raises DamagedSlide where the file is cut, UnsupportedSlide where it is deflated as a whole.
    """
    if syntax == DEFLATED:
        raise UnsupportedSlide("it is deflated as a whole; send it uncompressed")
    try:
        element, length = _pixel_data(stream, syntax)
        size = stream.seek(0, 2)
        if length != UNDEFINED:
            places = _native(header, element, length, count)
        else:
            places = _encapsulated(stream, header, element, count)
    except StructError as error:
        raise DamagedSlide("it is cut inside its frames; fetch it again") from error
    if any(offset + extent > size for frame in places for offset, extent in frame):
        raise DamagedSlide("it is cut inside its frames; fetch it again from where it came")
    _refuse_missing(places)
    return places


def _refuse_missing(places: Places) -> None:
    """Every frame has bytes, and has them for itself."""
    for number, frame in enumerate(places):
        if not sum(extent for _, extent in frame):
            raise DamagedSlide(f"its frame {number} has no bytes; fetch it again")
    numbers = np.repeat(np.arange(len(places)), [len(frame) for frame in places])
    parts = np.array([part for frame in places for part in frame], np.int64).reshape(-1, 2)
    tangled = first_overlap(parts[:, 0], parts[:, 1])
    begins, first = np.unique(parts[:, 0], return_index=True)
    if tangled is None and len(begins) < len(parts):
        again = int(np.setdiff1d(np.arange(len(parts)), first)[0])
        tangled = int(first[np.searchsorted(begins, parts[again, 0])]), again
    if tangled is not None:
        one, other = sorted(int(numbers[part]) for part in tangled)
        raise DamagedSlide(f"its frames {one} and {other} share their bytes; fetch it again")


def _pixel_data(stream: BinaryIO, syntax: str) -> tuple[int, int]:
    """Where the value of Pixel Data begins, and its length."""
    order = ">" if syntax == BIG_ENDIAN else "<"
    group, element, length = unpack(f"{order}HHI", stream.read(8))
    if syntax != IMPLICIT_LITTLE_ENDIAN:
        (length,) = unpack(f"{order}I", stream.read(4))
    if (group, element) != PIXEL_DATA:
        raise DamagedSlide("it has no pixel data: it is cut short; fetch it again")
    return stream.tell(), length


def _native(header: Dataset, start: int, length: int, count: int) -> Places:
    samples = int(header.get("SamplesPerPixel", 1))
    extent = int(header.Rows) * int(header.Columns) * samples * int(header.BitsAllocated) // 8
    if extent * count > length:
        raise DamagedSlide("its pixel data are shorter than its frames; fetch it again")
    return tuple(((start + number * extent, extent),) for number in range(count))


def _encapsulated(stream: BinaryIO, header: Dataset, start: int, count: int) -> Places:
    stream.seek(start)
    tag, table_bytes = unpack("<II", stream.read(8))
    if tag != ITEM:
        raise DamagedSlide("its frames are not encapsulated as DICOM asks; fetch it again")
    basic = unpack(f"<{table_bytes // 4}I", stream.read(table_bytes // 4 * 4))
    first = start + 8 + table_bytes
    if "ExtendedOffsetTable" in header and "ExtendedOffsetTableLengths" in header:
        offsets = np.frombuffer(header.ExtendedOffsetTable, "<u8").tolist()
        lengths = np.frombuffer(header.ExtendedOffsetTableLengths, "<u8").tolist()
        if not len(offsets) == len(lengths) == count:
            raise DamagedSlide("its offset table and its frames do not agree; fetch it again")
        return tuple(
            ((first + offset + 8, length),) for offset, length in zip(offsets, lengths, strict=True)
        )
    fragments = _fragments(stream, first)
    if len(fragments) == count:
        return tuple((fragment,) for fragment in fragments)
    if count == 1:
        return (tuple(fragments),)
    if len(basic) != count:
        raise DamagedSlide(
            f"it holds {len(fragments)} of {count} frames, or no table that tells them apart; "
            "fetch it again"
        )
    ends = [*basic[1:], UNDEFINED]
    return tuple(
        tuple(part for part in fragments if begin <= part[0] - 8 - first < end)
        for begin, end in zip(basic, ends, strict=True)
    )


def _fragments(stream: BinaryIO, start: int) -> list[tuple[int, int]]:
    """Offset and length of the value of every item up to the sequence's end."""
    found: list[tuple[int, int]] = []
    stream.seek(start)
    while True:
        tag, length = unpack("<II", stream.read(8))
        if tag == SEQUENCE_END:
            return found
        if tag != ITEM:
            raise DamagedSlide("a frame of its pixel data is damaged; fetch it again")
        found.append((stream.tell(), length))
        stream.seek(length, 1)
