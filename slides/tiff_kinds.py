"""The kinds of pixels and tiles that a page of a TIFF may hold, and which of them are read."""

from collections.abc import Callable
from typing import Any

import imagecodecs

from slides.errors import UnsupportedSlide
from slides.tiff_colours import CMYK, CONVERTED, MINISBLACK, PALETTE, RGB, WHITE_IS_ZERO, YCBCR
from slides.tiff_structure import Page
from tiles.source import Encoding, Pixels

SAMPLES = {WHITE_IS_ZERO: {1}, MINISBLACK: {1}, PALETTE: {1}, CMYK: {4}, RGB: {3, 4}, YCBCR: {3, 4}}
"""How many samples the pixels of each photometric interpretation may have."""
PHOTOMETRICS = {
    4: "a transparency mask",
    8: "CIE L*a*b* colours",
    32803: "a colour filter array",
}
UNDEFINED = 4
"""A sample format that says nothing, which readers take for unsigned integers."""
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


def _webp(data: bytes, out: Pixels) -> None:
    """A tile whose pixels are all opaque is stored without transparency, in a page that has it."""
    imagecodecs.webp_decode(data, hasalpha=out.shape[-1] == 4, out=out)


# Each tile is a picture of its own; told what it must be, these refuse all else.
PICTURES: dict[int, tuple[Encoding, Callable[..., Any]]] = {
    34887: (Encoding.OPAQUE, imagecodecs.lerc_decode),
    50001: (Encoding.WEBP, _webp),
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
    packed = page.bits in {1, 2, 4} and page.samples == 1 and page.predictor == 1
    if page.bits not in {8, 16} and not packed:
        return f"{page.bits}-bit samples" if page.bits else "samples of several depths"
    if page.bits == 16 and page.samples > 1:
        return "16-bit colours"
    if page.sample_format not in {1, 2, UNDEFINED} or (
        page.sample_format == 2 and (page.photometric != MINISBLACK or packed)
    ):
        return "signed colours or other numbers than integers"
    return None


def _wrong_coding(page: Page) -> str | None:
    """What of its colours or of its tiles is not read, or None."""
    wrong = None
    pictures = page.compression in {*JPEG_2000, *PICTURES} or page.planar
    if page.photometric not in SAMPLES:
        wrong = PHOTOMETRICS.get(page.photometric, f"photometric interpretation {page.photometric}")
    elif page.samples not in SAMPLES[page.photometric]:
        wrong = f"{page.samples} samples a pixel"
    elif page.photometric == PALETTE and (
        page.bits == 16 or page.palette.shape[1] < 1 << (page.bits or 8)
    ):
        wrong = "palette colours without their palette"
    elif page.photometric in CONVERTED and pictures:
        wrong = "palette colours, inks or inverted grey in tiles of that kind"
    elif (
        page.bits is not None and page.bits < 8 and page.compression not in {UNCOMPRESSED, *INFLATE}
    ):
        wrong = f"{page.bits}-bit samples in tiles of that kind"
    elif page.compression not in {UNCOMPRESSED, JPEG, *JPEG_2000, *INFLATE, *PICTURES}:
        wrong = f"tiles of {COMPRESSIONS.get(page.compression, f'compression {page.compression}')}"
    elif page.photometric == YCBCR and page.compression not in {JPEG, *JPEG_2000}:
        wrong = "YCbCr colours that are not compressed as JPEG"
    elif page.samples == 4 and page.compression in {JPEG, *JPEG_2000} and page.photometric != CMYK:
        wrong = "JPEG tiles with transparency"
    elif page.predictor not in {1, 2}:
        wrong = f"predictor {page.predictor}"
    elif page.fill_order != 1:
        wrong = "bytes with their bits reversed"
    return wrong
