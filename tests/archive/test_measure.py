"""Lengths out of marked points."""

from math import cos, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import InvalidCapture
from archive.measure import Segment, Spacing, diameter


@given(
    x=st.floats(0, 4000),
    y=st.floats(0, 4000),
    length=st.floats(0.5, 4000),
    turn=st.floats(0, 7),
    share=st.floats(1e-4, 0.05),
)
def test_a_diameter_is_the_same_in_any_direction(
    x: float, y: float, length: float, turn: float, share: float
) -> None:
    end = (x + length * cos(turn), y + length * sin(turn))
    found = diameter(Spacing(0.05, 0.05, share, "ruler 1"), Segment((x, y), end))
    assert found.mm == pytest.approx(0.05 * length)
    # Never surer than the scale, nor than a finger.
    assert found.uncertainty_mm >= max(found.mm * share, 0.05 * 1.5) * 0.999
    assert found.uncertainty_mm <= found.mm * share + 0.05 * 1.5 * 1.5


def test_each_axis_has_its_own_spacing() -> None:
    spacing = Spacing(row_mm=0.2, column_mm=0.1, share=0.0, scale="stated")
    assert diameter(spacing, Segment((0, 0), (10, 0))).mm == pytest.approx(1)
    assert diameter(spacing, Segment((0, 0), (0, 10))).mm == pytest.approx(2)
    rough = diameter(spacing, Segment((0, 0), (10, 0), marking_px=15))
    assert rough.uncertainty_mm == pytest.approx(15 * 2**0.5 * 0.2)


def test_one_point_is_no_diameter() -> None:
    with pytest.raises(InvalidCapture):
        Segment((3, 4), (3, 4))
