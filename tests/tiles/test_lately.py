"""Tiles decoded lately: the same pixels as without them, read once, and bounded in bytes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiles.arrays import ArraySource, picture
from tiles.errors import OutsideImage
from tiles.lately import Lately
from tiles.pyramid import FIRST, Box
from tiles.source import Encoding

TILE_BYTES = 64 * 64 * 3


@settings(max_examples=40)
@given(
    st.integers(1, 200),
    st.integers(1, 200),
    st.sampled_from([1, 3]),
    st.integers(0, 6 * TILE_BYTES),
    st.data(),
)
def test_any_boxes_have_the_pixels_of_the_source(
    width: int, height: int, samples: int, bound: int, data: st.DataObject
) -> None:
    array = picture(width, height, samples)
    lately = Lately(bound)
    source = lately.of(ArraySource(array, 64), "one")
    for _ in range(6):
        x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
        box = Box(x, y, data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y)))
        assert np.array_equal(source.pixels(0, box), array[y : box.bottom, x : box.right])
        assert lately.size_bytes <= bound


def test_neighbours_read_a_tile_once_and_the_oldest_leave() -> None:
    array = picture(256, 256)
    kept = ArraySource(array, 64)
    lately = Lately(4 * TILE_BYTES)
    source = lately.of(kept, "one")
    source.pixels(0, Box(10, 10, 64, 64))
    read = kept.pixels_read
    assert read == 4 * 64 * 64
    source.pixels(0, Box(20, 30, 64, 64))
    assert kept.pixels_read == read
    assert lately.size_bytes == 4 * TILE_BYTES
    source.pixels(0, Box(128, 128, 64, 64))
    assert kept.pixels_read == read + 64 * 64
    assert lately.size_bytes == 4 * TILE_BYTES
    # The first of the four has left for it, the last is still there.
    assert lately.find(("one", 0, 0, 0, FIRST)) is None
    assert lately.find(("one", 0, 1, 1, FIRST)) is not None


def test_images_do_not_see_each_others_tiles() -> None:
    lately = Lately(1 << 20)
    first, second = picture(64, 64), 255 - picture(64, 64)
    box = Box(0, 0, 64, 64)
    assert np.array_equal(lately.of(ArraySource(first, 64), "one").pixels(0, box), first)
    assert np.array_equal(lately.of(ArraySource(second, 64), "two").pixels(0, box), second)


def test_whoever_writes_to_a_tile_changes_nobody_elses() -> None:
    array = picture(128, 64)
    source = Lately(1 << 20).of(ArraySource(array.copy(), 64), "one")
    box = Box(64, 0, 64, 64)
    source.pixels(0, box)[:] = 0
    assert np.array_equal(source.pixels(0, box), array[:, 64:])


def test_the_rest_is_the_source_s_own() -> None:
    kept = ArraySource(picture(128, 128), 64, jpeg_quality=90)
    source = Lately(1 << 20).of(kept, "one")
    assert source.pyramid is kept.pyramid
    assert source.encoding(0) is Encoding.JPEG_BASELINE
    assert source.frame(0, 1, 1) == kept.frame(0, 1, 1)
    with pytest.raises(OutsideImage):
        source.pixels(0, Box(100, 100, 64, 64))
