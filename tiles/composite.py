"""Several planes of measured light as one picture for eyes.

Each channel has a colour and a window, the values that are none and all of it; channels add up, as
light does. What is shown is 8-bit RGB of one focal plane.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Frame, Pixels, TileSource

WINDOW_PERCENTILES = (0.5, 99.8)
"""Of the values of a channel: what is darker is none of it, what is brighter all."""
WINDOW_PX = 2048
SMALL_PX = 1 << 16


@dataclass(frozen=True, slots=True)
class Channel:
    """How one channel is shown: its name, its colour as R, G, B, and its window."""

    name: str
    colour: tuple[int, int, int]
    low: int
    high: int


def channels_of(told: object, pyramid: Pyramid) -> tuple[Channel, ...]:
    """The channels of an image, out of what `asdict` gave of them.

    Where nothing was kept, every channel is white over its whole range.
    """
    paths = 1 + max(plane.optical_path for plane in pyramid.planes)
    if isinstance(told, list) and len(told) == paths:
        return tuple(
            Channel(one["name"], tuple(one["colour"]), one["low"], one["high"]) for one in told
        )
    return tuple(Channel(str(n + 1), (255, 255, 255), 0, 2**pyramid.bits - 1) for n in range(paths))


Read = Callable[[int, Box, Plane], Pixels]
"""`read(level, box, plane)` gives pixels."""


def is_composite(pyramid: Pyramid) -> bool:
    """Whether the planes of an image are no picture by themselves."""
    return pyramid.bits > 8 or len(pyramid.planes) > 1


def is_measured(pyramid: Pyramid) -> bool:
    """Whether values are amounts of light, which to see takes a window and a colour."""
    return pyramid.samples == 1 and is_composite(pyramid)


def windows(read: Read, pyramid: Pyramid) -> tuple[tuple[int, int], ...]:
    """The window of each optical path, out of the middle of a small level."""
    number = max(
        n for n, level in enumerate(pyramid.levels) if n == 0 or _pixels_of(level) >= SMALL_PX
    )
    level = pyramid.levels[number]
    width, height = min(level.width, WINDOW_PX), min(level.height, WINDOW_PX)
    box = Box((level.width - width) // 2, (level.height - height) // 2, width, height)
    return tuple(window_of(read(number, box, plane)) for plane in _middle(pyramid, None))


def window_of(values: NDArray[Any]) -> tuple[int, int]:
    """The window in which these values are seen: what is none of it, and what is all."""
    low, high = np.percentile(values, WINDOW_PERCENTILES)
    return int(low), max(int(np.ceil(high)), int(low) + 1)


class Composite:
    """A TileSource that shows the channels of another as one 8-bit picture.

    Of colour pictures it shows one focal plane, with its encoded tiles; without a number, the
    middle one.
    """

    def __init__(
        self, source: TileSource, channels: Sequence[Channel], focal_plane: int | None = None
    ) -> None:
        self._source = source
        self._channels = channels
        self._planes = _middle(source.pyramid, focal_plane)
        self.pyramid = Pyramid(source.pyramid.levels)

    @property
    def first(self) -> Plane:
        """The plane that is shown through the first optical path."""
        return self._planes[0]

    @property
    def whole(self) -> Plane | None:
        """The plane that is the whole picture, where it is one by itself."""
        return self.first if self._source.pyramid.samples == 3 else None

    def encoding(self, level: int) -> Encoding:
        """As stored, of colour pictures; else opaque."""
        stored = self._source.encoding(level)
        return stored if self._source.pyramid.samples == 3 else Encoding.OPAQUE

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The picture of a box; `plane` is the only one there is."""
        del plane
        if self._source.pyramid.samples == 3:
            return self._source.pixels(level, box, self.first)
        shown = np.zeros((box.height, box.width, 3), np.uint8)
        for channel, own in zip(self._channels, self._planes, strict=True):
            _add(shown, self._source.pixels(level, box, own)[..., 0], channel)
        return shown

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """A tile of a colour picture as stored; of channels there is none."""
        del plane
        if self._source.pyramid.samples != 3:
            return None
        return self._source.frame(level, column, row, self.first)

    def close(self) -> None:
        """Release what is shown."""
        self._source.close()


def _add(shown: NDArray[np.uint8], values: Pixels, channel: Channel) -> None:
    import cv2

    low = values.dtype.type(channel.low)
    above = np.maximum(values, low) - low
    for sample, full in enumerate(channel.colour):
        if full:
            scale = full / (channel.high - channel.low)
            light = cv2.convertScaleAbs(above, alpha=scale)  # never above 255
            light = np.minimum(light, full) if full < 255 else light
            shown[..., sample] = cv2.add(np.ascontiguousarray(shown[..., sample]), light)


def _middle(pyramid: Pyramid, focal_plane: int | None) -> list[Plane]:
    """The plane of each optical path at a focal plane."""
    depth = 1 + max(plane.focal_plane for plane in pyramid.planes)
    wanted = depth // 2 if focal_plane is None else focal_plane
    return [plane for plane in pyramid.planes if plane.focal_plane == wanted]


def _pixels_of(level: Level) -> int:
    return level.width * level.height
