"""Where a lesion ends and the skin begins, as far as colour tells: a reading aid, not a diagnosis.

What is looked for is one lesion that differs from the skin around it and lies free in the picture.
Whatever else is shown is refused with a reason, and marked by hand.
"""

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from dermato.optics import field_of_view, grey, hair_of, reduced
from tiles.source import Pixels

VERSION = "1"
"""Of the method: a stored proposal says which made it."""

MOST_PIXELS_WIDE = 640
"""Lesions are looked for at this width or height at most, which bounds time and memory."""

_LEAST_PX = 64
_RIM = 0.02
"""Of the picture's longer side, left out along the field's rim, where the lens darkens."""
_AROUND = 0.12
"""Of the same: how far from the rim is taken for skin at first."""
_LEAST_CONTRAST = 6.0
"""Between lesion and skin, in units of CIELAB."""
_LEAST_OVER_NOISE = 3.0
_PALER = 3.0
"""How much lighter than the skin a lesion may be, in the same units."""
_SECOND = 0.2
"""Share of the lesion's area beyond which something else is another lesion, or a mark."""
_LEAST_AREA = 0.002
_MOST_VAGUE = 0.2
"""How far the diameter may depend on where in the border's slope it is measured, as a share."""
_HALF, _OUTER, _INNER = 0.5, 0.3, 0.7
"""Heights in the slope of the border: where it is drawn, and as far out and in as it may be."""

_Mask = NDArray[np.bool_]
_Plane = NDArray[np.float32]


class Why(StrEnum):
    """Why no diameter is proposed."""

    NOT_CLEAR = "not-clear"
    TOUCHES_THE_EDGE = "touches-the-edge"
    SEVERAL = "several"


@dataclass(frozen=True, slots=True)
class Diameter:
    """The two ends (x, y) of the longest line across a lesion, in pixels of the full picture."""

    start: tuple[float, float]
    end: tuple[float, float]
    marking_px: float
    """How exactly each end is known, by the width of the border: one standard deviation."""


@dataclass(frozen=True, slots=True)
class NoDiameter:
    """No lesion was found whose border is clear enough."""

    why: Why


def find_diameter(pixels: Pixels) -> Diameter | NoDiameter:
    """The greatest diameter of the lesion in a picture, or why none is proposed.

    Pictures are (rows, columns, 3) of 8 bits. The same pixels give the same answer.
    """
    found = outline(pixels)
    if isinstance(found, NoDiameter):
        return found
    return found.diameter


@dataclass(frozen=True, slots=True)
class Outline:
    """A lesion's border, in pixels of the full picture, and what follows from it."""

    points: NDArray[np.float64]
    diameter: Diameter


def outline(pixels: Pixels) -> Outline | NoDiameter:
    """The border that the diameter is measured across, or why there is none."""
    if pixels.ndim != 3 or pixels.shape[2] < 3 or min(pixels.shape[:2]) < _LEAST_PX:
        return NoDiameter(Why.NOT_CLEAR)
    small, scale = reduced(np.ascontiguousarray(pixels[..., :3], np.uint8), MOST_PIXELS_WIDE)
    field = _field(small)
    away = _away(small, field)
    if away is None:
        return NoDiameter(Why.NOT_CLEAR)
    drawn = [_lesion(away, field, height) for height in (_HALF, _OUTER, _INNER)]
    for one in drawn:
        if isinstance(one, NoDiameter):
            return one
    borders = [one for one in drawn if not isinstance(one, NoDiameter)]
    across = [_farthest(one) for one in borders]
    lengths = [float(np.hypot(*(end - start))) for start, end in across]
    vague = lengths[1] - lengths[2]
    if vague > _MOST_VAGUE * lengths[0]:
        return NoDiameter(Why.NOT_CLEAR)
    start, end = across[0]
    # From three to seven tenths of the slope is one standard deviation of a soft border.
    marking = float(np.hypot(max(0.0, vague) / 4, 0.5)) / scale
    return Outline(
        _enlarged(borders[0], scale),
        Diameter(_point(_enlarged(start, scale)), _point(_enlarged(end, scale)), marking),
    )


