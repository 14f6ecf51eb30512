"""A slide whose every nucleus was counted when it was drawn: what an analysis finds can be judged.

Eosin fills an oval of tissue; nuclei of haematoxylin lie on a jittered grid, three times as many
on a square millimetre of the right half as of the left. Light is absorbed as Beer and Lambert say.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

MPP_UM = 0.5
WIDTH, HEIGHT = 2048, 1536
HAEMATOXYLIN = np.array([0.650, 0.704, 0.286])
EOSIN = np.array([0.072, 0.990, 0.105])
"""Optical densities in red, green and blue, of length 1 (Ruifrok and Johnston, 2001)."""
PER_MM2 = {"left": 900, "right": 2700}
NUCLEUS_PX = 7


@dataclass(frozen=True)
class Truth:
    """What was drawn: the centres (y, x) of nuclei and the area of tissue."""

    nuclei: NDArray[np.int64]
    tissue_mm2: float


def make(path: Path, seed: int = 1) -> Truth:
    """Write the slide as a TIFF in JPEG tiles."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    angle = np.arctan2(y - HEIGHT / 2, x - WIDTH / 2)
    edge = 1 + 0.03 * np.cos(5 * angle + 1) + 0.02 * np.cos(9 * angle)
    tissue = np.hypot((x - WIDTH / 2) / 900, (y - HEIGHT / 2) / 640) < edge
    nuclei = _placed(rng, tissue)
    eosin = tissue * (0.45 + 0.12 * _cloud(rng, 24) + 0.05 * _cloud(rng, 2))
    haematoxylin = 0.04 * tissue + _drawn(rng, nuclei)
    density = haematoxylin[..., None] * HAEMATOXYLIN + np.clip(eosin, 0, 2)[..., None] * EOSIN
    pixels = np.clip(245 * 10**-density + rng.normal(0, 1, density.shape), 0, 255)
    per_cm = 10_000 / MPP_UM
    tifffile.imwrite(
        path,
        pixels.astype(np.uint8),
        tile=(512, 512),
        photometric="rgb",
        compression="jpeg",
        compressionargs={"level": 92},
        subsampling=(1, 1),
        resolution=(per_cm, per_cm),
        resolutionunit="CENTIMETER",
    )
    return Truth(nuclei, float(tissue.sum()) * (MPP_UM / 1000) ** 2)


def _placed(rng: np.random.Generator, tissue: NDArray[np.bool_]) -> NDArray[np.int64]:
    found = []
    for half, per_mm2 in PER_MM2.items():
        pitch = 1000 / MPP_UM / per_mm2**0.5
        left = 0 if half == "left" else WIDTH / 2
        rows, columns = np.mgrid[0 : HEIGHT // pitch, 0 : WIDTH / 2 // pitch]
        # So little that two never touch.
        room = max(0.0, (pitch - 2.6 * NUCLEUS_PX) / 2)
        at = np.stack([(rows + 0.5) * pitch, left + (columns + 0.5) * pitch], -1).reshape(-1, 2)
        found.append(at + rng.uniform(-room, room, at.shape))
    places = np.concatenate(found).astype(np.int64)
    margin = 3 * NUCLEUS_PX
    inside = (places >= margin).all(1) & (places < (HEIGHT - margin, WIDTH - margin)).all(1)
    places = places[inside]
    return places[tissue[places[:, 0], places[:, 1]]]


def _drawn(rng: np.random.Generator, nuclei: NDArray[np.int64]) -> NDArray[np.float32]:
    layer = np.zeros((HEIGHT, WIDTH), np.float32)
    reach = 2 * NUCLEUS_PX
    dy, dx = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    for row, column in nuclei:
        a, b = NUCLEUS_PX * rng.uniform(0.8, 1.15, 2)
        turn = rng.uniform(0, np.pi)
        along, across = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
        body = np.clip((1.05 - np.hypot(along / a, across / b)) * 4, 0, 1) * rng.uniform(0.7, 1)
        part = layer[row - reach : row + reach + 1, column - reach : column + reach + 1]
        np.maximum(part, body, out=part)
    return layer


def _cloud(rng: np.random.Generator, grain: int) -> NDArray[np.float32]:
    """Smooth noise of about unit variance."""
    small = rng.standard_normal((HEIGHT // grain, WIDTH // grain)).astype(np.float32)
    return np.asarray(cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))
