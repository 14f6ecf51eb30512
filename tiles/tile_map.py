r"""Where every encoded tile of an original lies, so that its bytes are served before conversion.

A tile map is a small object beside the original's objects:

    "sansverre tile map 1\n"
    length of the header in bytes                                uint32, little endian
    the header                                                   JSON, UTF-8
    for each level: the offsets, then the lengths of its tiles   uint64, then uint32, little endian

Tiles go row by row; a length of 0 is a tile that was never stored and shows the background. Every
tile is a baseline JPEG once `insert` (shared tables, colour marker) is put in after its first two
bytes. Who wrote a map has read a stranger's file, so whoever reads one believes none of it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiles.codec import decode
from tiles.codestream import parse_jpeg
from tiles.errors import DamagedCodestream, DamagedTileMap, OutsideImage
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Frame, Pixels, ReadRange, assemble

MAGIC = b"sansverre tile map 1\n"
MOST_BYTES = 64 << 20
_MOST_HEADER_BYTES = 1 << 20
_MOST_TILE_PIXELS = 4096 * 4096
_MOST_EXTENT = 1 << 31


@dataclass(frozen=True, slots=True)
class MappedLevel:
    """The tiles of one level: all in one object, each `insert` short of a JPEG of its own."""

    level: Level
    file: int
    """The number of the object among those of the map."""
    insert: bytes
    offsets: NDArray[np.uint64]
    lengths: NDArray[np.uint32]

    def range(self, column: int, row: int) -> tuple[int, int]:
        """Offset and length of a tile, length 0 where none is stored; raises OutsideImage."""
        self.level.box(column, row)
        number = row * self.level.columns + column
        return int(self.offsets[number]), int(self.lengths[number])


@dataclass(frozen=True, slots=True)
class TileMap:
    """The levels of an original that are made of addressable JPEG tiles, largest first.

    `tile_size` is that of the pyramid it will be converted to; `keys` names the objects, once the
    original's files have become such.
    """

    tile_size: int
    samples: int
    background: tuple[int, ...]
    levels: tuple[MappedLevel, ...]
    keys: tuple[str, ...] = ()


def write_tile_map(tile_map: TileMap) -> bytes:
    """The map as the bytes of an object."""
    header = {
        "tile_size": tile_map.tile_size,
        "samples": tile_map.samples,
        "background": list(tile_map.background),
        "keys": list(tile_map.keys),
        "levels": [
            {
                "width": one.level.width,
                "height": one.level.height,
                "tile_width": one.level.tile_width,
                "tile_height": one.level.tile_height,
                "encoding": Encoding.JPEG_BASELINE,
                "file": one.file,
                "insert": one.insert.hex(),
            }
            for one in tile_map.levels
        ],
    }
    told = json.dumps(header).encode()
    tables = (
        part
        for one in tile_map.levels
        for part in (one.offsets.astype("<u8").tobytes(), one.lengths.astype("<u4").tobytes())
    )
    return b"".join((MAGIC, len(told).to_bytes(4, "little"), told, *tables))


def read_tile_map(data: bytes, sizes_bytes: Sequence[int] | None = None) -> TileMap:
    """The map that these bytes are; raises DamagedTileMap for any other bytes.

    With the sizes of the original's files given, every tile lies within its own.
    """
    try:
        found = _read(data)
    except DamagedTileMap:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise DamagedTileMap("the header of the tile map is damaged") from error
    if sizes_bytes is not None:
        for one in found.levels:
            if one.file >= len(sizes_bytes):
                raise DamagedTileMap("the tile map names a file that is not there")
            size = np.uint64(sizes_bytes[one.file])
            lengths = one.lengths.astype(np.uint64)
            if bool(np.any((lengths > size) | (one.offsets > size - np.minimum(lengths, size)))):
                raise DamagedTileMap("the tile map has a tile beyond the end of its file")
    return found


def _read(data: bytes) -> TileMap:
    if not data.startswith(MAGIC):
        raise DamagedTileMap("it is no tile map")
    at = len(MAGIC) + 4
    length = int.from_bytes(data[len(MAGIC) : at], "little")
    if length > _MOST_HEADER_BYTES or at + length > len(data):
        raise DamagedTileMap("the tile map is cut short")
    header = json.loads(data[at : at + length])
    at += length
    levels = []
    for told in header["levels"]:
        level = _level(told)
        if at + 12 * level.tiles > len(data):
            raise DamagedTileMap("the tile map is cut short")
        offsets = np.frombuffer(data, "<u8", level.tiles, at)
        lengths = np.frombuffer(data, "<u4", level.tiles, at + 8 * level.tiles)
        at += 12 * level.tiles
        file = _number(told["file"], 0, 1 << 16)
        levels.append(MappedLevel(level, file, bytes.fromhex(told["insert"]), offsets, lengths))
    if at != len(data) or not levels:
        raise DamagedTileMap("the tables of the tile map do not fit its header")
    samples = _number(header["samples"], 1, 3)
    background = tuple(_number(one, 0, 255) for one in header["background"])
    if samples == 2 or len(background) != samples:
        raise DamagedTileMap("the pixels of the tile map are neither grey nor colours")
    keys = tuple(str(key) for key in header["keys"])
    return TileMap(_number(header["tile_size"], 1, 2048), samples, background, tuple(levels), keys)


def _level(told: dict[str, Any]) -> Level:
    width, height, tile_width, tile_height = (
        _number(told[name], 1, _MOST_EXTENT)
        for name in ("width", "height", "tile_width", "tile_height")
    )
    if told["encoding"] != Encoding.JPEG_BASELINE or tile_width * tile_height > _MOST_TILE_PIXELS:
        raise DamagedTileMap("the tiles of the map are none that are served")
    return Level(width, height, tile_width, tile_height)


def _number(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise DamagedTileMap("a number in the tile map is impossible")
    return value


class MappedImage:
    """The mapped levels of an original as a TileSource: range reads of its objects.

    `readers` are those of the map's objects, in their order.
    """

    def __init__(self, tile_map: TileMap, readers: Sequence[ReadRange]) -> None:
        if any(one.file >= len(readers) for one in tile_map.levels):
            raise DamagedTileMap("the tile map names a file that is not there")
        self._map, self._readers = tile_map, tuple(readers)
        self.pyramid = Pyramid(tuple(one.level for one in tile_map.levels), tile_map.samples)

    def encoding(self, level: int) -> Encoding:
        """Baseline JPEG."""
        self.pyramid.level(level)
        return Encoding.JPEG_BASELINE

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """A tile completed with what the original keeps apart; None where none is stored."""
        self.pyramid.level(level)
        if plane != FIRST:
            raise OutsideImage(f"no {plane}")
        mapped = self._map.levels[level]
        offset, length = mapped.range(column, row)
        if length == 0:
            return None
        tile = self._readers[mapped.file](offset, length)
        return Frame(completed(tile, mapped.insert), Encoding.JPEG_BASELINE)

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box; tiles that were never stored show the background."""
        return assemble(self, level, box, lambda c, r: self._tile(level, c, r, plane))

    def _tile(self, level: int, column: int, row: int, plane: Plane) -> Pixels:
        grid = self.pyramid.level(level)
        frame = self.frame(level, column, row, plane)
        if frame is None:
            shape = (grid.tile_height, grid.tile_width, self.pyramid.samples)
            return np.full(shape, self._map.background, np.uint8)
        header = parse_jpeg(frame.data)
        # Before decoding: no header makes it take more memory than the map's own numbers allow.
        if (header.width, header.height) != (grid.tile_width, grid.tile_height) or (
            header.samples != self.pyramid.samples
        ):
            raise DamagedCodestream(f"tile ({column}, {row}) of level {level} is not as mapped")
        return decode(frame)

    def close(self) -> None:
        """Nothing to release: the readers belong to whoever gave them."""


def completed(tile: bytes, insert: bytes) -> bytes:
    """A stored tile with what belongs after its first two bytes (SOI)."""
    return b"".join((tile[:2], insert, memoryview(tile)[2:])) if insert else tile
