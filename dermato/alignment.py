"""Two pictures of one lesion laid over each other: a reading aid, not a diagnosis.

What is said of two pictures is where one lies in the other, or that they cannot be aligned. That
they show different lesions is never said: a picture that cannot be aligned may well be the same
lesion, healed, hidden by hair or taken in another light.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from dermato.optics import field_of_view, grey, hair_of, reduced
from dermato.patches import Matrix, Skin, refined
from tiles.source import Pixels

VERSION = "2"
"""Of the method: a stored alignment says which made it."""

MOST_PIXELS_WIDE = 1200
"""Pictures are worked on at this width or height at most, which bounds time and memory."""
MOST_FEATURES = 2500

_FEWEST_MATCHES, _FEWEST_INLIERS = 12, 8
_FEWEST_CONFIRMED = 30
"""Patches that must lie where the alignment has them."""
_LEAST_SPREAD = 0.05
"""Of the field's area that the matched points must enclose."""
_LEAST_AGREEMENT = 0.1
_SURE = 0.5
"""Agreement beyond which no other way of laying the pictures is looked for."""
_INLIER_PX, _COARSE_PX = 2.5, 5.0
"""Patches judge what matches suggest: a few, by and large, are enough to begin with."""
_CONSENSUSES = 3
_LIKENESS = 0.8
"""Lowe's ratio: a match counts where the second best lies so much further."""
_LARGEST_SCALE = 4.0
_CELLS, _FEWEST_CELLS = 30, 20
"""The longer side is compared in so many cells: most lie between hairs."""
_MOST_HAIR = 0.4
"""Share of a picture beyond which what looks like hair is its texture."""


class Why(StrEnum):
    """Why two pictures cannot be aligned."""

    NO_DETAIL = "no-detail"
    TOO_FEW_IN_COMMON = "too-few-in-common"
    NOT_CONFIRMED = "not-confirmed"


@dataclass(frozen=True, slots=True)
class Aligned:
    """Where the first picture lies in the second."""

    matrix: tuple[tuple[float, float, float], ...]
    """3 × 3: pixel centres (x, y, 1) of the first to those of the second, both at full size."""
    confirmed: int
    """Patches of skin that were found where the matrix has them."""
    agreement: float
    """Median correlation of the two pictures' detail, cell by cell: 1 where they are the same."""


