"""Sections of synthetic tissue on a glass: where they lie, what is in them, and their pixels.

What lies where is decided on maps of one value per GRID × GRID pixels; pixels are made for any box
of the glass alone, from those maps and the seamless textures of `tests.samples.tissue`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.samples import tissue
from tests.samples.tissue import RGB

MIXED = ("HE", "IHC-DAB", "PAS", "trichrome", "trichrome-green")
GRID = 64
"""Pixels of the slide per pixel of the maps that say what lies where."""


@dataclass(frozen=True)
class Structure:
    """A gland or vessel to be laid on the tissue: its picture, opacity and top left corner."""

    picture: RGB
    opacity: NDArray[np.uint8]
    x: int
    y: int


@dataclass(frozen=True)
class Piece:
    """One section of tissue: its stain and its maps, one value per GRID × GRID pixels."""

    pictures: dict[str, RGB]
    shift: tuple[int, int]
    field: NDArray[np.float32]
    """Above zero inside the section, below outside; steep enough to be cut off sharply."""
    zones: dict[str, NDArray[np.float32]]
    structures: list[Structure]

    @cached_property
    def _boxes(self) -> NDArray[np.int64]:
        """Left, top, right and bottom of every structure."""
        boxes = [
            (part.x, part.y, part.x + part.picture.shape[1], part.y + part.picture.shape[0])
            for part in self.structures
        ]
        return np.array(boxes, np.int64).reshape(-1, 4).T

    def touching(self, x: int, y: int, width: int, height: int) -> list[Structure]:
        """The structures that have pixels in a box."""
        left, top, right, bottom = self._boxes
        hit = (left < x + width) & (right > x) & (top < y + height) & (bottom > y)
        return [self.structures[index] for index in np.nonzero(hit)[0]]


def _smooth_map(rng: np.random.Generator, height: int, width: int, grain: float) -> NDArray[Any]:
    size = max(height, width)
    return tissue.noise(rng, size, grain)[:height, :width]


def _section(
    rng: np.random.Generator, height: int, width: int, centre: tuple[float, float], radius: float
) -> NDArray[np.float32]:
    """The field of one section with an irregular outline and a few tears, about 0.4 deep."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    dx, dy = (x - centre[0]) / radius, (y - centre[1]) / radius
    turn, stretch = rng.uniform(0, np.pi), rng.uniform(1, 1.25)
    u = (dx * np.cos(turn) + dy * np.sin(turn)) / stretch
    v = (dy * np.cos(turn) - dx * np.sin(turn)) * stretch
    angle = np.arctan2(v, u)
    outline = np.ones_like(u)
    for wave in range(2, 11):
        outline += rng.normal(0, 0.16 / wave) * np.cos(wave * angle + rng.uniform(0, 7))
    field = (outline - np.hypot(u, v)) * 0.5
    field += 0.025 * _smooth_map(rng, height, width, radius / 9)
    tear = np.exp(-((_smooth_map(rng, height, width, radius / 2.2) / 0.09) ** 2))
    torn = np.clip(_smooth_map(rng, height, width, radius / 3) - 0.9, 0, 1)
    return np.asarray(field - 0.6 * tear * torn, np.float32)


def _zones(rng: np.random.Generator, field: NDArray[np.float32], grain: float) -> dict[str, Any]:
    """How much of each tissue lies where: mucosa outside, then collagen with fat, then muscle."""

    def step(values: NDArray[Any], steepness: float) -> NDArray[np.float32]:
        return np.asarray(np.clip(values * steepness + 0.5, 0, 1), np.float32)

    height, width = field.shape
    depth = field + 0.03 * _smooth_map(rng, height, width, grain)
    follicles = _smooth_map(rng, height, width, grain / 2.2)
    fat = _smooth_map(rng, height, width, grain)
    return {
        "collagen": step(depth - 0.17, 60),
        "fat": step(fat - 0.7, 9) * step(depth - 0.19, 40),
        "muscle": step(depth - 0.31, 60),
        "lymphoid": step(follicles - 1.55, 9) * step(0.24 - depth, 40),
        "tone": np.clip(0.95 + 0.07 * follicles[::-1] + 0.4 * (depth < 0.012), 0.75, 1.15),
    }


