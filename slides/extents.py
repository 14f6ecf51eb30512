"""Where tiles lie in a file: within it, and no two of them sharing some of their bytes."""

import numpy as np
from numpy.typing import NDArray

from slides.errors import DamagedSlide
from tiles.pyramid import Level


def check_extents(
    offsets: NDArray[np.int64],
    counts: NDArray[np.int64],
    size: int,
    name: str,
    level: Level,
) -> None:
    """Refuse tiles that lie beyond the end of a file of this size, nowhere, or in one another.

    The tiles are those of a level called `name`, row by row, once for each of its samples if they
    lie apart; one without bytes was never stored, wherever it is said to lie. Raises DamagedSlide
    naming the first that is wrong.
    """

    def named(number: int) -> str:
        row, column = divmod(number % level.tiles, level.columns)
        return f"tile ({column}, {row})"

    beyond = np.flatnonzero((offsets < 0) | (counts < 0) | (offsets > size - counts))
    if beyond.size:
        raise DamagedSlide(
            f"{name}, {named(int(beyond[0]))} and {beyond.size - 1} more lie beyond the end of the "
            "file: it is cut short; fetch it again from the scanner"
        )
    nowhere = np.flatnonzero((offsets == 0) & (counts > 0))
    wrong = (int(nowhere[0]),) if nowhere.size else first_overlap(offsets, counts)
    if wrong is not None:
        what = "lies nowhere" if nowhere.size else "share their bytes"
        raise DamagedSlide(
            f"{name}, {' and '.join(map(named, wrong))} {what}: its directory is damaged; fetch "
            "the file again from the scanner"
        )


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