@dataclass(frozen=True, slots=True)
class CannotAlign:
    """No alignment worth showing was found; it says nothing of whose lesion it is."""

    why: Why


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture at the size it is worked on, and what stands out in it: some 10 MB."""

    skin: Skin
    scale: float
    points: NDArray[np.float32]
    features: NDArray[np.float32]


def align(first: Pixels, second: Pixels) -> Aligned | CannotAlign:
    """Lay the first picture on the second: the same answer each time for the same pixels.

    Pictures are (rows, columns) or (rows, columns, 3) of 8 bits, upright or not.
    """
    return lay(see(first), see(second))


def lay(one: Seen, other: Seen) -> Aligned | CannotAlign:
    """Lay one picture on another; each may be seen once and laid on many."""
    if min(len(one.points), len(other.points)) < _FEWEST_MATCHES:
        return CannotAlign(Why.NO_DETAIL)
    here, there = _matched(one, other)
    best: Aligned | None = None
    in_common = False
    for _ in range(_CONSENSUSES):
        coarse = _coarse(here, there)
        if coarse is None:
            break
        in_common = True
        found = _confirmed(one, other, coarse)
        if found and (best is None or found.confirmed > best.confirmed):
            best = found
        if best and best.agreement > _SURE:
            break
        # A lesion that grew moves as one, and may hold more of the matches than its surroundings.
        left = ~_explained(coarse, here, there)
        here, there = here[left], there[left]
    return best or CannotAlign(Why.NOT_CONFIRMED if in_common else Why.TOO_FEW_IN_COMMON)


def _confirmed(one: Seen, other: Seen, coarse: Matrix) -> Aligned | None:
    """The alignment made exact, where the skin itself says that it is one."""
    fine = refined(one.skin, other.skin, coarse)
    if fine is None or len(fine.places) < _FEWEST_CONFIRMED:
        return None
    if not _plausible(fine.matrix, fine.places) or _spread(fine.places, one) < _LEAST_SPREAD:
        return None
    agreement = _agreement(one.skin, other.skin, fine.matrix)
    if agreement < _LEAST_AGREEMENT:
        return None
    full = _enlarging(1 / other.scale) @ fine.matrix @ _enlarging(one.scale)
    return Aligned(_rows(full), len(fine.places), agreement)


def _rows(matrix: Matrix) -> tuple[tuple[float, float, float], ...]:
    return tuple((float(a), float(b), float(c)) for a, b, c in matrix / matrix[2, 2])


def see(pixels: Pixels) -> Seen:
    """Find what stands out in a picture, hair left out."""
    image, scale = reduced(grey(pixels), MOST_PIXELS_WIDE)
    mask = field_of_view(image)
    hair = hair_of(image)
    if 0 < np.count_nonzero(hair) < _MOST_HAIR * hair.size:
        image = np.asarray(cv2.inpaint(image, hair, 3, cv2.INPAINT_TELEA), np.uint8)
    even = cv2.createCLAHE(clipLimit=4.0, tileGridSize=(8, 8)).apply(image)
    sift = cv2.SIFT.create(nfeatures=MOST_FEATURES, contrastThreshold=0.02, edgeThreshold=12)
    # Features at the field's rim would match any picture taken with the same dermatoscope.
    rim = cv2.erode(mask, np.ones((9, 9), np.uint8), borderValue=255)
    inner = np.where(hair > 0, 0, rim).astype(np.uint8)
    points, described = sift.detectAndCompute(even, inner)
    where = np.array([point.pt for point in points], np.float32).reshape(-1, 2)
    found = np.asarray(described, np.float32) if points else np.zeros((0, 128), np.float32)
    # Arandjelović and Zisserman: their square roots compare better than SIFT's own values.
    rooted = np.sqrt(found / np.maximum(found.sum(axis=1, keepdims=True), 1e-6))
    return Seen(Skin(_detail(image), mask), scale, where, rooted.astype(np.float32))


def _matched(one: Seen, other: Seen) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points of each that are each other's best match, and clearly so."""
    likeness = one.features @ other.features.T
    forth = likeness.argmax(axis=1)
    back = likeness.argmax(axis=0)
    rows = np.arange(len(forth))
    best = likeness[rows, forth]
    likeness[rows, forth] = -1
    second = likeness.max(axis=1)
    # Of unit vectors, the square of the distance is 2 - 2·likeness.
    clear = (1 - best) < _LIKENESS**2 * (1 - second)
    kept = clear & (back[forth] == rows)
    here, there = one.points[kept], other.points[forth[kept]]
    # SIFT lists a place once per orientation: a place counts once.
    _, single = np.unique(here.round(1), axis=0, return_index=True)
    _, lone = np.unique(there[single].round(1), axis=0, return_index=True)
    chosen = np.sort(single[lone])
    return here[chosen], there[chosen]


def _coarse(here: NDArray[np.float32], there: NDArray[np.float32]) -> Matrix | None:
    """What most of the matches agree on, by and large; often nothing.

    OpenCV's RANSAC draws from a generator of its own with a fixed seed.
    """
    if len(here) < _FEWEST_INLIERS:
        return None
    # Beside what OpenCV's types say, None where no model is found.
    fitted: tuple[Any, Any] = cv2.estimateAffinePartial2D(
        here, there, method=cv2.RANSAC, ransacReprojThreshold=_COARSE_PX, maxIters=5000
    )
    two, coarse = fitted
    if two is None:
        return None
    plain = np.vstack([two, (0, 0, 1)]).astype(np.float64)
    near = coarse.ravel().astype(bool)
    if near.sum() >= _FEWEST_INLIERS:
        three, _ = cv2.findHomography(
            here[near], there[near], cv2.RANSAC, _INLIER_PX, maxIters=2000
        )
        exact = None if three is None else np.asarray(three, np.float64)
        if exact is not None and _holds(exact, here, there):
            return exact
    return plain if _holds(plain, here, there) else None


