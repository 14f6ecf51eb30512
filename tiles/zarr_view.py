"""A stored image as OME-Zarr: which document, chunk or range a key means. Knows no HTTP.

    zarr.json, N/zarr.json, N/c/0/ROW/COLUMN                 decoded, for any reader of zarr
    stored/zarr.json, stored/N/zarr.json, stored/N/c/0/0/0   as stored, for readers with the codec

The second view's shard of a level is the frames of its instance and an index of them. It begins at
the first frame: the header before it, which may say whose slide it was, is no part of it.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tiles import ngff
from tiles.composite import Channel
from tiles.errors import OutsideImage
from tiles.instance import FrameIndex
from tiles.linked_zarr import encoded_array, layout_of
from tiles.pyramid import Level, Plane, spacing_of
from tiles.shard import index_bytes, shard_index
from tiles.source import TileSource

STORED = "stored"
_NUMBER = re.compile("0|[1-9][0-9]{0,8}")


CHUNK_PX = 512
"""The least side of a chunk: one of 256 costs less to decode than to ask for."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A square of whole decoded tiles; those at the edges are continued with zeros.

    `grid` is the level as it is cut into chunks instead of tiles.
    """

    level: int
    column: int
    row: int
    plane: Plane
    grid: Level
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Range:
    """Some bytes of the stored instance of a level."""

    level: int
    offset: int
    length: int


@dataclass(frozen=True)
class Shard:
    """The frames of a level with their index behind them, as if that were an object."""

    level: int
    index: FrameIndex

    @property
    def size_bytes(self) -> int:
        """The length of frames and index."""
        return self._frames_bytes + index_bytes(len(self.index.offsets))

    def parts(self, offset: int, length: int) -> Iterator[Range | bytes]:
        """What a range that lies within is made of, in order."""
        stored = min(self._frames_bytes - offset, length)
        if stored > 0:
            yield Range(self.level, self._begin + offset, stored)
        if offset + length > self._frames_bytes:
            own = shard_index(self.index.offsets - np.uint64(self._begin), self.index.lengths)
            begin = max(0, offset - self._frames_bytes)
            yield own[begin : offset + length - self._frames_bytes]

    @cached_property
    def _begin(self) -> int:
        return int(self.index.offsets.min())

    @cached_property
    def _frames_bytes(self) -> int:
        return int((self.index.offsets + self.index.lengths).max()) - self._begin


@dataclass(frozen=True)
class ZarrView:
    """The levels of a stored image, largest first, and the extent (x, y) of its smallest pixels.

    `channels` tell how measured light is shown, `focal_step_um` how far apart focal planes lie.
    """

    levels: Sequence[FrameIndex]
    mpp_um: tuple[float, float]
    channels: Sequence[Channel] = ()
    focal_step_um: float = 1.0

    def find(self, key: str) -> bytes | Chunk | Shard:
        """The document, the chunk or the shard that a key means; raises OutsideImage."""
        head, _, rest = key.partition("/")
        if (
            head == STORED
            and rest
            and all(level.encoding in ngff.FRAME_CODECS for level in self.levels)
            # A shard holds every tile, in order.
            and all(level.lying is None for level in self.levels)
        ):
            return self._found(rest, stored=True)
        return self._found(key, stored=False)

    def _found(self, key: str, *, stored: bool) -> bytes | Chunk | Shard:
        if key == "zarr.json":
            return self._group()
        name, _, rest = key.partition("/")
        number = _number(name)
        if not rest or number >= len(self.levels):
            raise OutsideImage(f"no array at {len(key)} letters of a key")
        index = self.levels[number]
        if rest == "zarr.json":
            return _json(encoded_array(layout_of(index), index) if stored else _decoded(index))
        path = _chunk(rest, len(layout_of(index).axes))
        if stored:
            if any(path):
                raise OutsideImage("a level is one shard")
            return self._shards[number]
        optical_path, *depth, row, column = path
        plane = Plane(depth[0] if depth else 0, optical_path)
        if plane not in index.planes:
            raise OutsideImage("no such plane")
        grid = chunked(index.level)
        grid.box(column, row)
        return Chunk(number, column, row, plane, grid, _chunk_bytes(index, grid))

    @cached_property
    def _shards(self) -> tuple[Shard, ...]:
        return tuple(Shard(number, index) for number, index in enumerate(self.levels))

    def _group(self) -> bytes:
        base = self.levels[0].level
        spacings = [spacing_of(index.level, base, self.mpp_um) for index in self.levels]
        layout = layout_of(self.levels[0], self.focal_step_um)
        document = ngff.group_document(layout, spacings, "slide", "average", self.channels)
        return _json(document)


def chunked(level: Level) -> Level:
    """The level as `/zarr` cuts it: as many tiles a chunk as its least side takes."""

    def side(tile: int, tiles: int) -> int:
        return tile * min(tiles, -(-CHUNK_PX // tile))

    return replace(
        level,
        tile_width=side(level.tile_width, level.columns),
        tile_height=side(level.tile_height, level.rows),
    )


def decoded(source: TileSource, chunk: Chunk) -> memoryview:
    """The bytes of a chunk: its pixels, continued with zeros to a whole one.

    They are not compressed, so that their number is known before they are.
    """
    grid = chunk.grid
    pixels = source.pixels(chunk.level, grid.box(chunk.column, chunk.row), chunk.plane)
    if not grid.is_whole(chunk.column, chunk.row):
        down, across = grid.tile_height - pixels.shape[0], grid.tile_width - pixels.shape[1]
        pixels = np.pad(pixels, ((0, down), (0, across), (0, 0)))
    return ngff.plain_bytes(pixels)


def packed(source: TileSource, chunk: Chunk) -> bytes:
    """The same compressed by Zstandard, for the way alone."""
    return ngff.zstd(decoded(source, chunk))


def _decoded(index: FrameIndex) -> ngff.Json:
    layout = layout_of(index)
    chunk = layout.chunk(chunked(index.level))
    return ngff.array_document(layout, index.level, chunk, ngff.plain(layout))


def _chunk_bytes(index: FrameIndex, grid: Level) -> int:
    return math.prod(layout_of(index).chunk(grid)) * index.bits // 8


def _chunk(key: str, dimensions: int) -> list[int]:
    """The coordinates of a chunk by the default encoding of keys."""
    kind, *numbers = key.split("/")
    if kind != "c" or len(numbers) != dimensions:
        raise OutsideImage("no key of a chunk")
    return [_number(number) for number in numbers]


def _number(text: str) -> int:
    """A number as zarr writes it, so that a chunk has one key."""
    if not _NUMBER.fullmatch(text):
        raise OutsideImage("no number of a level or a chunk")
    return int(text)


def _json(document: ngff.Json) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
