"""What may be wrong with a photograph, told while it can still be taken again.

Each fault is a finding with a code; none refuses the photograph, and none says anything of the
skin it shows. A face is no fault where the head is photographed: whoever shows findings knows the
site, which may be said only after the picture was looked at.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from dermato.face import face_in
from dermato.optics import field_of_view, grey, reduced
from dermato.ruler import MOST_UNEVEN, NoScale, Scale, Why, read_ruler
from dermato.writing import letters_in
from tiles.source import Pixels

VERSION = "2"
"""Of the checks: a stored finding says which made it."""

WIDTH_PX = 1024
"""Pictures are looked at reduced to this width, which bounds time and memory."""

_SHORTEST_SIDE_PX = 480
_LEAST_SHARPNESS = 0.58
_DARKEST = 75.0
_BRIGHTEST = 238.0
_MOST_CLIPPED = 0.05
_LEAST_SKIN = 0.42
_SUREST_NO_FACE = 0.8
_MOST_LETTERS = 2
"""A ruler's unit and a letter that hair draws are no name."""


class Fault(StrEnum):
    """What is wrong."""

    TOO_SMALL = "too-small"
    BLURRED = "blurred"
    UNDEREXPOSED = "underexposed"
    OVEREXPOSED = "overexposed"
    CLIPPED = "clipped"
    NO_SKIN = "no-skin"
    FACE = "face"
    MARK = "mark"
    """Writing or a code that can be read: it may name the patient."""
    RULER_TILTED = "ruler-tilted"
    RULER_UNREAD = "ruler-unread"


class Good(StrEnum):
    """What is good to know of a picture, and nothing to take it again for."""

    SCALE = "scale"


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault, and by how much; or what is good to know."""

    kind: Fault | Good
    value: float
    limit: float
    """What `value` has passed; of a scale in millimetres a pixel, its standard deviation."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What of a picture is held against limits; of a dermatoscope's, what lies in its field."""

    shortest_side_px: int
    sharpness: float
    """How much of its finest contrasts is left, as a share of those twice as coarse."""
    bright: float
    """Brightness, 0 to 255, that one pixel in a hundred passes: sheen, even on dark skin."""
    middling: float
    """Brightness that half of the pixels pass."""
    clipped: float
    """Share of pixels that are white and nothing else."""
    skin: float
    """Share of the picture's middle in a colour that skin may have."""


def check(pixels: Pixels, codes: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What is found in a photograph, upright, of (rows, columns[, 3]) of 8 bits.

    `codes` are those that `codes_in` reads in it: they identify as writing does. The same for
    photographs and dermoscopy: a dermatoscope's dark surroundings are left out.
    """
    return (
        *findings(measure(pixels)),
        *identifying(pixels, codes),
        *of_the_ruler(read_ruler(pixels)),
    )


def identifying(pixels: Pixels, codes: Sequence[str] = ()) -> tuple[Finding, ...]:
    """What may tell whose photograph it is: a face, writing, a code."""
    face = face_in(pixels)
    letters = letters_in(pixels) + sum(map(len, codes))
    above = ((Fault.FACE, face, _SUREST_NO_FACE), (Fault.MARK, letters, _MOST_LETTERS))
    return tuple(Finding(fault, value, limit) for fault, value, limit in above if value > limit)


def of_the_ruler(read: Scale | NoScale) -> tuple[Finding, ...]:
    """That a ruler was read, or why the one that is there was not; nothing where there is none."""
    if isinstance(read, Scale):
        return (Finding(Good.SCALE, read.mm_per_pixel, read.uncertainty),)
    match read.why:
        case Why.TILTED:
            return (Finding(Fault.RULER_TILTED, abs(read.uneven), MOST_UNEVEN),)
        case Why.NOT_MILLIMETRES:
            return (Finding(Fault.RULER_UNREAD, 0, 0),)
    return ()


def findings(measured: Measured) -> tuple[Finding, ...]:
    """What passes its limit."""
    below = (
        (Fault.TOO_SMALL, measured.shortest_side_px, _SHORTEST_SIDE_PX),
        (Fault.BLURRED, measured.sharpness, _LEAST_SHARPNESS),
        (Fault.UNDEREXPOSED, measured.bright, _DARKEST),
        (Fault.NO_SKIN, measured.skin, _LEAST_SKIN),
    )
    above = (
        (Fault.OVEREXPOSED, measured.middling, _BRIGHTEST),
        (Fault.CLIPPED, measured.clipped, _MOST_CLIPPED),
    )
    return (
        *(Finding(fault, value, limit) for fault, value, limit in below if value < limit),
        *(Finding(fault, value, limit) for fault, value, limit in above if value > limit),
    )


def measure(pixels: Pixels) -> Measured:
    """The figures that limits are held against."""
    rows, columns = pixels.shape[:2]
    most_px = round(WIDTH_PX * max(1.0, rows / columns))
    small, _ = reduced(np.ascontiguousarray(pixels, np.uint8), most_px)
    image = grey(small)
    # Off the rim, whose edge is as sharp as the lens and not as the skin.
    inside = cv2.erode(field_of_view(image), np.ones((9, 9), np.uint8), borderValue=255) > 0
    bright, middling = np.percentile(image[inside], (99, 50)) if inside.any() else (0.0, 0.0)
    colours = small.reshape(*image.shape, -1)[..., :3]
    return Measured(
        shortest_side_px=min(rows, columns),
        sharpness=_sharpness(image, inside),
        bright=float(bright),
        middling=float(middling),
        clipped=_share(colours.min(axis=2) >= 250, inside),
        skin=_share(_skin(colours), inside & _middle(image.shape)),
    )


def _sharpness(image: NDArray[np.uint8], inside: NDArray[np.bool_]) -> float:
    """The finest contrasts of the sharpest places, as a share of those twice as coarse.

    A share, since a smooth skin has few contrasts however sharp; of the sharpest places, since
    elsewhere there may be nothing but noise.
    """
    if not inside.any():
        return 0.0
    exact = image.astype(np.float32)
    finest, fine, coarse = (cv2.GaussianBlur(exact, (0, 0), sigma) for sigma in (0.7, 1.4, 2.8))
    here = float(np.percentile(np.abs(finest - fine)[inside], 99.8))
    there = float(np.percentile(np.abs(fine - coarse)[inside], 99.8))
    return here / max(there, 1.0)


def _skin(coloured: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where a colour may be skin's, by CIELAB: not green, neither very blue nor very yellow.

    Wide on purpose: cameras and the lamps of dermatoscopes tint skin from lavender to orange.
    """
    if coloured.shape[2] < 3:
        return np.ones(coloured.shape[:2], np.bool_)
    soft = cv2.GaussianBlur(np.ascontiguousarray(coloured), (0, 0), 2)
    lab = cv2.cvtColor(soft.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    red, yellow = lab[..., 1], lab[..., 2]
    return np.asarray(
        (red > 0.5) & (yellow > -6) & (yellow < 45) & (np.hypot(red, yellow) < 60), np.bool_
    )


def _middle(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The half of the width and of the height around the centre."""
    inside = np.zeros(shape, np.bool_)
    rows, columns = shape[0] // 4, shape[1] // 4
    inside[rows : shape[0] - rows, columns : shape[1] - columns] = True
    return inside


def _share(some: NDArray[np.bool_], of: NDArray[np.bool_]) -> float:
    return int(np.count_nonzero(some & of)) / max(1, int(np.count_nonzero(of)))
