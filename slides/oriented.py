"""A source turned and mirrored as its file asks to be shown."""

from dataclasses import dataclass, replace

from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Frame, Pixels, TileSource


@dataclass(frozen=True, slots=True)
class Orientation:
    """How stored pixels become shown ones: transposed first, then mirrored."""

    transposed: bool
    mirrored_x: bool
    mirrored_y: bool


# The values of the TIFF and EXIF tag Orientation; 1 is as stored.
ORIENTATIONS = {
    2: Orientation(transposed=False, mirrored_x=True, mirrored_y=False),
    3: Orientation(transposed=False, mirrored_x=True, mirrored_y=True),
    4: Orientation(transposed=False, mirrored_x=False, mirrored_y=True),
    5: Orientation(transposed=True, mirrored_x=False, mirrored_y=False),
    6: Orientation(transposed=True, mirrored_x=True, mirrored_y=False),
    7: Orientation(transposed=True, mirrored_x=True, mirrored_y=True),
    8: Orientation(transposed=True, mirrored_x=False, mirrored_y=True),
}


class OrientedSource:
    """A TileSource that shows another one turned; it has pixels only, no encoded tiles."""

    def __init__(self, stored: TileSource, orientation: Orientation) -> None:
        self._stored = stored
        self._orientation = orientation
        levels = stored.pyramid.levels
        if orientation.transposed:
            levels = tuple(_transposed(level) for level in levels)
        self.pyramid: Pyramid = replace(stored.pyramid, levels=levels)

    def encoding(self, level: int) -> Encoding:
        """Opaque: the stored tiles show another picture."""
        self.pyramid.level(level)
        return Encoding.OPAQUE

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box of the picture as shown."""
        shown, turn = self.pyramid.level(level), self._orientation
        x = shown.width - box.right if turn.mirrored_x else box.x
        y = shown.height - box.bottom if turn.mirrored_y else box.y
        place = Box(x, y, box.width, box.height)
        if turn.transposed:
            place = Box(y, x, box.height, box.width)
        pixels = self._stored.pixels(level, place, plane)
        if turn.transposed:
            pixels = pixels.swapaxes(0, 1)
        return pixels[:: -1 if turn.mirrored_y else 1, :: -1 if turn.mirrored_x else 1].copy()

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """None, once the address is found to exist."""
        del plane
        self.pyramid.level(level).box(column, row)
        return None

    def close(self) -> None:
        """Close the source underneath."""
        self._stored.close()


def _transposed(level: Level) -> Level:
    return Level(level.height, level.width, level.tile_height, level.tile_width)
