"""A level at a fraction of its size: near the average, however it is cut and decoded."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiles.arrays import ArraySource, halved_by_definition, picture
from tiles import shrunk as module
from tiles.codec import encode_jpeg2000_lossless
from tiles.errors import DamagedCodestream, OutsideImage
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.shrunk import shrunk
from tiles.source import Encoding, Frame, Pixels


def averaged(pixels: Pixels, halvings: int) -> Pixels:
    for _ in range(halvings):
        pixels = halved_by_definition(pixels)
    return pixels


def boxes(width: int, height: int) -> st.SearchStrategy[Box]:
    spans = st.tuples(st.integers(0, width - 1), st.integers(0, height - 1))
    return spans.flatmap(
        lambda at: st.builds(
            Box,
            st.just(at[0]),
            st.just(at[1]),
            st.integers(1, width - at[0]),
            st.integers(1, height - at[1]),
        )
    )


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 700),
    st.integers(1, 700),
    st.integers(0, 6),
    st.sampled_from([16, 40, 63, 64]),
    st.booleans(),
    st.data(),
)
def test_any_box_is_nearly_the_average(
    width: int, height: int, times: int, tile: int, jpeg: bool, data: st.DataObject
) -> None:
    source = ArraySource(picture(width, height), tile, 95 if jpeg else None)
    whole = averaged(source.array, times)
    box = data.draw(boxes(whole.shape[1], whole.shape[0]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "AT_ONCE_PX", data.draw(st.sampled_from([64, 256, 2048])))
        found = shrunk(source, 0, box, times)
    expected = whole[box.y : box.bottom, box.x : box.right].astype(int)
    assert found.shape == expected.shape
    apart = np.abs(found - expected)
    if not jpeg:
        assert np.array_equal(found, expected)
    else:
        assert apart.mean() < 3
        assert apart.max() < 40


def test_tiles_of_jpeg_are_decoded_once_each_and_never_whole() -> None:
    source = ArraySource(picture(960, 720), 240, 90)
    shrunk(source, 0, Box(0, 0, 15, 12), 6)
    assert set(source.frames_read.values()) == {1}
    assert len(source.frames_read) == 12
    assert source.pixels_read == 0


def test_a_box_outside_is_refused() -> None:
    source = ArraySource(picture(100, 50), 64)
    for box in (Box(0, 0, 14, 7), Box(0, 0, 13, 8), Box(13, 0, 1, 1), Box(0, 0, 0, 1)):
        with pytest.raises(OutsideImage):
            shrunk(source, 0, box, 3)


def test_a_tile_of_other_extents_than_promised_is_not_decoded() -> None:
    source = ArraySource(picture(256, 256), 64, 90)
    source._pyramid = Pyramid((Level(256, 256, 128, 128),))
    with pytest.raises(DamagedCodestream, match="states"):
        shrunk(source, 0, Box(0, 0, 32, 32), 3)


class Jpeg2000Source(ArraySource):
    """Whole tiles as JPEG 2000 without loss."""

    def encoding(self, level: int) -> Encoding:
        return Encoding.JPEG_2000

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        box = self.pyramid.level(level).box(column, row)
        pixels = self.array[box.y : box.bottom, box.x : box.right]
        return Frame(encode_jpeg2000_lossless(pixels), Encoding.JPEG_2000)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(3, 7), st.sampled_from([40, 64, 63]))
def test_jpeg_2000_is_nearly_the_average_and_in_place(
    width: int, height: int, times: int, tile: int
) -> None:
    source = Jpeg2000Source(picture(width, height), tile)
    expected = averaged(source.array, times)
    found = shrunk(source, 0, Box(0, 0, expected.shape[1], expected.shape[0]), times)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 6


def test_whole_tiles_of_jpeg_2000_are_not_decoded_whole() -> None:
    source = Jpeg2000Source(picture(512, 256), 64)
    shrunk(source, 0, Box(0, 0, 32, 16), 4)
    assert source.pixels_read == 0
