"""Where tiles lie in a file: no two of them may share some of their bytes."""

import numpy as np
from numpy.typing import NDArray


def first_overlap(offsets: NDArray[np.int64], lengths: NDArray[np.int64]) -> tuple[int, int] | None:
    """The numbers of two extents that share bytes, or None where all lie apart.

    The very same extent twice is no overlap: writers store equal tiles once. Empty ones are none.
    """
    there = np.flatnonzero(lengths > 0)
    order = there[np.lexsort((lengths[there], offsets[there]))]
    begins, ends = offsets[order], offsets[order] + lengths[order]
    inside = begins[1:] < np.maximum.accumulate(ends)[:-1]
    again = (begins[1:] == begins[:-1]) & (ends[1:] == ends[:-1])
    found = np.flatnonzero(inside & ~again)
    if not found.size:
        return None
    second = int(found[0]) + 1
    return int(order[np.argmax(ends[:second])]), int(order[second])
