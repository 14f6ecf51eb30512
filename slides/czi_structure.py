"""What a Zeiss CZI file says: its blocks of pixels, where each lies, and its metadata.

Source: the ZISRAW file format, version 1.0 of CZI (segments, subblock directory, pixel types).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from struct import Struct
from struct import error as StructError  # noqa: N812  (it is a class in disguise)
from typing import Protocol
from xml.etree.ElementTree import Element

from slides.errors import DamagedSlide, UnsupportedSlide
from slides.safe_xml import parse_xml
from tiles.errors import ShortRead
from tiles.source import Encoding

MAGIC = b"ZISRAWFILE"
GRAY8, GRAY16, BGR24 = 0, 1, 3
PIXELS = {
    GRAY8: "8-bit grey",
    GRAY16: "16-bit grey",
    2: "floating-point grey",
    BGR24: "8-bit colours",
    4: "16-bit colours",
    8: "floating-point colours",
    9: "colours with transparency",
    12: "32-bit grey",
}
PIXEL_BYTES = {GRAY8: 1, GRAY16: 2, BGR24: 3}
ENCODINGS = {
    0: Encoding.RAW,
    1: Encoding.JPEG,
    2: Encoding.LZW,
    4: Encoding.JPEG_XR,
    5: Encoding.ZSTD,
    6: Encoding.ZSTD,
}
LOSSY = frozenset({Encoding.JPEG, Encoding.JPEG_XR})
"""Of JPEG XR nothing but its coefficients would tell that it is the lossless kind."""
MOST_BLOCKS = 1 << 20
MOST_METADATA_BYTES = 64 << 20

_SEGMENT = Struct("<16sqq")
_FILE = Struct("<ii8s16s16siqqiq")
_DIRECTORY_BYTES = 128
_ENTRY = Struct("<2siqiiB5si")
_DIMENSION = Struct("<4siifi")
_BLOCK = Struct("<iiq")
_BLOCK_BYTES = 256
_METADATA = Struct("<ii")
_METADATA_BYTES = 256


class Readable(Protocol):
    """A file, or a part of one, read by offset."""

    @property
    def size(self) -> int:
        """How many bytes it has."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`; raises ShortRead."""
        ...


@dataclass(frozen=True, slots=True)
class Block:
    """One block of pixels: where in the picture it belongs, and where in the file it lies.

    `x, y, width, height` are pixels of the whole picture; `stored_width, stored_height` are fewer
    where the block is reduced.
    """

    pixel_type: int
    compression: int
    position: int
    x: int
    y: int
    width: int
    height: int
    stored_width: int
    stored_height: int
    indices: dict[str, int]
    """Its place along every other dimension: C, Z, T, S, M and more."""

    @property
    def c(self) -> int:
        """Its channel."""
        return self.indices.get("C", 0)

    @property
    def z(self) -> int:
        """Its focal plane."""
        return self.indices.get("Z", 0)

    @property
    def scene(self) -> int:
        """The area of the glass it is of."""
        return self.indices.get("S", 0)

    @property
    def mosaic(self) -> int:
        """Its place in the order of those that overlap."""
        return self.indices.get("M", 0)

    @property
    def is_whole(self) -> bool:
        """Whether it is not reduced."""
        return (self.width, self.height) == (self.stored_width, self.stored_height)


@dataclass(frozen=True)
class Structure:
    """All blocks of a file, and its metadata."""

    blocks: tuple[Block, ...]
    metadata: Element | None = field(repr=False)
    attachments: int = 0
    """Where the list of the pictures beside the slide lies; 0 for nowhere."""


def read_structure(file: Readable) -> Structure:
    """The blocks and the metadata of a file, without any pixel.

    Raises DamagedSlide where they cannot be followed, UnsupportedSlide for a file in parts.
    """
    try:
        _, header = segment(file, 0, MAGIC)
        fields = _FILE.unpack(file.read(header, _FILE.size))
        part, directory, metadata = fields[5], fields[6], fields[7]
        if part != 0:
            raise UnsupportedSlide("it is one part of several files; export it as one")
        blocks = tuple(_blocks(file, directory))
        told = _read_metadata(file, metadata) if metadata else None
    except (DamagedSlide, UnsupportedSlide):
        raise
    except Exception as error:  # a parser of foreign bytes raises anything
        raise DamagedSlide(
            "its list of pictures cannot be followed: it is cut short or damaged; "
            "fetch it again from the scanner"
        ) from error
    if not blocks:
        raise DamagedSlide("it holds no picture; fetch it again from the scanner")
    return Structure(blocks, told, fields[9])


