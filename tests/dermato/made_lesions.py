"""Lesions of a known diameter, drawn over real skin."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from tests.dermato.altered import under_hair

Image = NDArray[np.uint8]

_OVER = 4
"""Drawn this much larger, then reduced: the border falls between pixels as a camera's does."""


@dataclass(frozen=True)
class Look:
    """What makes a lesion's border easy or hard to see."""

    across_px: float
    soft_px: float = 2.0
    """Of the border: one standard deviation of the blur that lies over it."""
    dark: float = 0.55
    """How much of the skin's light the lesion takes."""
    hair: bool = False
    round_field: bool = False


@dataclass(frozen=True)
class Made:
    """A picture, and the longest line across its lesion in pixels."""

    pixels: Image
    diameter_px: float


def with_lesion(skin: Image, look: Look, seed: int) -> Made:
    """The skin with an irregular lesion near its middle, of another colour, mottled."""
    rng = np.random.default_rng(seed)
    height, width = skin.shape[:2]
    shape = _shape(look.across_px, rng)
    middle = np.array([width, height]) / 2 + rng.uniform(-0.05, 0.05, 2) * (width, height)
    large = np.zeros((height * _OVER, width * _OVER), np.uint8)
    # Of pixel centres: those of the larger picture lie between those of this one.
    drawn = np.round(((shape + middle + 0.5) * _OVER - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(large, [drawn], 255, cv2.LINE_AA, 4)
    sharp = cv2.resize(large, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    cover = cv2.GaussianBlur(sharp / 255, (0, 0), look.soft_px)
    mottled = cv2.GaussianBlur(
        rng.normal(size=(height, width)).astype(np.float32), (0, 0), look.across_px / 18
    )
    takes = look.dark * np.array([0.85, 1.0, 1.15]) * rng.uniform(0.9, 1.1, 3)
    left = 1 - np.clip(takes * (1 + 0.12 * mottled[..., None] / mottled.std()), 0, 0.95)
    pixels = skin * (1 - cover[..., None] * (1 - left))
    pixels = np.clip(pixels + rng.normal(0, 2, pixels.shape), 0, 255).astype(np.uint8)
    if look.hair:
        pixels = under_hair(pixels, rng)
    if look.round_field:
        field = np.zeros((height, width), np.uint8)
        cv2.circle(field, (width // 2, height // 2), round(0.49 * height), 1, -1, cv2.LINE_AA)
        pixels = pixels * field[..., None]
    apart = np.hypot(*(shape[:, None] - shape[None]).transpose(2, 0, 1))
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])
    assert done
    return Made(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8), float(apart.max()))


def bare(picture: Image, width: int, height: int) -> Image:
    """Skin alone: the upper left corner of a picture beside its lesion, mirrored side by side."""
    corner = picture[: picture.shape[0] // 4, : picture.shape[1] // 4]
    margin = round(0.08 * min(corner.shape[:2]))
    corner = corner[margin:, margin:]
    across = -(-width // (2 * corner.shape[1])) + 1
    down = -(-height // (2 * corner.shape[0])) + 1
    both = np.concatenate([corner, corner[:, ::-1]], axis=1)
    four = np.concatenate([both, both[::-1]], axis=0)
    tiled = np.tile(four, (down, across, 1))[:height, :width]
    return np.ascontiguousarray(tiled)


def _shape(across_px: float, rng: Generator) -> NDArray[np.float64]:
    """An irregular closed line about the origin: (points, 2)."""
    angle = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    away = np.ones_like(angle)
    for waves in range(2, 9):
        away += rng.normal(0, 0.22 / waves) * np.cos(waves * angle + rng.uniform(0, 2 * np.pi))
    long = rng.uniform(1.0, 1.5)
    points = np.column_stack([away * np.cos(angle) * long, away * np.sin(angle)])
    turn = rng.uniform(0, np.pi)
    turned = points @ np.array([(np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn))])
    apart = np.hypot(*(turned[:, None] - turned[None]).transpose(2, 0, 1)).max()
    return np.asarray(turned * (across_px / apart), np.float64)
