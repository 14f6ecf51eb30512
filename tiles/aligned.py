"""A scanner's levels as halvings of the base, so that they can be seen through Deep Zoom.

Scanners round the sizes of reduced levels down and leave some out; Deep Zoom rounds up. What is
missing is one column or row at most, and is shown as a copy of its neighbour: good enough for the
seconds until the converted pyramid takes over, never good enough to be kept.
"""

from threading import Lock

from tiles.codec import half, padded
from tiles.errors import OutsideImage
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.shrunk import shrunk
from tiles.source import Encoding, Pixels, TileSource

MOST_COARSEST_PIXELS = 64 << 20
"""The most that drawing the smallest views may decode: the whole of the smallest level."""
JPEG_IS_FASTER = 16
"""At an eighth of its size, than whole in other encodings."""

OVERVIEW_PIXELS = 512
"""The longer side of the level that is kept in memory once it was drawn; a megabyte at most."""


class Aligned:
    """A TileSource that shows another one on the grid of the pyramid that it will become.

    It has the base and every halving of it, down to a pixel: the source's own where they are such,
    the others drawn from the nearest. From the first of at most 512 pixels on they are drawn once
    and kept, as each would else decode a whole level. Tiles are squares of `tile_size`, and have
    no bytes of their own.
    """

    def __init__(self, source: TileSource, tile_size: int) -> None:
        self._source = source
        base = source.pyramid.levels[0]
        stored: dict[int, int] = {}
        for number, level in enumerate(source.pyramid.levels):
            times = halvings(base, level)
            if times is not None:
                stored.setdefault(times, number)
        self._stored = stored
        count = (max(base.width, base.height) - 1).bit_length() + 1
        levels = tuple(
            Level(-(-base.width >> times), -(-base.height >> times), tile_size, tile_size)
            for times in range(count)
        )
        self._pyramid = Pyramid(
            levels, source.pyramid.samples, source.pyramid.bits, source.pyramid.planes
        )
        self._first_kept = next(
            times
            for times, one in enumerate(levels)
            if max(one.width, one.height) <= OVERVIEW_PIXELS
        )
        self._kept: dict[Plane, list[Pixels]] = {}
        self._drawing = Lock()

    @property
    def pyramid(self) -> Pyramid:
        """The levels that are shown, their sizes rounded up."""
        return self._pyramid

    @property
    def is_cheap(self) -> bool:
        """Whether the smallest views can be drawn while somebody waits."""
        number, _ = self._nearest(self._first_kept)
        level = self._source.pyramid.level(number)
        is_jpeg = self._source.encoding(number) is Encoding.JPEG_BASELINE
        most = MOST_COARSEST_PIXELS * (JPEG_IS_FASTER if is_jpeg else 1)
        channels = 1 + max(plane.optical_path for plane in self._pyramid.planes)
        return level.width * level.height * channels <= most

    def stored_level(self, level: int) -> int | None:
        """The number in the source of a level shown here, None for one that is drawn."""
        self._pyramid.level(level)
        return self._stored.get(level)

    def encoding(self, level: int) -> Encoding:
        """Opaque: the tiles of this grid are stored nowhere."""
        self._pyramid.level(level)
        return Encoding.OPAQUE

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box, its last column and row repeated where the source ends before."""
        shown = self._pyramid.level(level)
        if box.within(shown.width, shown.height) != box or box.width < 1 or box.height < 1:
            raise OutsideImage(f"{box} of a level of {shown.width} × {shown.height}")
        if level < self._first_kept:
            return self._drawn(level, box, plane)
        kept = self._overview(plane)[level - self._first_kept]
        return kept[box.y : box.bottom, box.x : box.right]

    def _drawn(self, level: int, box: Box, plane: Plane) -> Pixels:
        number, times = self._nearest(level)
        stored = self._source.pyramid.level(number)
        width, height = -(-stored.width >> times), -(-stored.height >> times)
        # A box that lies wholly in what is missing takes its neighbour's pixels.
        x, y = min(box.x, width - 1), min(box.y, height - 1)
        part = Box(x, y, box.width, box.height).within(width, height)
        pixels = shrunk(self._source, number, part, times, plane)
        return padded(pixels, box.height, box.width)

    def _nearest(self, level: int) -> tuple[int, int]:
        """The smallest level of the source that a level can be drawn from, and its halvings."""
        times = max(one for one in self._stored if one <= level)
        return self._stored[times], level - times

    def _overview(self, plane: Plane) -> list[Pixels]:
        """The levels that are kept; whoever comes while they are drawn waits for them."""
        with self._drawing:
            if plane not in self._kept:
                first = self._pyramid.level(self._first_kept)
                whole = Box(0, 0, first.width, first.height)
                levels = [self._drawn(self._first_kept, whole, plane)]
                while max(levels[-1].shape[:2]) > 1:
                    levels.append(half(levels[-1]))
                self._kept[plane] = levels
            return self._kept[plane]

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> None:
        """There is none."""

    def close(self) -> None:
        """Close the source underneath."""
        self._source.close()


def halvings(base: Level, level: Level) -> int | None:
    """How many times the base was halved, rounded up or down, to give the level; None if not so."""
    for times in range(max(base.width, base.height).bit_length()):
        scale = 1 << times
        if _is_part(base.width, level.width, scale) and _is_part(base.height, level.height, scale):
            return times
        if level.width > max(1, base.width // scale):
            return None
    return None


def _is_part(extent: int, reduced: int, scale: int) -> bool:
    return max(1, extent // scale) <= reduced <= -(-extent // scale)
