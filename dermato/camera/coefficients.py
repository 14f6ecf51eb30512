"""Turn a JPEG, or make it baseline, by its DCT coefficients: nothing is compressed a second time.

A block mirrored is its coefficients with every odd frequency negated, a block transposed is its
coefficients transposed; both are exact. Only whole blocks can change sides, so an edge that ends
inside a block must stay where it is. Source: ITU-T T.81, A.3.3.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from tiles.codestream import JpegHeader

MOST_COEFFICIENTS = 100_000_000
"""Two bytes each, and up to four times in memory."""

# Transposed, then mirrored left to right, then top to bottom.
_STEPS: dict[int, tuple[bool, bool, bool]] = {
    1: (False, False, False),
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}
_SIGNS = np.where(np.arange(8) % 2, -1, 1).astype(np.int16)

Blocks = NDArray[np.int16]
"""(rows, columns, 8, 8)"""


def on_grid(header: JpegHeader, orientation: int) -> bool:
    """Whether a JPEG can be stood upright by its blocks alone."""
    transposed, across, down = _STEPS[orientation]
    first = header.components[0]
    single = header.samples == 1
    unit_width = 8 if single else 8 * max(one.horizontal for one in header.components)
    unit_height = 8 if single else 8 * max(one.vertical for one in header.components)
    if transposed:
        across, down = down, across
    fits = not (across and header.width % unit_width) and not (down and header.height % unit_height)
    share = sum(one.horizontal * one.vertical for one in header.components)
    coefficients = header.width * header.height * share // (first.horizontal * first.vertical)
    return fits and coefficients <= MOST_COEFFICIENTS


def baseline_upright(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG stood upright from an EXIF orientation (1: as it stands), sequential and Huffman.

    `on_grid` must have said so. Raises OSError where the library fails.
    """
    import jpeglib

    transposed, across, down = _STEPS[orientation]
    with TemporaryDirectory(prefix="sansverre-") as scratch:
        before, after = Path(scratch, "before.jpg"), Path(scratch, "after.jpg")
        before.write_bytes(jpeg)
        image = jpeglib.read_dct(str(before))
        image.load()
        for name in ("Y", "Cb", "Cr"):
            if (blocks := getattr(image, name)) is not None:
                setattr(image, name, _turned(blocks, transposed, across, down))
        if transposed:
            image.qt = np.ascontiguousarray(image.qt.transpose(0, 2, 1))
            image.height, image.width = image.width, image.height
            image.block_dims = np.ascontiguousarray(image.block_dims[:, ::-1])
            image.samp_factor = np.ascontiguousarray(image.samp_factor[:, ::-1])
        # With the old file at hand the library would take extents and sampling from it.
        image.content, image.markers = None, []
        image.write_dct(str(after))
        return after.read_bytes()


def _turned(blocks: Blocks, transposed: bool, across: bool, down: bool) -> Blocks:
    if transposed:
        blocks = blocks.transpose(1, 0, 3, 2)
    if across:
        blocks = blocks[:, ::-1] * _SIGNS
    if down:
        blocks = blocks[::-1] * _SIGNS[:, np.newaxis]
    return np.ascontiguousarray(blocks)
