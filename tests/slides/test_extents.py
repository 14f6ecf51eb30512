"""Extents that share bytes are found, whatever their order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from slides.extents import first_overlap

EXTENTS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 12)), max_size=12)


@given(EXTENTS)
def test_it_is_what_comparing_each_with_each_finds(extents: list[tuple[int, int]]) -> None:
    def share(one: tuple[int, int], other: tuple[int, int]) -> bool:
        both = one[1] > 0 and other[1] > 0 and one != other
        return both and one[0] < sum(other) and other[0] < sum(one)

    pairs = {(a, b) for a, x in enumerate(extents) for b, y in enumerate(extents) if share(x, y)}
    array = np.array(extents, np.int64).reshape(-1, 2)
    found = first_overlap(array[:, 0], array[:, 1])
    assert (found is None) == (not pairs)
    assert found is None or found in pairs
