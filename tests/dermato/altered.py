"""The same skin seen again: warped, lit anew, under hair, grown, in other polarisation."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Image: TypeAlias = NDArray[np.uint8]
Matrix: TypeAlias = NDArray[np.float64]

KINDS = ("warped", "re-lit", "hair", "grown", "polarised", "all of it")


@dataclass(frozen=True)
class Again:
    """A picture made of another, and where the other's pixels went."""

    pixels: Image
    matrix: Matrix
    changed: NDArray[np.bool_]
    """Where, in the first picture, skin itself moved: the matrix is no truth there."""


def again(pixels: Image, kind: str, seed: int) -> Again:
    """The picture altered; every kind is also warped a little, as no two pictures coincide."""
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    every = kind == "all of it"
    changed = np.zeros(pixels.shape[:2], bool)
    if kind == "grown" or every:
        pixels, changed = _grown(pixels, rng)
    if kind == "polarised" or every:
        pixels = _polarised(pixels, rng)
    matrix = _seen_from(pixels, rng, 1.0 if kind == "warped" or every else 0.3)
    height, width = pixels.shape[:2]
    pixels = np.asarray(
        cv2.warpPerspective(
            pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        ),
        np.uint8,
    )
    if kind == "hair" or every:
        pixels = under_hair(pixels, rng)
    if kind == "re-lit" or every:
        pixels = _relit(pixels, rng)
    return Again(_as_jpeg(pixels, rng), matrix, changed)


def _seen_from(pixels: Image, rng: Generator, much: float) -> Matrix:
    height, width = pixels.shape[:2]
    angle, scale = rng.uniform(-30, 30) * much, np.exp(rng.uniform(-0.22, 0.22) * much)
    turned = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale), np.float64)
    turned[:, 2] += rng.uniform(-0.08, 0.08, 2) * (width, height) * much
    tilt = np.eye(3)
    tilt[2, :2] = rng.uniform(-0.06, 0.06, 2) / (width, height) * much
    matrix = np.vstack([turned, (0, 0, 1)]) @ tilt
    return np.asarray(matrix / matrix[2, 2], np.float64)


def _grown(pixels: Image, rng: Generator) -> tuple[Image, NDArray[np.bool_]]:
    """The lesion's margin pushed out, its diameter some 5 to 15 % more; the skin beyond gives way.

    The lesion is what is darker than the rest, in green light, around the middle.
    """
    height, width = pixels.shape[:2]
    green = cv2.GaussianBlur(np.ascontiguousarray(pixels[..., 1]), (0, 0), width / 60)
    _, dark = cv2.threshold(green, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
    _, labels, stats, centres = cv2.connectedComponentsWithStats(dark)
    away = np.hypot(*(centres - (width / 2, height / 2)).T)
    lesion = labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA] - 200 * away[1:]))
    outside = cv2.distanceTransform((~lesion).astype(np.uint8), cv2.DIST_L2, 5)
    inside = cv2.distanceTransform(lesion.astype(np.uint8), cv2.DIST_L2, 5)
    distance = cv2.GaussianBlur(outside - inside, (0, 0), width / 100)
    across = np.sqrt(lesion.sum() * 4 / np.pi)
    most, reach = rng.uniform(0.025, 0.075) * across, 0.12 * across
    pushed = most * np.exp(-((distance / reach) ** 2))
    down, right = np.gradient(distance)
    y, x = np.mgrid[:height, :width]
    from_x, from_y = (x - pushed * right).astype(np.float32), (y - pushed * down).astype(np.float32)
    grown = cv2.remap(pixels, from_x, from_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(grown, np.uint8), np.asarray(pushed > 0.2, np.bool_)


def _polarised(pixels: Image, rng: Generator) -> Image:
    """Without crossed polarisers: paler, less saturated, glare on the skin's relief."""
    exact = pixels.astype(np.float32)
    pale = exact.mean(axis=2, keepdims=True)
    exact = pale + (exact - pale) * rng.uniform(0.5, 0.8)
    relief = cv2.GaussianBlur(
        rng.normal(size=pixels.shape[:2]).astype(np.float32), (0, 0), pixels.shape[1] / 400
    )
    glare = np.clip(relief / relief.std() - 1.6, 0, 2)[..., None] * rng.uniform(15, 35)
    return _bytes(exact * 0.9 + 18 + glare)


def under_hair(pixels: Image, rng: Generator) -> Image:
    """With 25 to 60 hairs, dark or fair, across."""
    height, width = pixels.shape[:2]
    drawn = pixels.copy()
    for _ in range(rng.integers(25, 60)):
        start = rng.uniform((0, 0), (width, height))
        angle, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 0.8)
        steps = np.linspace(0, rng.uniform(0.2, 0.7), 24)
        angles = angle + bend * steps
        points = start + np.column_stack([np.cos(angles), np.sin(angles)]) * (
            steps[:, None] * width
        )
        shade = rng.uniform(10, 60) if rng.random() < 0.8 else rng.uniform(170, 220)
        colour = (shade * 1.1, shade * 0.9, shade * 0.8)
        thick = max(1, round(width * rng.uniform(0.0015, 0.004)))
        line = [np.round(points * 16).astype(np.int32)]
        cv2.polylines(drawn, line, False, colour, thick, cv2.LINE_AA, 4)
    return drawn


def _relit(pixels: Image, rng: Generator) -> Image:
    """Another lamp: exposure, tint, a slope of light, contrast."""
    height, width = pixels.shape[:2]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    slope = 1 + 0.25 * (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1))
    tint = rng.uniform(0.85, 1.15, 3) * rng.uniform(0.75, 1.1)
    bent = 255 * (pixels / 255.0) ** rng.uniform(0.75, 1.35)
    return _bytes(bent * tint * slope[..., None])


def _as_jpeg(pixels: Image, rng: Generator) -> Image:
    noisy = _bytes(pixels + rng.normal(0, rng.uniform(1, 4), pixels.shape))
    done, data = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(75, 95))])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _bytes(values: NDArray[np.floating]) -> Image:
    return np.asarray(np.clip(values + 0.5, 0, 255), np.uint8)
