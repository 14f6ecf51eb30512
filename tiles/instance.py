"""A stored DICOM instance as a source of tiles: offsets and range reads, no patient.

What the converter writes is what the server reads: one instance a level, TILED_FULL or a single
frame, frames encapsulated one fragment each and addressed by an Extended Offset Table. What others
send is read as well where each frame is found as surely: by a basic table, or native ones by their
extents; TILED_SPARSE by the position of each frame, and a level in parts (`tiles.parts`).
"""

import io
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from tiles.codec import decode, rgb_from_ycbcr
from tiles.codestream import complete, parse_jpeg
from tiles.errors import DamagedCodestream, DamagedInstance, OutsideImage, ShortRead
from tiles.frame_groups import Placed, frame_groups
from tiles.positions import Lying, places_of
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Frame, Pixels, ReadRange, assemble

ENCODINGS = {
    "1.2.840.10008.1.2.1": Encoding.RAW,
    "1.2.840.10008.1.2.4.50": Encoding.JPEG_BASELINE,
    "1.2.840.10008.1.2.4.80": Encoding.JPEG_LS,
    "1.2.840.10008.1.2.4.81": Encoding.JPEG_LS,
    "1.2.840.10008.1.2.4.90": Encoding.JPEG_2000,
    "1.2.840.10008.1.2.4.91": Encoding.JPEG_2000,
    "1.2.840.10008.1.2.4.201": Encoding.HTJ2K,
    "1.2.840.10008.1.2.4.202": Encoding.HTJ2K,
    "1.2.840.10008.1.2.4.203": Encoding.HTJ2K,
}
"""Transfer Syntax UID → how frames are encoded (PS3.5, A.4)."""

_UNDEFINED, _ITEM, _ITEM_BYTES = 0xFFFFFFFF, 0xE000FFFE, 8
_YCBCR = frozenset({"YBR_FULL", "YBR_FULL_422"})
_BEGINNING_BYTES = 64 << 10
"""Where the markers before the first scan of a JPEG lie."""
_HEAD_BYTES = 256 * 1024
"""Read at first: a header with the offset table of some 14,000 frames."""
MOST_HEADER_BYTES = 64 << 20
"""Whoever serves an instance reads its header whole; the table of a million frames has 16 MiB."""


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """Where the frames of one instance lie, and what they are.

    They lie in the order of TILED_FULL (PS3.3 C.7.6.17.3): by optical path, then by focal plane,
    then row by row; or else `lying` tells which frame each tile is.
    """

    level: Level
    samples: int
    bits: int
    encoding: Encoding
    offsets: NDArray[np.uint64]
    """Of the first byte of each frame, from the beginning of the object."""
    lengths: NDArray[np.uint64]
    optical_paths: int = 1
    focal_planes: int = 1
    is_planar: bool = False
    """Whether native colours lie apart: all reds, all greens, all blues."""
    is_ycbcr: bool = False
    """Whether native colours are Y, Cb, Cr."""
    is_silent_rgb: bool = False
    """Whether JPEG frames hold R, G, B and do not say so themselves."""
    lying: Lying | None = None

    @property
    def background(self) -> int:
        """The value of what was not scanned: white in colours, dark in what is measured."""
        return 255 if self.samples > 1 else 0

    @property
    def planes(self) -> tuple[Plane, ...]:
        """All planes, in the order of their frames."""
        return tuple(
            Plane(focal, optical)
            for optical in range(self.optical_paths)
            for focal in range(self.focal_planes)
        )

    def range(self, column: int, row: int, plane: Plane = FIRST) -> tuple[int, int]:
        """Offset and length of a tile's frame; nothing has the length 0. Raises OutsideImage."""
        level = self.level
        if not (0 <= column < level.columns and 0 <= row < level.rows):
            raise OutsideImage(f"tile ({column}, {row}) of {level.columns} × {level.rows}")
        focal, optical = plane.focal_plane, plane.optical_path
        if not (0 <= focal < self.focal_planes and 0 <= optical < self.optical_paths):
            raise OutsideImage(f"{plane} of {self.optical_paths} × {self.focal_planes}")
        before = (optical * self.focal_planes + focal) * level.tiles
        number = before + row * level.columns + column
        if self.lying is not None:
            number = self.lying.frame_of(number)
            if number < 0:
                return 0, 0
        return int(self.offsets[number]), int(self.lengths[number])


