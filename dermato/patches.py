"""Patches of one picture found again in another, near where a coarse alignment expects them.

Keypoints are few under hair, glare and other light, and crowd where contrast is; patches lie evenly
over all of the skin. They make an alignment exact, and tell whether it is one.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]
Points: TypeAlias = NDArray[np.float64]

_HALF_PX = 20
"""Patches are squares of 41 pixels: less is not told from its surroundings under noise."""
_FLAT = 0.5
"""Standard deviation of grey below which a patch shows nothing."""
_LIKE = 0.35
"""Correlation below which a patch is not found."""
_CLOSE_PX, _NEAR_PX = 1.0, 1.5
_POLISHED = 8
"""Rounds of least squares over what is near, each of which changes what is."""
_FEWEST = 12


@dataclass(frozen=True, slots=True)
class Skin:
    """What differs from its surroundings in a picture, and 255 where the lens shows skin."""

    detail: NDArray[np.float32]
    mask: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Refined:
    """A homography from one picture to the other, and the patches that say so."""

    matrix: Matrix
    places: Points
    """Centres in the first of patches found within a pixel of where the homography has them."""


@dataclass(frozen=True, slots=True)
class _Round:
    reach_px: int
    step_px: int
    within_px: float


_ROUNDS = (_Round(12, 36, 4.0), _Round(6, 24, 2.0), _Round(4, 24, 1.0))


def refined(one: Skin, other: Skin, coarse: Matrix) -> Refined | None:
    """The homography that most patches agree on, begun from a coarse one; None where none do.

    Growth pushes a lesion's margin some way: patches there find other places than those of the
    skin around, or none within reach, and are outvoted.
    """
    matrix, here, there = coarse, np.zeros((0, 2)), np.zeros((0, 2))
    for one_round in _ROUNDS:
        here, there = _found(one, other, matrix, one_round)
        fitted = _fitted(here, there, cv2.USAC_MAGSAC, one_round.within_px)
        if fitted is None:
            return None
        matrix = fitted
    for _ in range(_POLISHED):
        near = _off(matrix, here, there) <= _NEAR_PX
        fitted = _fitted(here[near], there[near], 0, _NEAR_PX)
        if fitted is None:
            return None
        matrix = fitted
    return Refined(matrix, here[_off(matrix, here, there) <= _CLOSE_PX])


def _fitted(here: Points, there: Points, method: int, within_px: float) -> Matrix | None:
    """The homography between points, where there is one that can be undone.

    OpenCV draws from a generator of its own with a fixed seed.
    """
    if len(here) < _FEWEST:
        return None
    # Beside what OpenCV's types say, None where no model is found.
    told: tuple[Any, Any] = cv2.findHomography(
        here, there, method, within_px, maxIters=5000, confidence=0.9999
    )
    found = told[0]
    matrix = np.zeros((3, 3)) if found is None else np.asarray(found, np.float64)
    return matrix if abs(float(np.linalg.det(matrix))) > 1e-6 else None


def _off(matrix: Matrix, here: Points, there: Points) -> NDArray[np.float64]:
    return np.asarray(np.hypot(*(_moved(matrix, here) - there).T), np.float64)


def _found(one: Skin, other: Skin, matrix: Matrix, how: _Round) -> tuple[Points, Points]:
    """Where patches of the first are, and where in the other they were found."""
    height, width = other.mask.shape
    moved = cv2.warpPerspective(one.detail, matrix, (width, height))
    shown = cv2.warpPerspective(one.mask, matrix, (width, height), flags=cv2.INTER_NEAREST)
    side = np.ones((2 * _HALF_PX + 1,) * 2, np.uint8)
    both = cv2.erode(np.minimum(shown, other.mask), side, borderValue=0)
    margin = _HALF_PX + how.reach_px
    expected, found = [], []
    for y in range(margin, height - margin, how.step_px):
        for x in range(margin, width - margin, how.step_px):
            if not both[y, x]:
                continue
            patch = moved[y - _HALF_PX : y + _HALF_PX + 1, x - _HALF_PX : x + _HALF_PX + 1]
            if patch.std() < _FLAT:
                continue
            around = other.detail[y - margin : y + margin + 1, x - margin : x + margin + 1]
            off = _offset(cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED), how.reach_px)
            if off is not None:
                expected.append((x, y))
                found.append((x + off[0], y + off[1]))
    if not expected:
        return np.zeros((0, 2)), np.zeros((0, 2))
    back = np.asarray(np.linalg.inv(matrix), np.float64)
    here = _moved(back, np.array(expected, np.float64))
    return here, np.array(found, np.float64)


def _offset(likeness: "cv2.typing.MatLike", reach: int) -> tuple[float, float] | None:
    """Where a patch is most alike, to a part of a pixel; None at the rim, or where it is not."""
    _, best, _, (x, y) = cv2.minMaxLoc(likeness)
    if best < _LIKE or not (0 < x < 2 * reach and 0 < y < 2 * reach):
        return None
    across = _peak(likeness[y, x - 1], best, likeness[y, x + 1])
    down = _peak(likeness[y - 1, x], best, likeness[y + 1, x])
    return x - reach + across, y - reach + down


def _peak(before: float, at: float, after: float) -> float:
    """Of the parabola through three values, the middle one the largest."""
    bent = before - 2 * at + after
    return float(0.5 * (before - after) / bent) if bent < 0 else 0.0


def _moved(matrix: Matrix, points: Points) -> Points:
    return np.asarray(cv2.perspectiveTransform(points[:, None], matrix)[:, 0], np.float64)
