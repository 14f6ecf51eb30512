"""The sizes of an image's levels and the arithmetic between tile and pixel addresses.

No pixels and no I/O: only integers. `column, row` address tiles; `x, y, width, height` address
pixels; level 0 is the largest. Everybody else's rounding questions are answered here:

* our own pyramids and Deep Zoom halve and round **up**, so that no column of tissue is lost;
* scanners often round **down**, which is why their reduced levels are not served as Deep Zoom.
"""

from dataclasses import dataclass
from functools import cached_property
from math import inf, log2

from tiles.errors import OutsideImage


def halved(extent: int) -> int:
    """The extent of the next smaller level: half, rounded up, never below one pixel."""
    return max(1, -(-extent // 2))


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels of one level."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """One past the last column."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """One past the last row."""
        return self.y + self.height

    def within(self, width: int, height: int) -> "Box":
        """This box cropped to an image of `width` × `height` (possibly empty)."""
        x, y = min(max(self.x, 0), width), min(max(self.y, 0), height)
        right, bottom = min(self.right, width), min(self.bottom, height)
        return Box(x, y, max(0, right - x), max(0, bottom - y))


@dataclass(frozen=True, slots=True)
class Plane:
    """One picture of a stack: a focal plane seen through an optical path."""

    focal_plane: int = 0
    optical_path: int = 0


FIRST = Plane()


@dataclass(frozen=True, slots=True)
class Level:
    """One resolution: its real extent in pixels and the size of its tiles (edge tiles padded)."""

    width: int
    height: int
    tile_width: int
    tile_height: int

    def __post_init__(self) -> None:
        if min(self.width, self.height, self.tile_width, self.tile_height) < 1:
            raise ValueError(f"a level needs positive extents, not {self}")

    @property
    def columns(self) -> int:
        """How many tiles lie side by side."""
        return -(-self.width // self.tile_width)

    @property
    def rows(self) -> int:
        """How many tiles lie above one another."""
        return -(-self.height // self.tile_height)

    @property
    def tiles(self) -> int:
        """How many tiles the level has."""
        return self.columns * self.rows

    def box(self, column: int, row: int) -> Box:
        """The real pixels of a tile, without the padding of edge tiles.

        Raises OutsideImage where there is no such tile.
        """
        if not (0 <= column < self.columns and 0 <= row < self.rows):
            raise OutsideImage(f"tile ({column}, {row}) of {self.columns} × {self.rows}")
        x, y = column * self.tile_width, row * self.tile_height
        return Box(
            x, y, min(self.tile_width, self.width - x), min(self.tile_height, self.height - y)
        )

    def is_whole(self, column: int, row: int) -> bool:
        """Whether the tile has no padding, so that its stored bytes are its picture."""
        box = self.box(column, row)
        return box.width == self.tile_width and box.height == self.tile_height

    def covering(self, box: Box) -> tuple[range, range]:
        """Columns and rows of the tiles that a box of pixels touches."""
        inside = box.within(self.width, self.height)
        if inside.width == 0 or inside.height == 0:
            return range(0), range(0)
        return (
            range(inside.x // self.tile_width, -(-inside.right // self.tile_width)),
            range(inside.y // self.tile_height, -(-inside.bottom // self.tile_height)),
        )


def spacing_of(level: Level, base: Level, base_um: tuple[float, float]) -> tuple[float, float]:
    """The extent (x, y) of a level's pixels, from that of the base's.

    A whole number of these where both sizes agree with one, up to their rounding: a power of two
    before others, as a small level agrees with many.
    """
    sides = ((base.width, level.width), (base.height, level.height))
    ratio = max(sides)[0] / max(sides)[1]
    for factor in (1 << max(0, round(log2(ratio))), round(ratio)):
        if all(abs(whole - reduced * factor) < factor for whole, reduced in sides):
            return base_um[0] * factor, base_um[1] * factor
    return base_um[0] * base.width / level.width, base_um[1] * base.height / level.height


def same_view(width: int, height: int, reduced_width: int, reduced_height: int) -> bool:
    """Whether one factor, each extent rounded up or down, turns the first size into the second."""
    if reduced_width > width or reduced_height > height:
        return False
    least = max(width / (reduced_width + 1), height / (reduced_height + 1))
    return least <= min(_most(width, reduced_width), _most(height, reduced_height))


def _most(extent: int, reduced: int) -> float:
    """The largest factor that leaves this much; any factor may leave the last pixel."""
    return extent / (reduced - 1) if reduced > 1 else inf


@dataclass(frozen=True)
class Pyramid:
    """All levels of an image, largest first, and what a pixel is.

    `samples` is 1 (grey) or 3 (RGB); `bits` per sample are 8 or 16. `planes` are in the order of
    DICOM's TILED_FULL (PS3.3 C.7.6.17.3): by optical path, of each every focal plane from the glass
    upwards, and all levels have all of them.
    """

    levels: tuple[Level, ...]
    samples: int = 3
    bits: int = 8
    planes: tuple[Plane, ...] = (FIRST,)

    def __post_init__(self) -> None:
        if not self.levels:
            raise ValueError("a pyramid needs at least one level")

    @property
    def width(self) -> int:
        """Columns of pixels of the largest level."""
        return self.levels[0].width

    @property
    def height(self) -> int:
        """Rows of pixels of the largest level."""
        return self.levels[0].height

    @property
    def pixels(self) -> int:
        """Pixels of the largest level."""
        return self.width * self.height

    def level(self, index: int) -> Level:
        """The level of that index; raises OutsideImage where there is none."""
        if not 0 <= index < len(self.levels):
            raise OutsideImage(f"level {index} of {len(self.levels)}")
        return self.levels[index]

    @cached_property
    def deep_zoom(self) -> "DeepZoom":
        """The Deep Zoom view of this image.

        Its tiles are the stored ones where those are square, else squares of 512 pixels.
        """
        base = self.levels[0]
        square = base.tile_width == base.tile_height and base.tile_width <= 2048
        same = all(
            (level.tile_width, level.tile_height) == (base.tile_width, base.tile_height)
            for level in self.levels
        )
        return DeepZoom(self.width, self.height, base.tile_width if square and same else 512)

    def stored_as(self, width: int, height: int) -> int | None:
        """The index of the level of exactly this size, if there is one."""
        for index, level in enumerate(self.levels):
            if (level.width, level.height) == (width, height):
                return index
        return None

    def nearest(self, width: int, height: int) -> int:
        """The index of the smallest level that holds `width` × `height`, else of the largest."""
        best = 0
        for index, level in enumerate(self.levels):
            if level.width >= width and level.height >= height:
                best = index
        return best


def dyadic(width: int, height: int, tile: int) -> tuple[Level, ...]:
    """The levels of a full pyramid: halved, rounded up, down to the first that is a single tile."""
    levels = [Level(width, height, tile, tile)]
    while levels[-1].tiles > 1:
        last = levels[-1]
        levels.append(Level(halved(last.width), halved(last.height), tile, tile))
    return tuple(levels)


@dataclass(frozen=True, slots=True)
class DeepZoom:
    """Deep Zoom addresses: level 0 is one pixel, the last is the full image, no overlap.

    The sizes are those of the Deep Zoom file format (and of OpenSlide's DeepZoomGenerator with
    `overlap=0, limit_bounds=False`): halved and rounded up.
    """

    width: int
    height: int
    tile_size: int

    @property
    def count(self) -> int:
        """How many levels there are."""
        return (max(self.width, self.height) - 1).bit_length() + 1

    def level(self, index: int) -> Level:
        """The level of that index; raises OutsideImage where there is none."""
        if not 0 <= index < self.count:
            raise OutsideImage(f"Deep Zoom level {index} of {self.count}")
        scale = 1 << (self.count - 1 - index)
        return Level(
            -(-self.width // scale),
            -(-self.height // scale),
            self.tile_size,
            self.tile_size,
        )