def stored_in(file: Readable, blocks: Sequence[Block]) -> tuple[Encoding, int, int]:
    """How the largest pictures are encoded, and their sizes in bytes, decoded and stored.

    Where blocks differ it is those that may have lost something. Raises DamagedSlide.
    """
    whole = [block for block in blocks if block.is_whole]
    kinds = {ENCODINGS.get(block.compression, Encoding.OPAQUE) for block in whole}
    encoding = min(kinds, key=lambda kind: (kind not in LOSSY, kind))
    own = [one for one in whole if ENCODINGS.get(one.compression, Encoding.OPAQUE) is encoding]
    decoded = sum(one.width * one.height * PIXEL_BYTES.get(one.pixel_type, 3) for one in own)
    return encoding, decoded, sum(data_of(file, one)[1] for one in own)


def data_of(file: Readable, block: Block) -> tuple[int, int]:
    """Offset and length of a block's encoded pixels; raises DamagedSlide."""
    try:
        length, start = segment(file, block.position, b"ZISRAWSUBBLOCK")
        metadata, _, data = _BLOCK.unpack(file.read(start, _BLOCK.size))
        entry = _ENTRY.unpack(file.read(start + _BLOCK.size, _ENTRY.size))
    except (StructError, ShortRead, OverflowError, ValueError) as error:
        raise DamagedSlide("a block of its pixels is damaged; fetch it again") from error
    head = max(_BLOCK_BYTES, _BLOCK.size + _ENTRY.size + entry[-1] * _DIMENSION.size)
    offset = start + head + metadata
    if min(metadata, data) < 0 or offset + data > file.size or head + metadata + data > length:
        raise DamagedSlide("a block of its pixels lies beyond its end: it is cut short")
    return offset, data


def segment(file: Readable, position: int, kind: bytes) -> tuple[int, int]:
    """Length and offset of the content of a segment; raises ValueError where another lies there."""
    identifier, allocated, used = _SEGMENT.unpack(file.read(position, _SEGMENT.size))
    if identifier.rstrip(b"\0") != kind:
        raise ValueError("another segment lies there")
    return used or allocated, position + _SEGMENT.size


def _blocks(file: Readable, position: int) -> Iterator[Block]:
    length, start = segment(file, position, b"ZISRAWDIRECTORY")
    count = int.from_bytes(file.read(start, 4), "little")
    if not 0 < count <= MOST_BLOCKS or length < _DIRECTORY_BYTES + count * _ENTRY.size:
        raise ValueError(f"{count} blocks")
    entries = file.read(start + _DIRECTORY_BYTES, length - _DIRECTORY_BYTES)
    at = 0
    for _ in range(count):
        _, pixel_type, block, part, compression, _, _, dimensions = _ENTRY.unpack_from(entries, at)
        at += _ENTRY.size
        extents: dict[str, tuple[int, int, int]] = {}
        for _ in range(dimensions):
            name, begin, size, _, stored = _DIMENSION.unpack_from(entries, at)
            at += _DIMENSION.size
            extents[name.rstrip(b"\0").decode("ascii")] = begin, size, stored or size
        if part:
            raise UnsupportedSlide("parts of it are in other files; export it as one")
        yield _block(pixel_type, compression, block, extents)


def _block(
    pixel_type: int, compression: int, position: int, extents: dict[str, tuple[int, int, int]]
) -> Block:
    (x, width, stored_width), (y, height, stored_height) = extents.pop("X"), extents.pop("Y")
    if min(width, height, stored_width, stored_height) < 1:
        raise ValueError("a block without pixels")
    return Block(
        pixel_type=pixel_type,
        compression=compression,
        position=position,
        x=x,
        y=y,
        width=width,
        height=height,
        stored_width=stored_width,
        stored_height=stored_height,
        indices={name: begin for name, (begin, _, _) in extents.items()},
    )


def _read_metadata(file: Readable, position: int) -> Element:
    _, start = segment(file, position, b"ZISRAWMETADATA")
    length, _ = _METADATA.unpack(file.read(start, _METADATA.size))
    if not 0 <= length <= MOST_METADATA_BYTES:
        raise ValueError("metadata too long")
    text = file.read(start + _METADATA_BYTES, length).decode("utf-8", "replace")
    return parse_xml(text.rstrip("\0"))
