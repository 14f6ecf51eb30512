"""Where the frames of a DICOM instance lie in its file, and which tile each one shows.

Source: PS3.5 A.4 (encapsulation), PS3.3 C.8.12.14 (plane position of a slide's tiles).
"""

from struct import error as StructError  # noqa: N812  (it is a class in disguise)
from struct import unpack
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from slides.errors import DamagedSlide, UnsupportedSlide

UNDEFINED = 0xFFFFFFFF
ITEM, SEQUENCE_END = 0xE000FFFE, 0xE0DDFFFE
PIXEL_DATA = 0x00107FE0
IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"

Places = tuple[tuple[tuple[int, int], ...], ...]
"""For every frame the offsets and lengths of its fragments in the file."""


def place_tiles(header: Dataset, count: int, columns: int, rows: int) -> NDArray[np.int64]:
    """The number of the frame of each tile, row by row; -1 where none is stored.

    Raises DamagedSlide where frames and tiles do not agree, UnsupportedSlide off the grid.
    """
    groups = header.get("PerFrameFunctionalGroupsSequence") or []
    positions = [group.get("PlanePositionSlideSequence") for group in groups]
    if header.get("DimensionOrganizationType") == "TILED_FULL" or not all(positions):
        if count < columns * rows:
            raise DamagedSlide(
                f"its header promises {count} of {columns * rows} tiles; fetch it again"
            )
        return np.arange(columns * rows)
    if len(positions) != count:
        raise DamagedSlide(f"it places {len(positions)} of {count} frames; fetch it again")
    frames = np.full(columns * rows, -1, np.int64)
    for number, position in enumerate(positions):
        assert position is not None
        column, over_x = divmod(
            int(position[0].ColumnPositionInTotalImagePixelMatrix) - 1, int(header.Columns)
        )
        row, over_y = divmod(
            int(position[0].RowPositionInTotalImagePixelMatrix) - 1, int(header.Rows)
        )
        if over_x or over_y:
            raise UnsupportedSlide("its tiles lie on no grid; export it as TILED_FULL")
        if not (0 <= column < columns and 0 <= row < rows):
            raise DamagedSlide("it places a tile outside the picture; fetch it again")
        frames[row * columns + column] = number
    return frames


def find_frames(stream: BinaryIO, header: Dataset, syntax: str, count: int) -> Places:
    """The places of all frames; `stream` stands where the Pixel Data element begins.

    Raises DamagedSlide where the file is cut, UnsupportedSlide for retired transfer syntaxes.
    """
    if syntax in {BIG_ENDIAN, DEFLATED}:
        raise UnsupportedSlide("its transfer syntax is retired or deflated; send it uncompressed")
    try:
        element, length = _pixel_data(stream, implicit=syntax == IMPLICIT_LITTLE_ENDIAN)
        size = stream.seek(0, 2)
        if length != UNDEFINED:
            places = _native(header, element, length, count)
        else:
            places = _encapsulated(stream, header, element, count)
    except StructError as error:
        raise DamagedSlide("it is cut inside its frames; fetch it again") from error
    if any(offset + extent > size for frame in places for offset, extent in frame):
        raise DamagedSlide("it is cut inside its frames; fetch it again from where it came")
    return places


def _pixel_data(stream: BinaryIO, *, implicit: bool) -> tuple[int, int]:
    """Where the value of Pixel Data begins, and its length."""
    tag, length = unpack("<II", stream.read(8))
    if not implicit:
        (length,) = unpack("<I", stream.read(4))
    if tag != PIXEL_DATA:
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