def _at(maps: NDArray[np.float32], x: float, y: float) -> float:
    row, column = int(y / GRID), int(x / GRID)
    inside = 0 <= row < maps.shape[0] and 0 <= column < maps.shape[1]
    return float(maps[row, column]) if inside else -1.0


Drawn = list[tuple[RGB, NDArray[np.uint8]]]


def _is_small(width: int, height: int) -> bool:
    """Whether a slide is for tests, which make many: they share what it is composed of."""
    return max(width, height) <= 6000


def _drawn_by(rng: np.random.Generator, stain: str, mpp: float) -> tuple[Drawn, Drawn]:
    """Glands and vessels, to be laid in many places."""

    def drawn(draw: Callable[..., Any], count: int) -> Drawn:
        made = []
        for _ in range(count):
            layers, opacity = draw(rng, mpp)
            made.append((tissue.coloured(layers, stain), (opacity * 255).astype(np.uint8)))
        return made

    return drawn(tissue.gland, 14), drawn(tissue.vessel, 6)


@cache
def _drawn(stain: str, mpp: float) -> tuple[Drawn, Drawn]:
    return _drawn_by(np.random.default_rng(1), stain, mpp)


@cache
def _textures(mpp: float) -> dict[str, tissue.Layers]:
    return tissue.textures(1, 512, mpp)


def _structures(
    rng: np.random.Generator, piece: Piece, stain: str, size: tuple[int, int], mpp: float
) -> Iterator[Structure]:
    """Glands close together in the mucosa, vessels here and there deeper."""

    glands, vessels = _drawn(stain, mpp) if _is_small(*size) else _drawn_by(rng, stain, mpp)
    for kinds, pitch_um in ((vessels, 330.0), (glands, 96.0)):
        pitch = pitch_um / mpp
        for row, gy in enumerate(np.arange(0.0, size[1], pitch * 0.87)):
            for gx in np.arange(0.0, size[0], pitch):
                jitter = rng.normal(0, 0.11 if kinds is glands else 0.4, 2) * pitch
                x, y = gx + jitter[0] + (row % 2) * pitch / 2, gy + jitter[1]
                pick, turn = int(rng.integers(len(kinds))), int(rng.integers(8))
                depth = _at(piece.field, x, y)
                mucosa = depth > 0.022 and _at(piece.zones["collagen"], x, y) < 0.3
                lymphoid = _at(piece.zones["lymphoid"], x, y) > 0.4
                if depth < 0.02 or lymphoid or (kinds is glands) != mucosa:
                    continue
                picture, opacity = kinds[pick]
                if turn >= 4:
                    picture, opacity = picture[:, ::-1], opacity[:, ::-1]
                picture, opacity = np.rot90(picture, turn), np.rot90(opacity, turn)
                left, top = int(x) - picture.shape[1] // 2, int(y) - picture.shape[0] // 2
                yield Structure(picture, opacity, left, top)


