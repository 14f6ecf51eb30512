"""One JPEG out of restart intervals, nothing decoded.

At a restart marker a decoder begins anew, so entropy-coded intervals of the same tables and the
same number of MCUs can be put together in any order, under a header that states how many there are
(ITU-T T.81, B.2.4.4 and E.2.4).
"""

from collections.abc import Iterable, Sequence
from struct import pack

from tiles.codestream import DRI, SOS, STARTS_OF_FRAME, JpegHeader, parse_jpeg, segments
from tiles.errors import DamagedCodestream

EOI = b"\xff\xd9"
MOST_MCUS = 0xFFFF
"""What a restart interval may count."""
MOST_ROWS = 0xFFFF


def front_of(header: bytes, width: int, height: int, interval: int) -> bytes:
    """A JPEG's header, from SOI to the end of SOS, for other extents and another interval.

    `interval` is in MCUs. Raises DamagedCodestream.
    """
    parts = [b"\xff\xd8"]
    for segment in segments(header):
        end = segment.offset + 4 + len(segment.payload)
        data = header[segment.offset : end]
        if segment.marker in STARTS_OF_FRAME:
            data = data[:5] + pack(">HH", height, width) + data[9:]
        elif segment.marker == SOS:
            parts += [pack(">BBHH", 0xFF, DRI, 4, interval), data]
            return b"".join(parts)
        if segment.marker != DRI:
            parts.append(data)
    raise DamagedCodestream("the JPEG has no scan")


def joined(front: bytes, intervals: Iterable[bytes]) -> bytes:
    """The JPEG of a header and its intervals in order, each without a marker at its end."""
    parts = [front]
    for number, interval in enumerate(intervals):
        if number:
            parts.append(bytes((0xFF, 0xD0 + (number - 1) % 8)))
        parts.append(interval)
    parts.append(EOI)
    return b"".join(parts)


def mcu_size(header: JpegHeader) -> tuple[int, int]:
    """Pixels across and down of an MCU of an interleaved scan."""
    if header.samples == 1:
        return 8, 8
    across = max(component.horizontal for component in header.components)
    down = max(component.vertical for component in header.components)
    return 8 * across, 8 * down


def stacked(strips: Sequence[bytes]) -> bytes | None:
    """Baseline JPEGs that lie below one another as one; None where they are not of one making.

    All but the last must be of one height, of whole MCUs. Raises DamagedCodestream.
    """
    headers = [parse_jpeg(strip) for strip in strips]
    first = headers[0]
    across, down = mcu_size(first)
    interval = -(-first.width // across) * -(-first.height // down)
    even = all(header.height == first.height for header in headers[:-1])
    if not first.baseline or not even or first.height % down or interval > MOST_MCUS:
        return None
    height = sum(header.height for header in headers)
    if height > MOST_ROWS or headers[-1].height > first.height:
        return None
    front = front_of(strips[0], first.width, height, interval)
    bodies = []
    for strip, header in zip(strips, headers, strict=True):
        body = strip[header.scan_offset : strip.rfind(EOI)]
        whole = body.count(b"\xff") == body.count(b"\xff\0")
        if not whole or front_of(strip, header.width, height, interval) != front:
            return None
        bodies.append(body)
    return joined(front, bodies)
