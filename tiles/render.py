"""Pictures that no stored bytes answer: cropped edge tiles, sizes below the smallest level.

Everything here decodes, so everything here is asked for once and then kept by the caller.
"""

import io
from collections.abc import Callable
from math import ceil

import numpy as np
from PIL import Image, ImageCms

from tiles.codec import encode_jpeg, half
from tiles.errors import OutsideImage
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Pixels, TileSource

EDGE_QUALITY = 95
"""A cropped tile is a second generation; at this quality and whole chroma nobody sees it."""


def deep_zoom_tile(source: TileSource, level: int, column: int, row: int) -> bytes:
    """The JPEG of one Deep Zoom tile, cropped to the image's real pixels.

    Raises OutsideImage where the address has no tile.
    """
    view = source.pyramid.deep_zoom
    grid = view.level(level)
    box = grid.box(column, row)
    halvings = view.count - 1 - level
    stored, times = nearest_by_halving(source, halvings)
    pixels = reduced(source, stored, box, halvings - times)
    return encode_jpeg(pixels, EDGE_QUALITY, "444" if pixels.shape[2] == 3 else "gray")


class Decoded:
    """An image decoded whole, with all its halvings: a source that answers by slicing.

    For images of one large frame, of which every other source decodes all for each box. `colours`
    is done once to all of it.
    """

    def __init__(
        self, source: TileSource, colours: Callable[[Pixels], Pixels] | None = None
    ) -> None:
        base = source.pyramid.level(0)
        pixels = source.pixels(0, Box(0, 0, base.width, base.height))
        self._pixels = [pixels if colours is None else colours(pixels)]
        while max(self._pixels[-1].shape[:2]) > 1:
            self._pixels.append(half(self._pixels[-1]))
        levels = (
            Level(pixels.shape[1], pixels.shape[0], base.tile_width, base.tile_height)
            for pixels in self._pixels
        )
        self._pyramid = Pyramid(tuple(levels), source.pyramid.samples)

    @property
    def pyramid(self) -> Pyramid:
        """Every halving down to one pixel."""
        return self._pyramid

    @property
    def size_bytes(self) -> int:
        """The memory it takes."""
        return sum(pixels.nbytes for pixels in self._pixels)

    def encoding(self, level: int) -> Encoding:
        """Not encoded."""
        self._pyramid.level(level)
        return Encoding.RAW

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box; raises OutsideImage."""
        grid = self._pyramid.level(level)
        if plane != FIRST or box.within(grid.width, grid.height) != box:
            raise OutsideImage(f"{box} of a level of {grid.width} × {grid.height}")
        return self._pixels[level][box.y : box.bottom, box.x : box.right]

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> None:
        """There is none."""

    def close(self) -> None:
        """Nothing to release but memory."""


def nearest_by_halving(source: TileSource, halvings: int) -> tuple[int, int]:
    """The smallest level that is the base halved, rounded up, at most so often; and how often.

    Levels rounded otherwise are passed over: taking pixels from them would shift the picture.
    """
    pyramid = source.pyramid
    nearest = 0, 0
    for times in range(1, halvings + 1):
        scale = 1 << times
        index = pyramid.stored_as(-(-pyramid.width // scale), -(-pyramid.height // scale))
        if index is not None and index > nearest[0]:
            nearest = index, times
    return nearest


def reduced(source: TileSource, level: int, box: Box, halvings: int) -> Pixels:
    """The pixels of a box of a level halved (rounded up) so many more times.

    `box` addresses the reduced level. Memory is bounded: a large area is read in squares.
    """
    grid = source.pyramid.level(level)
    scale = 1 << halvings
    area = Box(box.x * scale, box.y * scale, box.width * scale, box.height * scale)
    area = area.within(grid.width, grid.height)
    if not area.width or not area.height:
        raise OutsideImage(f"{box} at 1:{scale} of a level of {grid.width} × {grid.height}")
    if halvings == 0:
        return source.pixels(level, area)
    out: Pixels | None = None
    step = max(scale, _READ_PX // scale * scale)
    for y in range(0, area.height, step):
        for x in range(0, area.width, step):
            part = Box(area.x + x, area.y + y, step, step).within(area.right, area.bottom)
            pixels = source.pixels(level, part)
            for _ in range(halvings):
                pixels = half(pixels)
            if out is None:
                out = np.empty((box.height, box.width, pixels.shape[2]), pixels.dtype)
            top, left = y // scale, x // scale
            out[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
    if out is None:
        raise OutsideImage(f"{box} is empty")
    return out


_READ_PX = 4096


def thumbnail(source: TileSource, extent: int, icc_profile: bytes | None = None) -> bytes:
    """The whole image as a JPEG in sRGB, its longer side at most `extent` pixels.

    Raises OutsideImage never, and what the source raises on reading.
    """
    pyramid = source.pyramid
    scale = max(pyramid.width, pyramid.height) / extent
    halvings = max(0, ceil(scale).bit_length() - 1)
    stored, times = nearest_by_halving(source, halvings)
    step = 1 << halvings
    box = Box(0, 0, -(-pyramid.width // step), -(-pyramid.height // step))
    pixels = reduced(source, stored, box, halvings - times)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    image.thumbnail((extent, extent), Image.Resampling.LANCZOS)
    return srgb_jpeg(image, icc_profile)


def srgb_jpeg(image: Image.Image, icc_profile: bytes | None) -> bytes:
    """A picture as a JPEG in sRGB for eyes without colour management.

    A profile that LittleCMS cannot use is a fault of the file; the picture is shown without it.
    """
    if icc_profile and image.mode == "RGB":
        image = _to_srgb(image, icc_profile)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85, optimize=True)
    return buffer.getvalue()


def _to_srgb(image: Image.Image, icc_profile: bytes) -> Image.Image:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        converted = ImageCms.profileToProfile(
            image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError):
        return image
    return converted or image
