"""The map of an original's tiles: written, read, disbelieved, and read through."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiles.arrays import ArraySource, picture
from tiles.codec import encode_jpeg
from tiles.codestream import parse_jpeg
from tiles.errors import DamagedCodestream, DamagedTileMap, OutsideImage, TilesError
from tiles.pyramid import Box, Level
from tiles.source import ReadRange
from tiles.tile_map import (
    MAGIC,
    MappedImage,
    MappedLevel,
    TileMap,
    completed,
    read_tile_map,
    write_tile_map,
)

TILE = 64


def mapped(source: ArraySource, missing: tuple[int, ...] = ()) -> tuple[TileMap, bytes]:
    """The map of a source whose tiles lie in one file, each without its first segments."""
    level = source.pyramid.levels[0]
    parts, offsets, lengths, insert = [b"head"], [], [], b""
    for number in range(level.tiles):
        row, column = divmod(number, level.columns)
        frame = source.frame(0, column, row)
        assert frame is not None
        # Everything before the frame header is alike in all tiles, as the tables of a TIFF are.
        cut = frame.data.index(b"\xff\xc0")
        insert = frame.data[2:cut]
        stored = b"" if number in missing else frame.data[:2] + frame.data[cut:]
        offsets.append(sum(map(len, parts)))
        lengths.append(len(stored))
        parts.append(stored)
    tables = np.array(offsets, np.uint64), np.array(lengths, np.uint32)
    samples = source.pyramid.samples
    one = MappedLevel(level, 0, insert, *tables)
    return TileMap(TILE, samples, (240, 241, 242)[:samples], (one,), ("key",)), b"".join(parts)


def reader(data: bytes) -> ReadRange:
    return lambda offset, length: data[offset : offset + length]


def same(one: TileMap, other: TileMap) -> bool:
    return replace(one, levels=()) == replace(other, levels=()) and all(
        (a.level, a.file, a.insert) == (b.level, b.file, b.insert)
        and np.array_equal(a.offsets, b.offsets)
        and np.array_equal(a.lengths, b.lengths)
        for a, b in zip(one.levels, other.levels, strict=True)
    )


@pytest.mark.parametrize("samples", [1, 3])
def test_what_is_mapped_is_read_as_the_source_gives_it(samples: int) -> None:
    source = ArraySource(picture(300, 200, samples), TILE, 90)
    made, file = mapped(source, missing=(3,))
    found = read_tile_map(write_tile_map(made), [len(file)])
    assert same(found, made)
    image = MappedImage(found, [reader(file)])
    frame, own = image.frame(0, 1, 0), source.frame(0, 1, 0)
    assert frame == own
    assert image.frame(0, 3, 0) is None
    expected = source.array.copy()
    expected[:TILE, 3 * TILE : 4 * TILE] = found.background
    assert np.array_equal(image.pixels(0, Box(0, 0, 300, 200)), expected)
    with pytest.raises(OutsideImage):
        image.frame(0, 5, 0)


def test_a_tile_that_is_not_as_mapped_is_not_decoded() -> None:
    source = ArraySource(picture(300, 200), TILE, 90)
    made, _ = mapped(source)
    (level,) = made.levels
    large = encode_jpeg(picture(128, 128), 90, "444")
    lengths = np.full_like(level.lengths, len(large))
    lying = replace(level, offsets=np.zeros_like(level.offsets), lengths=lengths, insert=b"")
    image = MappedImage(replace(made, levels=(lying,)), [reader(large)])
    with pytest.raises(DamagedCodestream, match="not as mapped"):
        image.pixels(0, Box(0, 0, 10, 10))


def test_nothing_is_put_in_where_nothing_is_missing() -> None:
    tile = encode_jpeg(picture(TILE, TILE), 90, "444")
    assert completed(tile, b"") is tile
    assert parse_jpeg(completed(tile, b"\xff\xfe\x00\x04ab")).samples == 3


def test_tiles_lie_inside_their_files() -> None:
    made, file = mapped(ArraySource(picture(300, 200), TILE, 90))
    data = write_tile_map(made)
    read_tile_map(data, [len(file)])
    for sizes in ([len(file) - 1], [0], []):
        with pytest.raises(DamagedTileMap):
            read_tile_map(data, sizes)
    (level,) = made.levels
    far = replace(level, offsets=level.offsets + np.uint64(2**64 - 2**20))
    with pytest.raises(DamagedTileMap, match="beyond"):
        read_tile_map(write_tile_map(replace(made, levels=(far,))), [len(file)])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_map_is_refused_or_still_sound(data: st.DataObject) -> None:
    made, file = mapped(ArraySource(picture(300, 200), TILE, 90))
    raw = bytearray(write_tile_map(made))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(raw[: data.draw(st.one_of(st.just(len(raw)), st.integers(0, len(raw))))])
    try:
        found = read_tile_map(cut, [len(file)])
        image = MappedImage(found, [reader(file)])
        level = found.levels[0].level
        image.pixels(0, Box(0, 0, min(level.width, 300), min(level.height, 200)))
    except TilesError:
        pass
    else:
        assert cut.startswith(MAGIC)


@pytest.mark.parametrize(
    "level",
    [Level(2**31 + 1, 1, 64, 64), Level(300, 200, 8192, 8192)],
)
def test_impossible_levels_are_refused(level: Level) -> None:
    made, _ = mapped(ArraySource(picture(300, 200), TILE, 90))
    none = np.zeros(level.tiles, np.uint64), np.zeros(level.tiles, np.uint32)
    with pytest.raises(DamagedTileMap):
        read_tile_map(write_tile_map(replace(made, levels=(MappedLevel(level, 0, b"", *none),))))
