"""PNG: any depth, palettes, grey and opacity. Source: W3C PNG, third edition."""

import zlib
from collections.abc import Iterator
from struct import unpack_from

import numpy as np

from dermato.camera.colour import in_8_bits, profile_for
from dermato.camera.exif import Camera, read_camera
from dermato.camera.picture import Picture, check_size
from dermato.errors import DamagedPhoto

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_PROFILE_BYTES = 4 << 20


def read_png(data: bytes) -> Picture:
    """The picture of a PNG, the first of an animated one; raises DamagedPhoto, TooLarge."""
    import imagecodecs

    header = exif = profile = None
    for kind, body in _chunks(data):
        if header is None and kind != b"IHDR":
            break
        if kind == b"IHDR" and len(body) == 13:
            header = unpack_from(">IIB", body)
            check_size("PNG", header[0], header[1])
        elif kind == b"eXIf":
            exif = body
        elif kind == b"iCCP":
            profile = _profile(body)
    if header is None:
        raise DamagedPhoto("the PNG has no header; send the photograph again")
    try:
        raw = np.asarray(imagecodecs.png_decode(data))
    except (RuntimeError, ValueError) as error:
        raise DamagedPhoto("the PNG is damaged; send the photograph again") from error
    if raw.shape[:2] != (header[1], header[0]):
        raise DamagedPhoto("the PNG holds other extents than it says; send the photograph again")
    pixels, done = in_8_bits(raw, 8 * raw.itemsize)
    camera = read_camera(exif) if exif else Camera()
    return Picture("png", pixels, camera, profile_for(profile), derivation=done)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of every chunk up to IEND; raises DamagedPhoto where one is cut off."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length, kind = unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            break
        yield kind, data[at + 8 : at + 8 + length] if kind != b"IDAT" else b""
        if kind == b"IEND":
            return
        at += 12 + length
    raise DamagedPhoto("the PNG is cut off; send the photograph again")


def _profile(body: bytes) -> bytes | None:
    """The profile of an iCCP chunk (11.3.2.3); None for one that cannot be read."""
    _, _, compressed = body.partition(b"\0")
    reader = zlib.decompressobj()
    try:
        profile = reader.decompress(compressed[1:], _MOST_PROFILE_BYTES)
    except zlib.error:
        return None
    return profile if reader.eof else None
