"""What the bytes of a JPEG 2000 tile say of themselves, and whether they are all there.

Source: ISO/IEC 15444-1, Annex A (codestream) and Annex I (the JP2 file around it).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack_from

from tiles.errors import DamagedCodestream

SOC, CAP, SIZ, COD, COC, QCD = 0xFF4F, 0xFF50, 0xFF51, 0xFF52, 0xFF53, 0xFF5C
SOT, SOD, EOC = 0xFF90, 0xFF93, 0xFFD9
START = b"\xff\x4f\xff\x51"
"""SOC, which SIZ must follow."""

_SIGNATURE_BOX = b"\0\0\0\x0cjP  \r\n\x87\n"
_MCT_IN_COD = 4
_HIGH_THROUGHPUT = 1 << (32 - 15)
_REVERSIBLE = 1
# Entropy-coded bytes hold no marker but SOP, whose six bytes are passed over, and EPH.
_MARKER_IN_PACKETS = re.compile(rb"\xff\x91\x00\x04..|\xff[\x90-\xff]", re.DOTALL)
_ALLOWED_IN_PACKETS = frozenset({0x91, 0x92})


@dataclass(frozen=True, slots=True)
class Jpeg2000Header:
    """What the main header says."""

    width: int
    height: int
    samples: int
    bits: int
    signed: bool
    subsampled: bool
    """Whether any component has fewer samples than the picture has pixels."""
    colour_transform: bool
    """Whether a decoder turns the components into R, G, B (multiple component transform)."""
    reversible: bool
    """Whether every component went through the 5-3 wavelet; the 9-7 always loses something."""
    uniform: bool
    """Whether one coding style holds for all components."""
    high_throughput: bool
    """Whether it is coded as ISO/IEC 15444-15 has it (HTJ2K)."""
    halvings: int
    """How often its wavelet halved the picture: so much smaller it can be decoded."""
    tiles: int
    """How many tiles of its own the codestream has."""
    tile_parts_offset: int


@dataclass(frozen=True, slots=True)
class _Segment:
    marker: int
    offset: int
    payload: bytes


def codestream_of(data: bytes) -> bytes:
    """The codestream out of a JP2 file; what is one already is given back."""
    if not data.startswith(_SIGNATURE_BOX):
        return data
    at = 0
    while at + 8 <= len(data):
        length, kind = unpack_from(">I4s", data, at)
        start = at + 8
        if length == 1 and at + 16 <= len(data):
            (length,) = unpack_from(">Q", data, start)
            start += 8
        end = at + length if length else len(data)
        if end < start or end > len(data):
            break
        if kind == b"jp2c":
            return data[start:end]
        at = end
    raise DamagedCodestream("the JP2 file holds no whole codestream")


def parse_jpeg2000(data: bytes) -> Jpeg2000Header:
    """Read the main header of a codestream; raises DamagedCodestream."""
    if not data.startswith(START):
        raise DamagedCodestream("it is not a JPEG 2000 codestream")
    found: dict[int, bytes] = {}
    component_styles = []
    for segment in _segments(data, 2):
        if segment.marker == SOT:
            break
        if segment.marker == COC:
            component_styles.append(segment.payload)
        found[segment.marker] = segment.payload
    if not {SIZ, COD, QCD} <= found.keys():
        raise DamagedCodestream("the main header of the JPEG 2000 codestream is not whole")
    return _header(found, component_styles, segment.offset)


def check(data: bytes, width: int, height: int) -> Jpeg2000Header:
    """Make sure that a codestream is structurally whole and of the promised size.

    Finds truncation, foreign bytes and lengths that do not add up; decodes no symbol. Raises
    DamagedCodestream.
    """
    header = parse_jpeg2000(data)
    check_header(header, width, height)
    check_tile_parts(data, header)
    return header


def check_header(header: Jpeg2000Header, width: int, height: int) -> None:
    """Make sure that a codestream has the promised size; raises DamagedCodestream."""
    if (header.width, header.height) != (width, height):
        raise DamagedCodestream(
            f"the codestream is {header.width} × {header.height} pixels, not {width} × {height}"
        )


def check_tile_parts(data: bytes, header: Jpeg2000Header) -> None:
    """Make sure that every part of every tile is there, up to the end (EOC).

    Raises DamagedCodestream.
    """
    at = header.tile_parts_offset
    seen: dict[int, int] = {}
    promised: dict[int, int] = {}
    while data[at : at + 2] != b"\xff\xd9":
        tile, parts, at = _tile_part(data, at)
        seen[tile] = seen.get(tile, 0) + 1
        promised[tile] = parts or promised.get(tile, 0)
    if sorted(seen) != list(range(header.tiles)):
        raise DamagedCodestream(f"{len(seen)} of the codestream's {header.tiles} tiles are there")
    if any(parts and seen[tile] != parts for tile, parts in promised.items()):
        raise DamagedCodestream("parts of a tile of the codestream are missing")


def with_colour_transform(data: bytes) -> bytes:
    """A codestream of Y, Cb, Cr components marked so that decoders turn them into R, G, B.

    Sets the one byte that says so; the irreversible transform (Annex G.3) is that of JFIF, so this
    is right for components that went through the 9-7 wavelet, and for those alone.
    """
    for segment in _segments(data, 2):
        if segment.marker == COD:
            place = segment.offset + 4 + _MCT_IN_COD
            return b"".join((data[:place], b"\x01", memoryview(data)[place + 1 :]))
    raise DamagedCodestream("the codestream does not say how it is coded")


def _segments(data: bytes, at: int) -> Iterator[_Segment]:
    """The marker segments from an offset to SOT or SOD, which comes last, without payload."""
    while True:
        if at + 4 > len(data):
            raise DamagedCodestream("the JPEG 2000 codestream ends inside its header")
        marker, length = unpack_from(">HH", data, at)
        if marker in {SOT, SOD}:
            yield _Segment(marker, at, b"")
            return
        if marker < 0xFF00 or marker >= SOT or length < 2 or at + 2 + length > len(data):
            raise DamagedCodestream(f"no JPEG 2000 marker segment at byte {at}")
        yield _Segment(marker, at, data[at + 4 : at + 2 + length])
        at += 2 + length


def _header(found: dict[int, bytes], styles: list[bytes], end: int) -> Jpeg2000Header:
    size, coding = found[SIZ], found[COD]
    if len(size) < 36 or len(coding) < 10:
        raise DamagedCodestream("a segment of the JPEG 2000 header is cut")
    right, bottom, left, top, across, down, tile_left, tile_top = unpack_from(">8I", size, 2)
    (samples,) = unpack_from(">H", size, 34)
    if len(size) != 36 + 3 * samples or not samples or not across or not down:
        raise DamagedCodestream("the JPEG 2000 header states an impossible size")
    if right <= left or bottom <= top or tile_left > left or tile_top > top:
        raise DamagedCodestream("the JPEG 2000 header states an impossible size")
    depths, steps = set(size[36::3]), {*size[37::3], *size[38::3]}
    capabilities = int.from_bytes(found.get(CAP, b"")[:4], "big")
    style = 1 if samples < 257 else 2
    wavelets = {coding[9], *(one[style + 5] for one in styles if len(one) > style + 5)}
    halvings = [coding[5], *(one[style + 1] for one in styles if len(one) > style + 1)]
    return Jpeg2000Header(
        width=right - left,
        height=bottom - top,
        samples=samples,
        bits=max(depth & 0x7F for depth in depths) + 1,
        signed=any(depth & 0x80 for depth in depths),
        subsampled=steps != {1},
        colour_transform=coding[_MCT_IN_COD] == 1,
        reversible=wavelets == {_REVERSIBLE},
        uniform=not styles and len(depths) == 1,
        high_throughput=bool(capabilities & _HIGH_THROUGHPUT),
        halvings=min(halvings),
        tiles=-(-(right - tile_left) // across) * -(-(bottom - tile_top) // down),
        tile_parts_offset=end,
    )


def _tile_part(data: bytes, at: int) -> tuple[int, int, int]:
    """Number of the tile, number of its parts (0: not said here), and where the part ends."""
    if at + 12 > len(data):
        raise DamagedCodestream("the codestream is cut: it has no end (EOC)")
    marker, size, tile, length, _, parts = unpack_from(">HHHIBB", data, at)
    if (marker, size) != (SOT, 10):
        raise DamagedCodestream(f"foreign bytes where a tile-part begins, at byte {at}")
    *_, start = _segments(data, at + 12)
    # A last part may leave its length open (A.4.2): then it goes up to the end of the codestream.
    end = at + length if length else data.rfind(b"\xff\xd9")
    if start.marker != SOD or end < start.offset + 2 or end + 2 > len(data):
        raise DamagedCodestream("the codestream is cut inside a tile-part")
    for found in _MARKER_IN_PACKETS.finditer(data, start.offset + 2, end):
        if found[0][1] not in _ALLOWED_IN_PACKETS:
            raise DamagedCodestream(f"foreign bytes among the packets at byte {found.start()}")
    return tile, parts, end
