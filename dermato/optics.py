"""What the lens shows: brightness, the round field of a dermatoscope, hair across the skin."""

import cv2
import numpy as np
from numpy.typing import NDArray

from tiles.source import Pixels

_DARK = 30
_LEAST_DARK = 0.002
"""Share of a picture below which the dark along its border is no rim."""
_FRAME = 0.01
_ROUND = 0.02
"""How far the rim may lie from a circle, as a share of its radius."""
_HAIR_DEPTH = 25


def grey(pixels: Pixels) -> NDArray[np.uint8]:
    """The brightness of a picture of 8 bits: (rows, columns)."""
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return np.ascontiguousarray(pixels.reshape(pixels.shape[:2]), np.uint8)
    rgb = np.ascontiguousarray(pixels[..., :3], np.uint8)
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def coloured(pixels: Pixels) -> NDArray[np.uint8]:
    """The red, green and blue of a picture of 8 bits: (rows, columns, 3)."""
    exact = np.ascontiguousarray(pixels, np.uint8)
    if exact.ndim == 2 or exact.shape[2] < 3:
        plane = np.ascontiguousarray(exact.reshape(*exact.shape[:2], -1)[..., 0])
        return np.asarray(cv2.cvtColor(plane, cv2.COLOR_GRAY2RGB), np.uint8)
    return np.ascontiguousarray(exact[..., :3])


def reduced(image: NDArray[np.uint8], most_px: int) -> tuple[NDArray[np.uint8], float]:
    """The picture, made smaller where a side is longer than that, and by which factor."""
    factor = min(1.0, most_px / max(image.shape[:2]))
    if factor == 1:
        return image, factor
    size = (max(1, round(image.shape[1] * factor)), max(1, round(image.shape[0] * factor)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8), size[0] / image.shape[1]


def field_of_view(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """255 where a grey picture shows something, 0 beyond the round rim of a dermatoscope.

    All of it where the dark at the border has no round rim: a dark lesion may reach the border.
    """
    whole = np.full(image.shape, 255, np.uint8)
    # Software that exports pictures leaves a bright line along an edge of some.
    frame = max(2, round(_FRAME * min(image.shape)))
    smooth = cv2.medianBlur(image, 5)[frame:-frame, frame:-frame]
    if smooth.size == 0:
        return whole
    _, labels = cv2.connectedComponents((smooth < _DARK).astype(np.uint8))
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    dark = np.isin(labels, np.setdiff1d(border, [0]))
    if dark.mean() < _LEAST_DARK:
        return whole
    edge = cv2.dilate(dark.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~dark
    edge[[0, -1], :] = edge[:, [0, -1]] = False
    y, x = np.nonzero(edge)
    if len(x) < 30:
        return whole
    x, y = x + frame, y + frame
    circle = _circle(x.astype(np.float64), y.astype(np.float64))
    if circle is None:
        return whole
    centre_x, centre_y, radius = circle
    away = np.abs(np.hypot(x - centre_x, y - centre_y) - radius)
    if np.median(away) > _ROUND * radius or radius > 2 * max(image.shape):
        return whole
    mask = np.zeros(image.shape, np.uint8)
    centre = (round(centre_x), round(centre_y))
    cv2.circle(mask, centre, max(1, round(radius * (1 - _ROUND))), 255, -1)
    return mask


def hair_of(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """255 where something long, thin and darker than the skin lies across it."""
    side = max(9, round(max(image.shape) / 85)) | 1
    hollow = cv2.morphologyEx(
        image, cv2.MORPH_BLACKHAT, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    )
    thin = (hollow > _HAIR_DEPTH).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(thin)
    long = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    hair = long > 5 * side
    hair[0] = False
    drawn = hair[labels].astype(np.uint8) * 255
    return np.asarray(cv2.dilate(drawn, np.ones((5, 5), np.uint8)), np.uint8)


def _circle(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float, float] | None:
    """Centre and radius nearest the points, by least squares; None where they lie on a line."""
    terms = np.column_stack([x, y, np.ones(len(x))])
    (a, b, c), _, rank, _ = np.linalg.lstsq(terms, x**2 + y**2, rcond=None)
    squared = c + (a**2 + b**2) / 4
    if rank < 3 or squared <= 0:
        return None
    return float(a / 2), float(b / 2), float(np.sqrt(squared))
