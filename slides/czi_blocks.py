"""The pixels of one block of a CZI, out of whatever it is compressed by."""

from typing import Any

import imagecodecs
import numpy as np

from slides.czi_structure import BGR24, GRAY8, GRAY16, Block
from tiles.errors import DamagedCodestream, TilesError
from tiles.source import Pixels

UNCOMPRESSED, JPEG, JPEG_XR, ZSTD0, ZSTD1 = 0, 1, 4, 5, 6
READ = frozenset({UNCOMPRESSED, JPEG, JPEG_XR, ZSTD0, ZSTD1})
KINDS: dict[int, tuple[np.dtype[Any], int]] = {
    GRAY8: (np.dtype("u1"), 1),
    GRAY16: (np.dtype("u2"), 1),
    BGR24: (np.dtype("u1"), 3),
}
"""Pixel type → type and number of samples."""


def decode_block(data: bytes, block: Block) -> Pixels:
    """The pixels of a block, (rows, columns, samples), colours as RGB; raises DamagedCodestream."""
    kind, samples = KINDS[block.pixel_type]
    shape = block.height, block.width, samples
    size = block.height * block.width * samples * kind.itemsize
    try:
        if block.compression in {JPEG, JPEG_XR}:
            decode = "jpeg8_decode" if block.compression == JPEG else "jpegxr_decode"
            pixels = np.asarray(getattr(imagecodecs, decode)(data))
            if pixels.size * pixels.itemsize != size or pixels.dtype != kind:
                raise DamagedCodestream("it does not hold the pixels its directory promises")
            # Whichever colour comes first in JPEG XR, its decoder gives red.
            return pixels.reshape(shape)
        raw = data if block.compression == UNCOMPRESSED else _unpacked(data, block, size)
        values = np.frombuffer(raw, kind.newbyteorder("<"), size // kind.itemsize)
        return values.reshape(shape)[..., ::-1]
    except (TilesError, RuntimeError, ValueError) as error:
        raise DamagedCodestream(
            f"the block at ({block.x}, {block.y}) does not decode: {error}"
        ) from error


def _unpacked(data: bytes, block: Block, size: int) -> bytes:
    """Pixels out of zstd, put together again where their high and low bytes lie apart."""
    apart = False
    if block.compression == ZSTD1:
        head = data[0] if data else 0
        if head not in {1, 3}:
            raise DamagedCodestream("its head is malformed")
        apart = head == 3 and data[1] == 1 and bool(data[2] & 1)
        data = data[head:]
    raw = bytes(imagecodecs.zstd_decode(data, out=size))
    if len(raw) != size:
        raise DamagedCodestream(f"{len(raw)} of {size} bytes")
    return np.frombuffer(raw, np.uint8).reshape(2, -1).T.tobytes() if apart else raw
