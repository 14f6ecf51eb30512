"""Who reads chunks row by row, and which they will ask for next."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import replace

from tiles.zarr_view import Chunk

MOST_READERS = 256


class Ahead:
    """What was asked for last by each reader, as far as readers can be told apart."""

    def __init__(self, chunks: int) -> None:
        self._chunks = chunks
        self._last: OrderedDict[Hashable, Chunk] = OrderedDict()

    def after(self, reader: Hashable, chunk: Chunk) -> list[Chunk]:
        """The chunks that will be asked for next; none of a reader who jumped to this one."""
        last = self._last.pop(reader, None)
        self._last[reader] = chunk
        if len(self._last) > MOST_READERS:
            self._last.popitem(last=False)
        if last is None or _following(last, 1) != chunk:
            return []
        following = (_following(chunk, step) for step in range(1, self._chunks + 1))
        return [one for one in following if one is not None]


def _following(chunk: Chunk, step: int) -> Chunk | None:
    """The chunk so many further, row by row; None behind the last."""
    grid = chunk.grid
    row, column = divmod(chunk.row * grid.columns + chunk.column + step, grid.columns)
    return replace(chunk, column=column, row=row) if row < grid.rows else None
