"""Colour profiles as DICOM wants them.

PS3.3 C.11.15.1.1 asks for an input profile, device class `scnr`; what cameras, scanners and
libraries hand out is mostly `mntr`. The class is a label in the header: the transform stays.
"""

from collections.abc import Mapping
from functools import cache
from struct import pack, unpack_from

_CLASS = slice(12, 16)
_DATE = slice(24, 36)
_SIGNATURE = slice(36, 40)
_HEADER_BYTES = 128
_TAGS = _HEADER_BYTES + 4
_SOME_DAY = bytes.fromhex("07d000010001000000000000")
_MAKERS = (slice(4, 8), slice(40, 44), slice(48, 56), slice(80, 128))
"""Preferred CMM, platform, device maker and model, creator, profile ID and what is reserved."""

_CURVES = {f"{colour}{part}".encode() for colour in "rgbk" for part in ("XYZ", "TRC")}
_TABLES = {f"{way}{intent}".encode() for way in ("A2B", "B2A", "D2B", "B2D") for intent in "0123"}
_TRANSFORM = frozenset({b"wtpt", b"bkpt", b"chad", b"gamt", *_CURVES, *_TABLES})

_NAME = "colour of the scanner"
_TEXT_2 = (
    b"desc" + bytes(4) + pack(">I", len(_NAME) + 1) + _NAME.encode() + bytes(1 + 4 + 4 + 3 + 67),
    b"text" + bytes(4) + b"none\0",
)
_TEXT_4 = tuple(
    b"mluc"
    + bytes(4)
    + pack(">II2s2sII", 1, 12, b"en", b"US", 2 * len(said), 28)
    + said.encode("utf-16-be")
    for said in (_NAME, "none")
)
"""Description and copyright, which every profile must have, as version 2 and as version 4 write
them (ICC.1:2001-04 6.5.17 and 6.5.18; ICC.1:2022 10.15)."""


def as_input_profile(icc_profile: bytes) -> bytes | None:
    """The profile with device class `scnr`; None for bytes that are no ICC profile."""
    if len(icc_profile) < _HEADER_BYTES or icc_profile[_SIGNATURE] != b"acsp":
        return None
    profile = bytearray(icc_profile)
    profile[_CLASS] = b"scnr"
    # A profile ID is a digest of the profile; zero says that it was not computed (ICC.1, 7.2.18).
    profile[84:100] = bytes(16)
    return bytes(profile)


def without_texts(icc_profile: bytes) -> bytes | None:
    """The profile's transform alone: no description, maker, model, serial number, nor date.

    None for bytes that are no ICC profile (ICC.1, 7.2 and 7.3).
    """
    if len(icc_profile) < _TAGS or icc_profile[_SIGNATURE] != b"acsp":
        return None
    tags = {}
    (count,) = unpack_from(">I", icc_profile, _HEADER_BYTES)
    if _TAGS + 12 * count > len(icc_profile):
        return None
    for number in range(count):
        name, offset, length = unpack_from(">4sII", icc_profile, _TAGS + 12 * number)
        if name in _TRANSFORM:
            tags[name] = icc_profile[offset : offset + length]
    named = _TEXT_4 if icc_profile[8] >= 4 else _TEXT_2
    tags |= {b"desc": named[0], b"cprt": named[1]}
    header = bytearray(icc_profile[:_HEADER_BYTES])
    header[_DATE] = _SOME_DAY
    for part in _MAKERS:
        header[part] = bytes(part.stop - part.start)
    return _assembled(bytes(header), tags)


def _assembled(header: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    """A profile of these tags, each on a boundary of four bytes, those alike stored once."""
    at = _TAGS + 12 * len(tags)
    table, body, places = [], [], dict[bytes, int]()
    for name, value in tags.items():
        if value not in places:
            places[value] = at
            body.append(value + bytes(-len(value) % 4))
            at += len(body[-1])
        table.append(pack(">4sII", name, places[value], len(value)))
    whole = b"".join((header, pack(">I", len(tags)), *table, *body))
    return pack(">I", len(whole)) + whole[4:]


def in_jpeg(jpeg: bytes, icc_profile: bytes) -> bytes:
    """A JPEG that says what its colours are: the profile after its JFIF segment, if it has one.

    In as many APP2 segments as it takes, numbered from 1 (ICC.1:2022, B.4).
    """
    at = 2
    if jpeg[2:4] == b"\xff\xe0":
        at += 2 + unpack_from(">H", jpeg, 4)[0]
    parts = [icc_profile[n : n + _PART_BYTES] for n in range(0, len(icc_profile), _PART_BYTES)]
    segments = (
        b"\xff\xe2" + pack(">H12sBB", 16 + len(part), b"ICC_PROFILE\0", number, len(parts)) + part
        for number, part in enumerate(parts, 1)
    )
    return b"".join((jpeg[:at], *segments, jpeg[at:]))


_PART_BYTES = 65_535 - 16
"""What is left of a segment behind its length, the name and the two numbers."""


@cache
def srgb_profile() -> bytes:
    """An sRGB input profile, the same bytes every time."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_DATE] = _SOME_DAY  # LittleCMS writes today's date
    made = as_input_profile(bytes(profile))
    if made is None:
        raise ValueError("LittleCMS made no profile")
    return made
