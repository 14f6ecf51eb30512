"""A scanner's levels on the grid of Deep Zoom."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiles.arrays import ArraySource, halved_by_definition, picture
from tiles.aligned import MOST_COARSEST_PIXELS, Aligned, halvings
from tiles.codec import decode_jpeg
from tiles.errors import OutsideImage
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.render import deep_zoom_tile
from tiles.source import Encoding, Frame, Pixels

extents = st.integers(1, 10**6)


class Scanned:
    """Levels whose sizes are rounded down, some left out, as scanners make them."""

    def __init__(self, width: int, height: int, scales: tuple[int, ...]) -> None:
        self.arrays: list[Pixels] = []
        base = picture(width, height)
        for scale in scales:
            rows, columns = max(1, height // scale), max(1, width // scale)
            reduced = base
            for _ in range(scale.bit_length() - 1):
                reduced = halved_by_definition(reduced)
            self.arrays.append(reduced[:rows, :columns])
        self.sources = [ArraySource(one, 64) for one in self.arrays]
        self.pyramid = Pyramid(tuple(one.pyramid.levels[0] for one in self.sources))

    def encoding(self, level: int) -> Encoding:
        return self.sources[level].encoding(0)

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        return self.sources[level].pixels(0, box, plane)

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        return self.sources[level].frame(0, column, row, plane)

    def close(self) -> None:
        pass


@given(extents, extents, st.integers(0, 20), st.booleans(), st.booleans())
def test_halved_however_it_is_rounded(
    width: int, height: int, times: int, up_x: bool, up_y: bool
) -> None:
    scale = 1 << times
    reduced = Level(
        -(-width // scale) if up_x else max(1, width // scale),
        -(-height // scale) if up_y else max(1, height // scale),
        64,
        64,
    )
    found = halvings(Level(width, height, 64, 64), reduced)
    # Extents that no longer shrink are reached by fewer halvings.
    assert found is not None
    assert found <= times
    if min(width, height) >= 2 * scale:
        assert found == times


@pytest.mark.parametrize("size", [(333, 500), (400, 250), (1001, 1000), (498, 500)])
def test_what_is_no_halving_is_none(size: tuple[int, int]) -> None:
    assert halvings(Level(1000, 1000, 64, 64), Level(*size, 64, 64)) is None


def test_levels_that_are_no_halvings_are_left_out() -> None:
    source = Scanned(999, 601, (1, 2, 4))
    source.pyramid = Pyramid(
        (*source.pyramid.levels[:1], Level(333, 200, 64, 64), *source.pyramid.levels[2:])
    )
    aligned = Aligned(source, 64)
    shown = [(one.width, one.height) for one in aligned.pyramid.levels]
    assert shown[:4] == [(999, 601), (500, 301), (250, 151), (125, 76)]
    assert shown[-1] == (1, 1)
    assert [aligned.stored_level(level) for level in range(4)] == [0, None, 2, None]
    assert aligned.pyramid.deep_zoom.tile_size == 64


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 900),
    st.integers(1, 900),
    st.sampled_from([(1,), (1, 2), (1, 4), (1, 4, 16), (1, 2, 4, 8)]),
    st.data(),
)
def test_any_tile_is_nearly_what_the_converted_one_will_be(
    width: int, height: int, scales: tuple[int, ...], data: st.DataObject
) -> None:
    aligned = Aligned(Scanned(width, height, scales), 128)
    view = aligned.pyramid.deep_zoom
    index = data.draw(st.integers(0, view.count - 1))
    level = view.level(index)
    column = data.draw(st.integers(0, level.columns - 1))
    row = data.draw(st.integers(0, level.rows - 1))
    expected = picture(width, height)
    for _ in range(view.count - 1 - index):
        expected = halved_by_definition(expected)
    box = level.box(column, row)
    tile = decode_jpeg(deep_zoom_tile(aligned, index, column, row))
    assert tile.shape == (box.height, box.width, 3)
    area = expected[box.y : box.bottom, box.x : box.right].astype(int)
    assert np.abs(tile - area).mean() < (5 if box.width * box.height > 256 else 40)


def test_a_box_in_the_missing_corner_repeats_its_neighbour() -> None:
    source = Scanned(1203, 1201, (1, 2))
    aligned = Aligned(source, 64)
    assert aligned.pyramid.levels[1] == Level(602, 601, 64, 64)
    corner = aligned.pixels(1, Box(601, 600, 1, 1))
    assert np.array_equal(corner[0, 0], source.arrays[1][599, 600])
    with pytest.raises(OutsideImage):
        aligned.pixels(1, Box(0, 0, 603, 601))


def test_small_views_cost_one_reading_of_the_smallest_level() -> None:
    source = Scanned(3000, 2000, (1, 2))
    aligned = Aligned(source, 256)
    for level in range(9):
        deep_zoom_tile(aligned, level, 0, 0)
    assert source.sources[1].pixels_read == 1500 * 1000
    assert source.sources[0].pixels_read == 0


def test_what_would_be_decoded_whole_is_not_cheap() -> None:
    side = int(MOST_COARSEST_PIXELS**0.5)

    class Large(Scanned):
        def __init__(self, side: int, encoding: Encoding = Encoding.DEFLATE) -> None:
            self.pyramid = Pyramid((Level(side, side, 64, 64),))
            self.stored = encoding

        def encoding(self, level: int) -> Encoding:
            return self.stored

    assert Aligned(Large(side), 64).is_cheap
    assert not Aligned(Large(side + 1), 64).is_cheap
    assert Aligned(Large(4 * side, Encoding.JPEG_BASELINE), 64).is_cheap
    assert not Aligned(Large(4 * side + 1, Encoding.JPEG_BASELINE), 64).is_cheap


def test_those_who_come_while_the_small_views_are_drawn_wait_for_them() -> None:
    source = Scanned(2000, 1500, (1,))
    aligned = Aligned(source, 256)
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(partial(deep_zoom_tile, aligned, column=0, row=0), range(9)))
    assert source.sources[0].pixels_read == 2000 * 1500
