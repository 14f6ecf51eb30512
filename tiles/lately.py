"""Tiles that were decoded lately, for parts of an image that lie beside one another."""

import threading
from collections import OrderedDict

from tiles.pyramid import FIRST, Box, Plane, Pyramid
from tiles.source import Encoding, Frame, Pixels, TileSource, assemble

Address = tuple[str, int, int, int, Plane]


class Lately:
    """Decoded tiles of any images, the least recently used leaving first. Thread-safe.

    `bound_bytes` is the most that they take. Two who ask for a tile at once may both decode it.
    """

    def __init__(self, bound_bytes: int) -> None:
        self._bound_bytes = bound_bytes
        self._lock = threading.Lock()
        self._tiles: OrderedDict[Address, Pixels] = OrderedDict()
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        """The memory that the tiles take now."""
        return self._bytes

    def of(self, source: TileSource, name: str) -> "WithLately":
        """The same image, whose tiles are kept under a name that no other image has."""
        return WithLately(source, name, self)

    def find(self, address: Address) -> Pixels | None:
        """A tile that is kept, or None; it is shared, and not to be written to."""
        with self._lock:
            found = self._tiles.get(address)
            if found is not None:
                self._tiles.move_to_end(address)
            return found

    def keep(self, address: Address, pixels: Pixels) -> None:
        """Keep a tile, unless it is larger than all may be together."""
        if pixels.nbytes > self._bound_bytes:
            return
        with self._lock:
            before = self._tiles.pop(address, None)
            self._bytes += pixels.nbytes - (0 if before is None else before.nbytes)
            self._tiles[address] = pixels
            while self._bytes > self._bound_bytes:
                _, gone = self._tiles.popitem(last=False)
                self._bytes -= gone.nbytes


class WithLately:
    """An image as a TileSource that decodes a tile once for what is asked of it soon after."""

    def __init__(self, source: TileSource, name: str, lately: Lately) -> None:
        self._source, self._name, self._lately = source, name, lately

    @property
    def pyramid(self) -> Pyramid:
        """That of the source."""
        return self._source.pyramid

    def encoding(self, level: int) -> Encoding:
        """That of the source."""
        return self._source.encoding(level)

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """As the source gives it."""
        return self._source.frame(level, column, row, plane)

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box, the caller's own; raises as the source does."""
        whole: Pixels | None = None

        def tile(column: int, row: int) -> Pixels:
            nonlocal whole
            whole = self._tile(level, column, row, plane)
            return whole

        pixels = assemble(self, level, box, tile)
        # A box that is a tile is given as it is kept: others will read it.
        return pixels.copy() if pixels is whole else pixels

    def close(self) -> None:
        """Nothing to release: the source belongs to whoever opened it."""

    def _tile(self, level: int, column: int, row: int, plane: Plane) -> Pixels:
        address = self._name, level, column, row, plane
        found = self._lately.find(address)
        if found is None:
            grid = self.pyramid.level(level)
            found = self._source.pixels(level, grid.box(column, row), plane)
            self._lately.keep(address, found)
        return found