def _holds(matrix: Matrix, here: NDArray[np.float32], there: NDArray[np.float32]) -> bool:
    inside = _explained(matrix, here, there)
    return bool(inside.sum() >= _FEWEST_INLIERS) and _plausible(matrix, here[inside])


def _explained(
    matrix: Matrix, here: NDArray[np.float32], there: NDArray[np.float32]
) -> NDArray[np.bool_]:
    moved = cv2.perspectiveTransform(here[:, None].astype(np.float64), matrix)[:, 0]
    close: NDArray[np.bool_] = np.hypot(*(moved - there).T) <= _INLIER_PX
    return close


def _plausible(matrix: Matrix, here: NDArray[np.floating]) -> bool:
    """Whether a camera may see one skin so: no mirror, no fold, no extreme stretching."""
    depth = np.column_stack([here, np.ones(len(here))]) @ matrix[2]
    if depth.min() <= 0.5 * depth.max():
        return False
    stretched = np.linalg.svd(matrix[:2, :2] / matrix[2, 2], compute_uv=False)
    return bool(
        np.linalg.det(matrix[:2, :2]) > 0
        and stretched[0] < 1.5 * stretched[1]
        and stretched[1] > 1 / _LARGEST_SCALE
        and stretched[0] < _LARGEST_SCALE
    )


def _spread(points: NDArray[np.float64], seen: Seen) -> float:
    """The share of the field that the points enclose."""
    hull = cv2.convexHull(points.astype(np.float32))
    return float(cv2.contourArea(hull) / max(1, int(np.count_nonzero(seen.skin.mask))))


def _agreement(one: Skin, other: Skin, matrix: Matrix) -> float:
    """Median over cells of the correlation of detail, where both pictures have a field.

    Matched points may all lie on what the dermatoscope itself draws, a scale or a reticle, which
    is the same over any lesion: the skin between must agree too.
    """
    height, width = other.mask.shape
    moved = cv2.warpPerspective(one.detail, matrix, (width, height), flags=cv2.INTER_LINEAR)
    first = np.asarray(moved, np.float32)
    seen = cv2.warpPerspective(one.mask, matrix, (width, height), flags=cv2.INTER_NEAREST)
    both = cv2.erode(np.minimum(seen, other.mask), np.ones((9, 9), np.uint8), borderValue=0)
    side = max(8, max(height, width) // _CELLS)
    inside = _cells((both > 0).astype(np.float32), side).mean(axis=1) > 0.95
    if inside.sum() < _FEWEST_CELLS:
        return 0.0
    here = _tamed(_cells(first, side)[inside])
    there = _tamed(_cells(other.detail, side)[inside])
    size = np.sqrt((here**2).sum(axis=1) * (there**2).sum(axis=1))
    return float(np.median((here * there).sum(axis=1) / np.maximum(size, 1e-6)))


def _cells(values: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Squares side by side: (squares, values of each)."""
    down, across = values.shape[0] // side, values.shape[1] // side
    whole = values[: down * side, : across * side].reshape(down, side, across, side)
    return whole.swapaxes(1, 2).reshape(down * across, side * side)


def _tamed(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Without their means, and without the sway of what sticks out, such as hair."""
    middle = np.median(cells, axis=1, keepdims=True)
    usual = np.maximum(1e-3, 1.5 * np.median(np.abs(cells - middle), axis=1, keepdims=True))
    kept = np.clip(cells, middle - usual, middle + usual)
    return np.asarray(kept - kept.mean(axis=1, keepdims=True), np.float32)


def _detail(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What differs from its surroundings, coarser than noise and finer than lighting."""
    exact = image.astype(np.float32)
    fine = cv2.GaussianBlur(exact, (0, 0), 1.5)
    return np.asarray(fine - cv2.GaussianBlur(exact, (0, 0), 12), np.float32)


def _enlarging(scale: float) -> Matrix:
    """Of pixel centres: a picture enlarged by a factor, as cv2.resize does."""
    shift = (scale - 1) / 2
    return np.array([(scale, 0, shift), (0, scale, shift), (0, 0, 1)], np.float64)