def pieces(width: int, height: int, seed: int, stain: str, mpp: float) -> list[Piece]:
    """The sections that lie on a glass of this size, side by side, one stain each."""
    rng = np.random.default_rng([seed, width, height])
    is_small = _is_small(width, height)
    texture_size = 512 if is_small else 1280
    layers = _textures(mpp) if is_small else tissue.textures(seed, texture_size, mpp)
    stains = MIXED if stain == "mixed" else (stain,) * (1 if is_small else 3)
    columns = min(len(stains), ceil((len(stains) * width / height) ** 0.5))
    rows = -(-len(stains) // columns)
    low_height, low_width = -(-height // GRID) + 1, -(-width // GRID) + 1
    made = []
    for index, name in enumerate(stains):
        row, column = divmod(index, columns)
        in_row = min(columns, len(stains) - row * columns)
        cell = (low_width / in_row, low_height / rows)
        centre = ((column + 0.5) * cell[0], (row + 0.5) * cell[1])
        radius = min(cell) * 0.4
        field = _section(rng, low_height, low_width, centre, radius)
        # Whatever would reach into the neighbours' part of the glass was trimmed.
        y, x = np.mgrid[0:low_height, 0:low_width].astype(np.float32)
        room = np.minimum(cell[0] / 2 - abs(x - centre[0]), cell[1] / 2 - abs(y - centre[1]))
        field = np.minimum(field, room / radius - 0.04)
        zones = _zones(rng, field, radius / 3)
        pictures = {
            kind: np.ascontiguousarray(np.rot90(tissue.coloured(drawn, name), index))
            for kind, drawn in layers.items()
        }
        shift = (int(rng.integers(texture_size)), int(rng.integers(texture_size)))
        piece = Piece(pictures, shift, field, zones, [])
        piece.structures.extend(_structures(rng, piece, name, (width, height), mpp))
        made.append(piece)
    return made


def _enlarged(
    maps: NDArray[np.float32], x: int, y: int, width: int, height: int
) -> NDArray[np.float32]:
    """A map at the slide's own scale, for one box of pixels."""
    box = (x / GRID, y / GRID, (x + width) / GRID, (y + height) / GRID)
    image = Image.fromarray(maps).resize((width, height), Image.Resampling.BILINEAR, box)
    return np.asarray(image, np.float32)


def _lerp(below: NDArray[np.int16], above: RGB, weight: NDArray[Any]) -> None:
    """Lay `above` over `below`, in place; weight 0..256."""
    part = weight.astype(np.int16)[..., None]
    below += ((above.astype(np.int16) - below).astype(np.int32) * part >> 8).astype(np.int16)


def compose(piece: Piece, x: int, y: int, width: int, height: int, out: RGB) -> bool:
    """Lay one piece on the glass of a box of pixels; False where it has nothing there."""
    low = piece.field[y // GRID : (y + height) // GRID + 2, x // GRID : (x + width) // GRID + 2]
    if low.max() < -0.02:
        return False
    rows = (np.arange(y, y + height) + piece.shift[1]) % piece.pictures["stroma"].shape[0]
    columns = (np.arange(x, x + width) + piece.shift[0]) % piece.pictures["stroma"].shape[1]
    view = np.ix_(rows, columns)
    stroma = piece.pictures["stroma"][view]
    field = _enlarged(piece.field, x, y, width, height)
    ragged = (stroma[..., 1].astype(np.float32) - 190) * 0.00008
    alpha = np.clip((field + ragged) * 60_000, 0, 256)
    tone = _enlarged(piece.zones["tone"], x, y, width, height)
    mixed = stroma.astype(np.int16)
    for name, picture in piece.pictures.items():
        if name == "stroma":
            continue
        weight = _enlarged(piece.zones[name], x, y, width, height) * 256
        if weight.any():
            _lerp(mixed, picture[view], weight)
    for part in piece.touching(x, y, width, height):
        left, top = max(part.x, x), max(part.y, y)
        right = min(part.x + part.picture.shape[1], x + width)
        bottom = min(part.y + part.picture.shape[0], y + height)
        inside = np.s_[top - part.y : bottom - part.y, left - part.x : right - part.x]
        here = mixed[top - y : bottom - y, left - x : right - x]
        _lerp(here, part.picture[inside], part.opacity[inside].astype(np.int32) * 257 >> 8)
    weight = (alpha * tone).astype(np.int32)[..., None]
    absorbed = (255 - mixed).astype(np.int32) * weight >> 8
    np.subtract(out, np.minimum(absorbed, out).astype(np.uint8), out=out)
    return True
