"""What follows the header of a JPEG tile: whether it is there to its end.

Reads no entropy-coded symbol: it finds what a marker scan can find, which is truncation, foreign
bytes and lying headers, not a flipped bit. Source: ITU-T T.81, Annex B and E.1.4.
"""

import re
from collections.abc import Sequence
from struct import unpack_from

import numpy as np

from tiles.codestream import EOI, INSIDE_AN_IMAGE, SOS, JpegHeader, check_header, parse_jpeg
from tiles.errors import DamagedCodestream

_END = b"\xff\xd9"
_MARKER = re.compile(rb"\xff[^\x00]", re.DOTALL)
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_PADDING = b"\x00\xff"
_MARKER_IN_SCAN = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)

PIECE_BYTES = 1 << 17
"""Looked at together: fresh memory for more costs many times what the look does."""


def check(data: bytes, width: int, height: int) -> JpegHeader:
    """Make sure that a JPEG is structurally whole and of the promised size.

    Raises DamagedCodestream.
    """
    header = parse_jpeg(data)
    check_header(header, width, height)
    check_scan(data, header)
    return header


def check_scan(data: bytes, header: JpegHeader) -> bool:
    """Make sure that what follows a JPEG's header are scans up to their end.

    False where more than padding follows that end: then it may have come too soon, which only a
    decoder can tell. Raises DamagedCodestream.
    """
    at = header.scan_offset
    # One scan without restarts, and whole: the first marker in it is the EOI that ends it.
    first = _MARKER.search(data, at)
    if first is not None and first.end() == len(data) and data.endswith(_END):
        if header.restart_interval:
            _check_restarts(data, header, len(data))
        return True
    scans = 1
    while True:
        found = _MARKER_IN_SCAN.search(data, at)
        if found is None:
            raise DamagedCodestream("the codestream is cut: it has no EOI")
        marker = found.group(1)[0]
        if marker == EOI:
            if header.restart_interval and scans == 1:
                _check_restarts(data, header, found.start())
            return not data[found.end() :].strip(_PADDING)
        if marker not in INSIDE_AN_IMAGE or found.end() + 2 > len(data):
            raise DamagedCodestream(f"foreign bytes in the scan at byte {found.start()}")
        scans += marker == SOS
        (length,) = unpack_from(">H", data, found.end())
        at = found.end() + length


def _check_restarts(data: bytes, header: JpegHeader, end: int) -> None:
    """Make sure that no restart interval of an only scan is missing (T.81, B.2.1 and E.1.4)."""
    alone = header.samples == 1
    across = 8 * (1 if alone else max(one.horizontal for one in header.components))
    down = 8 * (1 if alone else max(one.vertical for one in header.components))
    units = -(-header.width // across) * -(-header.height // down)
    expected = -(-units // header.restart_interval) - 1
    found = [one[0][-1] & 7 for one in _RESTART.finditer(data, header.scan_offset, end)]
    if found != [number % 8 for number in range(expected)]:
        raise DamagedCodestream(f"{len(found)} of its {expected} restart markers are there in turn")


def whole_at_a_glance(tiles: Sequence[bytes], header: JpegHeader) -> bool:
    """Whether all of some tiles surely begin with the same header and run to their end.

    False says nothing: then each is to be looked at by itself.
    """
    front = tiles[0][: header.scan_offset]
    if header.restart_interval or front.endswith(b"\xff"):
        return False
    if not all(tile.startswith(front) and tile.endswith(_END) for tile in tiles):
        return False
    # As many markers as stand in the headers and at the ends: then there is none between.
    together = max(1, PIECE_BYTES // len(tiles[0]))
    pieces = (tiles[first : first + together] for first in range(0, len(tiles), together))
    found = sum(_markers(b"".join(piece)) for piece in pieces)
    return found == len(tiles) * (_markers(front) + 1)


def _markers(data: bytes) -> int:
    """How many bytes FF are followed by another than 0, which entropy coding puts after its own."""
    values = np.frombuffer(data, np.uint8)
    is_marker = values[:-1] == 0xFF
    is_marker &= values[1:] != 0
    return int(np.count_nonzero(is_marker))
