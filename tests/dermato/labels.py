"""Labels, wristbands and writing laid on real skin, with a name that was drawn by lot."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]

FONTS = Path("/usr/share/fonts/truetype/dejavu")
PRINTED = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf")
KINDS = ("label", "wristband", "stamp", "pen")

_SYLLABLES = ("BA", "DO", "LE", "MI", "NU", "RA", "SO", "TE", "VI", "GAU", "PRE", "CLO")
_PEN = cv2.FONT_HERSHEY_SCRIPT_SIMPLEX


def said(rng: np.random.Generator) -> tuple[str, ...]:
    """A name that nobody has, a date and a number."""
    first, last = ("".join(rng.choice(_SYLLABLES, 3)) for _ in range(2))
    day, month, year = rng.integers(1, 29), rng.integers(1, 13), rng.integers(1930, 2020)
    return (
        f"{first} {last.title()}",
        f"{day:02}/{month:02}/{year}",
        f"{rng.integers(10_000_000, 100_000_000)}",
    )


def with_writing(
    skin: Picture, kind: str, *, letters_px: int, angle_deg: float = 0.0, seed: int = 0
) -> Picture:
    """The skin with writing of one of `KINDS`, its capitals so high, turned about the middle."""
    rng = np.random.default_rng([seed, KINDS.index(kind), letters_px])
    lines = said(rng)
    if kind == "wristband":
        lines = ("   ".join(lines),)
    written, paper = _written(lines, kind, letters_px, rng)
    height, width = skin.shape[:2]
    matrix = cv2.getRotationMatrix2D((written.shape[1] / 2, written.shape[0] / 2), angle_deg, 1.0)
    # On the skin beside the lesion, where nobody would write in its dark; paper may cover it.
    beside = (0.0, 0.0) if kind in {"label", "wristband"} else (-0.2, -0.28)
    away = (rng.uniform(-0.1, 0.1, 2) + beside) * (width, height)
    matrix[0, 2] += width / 2 - written.shape[1] / 2 + away[0]
    matrix[1, 2] += height / 2 - written.shape[0] / 2 + away[1]
    size = (width, height)
    laid = cv2.warpAffine(written, matrix, size, flags=cv2.INTER_AREA, borderValue=(255,) * 3)
    share = cv2.warpAffine(paper, matrix, size, flags=cv2.INTER_LINEAR)[..., None] / 255
    light = rng.uniform(0.75, 1.0)
    both = skin * (1 - share) + laid * light * share
    soft = cv2.GaussianBlur(both, (0, 0), rng.uniform(0.4, 0.9))
    noisy = np.clip(soft + rng.normal(0, rng.uniform(1, 4), both.shape), 0, 255)
    done, data = cv2.imencode(".jpg", noisy.astype(np.uint8), [1, 85])
    assert done
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _written(
    lines: tuple[str, ...], kind: str, letters_px: int, rng: np.random.Generator
) -> tuple[Picture, Picture]:
    """What is written, and how much each of its pixels covers the skin."""
    # A capital is some 0.73 of a font's size.
    points = round(letters_px / 0.73)
    wide = round(max(len(line) for line in lines) * points * 0.85) + 2 * points
    high = round(len(lines) * points * 1.5) + points
    ink = tuple(int(shade) for shade in rng.integers(5, 70, 3))
    image = Image.new("RGB", (wide, high), (255, 255, 255))
    drawing = ImageDraw.Draw(image)
    canvas = np.asarray(image).copy()
    font = ImageFont.truetype(str(FONTS / rng.choice(PRINTED)), points)
    for number, line in enumerate(lines):
        place = (points, round((0.5 + 1.5 * number) * points))
        if kind == "pen":
            down = (place[0], place[1] + points)
            thick = max(1, letters_px // 9)
            cv2.putText(canvas, line, down, _PEN, letters_px / 22, ink, thick, cv2.LINE_AA)
        else:
            drawing.text(place, line, fill=ink, font=font)
    written = canvas if kind == "pen" else np.asarray(image, np.uint8)
    if kind in {"label", "wristband"}:
        return written, np.full((high, wide), 255, np.uint8)
    return written, np.asarray(255 - written.min(axis=2), np.uint8)
