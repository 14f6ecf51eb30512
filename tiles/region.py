"""Any part of an image at any size, turned, in the colours and the encoding that are asked for.

Read from the nearest larger level, so that at most four pixels are decoded for one that is shown,
or from the nearest stored one, by the codec's own smaller transforms.
"""

import io
from collections.abc import Callable
from math import ceil, cos, radians, sin

import numpy as np
from PIL import Image, ImageCms

from tiles.codec import encode_jpeg, subsampling_for
from tiles.colour import in_jpeg, srgb_profile
from tiles.errors import UnsupportedPixels
from tiles.iiif import Asked, Format, Limits, Quality
from tiles.pyramid import Box
from tiles.render import nearest_by_halving
from tiles.shrunk import shrunk
from tiles.source import Pixels, TileSource

QUALITY = 90
"""Of a region as JPEG or WebP: it is made to be looked at once."""
PNG_EFFORT = 3
"""A third larger than with the most effort, and ten times sooner."""
READ_PX = 4 * Limits().area
"""The most that is held for one picture: only distorting requests would have more."""

Colours = Callable[[Pixels], Pixels]


def as_they_are(pixels: Pixels) -> Pixels:
    """The colours of a source that needs no other, or of which nothing is known."""
    return pixels


def picture(source: TileSource, asked: Asked, colours: Colours = as_they_are) -> bytes:
    """The encoded picture; `colours` turns the source's colours into those that are shown.

    Raises what the source raises on reading, and UnsupportedPixels.
    """
    pixels = scaled(source, asked.region, (asked.width, asked.height))
    if pixels.dtype != np.uint8:
        raise UnsupportedPixels("only 8-bit pixels are made into pictures")
    if pixels.shape[2] == 3:
        pixels = colours(pixels)
    if asked.quality in {Quality.GRAY, Quality.BITONAL}:
        pixels = _grey(pixels)
    if asked.mirrored:
        pixels = pixels[:, ::-1]
    pixels = _turned(pixels, asked.degrees, see_through=asked.format is not Format.JPG)
    if asked.quality is Quality.BITONAL:
        pixels = np.where(pixels < 128, np.uint8(0), np.uint8(255))
    return _encoded(pixels, asked)


def scaled(source: TileSource, region: Box, size: tuple[int, int]) -> Pixels:
    """The pixels of a region of the largest level, scaled to `size` (width, height).

    Where it lies between the pixels of a smaller level it is interpolated there, never shifted.
    """
    width, height = size
    across, down = region.width / width, region.height / height
    halvings = max(0, int(min(across, down)).bit_length() - 1)
    while (region.width >> halvings) * (region.height >> halvings) > READ_PX:
        halvings += 1
    scale = 1 << halvings
    level, times = nearest_by_halving(source, halvings)
    base = source.pyramid.level(0)
    x, y = region.x // scale, region.y // scale
    box = Box(x, y, -(-region.right // scale) - x, -(-region.bottom // scale) - y)
    pixels = shrunk(source, level, box, halvings - times)
    begins = region.x % scale == 0 and region.y % scale == 0
    if begins and (box.width, box.height) == size:
        return pixels
    ends = (region.right % scale == 0 or region.right == base.width) and (
        region.bottom % scale == 0 or region.bottom == base.height
    )
    if (begins and ends) or max(across, down) >= 2 * scale:
        return _resized(pixels, size)
    return _interpolated(pixels, region, scale, size)


def to_srgb(icc_profile: bytes) -> Colours:
    """What turns colours of that profile into sRGB; `as_they_are` where nothing seen would change.

    A profile that LittleCMS cannot use is a fault of the file; its colours are taken as they are.
    """
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(icc_profile)),
            ImageCms.createProfile("sRGB"),
            "RGB",
            "RGB",
        )
    except (ImageCms.PyCMSError, OSError):
        return as_they_are

    def turned(pixels: Pixels) -> Pixels:
        image = Image.fromarray(np.ascontiguousarray(pixels))
        ImageCms.applyTransform(image, transform, inPlace=True)
        return np.asarray(image)

    steps = np.arange(0, 256, 15).astype(np.uint8)
    every = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(1, -1, 3)
    changed = np.abs(turned(every).astype(int) - every).max() > JUST_SEEN
    return turned if changed else as_they_are


JUST_SEEN = 2
"""Of 255: what two profiles of the same colour space differ by."""


def _resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    import cv2

    larger = size[0] > pixels.shape[1] or size[1] > pixels.shape[0]
    resized = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR if larger else cv2.INTER_AREA)
    return resized.reshape(size[1], size[0], -1)


def _interpolated(pixels: Pixels, region: Box, scale: int, size: tuple[int, int]) -> Pixels:
    """Pixels between those of a level; the region begins somewhere in the first of `pixels`."""
    import cv2

    width, height = size
    across, down = region.width / scale / width, region.height / scale / height
    x, y = region.x % scale / scale, region.y % scale / scale
    centres = np.array([[across, 0, x + across / 2 - 0.5], [0, down, y + down / 2 - 0.5]])
    moved = cv2.warpAffine(
        pixels,
        centres,
        size,
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return moved.reshape(height, width, -1)


def _grey(pixels: Pixels) -> Pixels:
    import cv2

    if pixels.shape[2] == 1:
        return pixels
    return cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)[..., np.newaxis]


def _turned(pixels: Pixels, degrees: float, *, see_through: bool) -> Pixels:
    """Turned clockwise; what becomes visible around it is white, or transparent (§4.3)."""
    if degrees % 90 == 0:
        return np.rot90(pixels, -int(degrees // 90))
    import cv2

    height, width, samples = pixels.shape
    if see_through:
        opaque = np.full((height, width, 1), 255, np.uint8)
        pixels = np.concatenate((pixels, opaque), axis=2)
    turn = radians(degrees)
    size = (
        ceil(abs(width * cos(turn)) + abs(height * sin(turn))),
        ceil(abs(width * sin(turn)) + abs(height * cos(turn))),
    )
    # Of the picture's middle, between its pixels.
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), -degrees, 1.0)
    matrix[:, 2] += ((size[0] - width) / 2, (size[1] - height) / 2)
    around = (255,) * samples + (0,) * see_through
    moved = cv2.warpAffine(
        np.ascontiguousarray(pixels), matrix, size, flags=cv2.INTER_LINEAR, borderValue=around
    )
    return moved.reshape(size[1], size[0], -1)


def _encoded(pixels: Pixels, asked: Asked) -> bytes:
    quality = asked.compression or QUALITY
    samples = pixels.shape[2]
    profile = srgb_profile() if asked.says_colours and samples >= 3 else None
    if asked.format is Format.JPG:
        encoded = encode_jpeg(pixels, quality, subsampling_for(quality))
        return encoded if profile is None else in_jpeg(encoded, profile)
    image = Image.fromarray(
        np.ascontiguousarray(pixels[..., 0] if samples == 1 else pixels),
        {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[samples],
    )
    buffer = io.BytesIO()
    if asked.format is Format.PNG:
        image.save(buffer, "PNG", compress_level=PNG_EFFORT, icc_profile=profile)
    elif asked.format is Format.GIF:
        image.convert("L" if samples == 1 else "RGB").save(buffer, "GIF", icc_profile=profile)
    else:
        image.save(buffer, "WEBP", quality=quality, method=2, icc_profile=profile or b"")
    return buffer.getvalue()
