"""Long reads give the same bytes as short ones, whatever lies where."""

from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from slides.shared_file import MOST_GAP_BYTES, RUN_BYTES, SharedFile, runs
from tiles.errors import ShortRead

EXTENTS = st.lists(
    st.tuples(st.integers(0, 3 * RUN_BYTES), st.integers(1, RUN_BYTES + MOST_GAP_BYTES)),
    max_size=30,
)


def columns(extents: list[tuple[int, int]]) -> NDArray[np.int64]:
    """Offsets and lengths."""
    return np.array(extents, np.int64).reshape(-1, 2).T


@given(EXTENTS, st.booleans())
def test_runs_are_the_extents_in_order_and_never_long(
    extents: list[tuple[int, int]], ascending: bool
) -> None:
    extents = sorted(extents) if ascending else extents
    lots = [extents[lot] for lot in runs(*columns(extents))]
    assert [extent for lot in lots for extent in lot] == extents
    for lot in lots:
        ends = [offset + length for offset, length in lot]
        assert len(lot) == 1 or ends[-1] - lot[0][0] <= RUN_BYTES
        gaps = [begin - end for (begin, _), end in zip(lot[1:], ends, strict=False)]
        assert all(0 <= gap <= MOST_GAP_BYTES for gap in gaps)


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=300))
def test_what_lies_together_is_read_in_as_few_reads_as_there_is_room_for(kib: list[int]) -> None:
    lengths = np.array(kib, np.int64) << 10
    lots = list(runs(np.cumsum(lengths) - lengths, lengths))
    sums = [int(lengths[lot].sum()) for lot in lots]
    assert all(
        total + int(lengths[following.start]) > RUN_BYTES
        for total, following in zip(sums, lots[1:], strict=False)
    )


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(1, 99)), max_size=20), st.booleans())
def test_each_extent_is_given_as_it_lies(
    tmp_path_factory: pytest.TempPathFactory, extents: list[tuple[int, int]], ascending: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "file"
    content = bytes(number % 251 for number in range(1000))
    path.write_bytes(content)
    ordered = sorted(extents) if ascending else extents
    file = SharedFile(path)
    found = list(chain.from_iterable(file.read_runs(*columns(ordered))))
    assert found == [content[at : at + n] for at, n in ordered]
    file.close()


def test_an_extent_beyond_the_end_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(10))
    file = SharedFile(path)
    with pytest.raises(ShortRead, match="found"):
        list(file.read_runs(*columns([(0, 5), (5, 6)])))
    file.close()
