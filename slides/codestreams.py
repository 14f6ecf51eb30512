"""What an encoded tile says of itself, read before a decoder follows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tiles.codec import decode, decode_jpeg
from tiles.codestream import ADOBE_RGB, JpegHeader, complete, parse_jpeg
from tiles.errors import DamagedCodestream, UnsupportedPixels
from tiles.jpeg2000 import codestream_of, parse_jpeg2000
from tiles.jpeg_ls import parse_jpeg_ls
from tiles.source import Encoding, Frame, Pixels

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
NEAR_END = 4
"""How many bytes from the end of a tile its EOI lies, with what it may be padded with."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The extent of a codestream's picture."""

    width: int
    height: int
    samples: int
    bits: int


@dataclass(frozen=True, slots=True)
class Stated:
    """A tile with the shape its own header states; None for encodings without header."""

    frame: Frame
    shape: Shape | None


def read_header(frame: Frame) -> Stated:
    """A tile with its shape; raises DamagedCodestream."""
    match frame.encoding:
        case Encoding.JPEG_BASELINE:
            return Joining(None, tagged_rgb=False)(frame.data)
        case Encoding.JPEG_2000 | Encoding.HTJ2K:
            return read_jpeg2000(frame.data)
        case Encoding.JPEG_LS:
            return Stated(frame, _jpeg_ls(frame.data))
    return Stated(frame, None)


class Joining:
    """Completes the JPEG tiles of one picture with its tables and, where they say nothing, colours.

    The codestream decides wherever it says anything (JFIF, APP14, component names), and the tag
    where it does not. What one tile's header asks for holds for all that begin alike, as nearly
    all tiles of a picture do: this is in the way of every tile.
    """

    def __init__(self, tables: bytes | None, *, tagged_rgb: bool) -> None:
        self._tables = tables
        self._tagged_rgb = tagged_rgb
        self._last: tuple[JpegHeader, bytes, Shape] | None = None

    def __call__(self, tile: bytes) -> Stated:
        """A tile complete in itself, with its shape; raises DamagedCodestream."""
        header, front, shape = self._beginning(tile)
        whole = _behind(front, tile)
        if EOI not in tile[-NEAR_END:] and tile.find(EOI, header.scan_offset) < 0:
            whole = _ended(whole)
        return Stated(Frame(whole, Encoding.JPEG_BASELINE), shape)

    def together(self, tiles: Sequence[bytes]) -> tuple[Sequence[bytes], Shape] | None:
        """Tiles that all begin alike, complete in themselves, with their shape; None for others."""
        try:
            header, front, shape = self._beginning(tiles[0])
        except DamagedCodestream:
            # One by one, whoever knows its place can name it.
            return None
        start = tiles[0][: header.scan_offset]
        if not all(tile.startswith(start) and EOI in tile[-NEAR_END:] for tile in tiles):
            return None
        return tiles if front == SOI else [_behind(front, tile) for tile in tiles], shape

    def _beginning(self, tile: bytes) -> tuple[JpegHeader, bytes, Shape]:
        header = parse_jpeg(tile)
        last = self._last
        if last is None or last[0] is not header:
            shape = Shape(header.width, header.height, header.samples, header.precision)
            self._last = last = header, self._front(tile, header), shape
        return last

    def _front(self, tile: bytes, header: JpegHeader) -> bytes:
        """What such a tile begins with, instead of its SOI."""
        front = complete(tile, self._tables, rgb=False)[: len(SOI) - len(tile)]
        silent = header.samples == 3 and header.adobe_transform is None and not header.jfif
        if self._tagged_rgb and silent and not header.rgb and b"Adobe" not in (self._tables or b""):
            return SOI + ADOBE_RGB + front[len(SOI) :]
        return front


def _ended(tile: bytes) -> bytes:
    """A tile with the end (EOI) that its encoder left out, if nothing else is missing.

    Only a decoder can tell, and it is strict: a tile that was cut is given back as it is, without
    an end, by which it will be refused.
    """
    try:
        decode_jpeg(tile + EOI)
    except (DamagedCodestream, UnsupportedPixels):
        return tile
    return tile + EOI


def _behind(front: bytes, tile: bytes) -> bytes:
    """A tile with what it begins with instead of its SOI."""
    return tile if front == SOI else b"".join((front, memoryview(tile)[len(SOI) :]))


def read_jpeg2000(data: bytes) -> Stated:
    """A JPEG 2000 tile as a codestream, without the JP2 file that may be around it."""
    data = codestream_of(data)
    header = parse_jpeg2000(data)
    encoding = Encoding.HTJ2K if header.high_throughput else Encoding.JPEG_2000
    shape = Shape(header.width, header.height, header.samples, header.bits)
    return Stated(Frame(data, encoding), shape)


def decode_stated(tile: Stated, expected: Shape) -> Pixels:
    """The pixels of a tile whose header states the expected shape.

    Raises DamagedCodestream before decoding where it does not, so that no header makes a decoder
    take more memory than the file's own structure asked for.
    """
    found = tile.shape
    if found is not None and found != expected:
        raise DamagedCodestream(
            f"it holds {found.width} × {found.height} pixels of {found.samples} samples and "
            f"{found.bits} bits, the file says {expected.width} × {expected.height} of "
            f"{expected.samples} and {expected.bits}"
        )
    return decode(tile.frame)


def _jpeg_ls(data: bytes) -> Shape:
    header = parse_jpeg_ls(data)
    return Shape(header.width, header.height, header.samples, header.bits)
