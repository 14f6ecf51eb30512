"""Ways in which a slide's file comes to harm, each done to a known place."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tifffile

from slides.dicom_structure import instances_of, read_file

START_OF_SCAN = b"\xff\xda"
NATIVE = "1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class Tile:
    """A tile of a slide: where its bytes lie, and where its place and length are stated."""

    level: int
    column: int
    row: int
    offset: int
    length: int
    offset_at: int | None = None
    length_at: int | None = None
    width: int = 4
    order: Any = "little"


def tiff_tiles(path: Path) -> list[Tile]:
    """All tiles of the tiled pages of a TIFF."""
    tiles = []
    with tifffile.TiffFile(path) as tiff:
        pages: list[Any] = [page for page in tiff.pages if getattr(page, "is_tiled", False)]
        pages += [sub for page in list(pages) for sub in page.pages or ()]
        pages.sort(key=lambda page: -page.imagewidth)
        for level, page in enumerate(pages):
            columns = -(-page.imagewidth // page.tilewidth)
            offsets, counts = (page.tags[name] for name in ("TileOffsets", "TileByteCounts"))
            for number, (offset, length) in enumerate(
                zip(page.dataoffsets, page.databytecounts, strict=True)
            ):
                row, column = divmod(number, columns)
                sizes = [{3: 2, 4: 4, 16: 8}[int(tag.dtype)] for tag in (offsets, counts)]
                tiles.append(
                    Tile(
                        level,
                        column,
                        row,
                        offset,
                        length,
                        offsets.valueoffset + number * sizes[0],
                        counts.valueoffset + number * sizes[1] if sizes[1] == sizes[0] else None,
                        sizes[0],
                        "little" if tiff.byteorder == "<" else "big",
                    )
                )
    return tiles


def dicom_tiles(path: Path) -> list[Tile]:
    """All frames of one instance that are stored in one piece each, or their first pieces."""
    (instance,) = instances_of([read_file(path)])
    (part,) = instance.files
    columns = -(-instance.width // instance.tile_width)
    tiles = []
    for number, frame in enumerate(instance.frames[0].tolist()):
        if frame >= 0:
            row, column = divmod(number, columns)
            offset, length = part.fragments[frame][0]
            stated_at = None if instance.transfer_syntax == NATIVE else offset - 4
            tiles.append(Tile(0, column, row, offset, length, None, stated_at))
    return tiles


@dataclass(frozen=True)
class Harm:
    """What is done to a file, and whether its structure shows it or only a decoder finds it."""

    do: Callable[[bytearray, Tile, list[Tile], random.Random], None]
    structural: bool = True


def _state(data: bytearray, at: int | None, tile: Tile, value: int) -> None:
    if at is not None:
        data[at : at + tile.width] = (value % (1 << 8 * tile.width)).to_bytes(
            tile.width, tile.order
        )


def cut_file(data: bytearray, tile: Tile, _tiles: list[Tile], _chance: random.Random) -> None:
    del data[tile.offset + tile.length // 2 :]


def beyond(data: bytearray, tile: Tile, _tiles: list[Tile], _chance: random.Random) -> None:
    _state(data, tile.offset_at, tile, len(data) - tile.length // 2)


def into_another(data: bytearray, tile: Tile, tiles: list[Tile], chance: random.Random) -> None:
    other = chance.choice([one for one in tiles if one.offset != tile.offset and one.length > 8])
    _state(data, tile.offset_at, tile, other.offset + other.length // 2)


def nowhere(data: bytearray, tile: Tile, _tiles: list[Tile], _chance: random.Random) -> None:
    _state(data, tile.offset_at, tile, 0)


def shortened(data: bytearray, tile: Tile, _tiles: list[Tile], _chance: random.Random) -> None:
    _state(data, tile.length_at, tile, tile.length // 2)


def lengthened(data: bytearray, tile: Tile, _tiles: list[Tile], _chance: random.Random) -> None:
    _state(data, tile.length_at, tile, tile.length + len(data))


def erased(data: bytearray, tile: Tile, _tiles: list[Tile], _chance: random.Random) -> None:
    data[tile.offset : tile.offset + tile.length] = bytes(tile.length)


def beheaded(data: bytearray, tile: Tile, _tiles: list[Tile], _chance: random.Random) -> None:
    data[tile.offset : tile.offset + 2] = b"\0\0"


def _second_half(data: bytearray, tile: Tile) -> range:
    """The second half of a tile's picture, behind all that its header says."""
    end = tile.offset + tile.length
    scan = max(data.find(START_OF_SCAN, tile.offset, end) + 20, tile.offset)
    return range((scan + end) // 2, end)


def filled(data: bytearray, tile: Tile, _tiles: list[Tile], _chance: random.Random) -> None:
    half = _second_half(data, tile)
    data[half.start : half.stop] = b"\xff" * len(half)


def tail_erased(data: bytearray, tile: Tile, _tiles: list[Tile], _chance: random.Random) -> None:
    half = _second_half(data, tile)
    data[half.start : half.stop] = bytes(len(half))


def ended_early(data: bytearray, tile: Tile, _tiles: list[Tile], _chance: random.Random) -> None:
    half = _second_half(data, tile)
    data[half.start : half.start + 2] = b"\xff\xd9"


def overwritten(data: bytearray, tile: Tile, tiles: list[Tile], chance: random.Random) -> None:
    """Another tile's bytes, from their beginning, over the second half of this one's."""
    other = chance.choice([one for one in tiles if one.offset != tile.offset])
    half = _second_half(data, tile)
    piece = data[other.offset : other.offset + min(other.length, len(half))]
    data[half.start : half.start + len(piece)] = piece


def cut_and_ended(data: bytearray, tile: Tile, _tiles: list[Tile], _chance: random.Random) -> None:
    """A tile that stops at two thirds with a proper end: whole in all but its picture."""
    if tile.length_at is not None:
        length = tile.length * 2 // 3 // 2 * 2
        data[tile.offset + length - 2 : tile.offset + length] = b"\xff\xd9"
        _state(data, tile.length_at, tile, length)


HARMS: dict[str, Harm] = {
    one.__name__: Harm(one)
    for one in (
        *(cut_file, beyond, into_another, nowhere, shortened, lengthened),
        *(erased, filled, tail_erased, beheaded, ended_early, overwritten),
    )
} | {"cut_and_ended": Harm(cut_and_ended, structural=False)}


def harmed(
    data: bytes, tiles: list[Tile], chance: random.Random
) -> Iterator[tuple[str, Tile, bytes]]:
    """A file harmed in every way once, each time another tile, where that changes anything."""
    for name, harm in HARMS.items():
        tile = chance.choice([one for one in tiles if one.length > 64])
        made = bytearray(data)
        harm.do(made, tile, tiles, chance)
        if made != data:
            yield name, tile, bytes(made)
