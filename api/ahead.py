"""Who reads tiles row by row, and which they will ask for next."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace

from tiles.pyramid import Level
from tiles.zarr_view import Tile

MOST_READERS = 256


class Ahead:
    """What was asked for last by each reader, as far as readers can be told apart."""

    def __init__(self, tiles: int) -> None:
        self._tiles = tiles
        self._last: OrderedDict[Hashable, Tile] = OrderedDict()

    def after(self, reader: Hashable, tile: Tile, level: Level) -> list[Tile]:
        """The tiles that will be asked for next; none of a reader who jumped to this one."""
        last = self._last.pop(reader, None)
        self._last[reader] = tile
        if len(self._last) > MOST_READERS:
            self._last.popitem(last=False)
        if last is None or _following(last, level, 1) != tile:
            return []
        following = (_following(tile, level, step) for step in range(1, self._tiles + 1))
        return [one for one in following if one is not None]


def _following(tile: Tile, level: Level, step: int) -> Tile | None:
    """The tile so many further, row by row; None behind the last."""
    row, column = divmod(tile.row * level.columns + tile.column + step, level.columns)
    return replace(tile, column=column, row=row) if row < level.rows else None
