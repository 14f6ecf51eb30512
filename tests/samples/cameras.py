"""Small pictures in every form that cameras write, each full of facts that must not be stored.

`turned.heic` and `ten_bits.heic` beside this file are of this project too: no encoder of HEIC is
among its packages. The first lies on its side and holds the marks below, the second has 10 bits.
"""

import io
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from struct import pack
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from tests.samples.tissue import display_profile
from tiles.codec import encode_jpeg

WIDTH, HEIGHT = 64, 48
MARK = "SV-MARK-"
"""All that must not be stored begins with it, but for numbers."""
PLACE = pack("<6I", 48, 1, 51, 1, 296, 10)
"""The latitude as EXIF holds it."""


def colours(bits: int = 8) -> NDArray[Any]:
    """What the pictures show, (rows, columns, 3), with values of all sizes."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    values = np.stack([x / 63, y / 47, (x + y) / 110], -1) * ((1 << bits) - 1)
    return values.astype(np.uint8 if bits == 8 else np.uint16)


def exif(orientation: int = 1) -> Image.Exif:
    """Who, where, and with which device."""
    block = Image.Exif()
    block[0x010F], block[0x0110] = "Sansverre", "Sample Phone 1"
    block[0x010E], block[0x013B], block[0x8298] = f"{MARK}TITLE", f"{MARK}ARTIST", f"{MARK}RIGHTS"
    block[0x0112] = orientation
    camera: dict[int, Any] = block.get_ifd(0x8769)
    camera[0xA430], camera[0xA431], camera[0xA435] = f"{MARK}OWNER", f"{MARK}SERIAL", f"{MARK}LENS"
    camera[0x9286] = b"ASCII\0\0\0" + f"{MARK}COMMENT".encode()
    camera[0x927C], camera[0xA420] = f"{MARK}MAKER".encode(), f"{MARK}UNIQUE"
    place: dict[int, Any] = block.get_ifd(0x8825)
    place.update({1: "N", 2: (48.0, 51.0, 29.6), 3: "E", 4: (2.0, 17.0, 40.2)})
    place[29] = "2024:03:14"
    return block


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + pack(">H", len(payload) + 2) + payload


def _jpeg(path: Path, *, form: str = "RGB", orientation: int = 1, cut: int = 0, **how: Any) -> None:
    """Every segment that says something, a thumbnail, and a second picture behind the first."""
    pixels = colours()[: HEIGHT - cut, : WIDTH - cut]
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(form).save(
        buffer, "JPEG", exif=exif(orientation), icc_profile=display_profile(), **how
    )
    marked = MARK.encode()
    said = (
        _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + marked + b"XMP"),
        _segment(0xE2, b"FPXR\0" + marked + b"FLASHPIX"),
        _segment(0xED, b"Photoshop 3.0\x008BIM" + marked + b"IPTC"),
        _segment(0xFE, marked + b"COMMENT"),
        _segment(0xE5, marked + b"PREVIEW"),
    )
    second = encode_jpeg(pixels, 50, "420") + marked + b"FILM"
    path.write_bytes(buffer.getvalue()[:2] + b"".join(said) + buffer.getvalue()[2:] + second)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))


def _png(path: Path, picture: bytes) -> None:
    """Marks in every chunk that may hold text, and behind the end."""
    marked = MARK.encode()
    said = (
        _chunk(b"tEXt", b"Author\0" + marked + b"TEXT"),
        _chunk(b"zTXt", b"Place\0\0" + zlib.compress(marked + b"ZTXT", 0)),
        _chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + marked + b"XMP"),
        _chunk(b"eXIf", exif(6).tobytes()[6:]),
        _chunk(b"prVt", marked + b"PRIVATE"),
    )
    head = 8 + 25
    path.write_bytes(picture[:head] + b"".join(said) + picture[head:] + marked + b"BEHIND")


def _png_of(pixels: NDArray[Any]) -> Callable[[Path], None]:
    turned = pixels[..., [2, 1, 0, *range(3, pixels.shape[2])]]
    return lambda path: _png(path, cv2.imencode(".png", turned)[1].tobytes())


def _palette_png(path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(colours()).quantize(16).save(buffer, "PNG", pnginfo=PngImagePlugin.PngInfo())
    _png(path, buffer.getvalue())


def _see_through(bits: int) -> NDArray[Any]:
    pixels = colours(bits)
    return np.concatenate((pixels, pixels[..., 2:]), axis=2)


def _pillow(path: Path, *, form: str, **how: Any) -> None:
    Image.fromarray(colours()).save(path, form, exif=exif(8), icc_profile=display_profile(), **how)
    with path.open("ab") as file:
        file.write(b"\0\0\0\x18free" + MARK.encode() + b"FREEBOX_")


def _webp(path: Path, **how: Any) -> None:
    xmp = f"<x:xmpmeta>{MARK}XMP</x:xmpmeta>".encode()
    _pillow(path, form="WEBP", xmp=xmp, **how)


def _tiff(path: Path, pixels: NDArray[Any], orientation: int = 1, **how: Any) -> None:
    marked = MARK.encode()
    more = [
        (700, 1, len(marked), marked, True),
        (33723, 7, len(marked), marked, True),
        (315, 2, 0, f"{MARK}ARTIST", True),
        (65000, 2, 0, f"{MARK}PRIVATE", True),
        (274, 3, 1, orientation, True),
    ]
    about: dict[str, Any] = {"metadata": None, "description": f"{MARK}TITLE", "extratags": more}
    tifffile.imwrite(path, pixels, **about, **how)


def _copy(name: str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(Path(__file__).with_name(name).read_bytes())


CAMERAS: dict[str, Callable[[Path], object]] = {
    "baseline.jpg": partial(_jpeg, quality=90),
    "grey.jpg": partial(_jpeg, form="L", quality=90),
    "progressive.jpg": partial(_jpeg, quality=90, progressive=True),
    "turned-progressive.jpg": partial(_jpeg, orientation=7, subsampling=0, progressive=True),
    "turned.jpg": partial(_jpeg, orientation=6, quality=90),
    "turned-between-blocks.jpg": partial(_jpeg, orientation=3, cut=3, quality=90),
    "rgb.jpg": partial(_jpeg, keep_rgb=True, quality=90),
    "print.jpg": partial(_jpeg, form="CMYK", quality=90),
    "colours.png": _png_of(colours()),
    "colours-16.png": _png_of(colours(16)),
    "see-through.png": _png_of(_see_through(8)),
    "see-through-16.png": _png_of(_see_through(16)),
    "palette.png": _palette_png,
    "lossy.webp": partial(_webp, quality=90),
    "lossless.webp": partial(_webp, lossless=True),
    "photo.avif": partial(_pillow, form="AVIF"),
    "turned.heic": _copy("turned.heic"),
    "ten_bits.heic": _copy("ten_bits.heic"),
    "colours.tif": partial(_tiff, pixels=colours(), photometric="rgb", orientation=6),
    "colours-16.tif": partial(_tiff, pixels=colours(16), photometric="rgb", compression="deflate"),
    "grey-16.tif": partial(_tiff, pixels=colours(16)[..., 0], photometric="minisblack"),
}
"""File names, and what writes them."""
