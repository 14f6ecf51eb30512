"""What the bytes of a JPEG tile say of themselves, and what may be done to them without decoding.

Tags of a TIFF and attributes of a DICOM header lie often enough; the codestream is what a decoder
will follow, so everything that decides whether a tile can be copied is read from here.
Source: ITU-T T.81, Annex B; Adobe Technical Note 5116 for APP14.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from struct import unpack_from

from tiles.errors import DamagedCodestream

SOI, EOI, SOS, DQT, DHT, DRI, DAC = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xCC
APP0, APP14, TEM = 0xE0, 0xEE, 0x01
STARTS_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {DHT, DAC, 0xC8}
PARAMETERLESS = frozenset(range(0xD0, 0xDA)) | {TEM}
INSIDE_AN_IMAGE = STARTS_OF_FRAME | {
    DQT,
    DHT,
    DAC,
    DRI,
    SOS,
    0xDC,
    0xDE,
    0xDF,
    0xFE,
    *range(0xE0, 0xF0),
}

ADOBE_RGB = b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
"""APP14 with transform 0: the three components are R, G, B as they are."""

# Annex K, table K.1 in zigzag order, which encoders scale by their "quality".
_STANDARD_LUMINANCE_SUM = 3688


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker segment: `payload` is what follows the length field."""

    marker: int
    offset: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Component:
    """One colour component with its sampling factors."""

    identifier: int
    horizontal: int
    vertical: int
    table: int


@dataclass(frozen=True, slots=True)
class JpegHeader:
    """What the markers before the first scan say."""

    width: int
    height: int
    precision: int
    process: int
    """The start-of-frame marker: 0xC0 is baseline, 0xC2 progressive."""
    components: tuple[Component, ...]
    adobe_transform: int | None
    jfif: bool
    restart_interval: int
    quantization: dict[int, tuple[int, ...]]
    has_huffman: bool
    scan_offset: int
    """Offset of the first entropy-coded byte."""

    @property
    def baseline(self) -> bool:
        """Whether this is baseline sequential DCT with 8 bits (Process 1)."""
        return self.process == 0xC0 and self.precision == 8

    @property
    def samples(self) -> int:
        """Components of a pixel."""
        return len(self.components)

    @property
    def rgb(self) -> bool:
        """Whether a decoder takes the three components as R, G, B rather than Y, Cb, Cr."""
        if self.samples != 3 or self.jfif:
            return False
        if self.adobe_transform is not None:
            return self.adobe_transform == 0
        return tuple(c.identifier for c in self.components) == (0x52, 0x47, 0x42)

    @property
    def subsampling(self) -> str:
        """Chroma subsampling as encoders name it: 444, 422, 420, 440, 411, gray or other."""
        if self.samples == 1:
            return "gray"
        first, *rest = self.components
        if any((c.horizontal, c.vertical) != (1, 1) for c in rest):
            return "other"
        names = {(1, 1): "444", (2, 1): "422", (2, 2): "420", (1, 2): "440", (4, 1): "411"}
        return names.get((first.horizontal, first.vertical), "other")

    @property
    def quality(self) -> int:
        """The quality (1-100) at which the IJG's scaling of the standard tables comes closest."""
        table = self.quantization.get(self.components[0].table)
        if table is None:
            raise DamagedCodestream("the JPEG names a quantization table that it does not hold")
        scale = 100.0 * sum(table) / _STANDARD_LUMINANCE_SUM
        quality = 5000.0 / scale if scale > 100 else 100.0 - scale / 2
        return max(1, min(100, round(quality)))


def segments(data: bytes) -> Iterator[Segment]:
    """The marker segments from SOI up to and including the first SOS (or EOI).

    Raises DamagedCodestream where the bytes are not a sequence of segments.
    """
    if data[:2] != b"\xff\xd8":
        raise DamagedCodestream("not a JPEG: it does not begin with SOI")
    at = 2
    while True:
        start = at
        if data[at : at + 1] != b"\xff":
            raise DamagedCodestream(f"no JPEG marker at byte {at}")
        while data[at : at + 1] == b"\xff":
            at += 1
        if at >= len(data):
            raise DamagedCodestream("the JPEG ends before its first scan")
        marker = data[at]
        at += 1
        if marker == EOI:
            yield Segment(marker, start, b"")
            return
        if marker in PARAMETERLESS:
            raise DamagedCodestream(f"marker {marker:02X} before the first scan, at byte {start}")
        if at + 2 > len(data):
            raise DamagedCodestream("the JPEG ends inside a marker segment")
        (length,) = unpack_from(">H", data, at)
        if length < 2 or at + length > len(data):
            raise DamagedCodestream(f"marker {marker:02X} at byte {start} runs past the end")
        yield Segment(marker, start, data[at + 2 : at + length])
        at += length
        if marker == SOS:
            return