def is_document(header: Dataset) -> bool:
    """Whether an instance holds a whole document in place of pixels (PS3.3 C.24.2)."""
    data = header.get("EncapsulatedDocument")
    return data is not None and len(data) >= (header.get("EncapsulatedDocumentLength") or 1)


def read_header(read: ReadRange, size_bytes: int) -> tuple[Dataset, int]:
    """The data set before the pixel data, and the offset at which the pixel data element begins.

    A document inside an instance is of the data set, which then ends with the object. Raises
    DamagedInstance for what is not a whole DICOM header, or longer than any.
    """
    return _grown(read, size_bytes, _parsed)[:2]


Parsed = tuple[Dataset, int, Placed | None]
"""A header, where it ends, and what each frame says of its place where the header lacks that."""


def _parsed(data: bytes) -> Parsed:
    buffer = io.BytesIO(data)
    header = dcmread(buffer, stop_before_pixels=True)
    return header, buffer.tell(), None


def _parsed_apart(data: bytes) -> Parsed:
    """A header without what it says of each frame, which is most of it and read many times over."""
    apart = frame_groups(data)
    if apart is None:
        return _parsed(data)
    header, at, _ = _parsed(data[: apart.begin] + data[apart.end :])
    return header, at + apart.end - apart.begin, apart.placed


def _grown(read: ReadRange, size_bytes: int, parse: Callable[[bytes], Parsed]) -> Parsed:
    """What is parsed of the beginning of an object, of more and more of it until that is enough."""
    most = min(size_bytes, MOST_HEADER_BYTES)
    available = min(most, _HEAD_BYTES)
    while True:
        data = read(0, available)
        try:
            header, at, placed = parse(data)
            complete = at + 12 <= available
        except Exception as error:  # pydicom raises what it likes
            if available == size_bytes:
                raise DamagedInstance("the header of the instance is damaged") from error
            complete = False
        if complete:
            return header, at, placed
        if available == size_bytes and is_document(header):
            return header, size_bytes, placed
        if available == size_bytes:
            raise DamagedInstance("the instance ends before its pixel data")
        if available == most:
            raise DamagedInstance(f"its header is longer than {MOST_HEADER_BYTES >> 20} MiB")
        available = min(most, available * 4)


def read_index(read: ReadRange, size_bytes: int) -> FrameIndex:
    """Find the frames of an instance that this software wrote, or took from others.

    Raises DamagedInstance where the header, the table and the size do not agree.
    """
    return _found(*_grown(read, size_bytes, _parsed_apart), read, size_bytes)


def index_of(header: Dataset, at: int, read: ReadRange, size_bytes: int) -> FrameIndex:
    """As `read_index`, of a header that was read already; `at` is where the pixel data begin."""
    return _found(header, at, None, read, size_bytes)


def _found(
    header: Dataset, at: int, placed: Placed | None, read: ReadRange, size_bytes: int
) -> FrameIndex:
    try:
        return _index(header, at, placed, read, size_bytes)
    except DamagedInstance:
        raise
    except Exception as error:
        raise DamagedInstance("the header lacks what its frames need") from error


def read_profile(read: ReadRange, size_bytes: int) -> bytes | None:
    """The ICC profile of an instance's colours, None where it has none; raises DamagedInstance.

    PS3.3 C.8.12.5.1 has it with the optical path, C.11.15 with the image.
    """
    header, _ = read_header(read, size_bytes)
    paths = header.get("OpticalPathSequence") or [header]
    return paths[0].get("ICCProfile") or None


