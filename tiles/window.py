"""Grey values of any depth as the eye is shown them: a window of them from black to white.

The functions are those of PS3.3 C.11.2.1.2 and C.11.2.1.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Pixels, TileSource

SAMPLED = 8
"""Tiles across, and down, that say which values an image has."""


class Shape(StrEnum):
    """How values between black and white become grey."""

    LINEAR = "linear"
    LINEAR_EXACT = "linear-exact"
    SIGMOID = "sigmoid"


@dataclass(frozen=True, slots=True)
class Window:
    """The values that are told apart: `width` of them around `center`."""

    center: float
    width: float
    shape: Shape = Shape.LINEAR

    def __post_init__(self) -> None:
        if not self.width >= (1 if self.shape is Shape.LINEAR else 1e-9):
            raise ValueError("a window is wider than that")

    def shown(self, values: Pixels) -> Pixels:
        """Values of 0 to 255 of any others."""
        told = values.astype(np.float64)
        if self.shape is Shape.SIGMOID:
            # What is far out of the window is as good as black or white.
            steps = np.clip(-4 * (told - self.center) / self.width, -60, 60)
            grey = 1 / (1 + np.exp(steps))
        elif self.shape is Shape.LINEAR_EXACT:
            grey = (told - self.center) / self.width + 0.5
        elif self.width == 1:
            grey = (told > self.center - 0.5).astype(np.float64)
        else:
            grey = (told - (self.center - 0.5)) / (self.width - 1) + 0.5
        return np.asarray(np.rint(np.clip(grey, 0, 1) * 255), np.uint8)


class Windowed:
    """A grey source as its 8-bit picture through a window; through that of all its values without.

    Those are the values of its smallest level: of the whole of it, or, where that is large, of
    `SAMPLED` × `SAMPLED` tiles spread over it. One tile is held at a time.
    """

    def __init__(self, source: TileSource, window: Window | None) -> None:
        self._source, self._window = source, window
        self.pyramid = Pyramid(source.pyramid.levels, 1)

    def encoding(self, level: int) -> Encoding:
        """Opaque: no stored bytes look so."""
        self.pyramid.level(level)
        return Encoding.OPAQUE

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box; raises what the source raises."""
        if self._window is None:
            smallest = len(self.pyramid.levels) - 1
            boxes = _sample(self.pyramid.level(smallest))
            tiles = (self._source.pixels(smallest, one, plane) for one in boxes)
            self._window = _whole(tiles)
        return self._window.shown(self._source.pixels(level, box, plane))

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> None:
        """There is none."""

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def _sample(level: Level) -> Iterator[Box]:
    for row in _spread(level.rows):
        for column in _spread(level.columns):
            yield level.box(column, row)


def _spread(count: int) -> list[int]:
    """At most `SAMPLED` of so many, from the first to the last."""
    if count <= SAMPLED:
        return list(range(count))
    return [place * (count - 1) // (SAMPLED - 1) for place in range(SAMPLED)]


def _whole(tiles: Iterator[Pixels]) -> Window:
    bounds = [(float(one.min()), float(one.max())) for one in tiles]
    low, high = min(one for one, _ in bounds), max(one for _, one in bounds)
    return Window((low + high) / 2, max(high - low, 1.0), Shape.LINEAR_EXACT)
