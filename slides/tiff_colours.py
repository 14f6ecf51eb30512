"""What the stored samples of a TIFF page show: grey or red, green and blue.

Colours are those that libtiff gives for each photometric interpretation (TIFF 6.0, section 8).
"""

import numpy as np

from slides.tiff_structure import Page
from tiles.source import Pixels

WHITE_IS_ZERO, MINISBLACK, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
ASSOCIATED_ALPHA, UNASSOCIATED_ALPHA = 1, 2
CONVERTED = frozenset({WHITE_IS_ZERO, PALETTE, CMYK})
"""Interpretations whose samples are turned into others, so that no stored tile can be copied."""


def shown_samples(page: Page) -> int:
    """Samples of a pixel as given out: 1 or 3."""
    return 1 if page.samples == 1 and page.photometric != PALETTE else 3


def unpacked(packed: Pixels, bits: int, width: int) -> Pixels:
    """Rows of samples of 1, 2 or 4 bits as one byte each, in the range that their bits have.

    `packed` is (rows, bytes), each row beginning with a byte of its own.
    """
    shifts = np.arange(8 - bits, -1, -bits, dtype=np.uint8)
    samples = packed[..., np.newaxis] >> shifts & np.uint8((1 << bits) - 1)
    return np.asarray(samples.reshape(packed.shape[0], -1)[:, :width])


def given_out(pixels: Pixels, page: Page) -> Pixels:
    """Unsigned grey or RGB: signed samples keep their order, transparency shows white."""
    if page.photometric == PALETTE:
        return _looked_up(pixels[..., 0], page)
    if page.bits is not None and page.bits < 8:
        pixels = pixels * np.uint8(255 // ((1 << page.bits) - 1))
    if page.photometric == WHITE_IS_ZERO:
        return ~pixels
    if page.photometric == CMYK:
        return _without_inks(pixels)
    if page.sample_format == 2:
        sign = pixels.dtype.type(1 << 8 * pixels.itemsize - 1)
        return np.asarray(pixels ^ sign)
    return pixels if pixels.shape[2] != 4 else _opaque(pixels, page)


def _looked_up(indices: Pixels, page: Page) -> Pixels:
    table = (page.palette >> 8).astype(np.uint8)
    colours: Pixels = table.T[np.minimum(indices, table.shape[1] - 1)]
    return colours


def _without_inks(pixels: Pixels) -> Pixels:
    """What light cyan, magenta, yellow and black leave on white paper."""
    left = 255 - pixels.astype(np.uint16)
    return (left[..., :3] * left[..., 3:4] // 255).astype(np.uint8)


def _opaque(pixels: Pixels, page: Page) -> Pixels:
    """Colours over white, as far as they are transparent."""
    colours, alpha = pixels[..., :3], pixels[..., 3:].astype(np.uint16)
    kind = page.extra_samples[0] if page.extra_samples else 0
    if kind == UNASSOCIATED_ALPHA:
        return ((colours * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    if kind == ASSOCIATED_ALPHA:
        colours = np.minimum(colours + (255 - alpha), 255).astype(np.uint8)
    return colours