def _index(
    header: Dataset, at: int, placed: Placed | None, read: ReadRange, size_bytes: int
) -> FrameIndex:
    tag, vr, _, length = struct.unpack("<I2sHI", read(at, 12))
    if tag != 0x00107FE0 or vr not in {b"OB", b"OW"}:
        raise DamagedInstance("the instance has no pixel data")
    level = Level(
        int(header.get("TotalPixelMatrixColumns", header.Columns)),
        int(header.get("TotalPixelMatrixRows", header.Rows)),
        int(header.Columns),
        int(header.Rows),
    )
    optical_paths = int(header.get("NumberOfOpticalPaths") or 1)
    focal_planes = int(header.get("TotalPixelMatrixFocalPlanes") or 1)
    places = places_of(header, level, placed)
    if places is not None:
        optical_paths, focal_planes = places.optical_paths, places.focal_planes
    if length == _UNDEFINED:
        offsets, lengths = _encapsulated(header, at + 12, read)
    else:
        offsets, lengths = _native(header, at + 12, length)
    expected = level.tiles * optical_paths * focal_planes
    if places is not None:
        expected = int(places.lying.frames.max()) + 1
    if not len(offsets) == len(lengths) == expected == int(header.get("NumberOfFrames") or 1):
        raise DamagedInstance("the offset table and the number of frames do not agree")
    if int((offsets + lengths).max()) > size_bytes:
        raise DamagedInstance("a frame lies beyond the end of the instance")
    syntax = str(header.file_meta.TransferSyntaxUID)
    encoding = ENCODINGS.get(syntax, Encoding.OPAQUE)
    if (encoding is Encoding.RAW) is (length == _UNDEFINED):
        raise DamagedInstance("the pixel data are not encoded as the transfer syntax says")
    samples = int(header.SamplesPerPixel)
    photometric = str(header.get("PhotometricInterpretation", ""))
    return FrameIndex(
        level,
        samples,
        int(header.BitsAllocated),
        encoding,
        offsets,
        lengths,
        optical_paths,
        focal_planes,
        is_planar=samples > 1 and bool(header.get("PlanarConfiguration") or 0),
        is_ycbcr=encoding is Encoding.RAW and samples == 3 and photometric in _YCBCR,
        is_silent_rgb=encoding is Encoding.JPEG_BASELINE
        and samples == 3
        and photometric == "RGB"
        and _says_nothing(read(int(offsets[0]), min(int(lengths[0]), _BEGINNING_BYTES))),
        lying=places.lying if places else None,
    )


