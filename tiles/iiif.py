"""What an address of the IIIF Image API 3.0 asks for: region, size, rotation, quality, format.

No pixels and no I/O. Sections (§) are those of the specification, https://iiif.io/api/image/3.0/.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from math import floor, isqrt

from tiles.errors import MalformedRequest
from tiles.pyramid import Box, DeepZoom


class Quality(StrEnum):
    """What becomes of the colours (§4.4)."""

    DEFAULT = "default"
    COLOR = "color"
    GRAY = "gray"
    BITONAL = "bitonal"


class Format(StrEnum):
    """How the picture is encoded (§4.5)."""

    JPG = "jpg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    """Not for IIIF: of 256 colours, and DICOM asks for it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest picture that is made, in pixels (§5.2)."""

    width: int = 8192
    height: int = 8192
    area: int = 4096 * 4096

    def hold(self, width: int, height: int) -> bool:
        """Whether a picture of that size is within them."""
        return width <= self.width and height <= self.height and width * height <= self.area


@dataclass(frozen=True, slots=True)
class Asked:
    """A picture that is asked for.

    `region` lies within the image, in pixels of its largest level; it is scaled to
    `width` × `height`, mirrored, turned clockwise by `degrees`, and encoded. `canonical` is the one
    address of all that mean the same (§4.8). `compression` is the quality of a JPEG or WebP, from 1
    to 100, where the usual one is not wanted; `says_colours` puts the profile of sRGB into it.
    """

    region: Box
    width: int
    height: int
    mirrored: bool
    degrees: float
    quality: Quality
    format: Format
    canonical: str
    compression: int | None = None
    says_colours: bool = False


def read_request(
    fields: tuple[str, str, str, str, str], extents: tuple[int, int], limits: Limits
) -> Asked:
    """What (region, size, rotation, quality, format) mean for an image of these extents.

    Raises MalformedRequest for whatever the specification answers with 400.
    """
    region, size, rotation, quality, form = fields
    box = _region(region, extents)
    width, height = _size(size, box, limits)
    mirrored, degrees, turned = _rotation(rotation)
    kind, encoded = _QUALITIES.get(quality), _FORMATS.get(form)
    if kind is None or encoded is None:
        raise MalformedRequest("no such quality or format")
    where = _canonical_region(box, extents)
    canonical = f"{where}/{_canonical_size(box, width, height, limits)}/{turned}/{quality}.{form}"
    return Asked(box, width, height, mirrored, degrees, kind, encoded, canonical)


def tile_asked_for(asked: Asked, view: DeepZoom) -> tuple[int, int, int] | None:
    """The level, column and row of the Deep Zoom tile that covers what is asked for; else None.

    Turning, quality and format are not looked at. Both grids halve and round up, so tiles that
    viewers ask for by `tiles` and `scaleFactors` (§5.4) are those of Deep Zoom.
    """
    box, count = asked.region, view.count
    for halvings in range(count):
        step = view.tile_size << halvings
        if box.x % step or box.y % step:
            return None
        if box.width > step or box.height > step:
            continue
        if (box.width == step or box.right == view.width) and (
            box.height == step or box.bottom == view.height
        ):
            scale = 1 << halvings
            if (asked.width, asked.height) == (-(-box.width // scale), -(-box.height // scale)):
                return count - 1 - halvings, box.x // step, box.y // step
    return None


def fitted(width: int, height: int, limits: Limits, *, enlarged: bool) -> tuple[int, int]:
    """The largest size of that shape within limits; not above its own unless `enlarged`."""
    if height > width:
        turned = Limits(limits.height, limits.width, limits.area)
        tall, narrow = fitted(height, width, turned, enlarged=enlarged)
        return narrow, tall
    most = min(limits.height * width // height, isqrt(limits.area * width // height))
    # What is rounded up to one pixel may be a line as long as the other limits allow.
    across = max(1, min(most, limits.width, limits.area, most if enlarged else width))
    down = max(1, min(_share(height, across, width), limits.height, limits.area // across))
    return across, down


_QUALITIES = {str(one): one for one in Quality}
_FORMATS = {str(one): one for one in (Format.JPG, Format.PNG, Format.WEBP)}
_WHOLE = "([0-9]{1,9})"
_DECIMAL = r"([0-9]{1,9}(?:\.[0-9]{1,12})?|\.[0-9]{1,12})"
_PIXELS = re.compile(",".join([_WHOLE] * 4))
_PERCENT = re.compile("pct:" + ",".join([_DECIMAL] * 4))
_EXACT = re.compile(",".join([_WHOLE] * 2))
_SIZE = re.compile(
    rf"(?P<up>\^?)(?:(?P<max>max)|pct:(?P<percent>{_DECIMAL[1:-1]})"
    r"|(?P<within>!?)(?P<width>[0-9]{0,9}),(?P<height>[0-9]{0,9}))"
)
_ROTATION = re.compile(rf"(!?){_DECIMAL}")


def _region(text: str, extents: tuple[int, int]) -> Box:
    """§4.1: cut at the image's edge; nothing of it inside is an error."""
    width, height = extents
    if text == "full":
        return Box(0, 0, width, height)
    if text == "square":
        side = min(width, height)
        return Box((width - side) // 2, (height - side) // 2, side, side)
    if match := _PIXELS.fullmatch(text):
        box = Box(*map(int, match.groups()))
        if box.width and box.height and box.right <= width and box.bottom <= height:
            return box
    elif match := _PERCENT.fullmatch(text):
        x, y, across, down = map(float, match.groups())
        if not across or not down:
            raise MalformedRequest("the region is empty")
        left, top = _percent(x, width), _percent(y, height)
        box = Box(left, top, max(1, _percent(across, width)), max(1, _percent(down, height)))
    else:
        raise MalformedRequest("no such region")
    box = box.within(width, height)
    if not box.width or not box.height:
        raise MalformedRequest("the region is empty or lies outside the image")
    return box


def _size(text: str, box: Box, limits: Limits) -> tuple[int, int]:
    """§4.2: never above the region's own size without `^`, nor beyond the limits."""
    if match := _EXACT.fullmatch(text):
        width, height = int(match[1]), int(match[2])
        # What viewers ask for by the thousand.
        if 0 < width <= box.width and 0 < height <= box.height and limits.hold(width, height):
            return width, height
    return _any_size(text, box, limits)


def _any_size(text: str, box: Box, limits: Limits) -> tuple[int, int]:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise MalformedRequest("no such size")
    enlarged = bool(match["up"])
    if match["max"]:
        return fitted(box.width, box.height, limits, enlarged=enlarged)
    if match["percent"]:
        percent = float(match["percent"])
        width, height = _percent(percent, box.width), _percent(percent, box.height)
        if percent > 100 and not enlarged:
            raise MalformedRequest("larger than the region")
    else:
        given = match["width"], match["height"]
        if not any(given) or (match["within"] and not all(given)):
            raise MalformedRequest("no such size")
        width, height = (int(one) if one else 0 for one in given)
        if any(one and not int(one) for one in given):
            raise MalformedRequest("a size of nothing")
        if match["within"]:
            inner = Limits(min(width, limits.width), min(height, limits.height), limits.area)
            return fitted(box.width, box.height, inner, enlarged=enlarged)
        width = width or max(1, _share(box.width, height, box.height))
        height = height or max(1, _share(box.height, width, box.width))
        if not enlarged and (width > box.width or height > box.height):
            raise MalformedRequest("larger than the region")
    if not width or not height:
        raise MalformedRequest("a size of nothing")
    if not limits.hold(width, height):
        raise MalformedRequest("larger than is made")
    return width, height


def _rotation(text: str) -> tuple[bool, float, str]:
    """§4.3, and its canonical form."""
    if text == "0":
        return False, 0.0, text
    match = _ROTATION.fullmatch(text)
    if match is None or float(match[2]) > 360:
        raise MalformedRequest("no such rotation")
    degrees = float(match[2]) % 360
    whole, _, part = match[2].partition(".")
    part = part.rstrip("0")
    number = f"{int(whole or 0) % 360}" + (f".{part}" if part else "")
    return bool(match[1]), degrees, match[1] + number


def _canonical_region(box: Box, extents: tuple[int, int]) -> str:
    if (box.width, box.height) == extents:
        return "full"
    return f"{box.x},{box.y},{box.width},{box.height}"


def _canonical_size(box: Box, width: int, height: int, limits: Limits) -> str:
    if limits.hold(box.width, box.height):
        largest = box.width, box.height
    else:
        largest = fitted(box.width, box.height, limits, enlarged=False)
    if (width, height) == largest:
        return "max"
    if width <= box.width and height <= box.height:
        return f"{width},{height}"
    if (width, height) == fitted(box.width, box.height, limits, enlarged=True):
        return "^max"
    return f"^{width},{height}"


def _percent(percent: float, of: int) -> int:
    return floor(percent * of / 100 + 0.5)


def _share(extent: int, part: int, whole: int) -> int:
    """`extent × part / whole`, rounded to the nearest."""
    return (2 * extent * part + whole) // (2 * whole)
