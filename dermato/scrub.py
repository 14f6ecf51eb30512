"""Free a camera's JPEG of everything but the picture, without touching the picture.

Where a photograph was taken, with which device, by whom, a second picture behind the first, a
small one inside the metadata: all of it sits in segments that no decoder needs. They are left out;
tables, frame header and entropy-coded bytes go over as they are. Source: ITU-T T.81, Annex B;
JFIF 1.02; ICC.1 Annex B.4 for the profile in APP2.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from struct import pack, unpack_from

from dermato.errors import DamagedPhoto
from tiles.codestream import APP0, APP14, DHT, DQT, DRI, EOI, SOS, Segment

SOF0, SOF1, SOF2, APP1, APP2, COM = 0xC0, 0xC1, 0xC2, 0xE1, 0xE2, 0xFE
FRAMES = frozenset({SOF0, SOF1, SOF2})
"""Baseline, extended sequential and progressive DCT, Huffman-coded."""
DROPPED = frozenset({*range(0xE1, 0xEE), 0xEF, COM})
NEEDED = frozenset({*FRAMES, DQT, DHT, DRI, SOS})

_EXIF = b"Exif\0\0"
_ICC = b"ICC_PROFILE\0"
# Anything but a stuffed zero and the restart markers ends the entropy-coded bytes.
_END_OF_SCAN = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)


@dataclass(frozen=True, slots=True, repr=False)
class Scrubbed:
    """A clean JPEG and what was worth reading in the segments that were left out."""

    jpeg: bytes
    exif: bytes | None
    """The TIFF structure of the first EXIF segment: full of identifying facts."""
    icc_profile: bytes | None


def scrub(data: bytes) -> Scrubbed:
    """Keep the picture of a Huffman-coded JPEG; what follows its first EOI is cut off.

    Raises DamagedPhoto where the bytes are not a whole sequence of segments up to EOI.
    """
    kept: list[bytes] = [b"\xff\xd8"]
    exif: bytes | None = None
    profile: dict[int, bytes] = {}
    announced = 0
    seen: set[int] = set()
    for segment, scan in parts(data):
        marker, payload = segment.marker, segment.payload
        if marker == APP1 and payload.startswith(_EXIF) and exif is None:
            exif = payload[len(_EXIF) :]
        elif marker == APP2 and payload.startswith(_ICC) and len(payload) > len(_ICC) + 2:
            number, announced = payload[len(_ICC)], payload[len(_ICC) + 1]
            profile.setdefault(number, payload[len(_ICC) + 2 :])
        elif marker in NEEDED and not (marker in FRAMES and seen & FRAMES):
            kept.append(_segment(marker, payload) + scan)
        elif marker in {APP0, APP14} and marker not in seen:
            kept.append(_colour_hint(marker, payload))
        elif marker not in DROPPED | {APP0, APP14}:
            raise DamagedPhoto(
                f"the JPEG holds a marker ({marker:02X}) that no photograph has; convert "
                "it to a baseline JPEG"
            )
        seen.add(marker)
    if not seen & FRAMES or SOS not in seen:
        raise DamagedPhoto("the JPEG has no picture in it; send the photograph again")
    whole = profile and sorted(profile) == list(range(1, announced + 1))
    icc_profile = b"".join(profile[number] for number in sorted(profile)) if whole else None
    return Scrubbed(b"".join((*kept, b"\xff\xd9")), exif, icc_profile)


def parts(data: bytes) -> Iterator[tuple[Segment, bytes]]:
    """Every segment between SOI and the first EOI, an SOS with the scan that follows it.

    Raises DamagedPhoto where the bytes are not such a sequence, or end before EOI.
    """
    if data[:2] != b"\xff\xd8":
        raise DamagedPhoto("the file does not begin as a JPEG does; send the photograph again")
    at = 2
    while True:
        start = at
        while data[at : at + 1] == b"\xff":
            at += 1
        if at >= len(data):
            raise DamagedPhoto("the JPEG is cut off; send the photograph again")
        if at == start:
            raise DamagedPhoto(f"the JPEG is damaged at byte {at}; send the photograph again")
        marker = data[at]
        if marker == EOI:
            return
        if at + 3 > len(data):
            raise DamagedPhoto("the JPEG is cut off; send the photograph again")
        (length,) = unpack_from(">H", data, at + 1)
        end = at + 1 + length
        if marker < SOF0 or 0xD0 <= marker <= 0xD8 or length < 2 or end > len(data):
            raise DamagedPhoto(f"the JPEG is damaged at byte {start}; send the photograph again")
        payload, scan = data[at + 3 : end], b""
        if marker == SOS:
            found = _END_OF_SCAN.search(data, end)
            if found is None:
                raise DamagedPhoto("the JPEG is cut off; send the photograph again")
            scan = data[end : found.start()]
            end = found.start()
        yield Segment(marker, start, payload), scan
        at = end


def _segment(marker: int, payload: bytes) -> bytes:
    return pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def _colour_hint(marker: int, payload: bytes) -> bytes:
    """What a decoder reads to know the colours: JFIF without its thumbnail, Adobe's transform."""
    if marker == APP0 and payload.startswith(b"JFIF\0") and len(payload) >= 14:
        return _segment(marker, payload[:12] + b"\0\0")
    if marker == APP14 and payload.startswith(b"Adobe") and len(payload) >= 12:
        return _segment(marker, payload[:12])
    return b""
