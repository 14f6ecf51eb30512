"""Windows of grey values, against the formulas of PS3.3 C.11.2.1.2 and C.11.2.1.3."""

from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiles.arrays import ArraySource
from tiles.pyramid import Box
from tiles.source import Encoding
from tiles.window import SAMPLED, Shape, Window, Windowed

CENTERS = st.floats(-2000, 70_000)
WIDTHS = st.floats(1, 70_000)


def expected(x: float, center: float, width: float, shape: Shape) -> float:
    match shape:
        case Shape.SIGMOID:
            return 255 / (1 + exp(min(700, max(-700, -4 * (x - center) / width))))
        case Shape.LINEAR_EXACT:
            low, high, share = center - width / 2, center + width / 2, (x - center) / width
        case _:
            low = center - 0.5 - (width - 1) / 2
            high = center - 0.5 + (width - 1) / 2
            share = (x - (center - 0.5)) / max(width - 1, 1e-12)
    return 0 if x <= low else 255 if x > high else (share + 0.5) * 255


@given(st.lists(st.integers(0, 65_535), min_size=1), CENTERS, WIDTHS, st.sampled_from(Shape))
def test_a_window_is_the_standard_s(
    values: list[int], center: float, width: float, shape: Shape
) -> None:
    shown = Window(center, width, shape).shown(np.array(values, np.uint16))
    wanted = [expected(one, center, width, shape) for one in values]
    np.testing.assert_allclose(shown, wanted, atol=0.51)


def test_without_a_window_all_values_are_told_apart() -> None:
    values = (np.arange(40 * 30, dtype=np.uint16) * 7 + 1000).reshape(40, 30, 1)
    source = Windowed(ArraySource(values, 16), None)
    assert source.encoding(0) is Encoding.OPAQUE
    assert (source.pyramid.samples, source.pyramid.bits) == (1, 8)
    whole = source.pixels(0, Box(0, 0, 30, 40))
    assert whole.dtype == np.uint8
    assert (whole.min(), whole.max()) == (0, 255)
    part = source.pixels(0, Box(3, 5, 10, 10))
    np.testing.assert_array_equal(part, whole[5:15, 3:13])
    source.close()


def test_a_large_image_is_known_by_tiles_from_all_over_it() -> None:
    values = np.full((1000, 900, 1), 500, np.uint16)
    values[0, 0], values[999, 899] = 100, 4000
    source = ArraySource(values, 10)
    windowed = Windowed(source, None)
    corner = windowed.pixels(0, Box(0, 0, 10, 10))
    assert corner[0, 0, 0] == 0
    assert windowed.pixels(0, Box(890, 990, 10, 10))[9, 9, 0] == 255
    assert source.pixels_read <= (SAMPLED * SAMPLED + 2) * 100


@pytest.mark.parametrize(("width", "shape"), [(0.5, Shape.LINEAR), (0, Shape.SIGMOID)])
def test_a_window_of_nothing_is_none(width: float, shape: Shape) -> None:
    with pytest.raises(ValueError, match="wider"):
        Window(0, width, shape)
