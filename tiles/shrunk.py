"""A level of a source at a fraction of its size, while somebody waits.

Codecs decode a tile at an eighth for little more than reading its bits costs; what they cannot
give small is decoded and halved. Good enough to be looked at, not to be kept.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from math import gcd, lcm

import numpy as np

from tiles.codec import decode_jpeg2000_small, decode_jpeg_small, half
from tiles.errors import OutsideImage
from tiles.pyramid import FIRST, Box, Level, Plane
from tiles.source import Encoding, Pixels, TileSource

MOST_HALVINGS = 3
"""That a JPEG takes by itself: of each 8 × 8 block the average."""
LEFT_TO_US = 2
"""Of a JPEG 2000, as what its wavelet gives is averaged around another place: this hides it."""
AT_ONCE_PX = 2048
"""The side of the squares that a large area is read in, one for each processor at a time."""
PROCESSORS = min(4, os.cpu_count() or 1)


def shrunk(source: TileSource, level: int, box: Box, halvings: int, plane: Plane = FIRST) -> Pixels:
    """The pixels of a box of a level halved (rounded up) so many more times.

    `box` addresses the reduced level. Memory is bounded, however large the area. Raises
    OutsideImage for a box that is empty or leaves the level, and what the source raises.
    """
    grid = source.pyramid.level(level)
    scale = 1 << halvings
    reduced = Level(-(-grid.width // scale), -(-grid.height // scale), 1, 1)
    if box.within(reduced.width, reduced.height) != box or box.width < 1 or box.height < 1:
        raise OutsideImage(f"{box} at 1:{scale} of a level of {grid.width} × {grid.height}")
    if halvings == 0:
        return source.pixels(level, box, plane)
    by_codec = _by_codec(source, level, halvings)

    def read(part: Box) -> Pixels:
        area = Box(part.x * scale, part.y * scale, part.width * scale, part.height * scale)
        area = area.within(grid.width, grid.height)
        pixels = _by_tiles(source, level, area, by_codec, plane)
        for _ in range(halvings - by_codec):
            pixels = half(pixels)
        return pixels

    parts = list(_parts(box, _side(grid.tile_width, scale), _side(grid.tile_height, scale)))
    if len(parts) == 1:
        return read(box)
    with ThreadPoolExecutor(min(PROCESSORS, len(parts))) as threads:
        out: Pixels | None = None
        for part, pixels in zip(parts, threads.map(read, parts), strict=True):
            if out is None:
                out = np.empty((box.height, box.width, pixels.shape[2]), pixels.dtype)
            top, left = part.y - box.y, part.x - box.x
            out[top : top + part.height, left : left + part.width] = pixels
    assert out is not None
    return out


def _by_codec(source: TileSource, level: int, halvings: int) -> int:
    """How many of the halvings decoding does: no tile may end amidst a pixel."""
    grid = source.pyramid.level(level)
    match source.encoding(level):
        case Encoding.JPEG_BASELINE if source.pyramid.bits == 8:
            pass
        case Encoding.JPEG_2000 if source.pyramid.bits == 8 and halvings > LEFT_TO_US:
            halvings -= LEFT_TO_US
        case _:
            return 0
    whole = gcd(grid.tile_width, grid.tile_height)
    return min(MOST_HALVINGS, halvings, (whole & -whole).bit_length() - 1)


def _by_tiles(source: TileSource, level: int, area: Box, halvings: int, plane: Plane) -> Pixels:
    """An area that begins at a whole pixel of its reduction, decoded at that size."""
    if halvings == 0:
        return source.pixels(level, area, plane)
    grid = source.pyramid.level(level)
    scale = 1 << halvings
    shape = -(-area.height // scale), -(-area.width // scale), source.pyramid.samples
    out = np.empty(shape, np.uint8)
    columns, rows = grid.covering(area)
    for row in rows:
        for column in columns:
            own = grid.box(column, row)
            tile = _tile(source, level, (column, row), halvings, plane)
            left, top = max(own.x, area.x), max(own.y, area.y)
            part = tile[
                (top - own.y) // scale : -(-(min(own.bottom, area.bottom) - own.y) // scale),
                (left - own.x) // scale : -(-(min(own.right, area.right) - own.x) // scale),
            ]
            y, x = (top - area.y) // scale, (left - area.x) // scale
            out[y : y + part.shape[0], x : x + part.shape[1]] = part
    return out


def _tile(
    source: TileSource, level: int, address: tuple[int, int], halvings: int, plane: Plane
) -> Pixels:
    """The real pixels of a tile, halved: the padding of an edge tile has no part in them."""
    grid = source.pyramid.level(level)
    frame = source.frame(level, *address, plane) if grid.is_whole(*address) else None
    extents, samples = (grid.tile_width, grid.tile_height), source.pyramid.samples
    if frame is not None and frame.encoding is Encoding.JPEG_BASELINE:
        return decode_jpeg_small(frame.data, extents, samples, halvings)
    if frame is not None and frame.encoding is Encoding.JPEG_2000:
        pixels = decode_jpeg2000_small(frame.data, extents, samples, halvings)
        halvings -= (grid.tile_height // pixels.shape[0]).bit_length() - 1
    else:
        pixels = source.pixels(level, grid.box(*address), plane)
    for _ in range(halvings):
        pixels = half(pixels)
    return pixels


def _side(tile: int, scale: int) -> int:
    """Of the parts, in reduced pixels: whole tiles where these end with a pixel before long."""
    step = lcm(tile, scale)
    step = step if step <= 4 * AT_ONCE_PX else scale
    return max(1, AT_ONCE_PX // step) * step // scale


def _parts(box: Box, width: int, height: int) -> list[Box]:
    """The box cut along a grid that begins with the level."""
    return [
        Box(left, top, right - left, bottom - top)
        for top, bottom in _cuts(box.y, box.bottom, height)
        for left, right in _cuts(box.x, box.right, width)
    ]


def _cuts(start: int, stop: int, step: int) -> list[tuple[int, int]]:
    inner = range((start // step + 1) * step, stop, step)
    return list(zip([start, *inner], [*inner, stop], strict=True))
