"""Codestreams without what their encoders and scanners noted in them.

JPEG has comments and application segments (Exif, XMP, maker's notes), JPEG 2000 has comments; none
has a say in the pixels but JFIF's and Adobe's marks. Source: ITU-T T.81, B.2.4; ISO/IEC 15444-1,
A.9.2.
"""

import re
from functools import lru_cache
from struct import pack, unpack_from

from tiles.codestream import APP0, APP14, EOI, parse_jpeg, segments
from tiles.errors import DamagedCodestream
from tiles.jpeg2000 import SOD, SOT, parse_jpeg2000
from tiles.source import Encoding, Frame

COM, COM_2000 = 0xFE, 0xFF64
APPLICATION = range(0xE0, 0xF0)
JFIF_BYTES = 14
"""Of the JFIF mark without its thumbnail."""

_MARKER_IN_SCAN = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)


def without_remarks(frame: Frame) -> Frame:
    """The same pixels in the same code, without comments and notes, and nothing after the end.

    Codestreams of other kinds than JPEG and JPEG 2000 are given back as they are. Raises
    DamagedCodestream.
    """
    if frame.encoding is Encoding.JPEG_BASELINE:
        return Frame(_jpeg(frame.data), frame.encoding)
    if frame.encoding in {Encoding.JPEG_2000, Encoding.HTJ2K}:
        return Frame(_jpeg_2000(frame.data), frame.encoding)
    return frame


def _jpeg(data: bytes) -> bytes:
    start = parse_jpeg(data).scan_offset
    kept = [_jpeg_head(data[:start])]
    at = start
    while True:
        found = _MARKER_IN_SCAN.search(data, at)
        if found is None:
            raise DamagedCodestream("the JPEG has no end")
        marker, after = found[1][0], found.end()
        if marker == EOI:
            kept.append(data[at:after])
            return b"".join(kept)
        if after + 2 > len(data):
            raise DamagedCodestream("the JPEG ends inside a marker segment")
        end = after + int(unpack_from(">H", data, after)[0])
        remark = marker == COM or marker in APPLICATION
        kept.append(data[at : found.start() if remark else end])
        at = end


@lru_cache(maxsize=8)
def _jpeg_head(head: bytes) -> bytes:
    """The bytes before the first scan; the tiles of a level begin alike."""
    kept = [b"\xff\xd8"]
    for segment in segments(head):
        marker, payload = segment.marker, segment.payload
        if marker == APP0 and payload[:5] == b"JFIF\0":
            payload = payload[: JFIF_BYTES - 2] + b"\0\0"
        elif marker == COM or (marker in APPLICATION and not _is_adobe(marker, payload)):
            continue
        kept.append(pack(">BBH", 0xFF, marker, len(payload) + 2) + payload)
    return b"".join(kept)


def _is_adobe(marker: int, payload: bytes) -> bool:
    return marker == APP14 and payload[:5] == b"Adobe" and len(payload) == len(b"Adobe") + 7


def _jpeg_2000(data: bytes) -> bytes:
    """Comments of the main header are left out; in tile-parts, whose lengths count, overwritten."""
    start = parse_jpeg2000(data).tile_parts_offset
    kept, at = [data[:2]], 2
    while at < start:
        marker, length = unpack_from(">HH", data, at)
        if marker != COM_2000:
            kept.append(data[at : at + 2 + length])
        at += 2 + length
    rest = bytearray(data[start:])
    _overwrite_in_tile_parts(rest)
    return b"".join((*kept, rest))


def _overwrite_in_tile_parts(data: bytearray) -> None:
    at = 0
    while at + 12 <= len(data) and unpack_from(">H", data, at)[0] == SOT:
        (length,) = unpack_from(">I", data, at + 6)
        segment = at + 12
        while segment + 4 <= len(data):
            marker, size = unpack_from(">HH", data, segment)
            if marker == SOD:
                break
            if marker == COM_2000:
                # Two bytes of length and two that say of which kind it is stay.
                data[segment + 6 : segment + 2 + size] = b" " * max(0, size - 4)
            segment += 2 + size
        if length == 0:
            return
        at += length
    # After EOC nothing belongs to the picture.
    if data[at : at + 2] == b"\xff\xd9":
        del data[at + 2 :]
