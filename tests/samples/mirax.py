"""MIRAX slides as 3DHISTECH's scanners lay them out: a folder of an index and of packed images."""

import io
from pathlib import Path
from struct import pack
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

IMAGE_PX = 128
LEVELS = 2
IDENTIFIER = "0123456789ABCDEF0123456789ABCDEF"
FORMATS = {"JPEG": "JPEG", "PNG": "PNG", "BMP24": "BMP"}
GENERAL = """[GENERAL]
SLIDE_VERSION = 01.02
SLIDE_ID = {identifier}
IMAGENUMBER_X = {across}
IMAGENUMBER_Y = {down}
OBJECTIVE_MAGNIFICATION = 20
CameraImageDivisionsPerSide = 1
SLIDE_CREATIONDATETIME = 10/03/2011 11:47:25
[HIERARCHICAL]
INDEXFILE = Index.dat
HIER_COUNT = 1
NONHIER_COUNT = 1
HIER_0_NAME = Slide zoom level
HIER_0_COUNT = {levels}
NONHIER_0_NAME = Scan data layer
NONHIER_0_COUNT = 2
NONHIER_0_VAL_0 = ScanDataLayer_ScanMap
NONHIER_0_VAL_0_SECTION = MAP
NONHIER_0_VAL_1 = ScanDataLayer_SlideThumbnail
NONHIER_0_VAL_1_SECTION = MACRO
"""
LEVEL = """[LEVEL_{number}]
OVERLAP_X = 0
OVERLAP_Y = 0
MICROMETER_PER_PIXEL_X = {mpp}
MICROMETER_PER_PIXEL_Y = {mpp}
IMAGE_CONCAT_FACTOR = {factor}
IMAGE_FORMAT = {format}
IMAGE_FILL_COLOR_BGR = 16777215
DIGITIZER_WIDTH = {side}
DIGITIZER_HEIGHT = {side}
"""


def write_mirax(path: Path, pixels: NDArray[Any], image_format: str = "JPEG") -> Path:
    """A slide of two levels, its sides whole multiples of 256, with an overview in JPEG."""
    folder = path.with_suffix("")
    folder.mkdir()
    height, width = pixels.shape[:2]
    across, down = width // IMAGE_PX, height // IMAGE_PX
    halved = pixels.reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3)).astype(np.uint8)
    told = GENERAL.format(identifier=IDENTIFIER, across=across, down=down, levels=LEVELS)
    told += "".join(f"HIER_0_VAL_{n}_SECTION = LEVEL_{n}\n" for n in range(LEVELS))
    for number in range(LEVELS):
        told += LEVEL.format(
            number=number, mpp=0.5 * 2**number, factor=number, format=image_format, side=IMAGE_PX
        )
    told += "[MACRO]\nTHUMBNAIL_IMAGE_TYPE = JPEG\n[MAP]\n"
    told += "[DATAFILE]\nFILE_COUNT = 1\nFILE_0 = Data0000.dat\n"
    (folder / "Slidedat.ini").write_text(told, "utf-8-sig")
    data, index = bytearray(), bytearray(f"01.02{IDENTIFIER}".encode())
    roots = len(index)
    index += bytes(8)
    levels = [
        _images(one, 1 << n, across, image_format, data) for n, one in enumerate((pixels, halved))
    ]
    macro = _place(_encoded(halved, "JPEG"), data)
    levels_at = _table(index, levels)
    others_at = _table(index, [b"", pack("<ii", 0, 0) + macro])
    index[roots : roots + 8] = pack("<ii", levels_at, others_at)
    (folder / "Index.dat").write_bytes(index)
    (folder / "Data0000.dat").write_bytes(data)
    path.write_bytes(_encoded(halved, "JPEG"))
    return path


def _images(
    pixels: NDArray[Any], step: int, across: int, image_format: str, data: bytearray
) -> bytes:
    """The items of a level: an image's number is that of the first of those it is made of."""
    items = b""
    for y in range(0, pixels.shape[0], IMAGE_PX):
        for x in range(0, pixels.shape[1], IMAGE_PX):
            number = y // IMAGE_PX * step * across + x // IMAGE_PX * step
            image = _encoded(pixels[y : y + IMAGE_PX, x : x + IMAGE_PX], image_format)
            items += pack("<i", number) + _place(image, data)
    return items


def _place(image: bytes, data: bytearray) -> bytes:
    at = len(data)
    data.extend(image)
    return pack("<iii", at, len(image), 0)


def _table(index: bytearray, records: list[bytes]) -> int:
    """Lay records down, each with its empty first page; gives the place of their table."""
    places = []
    for items in records:
        count = len(items) // 16
        page = len(index)
        index.extend(pack("<ii", count, 0) + items)
        places.append(len(index))
        index.extend(pack("<ii", 0, page))
    table = len(index)
    index.extend(pack(f"<{len(places)}i", *places))
    return table


def _encoded(pixels: NDArray[Any], image_format: str) -> bytes:
    stream = io.BytesIO()
    options = {"quality": 80} if image_format == "JPEG" else {}
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, FORMATS[image_format], **options)
    return stream.getvalue()
