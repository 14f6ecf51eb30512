"""NDPI files as Hamamatsu's scanners write them, made from any RGB picture.

Levels are long JPEGs with restart markers, and offsets have 64 bits: those of a directory's values
have their upper halves behind it.
"""

import io
import re
from dataclasses import dataclass
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np
from PIL import Image

from tests.samples.vendors import MPP_UM, RGB, halves, thumbnail

SHORT, LONG, RATIONAL, ASCII, FLOAT, SLONG = 3, 4, 5, 2, 11, 9
CODES = {SHORT: "H", LONG: "I", FLOAT: "f", SLONG: "i"}
LOWER = 0xFFFFFFFF
PROPERTIES = "Created=2021/03/04\r\nProduct=C13210\r\nNDP.S/N=000042\r\n"


@dataclass(frozen=True)
class Scan:
    """How a slide is scanned: `interval_px` is the width of a restart interval (0: none).

    `planes` are the heights of the focal planes in nanometres, each with the levels of its own;
    `listed` is whether the offsets of the intervals are.
    """

    interval_px: int = 256
    subsampling: str = "4:2:2"
    planes: tuple[int, ...] = (0,)
    listed: bool = True
    begins_at: int = 0
    """The place of the first level in the file, with a hole before it."""


def ndpi(path: Path, pixels: RGB, scan: Scan | None = None) -> Path:
    """An NDPI of three levels and a macro."""
    scan = scan or Scan()
    pages = []
    for index, level in enumerate(halves(pixels)):
        for plane in scan.planes:
            shown = level if plane == 0 else np.roll(255 - level, plane // 100, axis=0)
            pages.append(_page(shown, scan, 20 / 2**index, plane))
    pages.append(_page(thumbnail(pixels), Scan(0, "4:4:4"), -1, 0))
    with path.open("wb") as file:
        file.write(b"II*\0" + bytes(8))
        link = 4
        file.truncate(max(file.tell(), scan.begins_at))
        for jpeg, tags in pages:
            link = _write(file, link, jpeg, tags)
    return path


def _page(pixels: RGB, scan: Scan, lens: float, plane: int) -> tuple[bytes, list[Any]]:
    height, width = pixels.shape[:2]
    buffer = io.BytesIO()
    across = 8 if scan.subsampling == "4:4:4" else 16
    interval = min(scan.interval_px, width) // across
    more = {"restart_marker_blocks": interval} if interval else {}
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.save(buffer, "JPEG", quality=85, subsampling=scan.subsampling, **more)
    jpeg = buffer.getvalue()
    per_cm = round(10_000 / MPP_UM)
    tags: list[Any] = [
        (254, LONG, [0]),
        (256, LONG, [width]),
        (257, LONG, [height]),
        (258, SHORT, [8, 8, 8]),
        (259, SHORT, [7]),
        (262, SHORT, [6]),
        (271, ASCII, "Hamamatsu"),
        (272, ASCII, "C13210"),
        (277, SHORT, [3]),
        (278, LONG, [height]),
        (279, LONG, [len(jpeg)]),
        (282, RATIONAL, [per_cm, 1]),
        (283, RATIONAL, [per_cm, 1]),
        (296, SHORT, [3]),
        (305, ASCII, "NDP.scan"),
        (306, ASCII, "2021:03:04 10:11:12"),
        (65420, LONG, [1]),
        (65421, FLOAT, [lens]),
        (65424, SLONG, [plane]),
    ]
    if interval and scan.listed:
        scan_at = jpeg.index(b"\xff\xda")
        first = scan_at + 2 + int.from_bytes(jpeg[scan_at + 2 : scan_at + 4], "big")
        marks = re.finditer(rb"\xff[\xd0-\xd7]", jpeg[first:])
        tags.append((65426, LONG, [first, *(first + mark.end() for mark in marks)]))
    tags.append((65449, ASCII, PROPERTIES))
    return jpeg, tags


def _write(file: io.BufferedWriter, link: int, jpeg: bytes, tags: list[Any]) -> int:
    """Write a page, point the link before at it, and give the place of its own link."""
    strip = file.seek(0, 2)
    file.write(jpeg)
    entries = upper = b""
    for code, kind, values in sorted([*tags, (273, LONG, [strip & LOWER])]):
        place = strip if code == 273 else 0
        if kind == ASCII:
            data, count = values.encode() + b"\0", len(values) + 1
        elif kind == RATIONAL:
            data, count = pack("<2I", *values), 1
        else:
            data, count = pack(f"<{len(values)}{CODES[kind]}", *values), len(values)
        if len(data) > 4:
            place = file.seek(0, 2)
            file.write(data + bytes(len(data) % 2))
            data = pack("<I", place & LOWER)
        entries += pack("<HHI", code, kind, count) + data.ljust(4, b"\0")
        upper += pack("<I", place >> 32)
    directory = file.seek(0, 2)
    file.write(pack("<H", len(entries) // 12) + entries)
    own = file.tell()
    file.write(bytes(8) + upper)
    file.seek(link)
    file.write(pack("<Q", directory))
    return own