def parse_jpeg(data: bytes) -> JpegHeader:
    """Read the header of a complete or abbreviated JPEG codestream (T.81, B.2).

    Raises DamagedCodestream for anything a decoder could not begin with.
    """
    global _recent  # noqa: PLW0603 -- rebound whole, so that threads see one state or the other
    for start, header in _recent:
        if data.startswith(start):
            return header
    header = _parse(data)
    _recent = ((data[: header.scan_offset], header), *_recent[: _REMEMBERED - 1])
    return header


_REMEMBERED = 4
_recent: tuple[tuple[bytes, JpegHeader], ...] = ()
"""Headers read last, by their bytes: the tiles of a level begin alike, and nothing after the
header's last byte has a say in it."""


def _parse(data: bytes) -> JpegHeader:
    frame: Segment | None = None
    adobe: int | None = None
    jfif = has_huffman = False
    interval = 0
    tables: dict[int, tuple[int, ...]] = {}
    for segment in segments(data):
        marker, payload = segment.marker, segment.payload
        if marker in STARTS_OF_FRAME:
            if frame is not None:
                raise DamagedCodestream("two frame headers before the first scan")
            frame = segment
        elif marker == DQT:
            tables.update(_quantization(payload))
        elif marker == DHT:
            has_huffman = True
        elif marker == DRI and len(payload) == 2:
            (interval,) = unpack_from(">H", payload)
        elif marker == APP0 and payload[:5] == b"JFIF\0":
            jfif = True
        elif marker == APP14 and payload[:5] == b"Adobe" and len(payload) >= 12:
            adobe = payload[11]
        elif marker == SOS:
            if frame is None:
                raise DamagedCodestream("a scan without a frame header")
            width, height, precision, components = _frame(frame.payload)
            return JpegHeader(
                width=width,
                height=height,
                precision=precision,
                process=frame.marker,
                components=components,
                adobe_transform=adobe,
                jfif=jfif,
                restart_interval=interval,
                quantization=tables,
                has_huffman=has_huffman,
                scan_offset=segment.offset + 4 + len(payload),
            )
    raise DamagedCodestream("the JPEG has no scan")


def complete(tile: bytes, tables: bytes | None, *, rgb: bool) -> bytes:
    """An abbreviated TIFF tile as a JPEG that any decoder shows in the right colours.

    `tables` is the value of the TIFF tag JPEGTables; its segments are put in after SOI. Where
    `rgb` says that the components are R, G, B and the stream does not say so itself, an APP14
    segment is put in too. The entropy-coded bytes stay as they are. (TIFF Technical Note 2.)
    """
    if tile[:2] != b"\xff\xd8":
        raise DamagedCodestream("the tile does not begin with SOI")
    middle = b""
    if tables:
        if tables[:2] != b"\xff\xd8" or tables[-2:] != b"\xff\xd9":
            raise DamagedCodestream("the shared JPEG tables are not a codestream of their own")
        middle = tables[2:-2]
    joined = b"".join((b"\xff\xd8", middle, memoryview(tile)[2:]))
    if rgb and not parse_jpeg(joined).rgb:
        return b"".join((b"\xff\xd8", ADOBE_RGB, memoryview(joined)[2:]))
    return joined


def check_header(header: JpegHeader, width: int, height: int) -> None:
    """Make sure that a JPEG has the promised size and the tables it is decoded by.

    Raises DamagedCodestream.
    """
    if (header.width, header.height) != (width, height):
        raise DamagedCodestream(
            f"the codestream is {header.width} × {header.height} pixels, not {width} × {height}"
        )
    if not header.has_huffman or any(c.table not in header.quantization for c in header.components):
        raise DamagedCodestream("the codestream lacks tables")


def _quantization(payload: bytes) -> dict[int, tuple[int, ...]]:
    tables = {}
    at = 0
    while at < len(payload):
        wide, identifier = payload[at] >> 4, payload[at] & 15
        size = 128 if wide else 64
        values = payload[at + 1 : at + 1 + size]
        if len(values) != size:
            raise DamagedCodestream("a quantization table is cut")
        tables[identifier] = unpack_from(">64H", values) if wide else tuple(values)
        at += 1 + size
    return tables


def _frame(payload: bytes) -> tuple[int, int, int, tuple[Component, ...]]:
    if len(payload) < 6:
        raise DamagedCodestream("the frame header is cut")
    precision, height, width, count = unpack_from(">BHHB", payload)
    if len(payload) < 6 + 3 * count or count == 0 or width == 0 or height == 0:
        raise DamagedCodestream("the frame header is impossible")
    components = []
    for index in range(count):
        identifier, factors, table = payload[6 + 3 * index : 9 + 3 * index]
        if not (1 <= factors >> 4 <= 4 and 1 <= factors & 15 <= 4):
            raise DamagedCodestream("a sampling factor is impossible")
        components.append(Component(identifier, factors >> 4, factors & 15, table))
    return width, height, precision, tuple(components)
