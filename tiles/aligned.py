"""A scanner's levels as halvings of the base, so that they can be seen through Deep Zoom.

Scanners round the sizes of reduced levels down and leave some out; Deep Zoom rounds up. What is
missing is one column or row at most, and is shown as a copy of its neighbour: good enough for the
seconds until the converted pyramid takes over, never good enough to be kept.
"""

from functools import cached_property

from tiles.codec import padded
from tiles.errors import OutsideImage
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Pixels, TileSource

MOST_COARSEST_PIXELS = 64 << 20
"""The most that drawing the smallest views may decode: the whole of the smallest level."""


OVERVIEW_PIXELS = 512
"""The longer side of the level that is kept in memory once it was drawn; a megabyte at most."""


class Aligned:
    """A TileSource that shows another one on the grid of the pyramid that it will become.

    It has the base and every level that is the base halved once or more; the others are left out.
    A last level, small enough to be kept, is drawn at its first use, as each of the many small
    views would else decode the whole of the one before. Tiles are squares of `tile_size`, and have
    no bytes of their own.
    """

    def __init__(self, source: TileSource, tile_size: int) -> None:
        self._source = source
        base = source.pyramid.levels[0]
        self._stored: list[int] = []
        levels: list[Level] = []
        for number, level in enumerate(source.pyramid.levels):
            times = halvings(base, level)
            if times is None or (levels and times == 0):
                continue
            scale = 1 << times
            extents = -(-base.width // scale), -(-base.height // scale)
            if levels and extents == (levels[-1].width, levels[-1].height):
                continue
            self._stored.append(number)
            levels.append(Level(*extents, tile_size, tile_size))
        self._smallest = levels[-1]
        times = 0
        while max(base.width, base.height) > OVERVIEW_PIXELS << times:
            times += 1
        extents = -(-base.width >> times), -(-base.height >> times)
        if max(extents) < max(self._smallest.width, self._smallest.height):
            levels.append(Level(*extents, tile_size, tile_size))
        self._pyramid = Pyramid(tuple(levels), source.pyramid.samples, source.pyramid.bits)

    @property
    def pyramid(self) -> Pyramid:
        """The levels that are shown, their sizes rounded up."""
        return self._pyramid

    @property
    def is_cheap(self) -> bool:
        """Whether the smallest views can be drawn while somebody waits."""
        return self._smallest.width * self._smallest.height <= MOST_COARSEST_PIXELS

    def stored_level(self, level: int) -> int | None:
        """The number in the source of a level shown here, None for the one that is drawn."""
        self._pyramid.level(level)
        return self._stored[level] if level < len(self._stored) else None

    def encoding(self, level: int) -> Encoding:
        """Opaque: the tiles of this grid are stored nowhere."""
        self._pyramid.level(level)
        return Encoding.OPAQUE

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box, its last column and row repeated where the source ends before."""
        shown = self._pyramid.level(level)
        if box.within(shown.width, shown.height) != box or box.width < 1 or box.height < 1:
            raise OutsideImage(f"{box} of a level of {shown.width} × {shown.height}")
        number = self.stored_level(level)
        if number is None:
            return self._overview[box.y : box.bottom, box.x : box.right]
        stored = self._source.pyramid.level(number)
        # A box that lies wholly in what is missing takes its neighbour's pixels.
        x, y = min(box.x, stored.width - 1), min(box.y, stored.height - 1)
        part = Box(x, y, box.width, box.height).within(stored.width, stored.height)
        return padded(self._source.pixels(number, part, plane), box.height, box.width)

    @cached_property
    def _overview(self) -> Pixels:
        from tiles.render import reduced  # whoever only looks at the levels need not load it

        shown, last = self._pyramid.levels[-1], len(self._stored) - 1
        times = halvings(self._smallest, shown)
        assert times is not None
        return reduced(self, last, Box(0, 0, shown.width, shown.height), times)

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
