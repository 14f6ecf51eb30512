"""WebP: the first picture of it. Source: RFC 9649."""

import io
from collections.abc import Iterator
from struct import unpack_from

import numpy as np
from PIL import Image

from dermato.camera.colour import in_8_bits, profile_for
from dermato.camera.exif import Camera, read_camera
from dermato.camera.picture import Picture, check_size
from dermato.errors import DamagedPhoto
from tiles.coding import WEBP_METHOD, Loss


def read_webp(data: bytes) -> Picture:
    """The picture of a WebP; raises DamagedPhoto, TooLarge."""
    chunks = dict(reversed([*_chunks(data)]))
    check_size("WebP", *_extent(chunks))
    try:
        with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
            raw = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise DamagedPhoto("the WebP is damaged; send the photograph again") from error
    pixels, done = in_8_bits(raw, 8)
    exif = chunks.get(b"EXIF", b"").removeprefix(b"Exif\0\0")
    lossless = b"VP8L" in chunks
    ratio = f"{pixels.size / len(data):.2f}"
    return Picture(
        "webp",
        pixels,
        read_camera(exif) if exif else Camera(),
        profile_for(chunks.get(b"ICCP")),
        () if lossless else (Loss(WEBP_METHOD, ratio),),
        done,
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and content of the chunks; raises DamagedPhoto where one is cut off."""
    at, end = 12, 8 + int(unpack_from("<I", data, 4)[0])
    if end > len(data):
        raise DamagedPhoto("the WebP is cut off; send the photograph again")
    while at + 8 <= end:
        kind, length = unpack_from("<4sI", data, at)
        if at + 8 + length > end:
            raise DamagedPhoto("the WebP is cut off; send the photograph again")
        yield kind, data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _extent(chunks: dict[bytes, bytes]) -> tuple[int, int]:
    """Width and height, before anything is decoded (2.5 to 2.7)."""
    if len(body := chunks.get(b"VP8X", b"")) >= 10:
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if len(body := chunks.get(b"VP8L", b"")) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if len(body := chunks.get(b"VP8 ", b"")) >= 10:
        width, height = unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    raise DamagedPhoto("the WebP has no picture in it; send the photograph again")