def _enlarged(points: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Of pixel centres: where they are in the full picture."""
    return np.asarray((points + 0.5) / scale - 0.5, np.float64)


def _point(at: NDArray[np.float64]) -> tuple[float, float]:
    return float(at[0]), float(at[1])


def _field(small: NDArray[np.uint8]) -> _Mask:
    """Where the lens shows skin, without its rim and that of the picture."""
    rim = max(3, round(_RIM * max(small.shape[:2])))
    framed = cv2.copyMakeBorder(field_of_view(grey(small)), 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return np.asarray(cv2.distanceTransform(framed, cv2.DIST_L2, 5)[1:-1, 1:-1] > rim, np.bool_)


def _away(small: NDArray[np.uint8], field: _Mask) -> _Plane | None:
    """How far each pixel is from the skin's colour towards the lesion's; None where nothing is."""
    hair = hair_of(grey(small))
    bald = cv2.inpaint(small, hair, 3, cv2.INPAINT_TELEA) if hair.any() else small
    exact = cv2.cvtColor(bald.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    lab = np.asarray(cv2.GaussianBlur(exact, (0, 0), 1.0), np.float32)
    rim = cv2.distanceTransform(field.astype(np.uint8), cv2.DIST_L2, 5)
    skin = field & (rim < _AROUND * max(field.shape))
    away = np.zeros(field.shape, np.float32)
    for _ in range(3):
        if skin.sum() < 500:
            return None
        differs = lab - _surface(lab, skin)
        # A ruler, glare and dressings are paler than skin.
        apart = np.where(differs[..., 0] < _PALER, np.sqrt((differs**2).sum(axis=2)), 0)
        lesion = field & (apart > _otsu(apart[field]))
        if lesion.sum() < 50:
            return None
        towards = np.median(differs[lesion], axis=0)
        length = float(np.linalg.norm(towards))
        if length < _LEAST_CONTRAST:
            return None
        away = differs @ (towards / length)
        wide = cv2.dilate(lesion.astype(np.uint8), np.ones((15, 15), np.uint8))
        skin = field & (wide == 0)
    noise = 1.4826 * float(np.median(np.abs(away[skin]))) if skin.any() else np.inf
    return np.asarray(away, np.float32) if length > _LEAST_OVER_NOISE * noise else None


def _surface(lab: NDArray[np.float32], skin: _Mask) -> NDArray[np.float32]:
    """The skin's colour as it would be everywhere: light falls off smoothly."""
    height, width = skin.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    where = np.argwhere(skin)[:: max(1, int(skin.sum()) // 6000)]
    known, told = terms[where[:, 0], where[:, 1]], lab[where[:, 0], where[:, 1]].astype(np.float64)
    kept = np.ones(len(known), bool)
    fitted = np.zeros((6, 3))
    for _ in range(6):
        fitted, *_ = np.linalg.lstsq(known[kept], told[kept], rcond=None)
        off = np.sqrt(((told - known @ fitted) ** 2).sum(axis=1))
        kept = off <= max(2.0, 2.5 * float(np.median(off)))
        if kept.sum() < 100:
            break
    return np.asarray(terms @ fitted, np.float32)


def _otsu(values: NDArray[np.float32]) -> float:
    most = float(np.percentile(values, 99.5)) or 1.0
    scaled = np.clip(values * (255 / most), 0, 255).astype(np.uint8)
    level, _ = cv2.threshold(scaled, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(level) * most / 255


def _lesion(away: _Plane, field: _Mask, height: float) -> NDArray[np.float64] | NoDiameter:
    """The border of the lesion at that height of its slope: its points."""
    level = height * float(np.median(away[field & (away > _otsu(away[field]))]))
    lesion: _Mask | NoDiameter = NoDiameter(Why.NOT_CLEAR)
    for _ in range(4):
        lesion = _alone((away > level) & field, field)
        if isinstance(lesion, NoDiameter):
            return lesion
        inside = cv2.distanceTransform(lesion.astype(np.uint8), cv2.DIST_L2, 5)
        deep = float(inside.max())
        # A lesion may fade towards its border: what counts is its colour near there.
        band = (inside > 0.15 * deep) & (inside < 0.5 * deep)
        level = height * float(np.median(away[band]))
    assert not isinstance(lesion, NoDiameter)
    return _traced(away, level, lesion)


def _alone(dark: _Mask, field: _Mask) -> _Mask | NoDiameter:
    """The one thing that is there, holes filled; a reason where it is not one, or not whole."""
    side = max(3, round(0.012 * max(field.shape))) | 1
    round_ = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    clean = cv2.morphologyEx(dark.astype(np.uint8), cv2.MORPH_OPEN, round_)
    clean = cv2.morphologyEx(clean, cv2.MORPH_CLOSE, round_)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(clean)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if count < 2 or areas.max() < _LEAST_AREA * field.sum():
        return NoDiameter(Why.NOT_CLEAR)
    order = np.argsort(areas)[::-1]
    one = np.asarray(labels == 1 + order[0])
    rim = field & ~cv2.erode(field.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    if (one & rim).sum() > 0.01 * rim.sum():
        return NoDiameter(Why.TOUCHES_THE_EDGE)
    if len(areas) > 1 and areas[order[1]] > _SECOND * areas[order[0]]:
        return NoDiameter(Why.SEVERAL)
    outlines, _ = cv2.findContours(one.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(one.shape, np.uint8)
    cv2.drawContours(filled, outlines, -1, 1, cv2.FILLED)
    return filled > 0


def _traced(away: _Plane, level: float, lesion: _Mask) -> NDArray[np.float64]:
    """The lesion's border, where the slope crosses the level between two pixels."""
    outlines, _ = cv2.findContours(
        lesion.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    points = max(outlines, key=len)[:, 0].astype(np.float64)
    middle = points.mean(axis=0)
    out = points - middle
    out /= np.maximum(np.hypot(*out.T), 1e-6)[:, None]
    # Each point of the mask's border is moved along its ray to where the level lies.
    steps = np.arange(-3.0, 3.01, 0.25)
    along = points[:, None] + steps[None, :, None] * out[:, None]
    seen = cv2.remap(
        away, along[..., 0].astype(np.float32), along[..., 1].astype(np.float32), cv2.INTER_LINEAR
    )
    above = seen > level
    last = above.shape[1] - 1 - np.argmax(above[:, ::-1], axis=1)
    moved = np.where(above.any(axis=1), steps[np.minimum(last, len(steps) - 1)], 0.0)
    moved = np.where(above.all(axis=1), 0.0, moved)
    return np.asarray(points + moved[:, None] * out, np.float64)


def _farthest(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The two points that lie farthest from each other, the upper one first."""
    hull = cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)
    apart = np.hypot(*(hull[:, None] - hull[None]).transpose(2, 0, 1))
    one, other = np.unravel_index(int(apart.argmax()), apart.shape)
    first, second = sorted((hull[one], hull[other]), key=lambda point: (point[1], point[0]))
    return first, second
