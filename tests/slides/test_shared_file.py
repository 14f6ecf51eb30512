"""Long reads give the same bytes as short ones, whatever lies where."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slides.shared_file import MOST_GAP_BYTES, RUN_BYTES, SharedFile, runs
from tiles.errors import ShortRead

EXTENTS = st.lists(
    st.tuples(st.integers(0, 3 * RUN_BYTES), st.integers(1, RUN_BYTES + MOST_GAP_BYTES)),
    max_size=30,
)


@given(EXTENTS)
def test_runs_are_the_extents_in_order_and_never_long(extents: list[tuple[int, int]]) -> None:
    lots = list(runs(extents))
    assert [extent for lot in lots for extent in lot] == extents
    for lot in lots:
        ends = [offset + length for offset, length in lot]
        assert len(lot) == 1 or ends[-1] - lot[0][0] <= RUN_BYTES
        gaps = [begin - end for (begin, _), end in zip(lot[1:], ends, strict=False)]
        assert all(0 <= gap <= MOST_GAP_BYTES for gap in gaps)


@given(st.lists(st.tuples(st.integers(0, 900), st.integers(1, 99)), max_size=20), st.booleans())
def test_each_extent_is_given_as_it_lies(
    tmp_path_factory: pytest.TempPathFactory, extents: list[tuple[int, int]], ascending: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "file"
    content = bytes(number % 251 for number in range(1000))
    path.write_bytes(content)
    ordered = sorted(extents) if ascending else extents
    file = SharedFile(path)
    assert list(file.read_in_order(ordered)) == [content[at : at + n] for at, n in ordered]
    file.close()


def test_an_extent_beyond_the_end_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(10))
    file = SharedFile(path)
    with pytest.raises(ShortRead, match="found"):
        list(file.read_in_order([(0, 5), (5, 6)]))
    file.close()
