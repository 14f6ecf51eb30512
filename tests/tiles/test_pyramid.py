"""The arithmetic of levels and tiles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openslide.deepzoom import DeepZoomGenerator

from tiles.errors import OutsideImage
from tiles.pyramid import Box, DeepZoom, Level, Pyramid, dyadic, halved, spacing_of

extents = st.integers(1, 300_000)
tiles = st.sampled_from([1, 7, 240, 254, 256, 512, 1024])


class Dimensions:
    """What OpenSlide's generator asks of a slide before it reads any pixel."""

    properties: dict[str, str] = {}  # noqa: RUF012

    def __init__(self, width: int, height: int) -> None:
        self.level_dimensions = ((width, height),)
        self.level_downsamples = (1.0,)
        self.level_count = 1
        self.dimensions = (width, height)

    def get_best_level_for_downsample(self, downsample: float) -> int:
        return 0


@given(extents, extents, st.sampled_from([240, 254, 256, 512]))
def test_deep_zoom_is_what_openslide_asks_for(width: int, height: int, tile: int) -> None:
    theirs = DeepZoomGenerator(
        Dimensions(width, height),  # type: ignore[arg-type]
        tile_size=tile,
        overlap=0,
        limit_bounds=False,
    )
    ours = DeepZoom(width, height, tile)
    assert ours.count == theirs.level_count
    for index in range(ours.count):
        level = ours.level(index)
        assert (level.width, level.height) == theirs.level_dimensions[index]
        assert (level.columns, level.rows) == theirs.level_tiles[index]
        for column, row in {(0, 0), (level.columns - 1, level.rows - 1)}:
            box = level.box(column, row)
            assert (box.width, box.height) == theirs.get_tile_dimensions(index, (column, row))


@given(extents, extents, tiles)
def test_tiles_partition_a_level(width: int, height: int, tile: int) -> None:
    level = Level(width, height, tile, tile)
    last = level.box(level.columns - 1, level.rows - 1)
    assert (last.right, last.bottom) == (width, height)
    assert last.width >= 1
    assert last.height >= 1
    assert level.is_whole(0, 0) == (width >= tile and height >= tile)
    for column, row in ((-1, 0), (0, -1), (level.columns, 0), (0, level.rows)):
        with pytest.raises(OutsideImage):
            level.box(column, row)


@given(extents, extents, tiles, st.data())
def test_covering_names_the_tiles_that_hold_a_pixel(
    width: int, height: int, tile: int, data: st.DataObject
) -> None:
    level = Level(width, height, tile, tile)
    x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    columns, rows = level.covering(Box(x, y, 1, 1))
    assert (list(columns), list(rows)) == ([x // tile], [y // tile])


@given(extents, extents, st.sampled_from([240, 256, 512]))
def test_dyadic_levels_halve_upwards_to_one_tile(width: int, height: int, tile: int) -> None:
    levels = dyadic(width, height, tile)
    assert levels[-1].tiles == 1
    assert all(level.tiles > 1 for level in levels[:-1])
    for index, level in enumerate(levels):
        assert level.width == -(-width // 2**index)
        assert level.height == -(-height // 2**index)


@given(extents, extents)
def test_every_dyadic_level_is_a_deep_zoom_level(width: int, height: int) -> None:
    pyramid = Pyramid(dyadic(width, height, 256))
    view = pyramid.deep_zoom
    assert view.tile_size == 256
    for index, level in enumerate(pyramid.levels):
        assert view.level(view.count - 1 - index) == level
        assert pyramid.stored_as(level.width, level.height) is not None


@given(st.integers(-5, 400_000), st.integers(-5, 400_000), extents, extents, extents, extents)
def test_within_never_leaves_the_image(
    x: int, y: int, width: int, height: int, image_width: int, image_height: int
) -> None:
    box = Box(x, y, width, height).within(image_width, image_height)
    assert 0 <= box.x <= box.right <= image_width
    assert 0 <= box.y <= box.bottom <= image_height


def test_halved_never_vanishes() -> None:
    assert [halved(n) for n in (1, 2, 3, 4, 5)] == [1, 1, 2, 2, 3]


def test_nearest_is_the_smallest_level_that_is_large_enough() -> None:
    pyramid = Pyramid(dyadic(1000, 800, 256))
    assert pyramid.nearest(1000, 800) == 0
    assert pyramid.nearest(500, 400) == 1
    assert pyramid.nearest(501, 400) == 0
    assert pyramid.nearest(1, 1) == len(pyramid.levels) - 1
    assert pyramid.nearest(5000, 1) == 0


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        Level(0, 10, 256, 256)
    with pytest.raises(ValueError, match="at least one level"):
        Pyramid(())
    pyramid = Pyramid(dyadic(10, 10, 256))
    with pytest.raises(OutsideImage):
        pyramid.level(1)
    with pytest.raises(OutsideImage):
        pyramid.deep_zoom.level(pyramid.deep_zoom.count)


def test_grids_that_are_not_square_get_a_deep_zoom_grid_of_their_own() -> None:
    assert Pyramid((Level(4032, 3024, 4032, 3024),)).deep_zoom.tile_size == 512
    assert Pyramid((Level(900, 900, 300, 200),)).deep_zoom.tile_size == 512


@given(extents, extents, st.sampled_from([240, 256, 512]))
def test_a_level_halved_so_often_has_pixels_so_many_times_as_large(
    width: int, height: int, tile: int
) -> None:
    levels = dyadic(width, height, tile)
    for number, level in enumerate(levels):
        assert spacing_of(level, levels[0], (0.25, 0.5)) == (0.25 * 2**number, 0.5 * 2**number)


@given(extents, extents, extents, extents)
def test_a_levels_pixels_cover_the_slide_but_for_one(
    width: int, height: int, reduced_width: int, reduced_height: int
) -> None:
    base, level = Level(width, height, 256, 256), Level(reduced_width, reduced_height, 256, 256)
    across, down = spacing_of(level, base, (1.0, 1.0))
    assert abs(across * reduced_width - width) <= across
    assert abs(down * reduced_height - height) <= down