def _encapsulated(
    header: Dataset, at: int, read: ReadRange
) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Where frames lie that are in items of their own; `at` is where the basic table begins."""
    tag, basic = struct.unpack("<II", read(at, _ITEM_BYTES))
    if tag != _ITEM:
        raise DamagedInstance("the pixel data are not encapsulated")
    # Offsets count from the item tag of the first frame; its bytes follow tag and length.
    first = np.uint64(at + _ITEM_BYTES + basic)
    behind = np.uint64(_ITEM_BYTES)
    if "ExtendedOffsetTable" in header and "ExtendedOffsetTableLengths" in header:
        offsets = np.frombuffer(header.ExtendedOffsetTable, "<u8") + first + behind
        return offsets, np.frombuffer(header.ExtendedOffsetTableLengths, "<u8")
    frames = int(header.get("NumberOfFrames") or 1)
    if basic == 0 and frames == 1:
        table = np.zeros(1, np.uint64)
    elif basic == 4 * frames:
        table = np.frombuffer(read(at + _ITEM_BYTES, basic), "<u4").astype(np.uint64)
    else:
        raise DamagedInstance("the instance has no offset table")
    begins = table + first
    tag, last = struct.unpack("<II", read(int(begins[-1]), _ITEM_BYTES))
    if tag != _ITEM or bool((begins[1:] < begins[:-1] + behind).any()):
        raise DamagedInstance("the offset table is not that of the frames")
    lengths = np.append(begins[1:] - begins[:-1] - behind, np.uint64(last))
    return begins + behind, lengths


def _native(header: Dataset, at: int, length: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Where frames lie that are one after the other, each as long as its extents say."""
    samples, bits = int(header.SamplesPerPixel), int(header.BitsAllocated)
    frame = int(header.Rows) * int(header.Columns) * samples * (bits // 8)
    frames = int(header.get("NumberOfFrames") or 1)
    if frame < 1 or frame * frames > length:
        raise DamagedInstance("the pixel data are shorter than the frames")
    lengths = np.full(frames, frame, np.uint64)
    return np.uint64(at) + np.arange(frames, dtype=np.uint64) * np.uint64(frame), lengths


def _says_nothing(beginning: bytes) -> bool:
    """Whether a JPEG of three components leaves it open what they are."""
    try:
        header = parse_jpeg(beginning)
    except DamagedCodestream:
        return False
    return header.adobe_transform is None and not header.jfif and not header.rgb


def decoded_frame(index: FrameIndex, data: bytes) -> Pixels:
    """The pixels of a frame of an instance, colours as R, G, B.

    Raises DamagedCodestream and UnsupportedPixels.
    """
    if index.encoding is not Encoding.RAW:
        return decode(Frame(data, index.encoding))
    level, samples = index.level, index.samples
    values = np.frombuffer(data, f"<u{index.bits // 8}").astype(f"=u{index.bits // 8}")
    if index.is_planar:
        pixels = np.moveaxis(values.reshape(samples, level.tile_height, level.tile_width), 0, 2)
    else:
        pixels = values.reshape(level.tile_height, level.tile_width, samples)
    return rgb_from_ycbcr(pixels) if index.is_ycbcr else pixels


class StoredImage:
    """The stored levels of an image as a TileSource; levels in any order of size."""

    def __init__(self, instances: Sequence[tuple[FrameIndex, ReadRange]]) -> None:
        if not instances:
            raise DamagedInstance("an image needs at least one stored level")
        ordered = sorted(instances, key=lambda one: -one[0].level.width * one[0].level.height)
        self._instances = ordered
        base = ordered[0][0]
        levels = tuple(index.level for index, _ in ordered)
        self._pyramid = Pyramid(levels, base.samples, base.bits, base.planes)

    @property
    def pyramid(self) -> Pyramid:
        """Levels, largest first."""
        return self._pyramid

    def encoding(self, level: int) -> Encoding:
        """How the frames of a level are encoded."""
        self._pyramid.level(level)
        return self._instances[level][0].encoding

    def place(
        self, level: int, column: int, row: int, plane: Plane = FIRST
    ) -> tuple[ReadRange, int, int]:
        """What to read for a tile: the object's reader, offset and length."""
        self._pyramid.level(level)
        index, read = self._instances[level]
        return read, *index.range(column, row, plane)

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """The stored bytes of a tile: one range read.

        None where there are none, and where these alone show wrong colours.
        """
        data = self._data(level, column, row, plane)
        index = self._instances[level][0]
        if index.encoding is Encoding.RAW or not data:
            return None
        if index.is_silent_rgb:
            data = complete(data, None, rgb=True)
        return Frame(data, index.encoding)

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """Decoded pixels of a box: one range read and one decode for each tile it touches."""

        def tile(column: int, row: int) -> Pixels:
            frame = self.frame(level, column, row, plane)
            if frame is not None:
                return decode(frame)
            index, data = self._instances[level][0], self._data(level, column, row, plane)
            if data:
                return decoded_frame(index, data)
            shape = index.level.tile_height, index.level.tile_width, index.samples
            return np.full(shape, index.background, f"u{index.bits // 8}")

        return assemble(self, level, box, tile)

    def _data(self, level: int, column: int, row: int, plane: Plane) -> bytes:
        read, offset, length = self.place(level, column, row, plane)
        data = read(offset, length) if length else b""
        if len(data) != length:
            raise ShortRead(f"{len(data)} bytes of a frame of {length}")
        return data

    def close(self) -> None:
        """Nothing to release: the readers belong to whoever gave them."""
