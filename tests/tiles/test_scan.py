"""A glance at many tiles never passes one that a look at each would refuse."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiles.arrays import picture
from tiles.codec import encode_jpeg
from tiles.codestream import parse_jpeg
from tiles.errors import DamagedCodestream
from tiles.scan import PIECE_BYTES, check_scan, whole_at_a_glance

TILES = [encode_jpeg(picture(64, 64, seed=seed), 80, "420") for seed in range(4)]
HEADER = parse_jpeg(TILES[0])


def test_whole_tiles_pass() -> None:
    assert whole_at_a_glance(TILES, HEADER)
    many = TILES * (2 * PIECE_BYTES // sum(map(len, TILES)) + 1)
    assert whole_at_a_glance(many, HEADER)


@given(
    which=st.integers(0, 3),
    at=st.integers(2, len(TILES[0])),
    patch=st.one_of(
        st.binary(min_size=1, max_size=4),
        st.sampled_from([b"\xff\xd9", b"\xff\xd0", b"\xff", b"\xff\xff", b"\xff\xda\x00\x02"]),
    ),
    cut=st.integers(0, 40),
)
def test_damaged_tiles_do_not(which: int, at: int, patch: bytes, cut: int) -> None:
    tile = TILES[which]
    at = min(at, len(tile) - len(patch))
    harmed = tile[:at] + patch + tile[at + len(patch) : len(tile) - cut]
    tiles = [*TILES[:which], harmed, *TILES[which + 1 :]]
    if whole_at_a_glance(tiles, HEADER):
        for each in tiles:
            assert parse_jpeg(each) == HEADER
            assert check_scan(each, HEADER)


@pytest.mark.parametrize("at", range(HEADER.scan_offset, len(TILES[1]) - 2, 97))
def test_a_foreign_marker_is_seen_wherever_it_stands(at: int) -> None:
    harmed = TILES[1][:at] + b"\xff\x42" + TILES[1][at + 2 :]
    assert not whole_at_a_glance([TILES[0], harmed], HEADER)
    with pytest.raises(DamagedCodestream):
        check_scan(harmed, HEADER)


def test_a_missing_end_is_seen_though_another_stands_for_it() -> None:
    two_ends = TILES[1][:-2] + b"\xff\xd9\xff\xd9"
    assert not whole_at_a_glance([TILES[0][:-2], two_ends], HEADER)
