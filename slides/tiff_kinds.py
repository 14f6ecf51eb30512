"""The kinds of pixels and tiles that a page of a TIFF may hold, and which of them are read."""

from collections.abc import Callable
from typing import Any

import imagecodecs

from slides.errors import UnsupportedSlide
from slides.tiff_structure import Page
from tiles.source import Encoding

MINISBLACK, RGB, YCBCR = 1, 2, 6
PHOTOMETRICS = {
    0: "grey with white as zero",
    3: "palette colours",
    4: "a transparency mask",
    5: "CMYK inks",
    8: "CIE L*a*b* colours",
    32803: "a colour filter array",
}
UNCOMPRESSED, JPEG = 1, 7
JPEG_2000_YCBCR = 33003
JPEG_2000 = frozenset({JPEG_2000_YCBCR, 33004, 33005, 34712})
# Every one is told the most it may give, so that a bomb ends at the size of its tile.
INFLATE = {
    5: (Encoding.LZW, imagecodecs.lzw_decode),
    8: (Encoding.DEFLATE, imagecodecs.deflate_decode),
    32946: (Encoding.DEFLATE, imagecodecs.deflate_decode),
    32773: (Encoding.OPAQUE, imagecodecs.packbits_decode),
    34925: (Encoding.OPAQUE, imagecodecs.lzma_decode),
    50000: (Encoding.ZSTD, imagecodecs.zstd_decode),
}
# Each tile is a picture of its own; told what it must be, these refuse all else.
PICTURES: dict[int, tuple[Encoding, Callable[..., Any]]] = {
    34887: (Encoding.OPAQUE, imagecodecs.lerc_decode),
    50001: (Encoding.WEBP, imagecodecs.webp_decode),
    50002: (Encoding.JPEG_XL, imagecodecs.jpegxl_decode),
    52546: (Encoding.JPEG_XL, imagecodecs.jpegxl_decode),
}
COMPRESSIONS = {
    2: "CCITT fax",
    3: "CCITT fax",
    4: "CCITT fax",
    6: "old-style JPEG",
    34892: "lossy DNG JPEG",
}


def check_kind(page: Page, name: str) -> None:
    """Refuse pixels and tiles that are not read; raises UnsupportedSlide."""
    wrong = _wrong_samples(page)
    if wrong is None:
        wrong = _wrong_coding(page)
    if wrong:
        raise UnsupportedSlide(
            f"{name} has {wrong}; 8-bit grey or RGB and 16-bit grey are read: export it as such"
        )


def _wrong_samples(page: Page) -> str | None:
    """What of its samples is not read, or None."""
    if page.depth != 1:
        return f"a volume of {page.depth} planes"
    if page.bits not in {8, 16}:
        return f"{page.bits}-bit samples" if page.bits else "samples of several depths"
    if page.bits == 16 and page.samples > 1:
        return "16-bit colours"
    if page.sample_format not in {1, 2} or (page.sample_format == 2 and page.samples != 1):
        return "signed colours or other numbers than integers"
    return None


def _wrong_coding(page: Page) -> str | None:
    """What of its colours or of its tiles is not read, or None."""
    wrong = None
    if page.photometric not in {MINISBLACK, RGB, YCBCR}:
        wrong = PHOTOMETRICS.get(page.photometric, f"photometric interpretation {page.photometric}")
    elif page.samples not in ({1} if page.photometric == MINISBLACK else {3, 4}):
        wrong = f"{page.samples} samples a pixel"
    elif page.compression not in {UNCOMPRESSED, JPEG, *JPEG_2000, *INFLATE, *PICTURES}:
        wrong = f"tiles of {COMPRESSIONS.get(page.compression, f'compression {page.compression}')}"
    elif page.photometric == YCBCR and page.compression not in {JPEG, *JPEG_2000}:
        wrong = "YCbCr colours that are not compressed as JPEG"
    elif page.samples == 4 and page.compression in {JPEG, *JPEG_2000}:
        wrong = "JPEG tiles with transparency"
    elif page.predictor not in {1, 2}:
        wrong = f"predictor {page.predictor}"
    elif page.fill_order != 1:
        wrong = "bytes with their bits reversed"
    return wrong
