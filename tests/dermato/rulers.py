"""Rulers laid on real skin, drawn at an exact scale."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]

_OVER = 4
"""Drawn this much larger, then reduced: edges fall between pixels as a camera's do."""


@dataclass(frozen=True)
class Marks:
    """How marks follow each other, and how far they reach: (each so many, millimetres)."""

    apart_mm: float
    reaches_mm: tuple[tuple[int, float], ...]


MILLIMETRES = Marks(1.0, ((10, 5.0), (5, 3.8), (1, 2.6)))
HALF_MILLIMETRES = Marks(0.5, ((20, 5.0), (10, 4.2), (2, 2.8), (1, 1.8)))
INCHES = Marks(25.4 / 16, ((16, 5.0), (8, 4.2), (4, 3.4), (2, 2.6), (1, 1.8)))


def with_ruler(
    skin: Image,
    pitch_px: float,
    angle_deg: float,
    *,
    length_mm: int = 50,
    tilt: float = 0.0,
    marks: Marks = MILLIMETRES,
    seed: int = 0,
) -> Image:
    """The skin with a ruler across its middle: `pitch_px` a millimetre, turned by an angle.

    `tilt` is how much smaller a millimetre is drawn at the far end than at the near one, as a
    share.
    """
    rng = np.random.default_rng(seed)
    height, width = skin.shape[:2]
    unit = pitch_px * _OVER
    drawn = _ruler(unit, length_mm, rng, marks)
    matrix = _laid(drawn.shape, (width, height), angle_deg, tilt, length_mm * pitch_px, rng)
    size = (width * 2, height * 2)
    double = np.diag((2.0, 2.0, 1.0)) @ matrix @ np.diag((1 / _OVER, 1 / _OVER, 1.0))
    # From four times to twice the size: a blur first, so that thin marks are not lost between.
    soft = cv2.GaussianBlur(drawn, (0, 0), 0.9)
    laid = cv2.warpPerspective(soft, double, size, flags=cv2.INTER_LINEAR)
    where = cv2.warpPerspective(
        np.full(drawn.shape[:2], 255, np.uint8), double, size, flags=cv2.INTER_LINEAR
    )
    laid = cv2.resize(laid, (width, height), interpolation=cv2.INTER_AREA)
    share = cv2.resize(where, (width, height), interpolation=cv2.INTER_AREA)[..., None] / 255
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    light = 0.85 + 0.12 * (x * rng.uniform(-1, 1) + y * rng.uniform(-1, 1))
    both = skin * (1 - share) + laid * light[..., None] * share
    both = cv2.GaussianBlur(both, (0, 0), rng.uniform(0.3, 0.8))
    both = both + rng.normal(0, rng.uniform(1, 4), both.shape)
    done, data = cv2.imencode(".jpg", np.clip(both, 0, 255).astype(np.uint8), [1, 88])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _ruler(unit: float, length_mm: int, rng: np.random.Generator, marks: Marks) -> Image:
    """A pale strip 12 mm high, marks along its upper edge, figures under the long ones."""
    margin = 3
    across, down = round((length_mm + 2 * margin) * unit), round(12 * unit)
    paper = rng.uniform((215, 215, 205), (250, 250, 250))
    strip = np.full((down, across, 3), paper, np.float32)
    ink = rng.uniform(10, 60)
    for mark in range(int(length_mm / marks.apart_mm) + 1):
        reach = next(reach for every, reach in marks.reaches_mm if mark % every == 0)
        centre = (margin + mark * marks.apart_mm) * unit
        thin = min(0.11, 0.15 * marks.apart_mm)
        left, right = centre - thin * unit, centre + thin * unit
        columns = np.arange(across)
        cover = np.clip(np.minimum(columns + 1, right) - np.maximum(columns, left), 0, 1)
        band = strip[: round(reach * unit)]
        band += (ink - band) * cover[None, :, None]
    whole = np.clip(strip, 0, 255).astype(np.uint8)
    for mark in range(length_mm // 10 + 1):
        place = (round((margin + 10 * mark - 0.7) * unit), round(9 * unit))
        thick = max(1, round(unit / 6))
        cv2.putText(whole, str(mark), place, 0, unit / 12, (ink, ink, ink), thick, cv2.LINE_AA)
    return whole


def _laid(
    shape: tuple[int, ...],
    size: tuple[int, int],
    angle_deg: float,
    tilt: float,
    length_px: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """From the strip, in pixels of the picture, to its place there: centre on centre."""
    down, across = shape[0] / _OVER, shape[1] / _OVER
    centred = np.array([(1, 0, -across / 2), (0, 1, -down / 2), (0, 0, 1)], np.float64)
    away = np.eye(3)
    # Along the strip a millimetre is 1/(1+px)²: from end to end it shrinks by the share asked.
    away[2, 0] = tilt / (2 * length_px)
    turn = np.deg2rad(angle_deg)
    middle = np.array(size) / 2 + rng.uniform(-5, 5, 2)
    turned = np.array(
        [
            (np.cos(turn), -np.sin(turn), middle[0]),
            (np.sin(turn), np.cos(turn), middle[1]),
            (0, 0, 1),
        ]
    )
    return np.asarray(turned @ away @ centred, np.float64)
