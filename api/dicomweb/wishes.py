"""How a rendered picture is wanted (PS3.18, 8.3.5): part, size, window, quality, colours."""

import re
from dataclasses import dataclass
from math import ceil, floor
from urllib.parse import parse_qsl

from starlette.types import Scope

from tiles.errors import MalformedRequest
from tiles.iiif import Asked, Format, Limits, Quality, fitted
from tiles.pyramid import Box
from tiles.window import Shape, Window

LIMITS = Limits()
"""Of a picture that is made, as for IIIF."""

Part = tuple[float, float, float | None, float | None]
_ANNOTATIONS = {"patient", "technique"}
_WHOLE: Part = (0.0, 0.0, None, None)
_NUMBER = re.compile(r"-?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a query asks of a picture; None is what was not said.

    `part` is x, y, width and height, the last two None for the rest, negative to be mirrored.
    `unheard` is a word for a person about what is not done.
    """

    viewport: tuple[int, int] | None = None
    part: Part = _WHOLE
    window: Window | None = None
    quality: int | None = None
    says_colours: bool = False
    unheard: str = ""

    def asked(self, width: int, height: int, form: Format, most: int = LIMITS.width) -> Asked:
        """The picture of an image of these extents; `most` bounds one of which no size is said.

        Raises MalformedRequest for a part that lies outside of it.
        """
        box, mirrored, flipped = _box(self.part, width, height)
        limits = Limits(*(self.viewport or (most, most)))
        size = fitted(box.width, box.height, limits, enlarged=self.viewport is not None)
        wanted = (box, size, mirrored, flipped, self.quality, self.says_colours, self.window)
        return Asked(
            box,
            *size,
            # Upside down is mirrored, and turned by half.
            mirrored=mirrored != flipped,
            degrees=180.0 if flipped else 0.0,
            quality=Quality.DEFAULT,
            format=form,
            canonical=f"dicomweb {wanted} {form}",
            compression=self.quality,
            says_colours=self.says_colours,
        )


def wishes(scope: Scope, *, is_small: bool = False) -> Wishes:
    """The wishes of a request; a thumbnail (`is_small`) has a size alone. Raises MalformedRequest.

    Of a name that comes twice the last counts; what nobody knows is left alone (8.3.1).
    """
    text = scope.get("query_string", b"").decode("latin-1")
    told = dict(parse_qsl(text, keep_blank_values=True))
    viewport, part = _viewport(told["viewport"]) if "viewport" in told else (None, _WHOLE)
    if is_small:
        if part != _WHOLE:
            raise MalformedRequest("a thumbnail shows the whole")
        return Wishes(viewport)
    return Wishes(
        viewport,
        part,
        _window(told["window"]) if "window" in told else None,
        _quality(told["quality"]) if "quality" in told else None,
        _profile(told["iccprofile"]) if "iccprofile" in told else False,
        _unheard(told["annotation"]) if "annotation" in told else "",
    )


def _viewport(text: str) -> tuple[tuple[int, int], Part]:
    """`vw,vh` and perhaps `sx,sy,sw,sh`, of which each may be left out (8.3.5.1.3)."""
    parts = text.split(",")
    if not (2 <= len(parts) <= 6):
        raise MalformedRequest("a viewport has two numbers, or six")
    across, down = (_decimal(one) for one in parts[:2])
    given = [_decimal(one) if one else None for one in parts[2:]]
    x, y, width, height = (*given, None, None, None, None)[:4]
    if across != int(across) or down != int(down) or not LIMITS.hold(int(across), int(down)):
        raise MalformedRequest("a viewport larger than is made")
    if across < 1 or down < 1 or 0 in {width, height}:
        raise MalformedRequest("a viewport of nothing")
    return (int(across), int(down)), (x or 0.0, y or 0.0, width, height)


def _box(part: Part, width: int, height: int) -> tuple[Box, bool, bool]:
    """The pixels of a part, cut at the image's edge, and whether it is mirrored and flipped."""
    x, y, across, down = part
    if not (0 <= x < width and 0 <= y < height):
        raise MalformedRequest("the part lies outside of the image")
    right = width if across is None else min(width, ceil(x + abs(across)))
    bottom = height if down is None else min(height, ceil(y + abs(down)))
    box = Box(floor(x), floor(y), max(1, right - floor(x)), max(1, bottom - floor(y)))
    return box, (across or 0) < 0, (down or 0) < 0


def _window(text: str) -> Window:
    """`center,width,shape` (8.3.5.1.4)."""
    parts = text.split(",")
    try:
        shape = Shape(parts[2]) if len(parts) == 3 else None
        if shape is None:
            raise MalformedRequest("a window is a centre, a width and a shape")
        return Window(_decimal(parts[0]), _decimal(parts[1]), shape)
    except ValueError as error:
        raise MalformedRequest("a window means nothing so") from error


def _unheard(text: str) -> str:
    """What is told of annotations (8.3.5.1.1): none are burnt in."""
    values = text.split(",")
    if not {*values} <= _ANNOTATIONS:
        raise MalformedRequest("an annotation that nobody knows")
    return f"The following annotation values are not supported: {text}"


def _quality(text: str) -> int:
    """Of 1 to 100 (8.3.5.1.2)."""
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= 100:
        raise MalformedRequest("a quality is a number from 1 to 100")
    return int(text)


def _profile(text: str) -> bool:
    """Whether the profile is put into it (8.3.5.1.5): pictures are made in sRGB alone."""
    if text not in {"no", "yes", "srgb"}:
        raise MalformedRequest("no such colours are made")
    return text != "no"


def _decimal(text: str) -> float:
    if not _NUMBER.fullmatch(text.strip()):
        raise MalformedRequest("a number is written with digits")
    return float(text)
