"""Chunks are made early for who reads row by row, and for nobody else."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.ahead import MOST_READERS, Ahead
from api.shelf import Shelf
from tiles.pyramid import FIRST, Level
from tiles.zarr_view import Chunk

LEVEL = Level(7 * 256 - 1, 3 * 256, 256, 256)


def chunk(number: int) -> Chunk:
    row, column = divmod(number, LEVEL.columns)
    return Chunk(0, column, row, FIRST, LEVEL, 256 * 256 * 3)


@given(st.integers(0, LEVEL.tiles - 2), st.integers(1, 4))
def test_the_next_ones_of_a_reader_who_goes_on(number: int, most: int) -> None:
    ahead = Ahead(most)
    assert ahead.after("reader", chunk(number)) == []
    expected = [chunk(n) for n in range(number + 2, min(number + 2 + most, LEVEL.tiles))]
    assert ahead.after("reader", chunk(number + 1)) == expected


@given(st.lists(st.integers(0, LEVEL.tiles - 1), min_size=2, max_size=2).map(tuple))
def test_nothing_for_who_jumps(numbers: tuple[int, int]) -> None:
    ahead = Ahead(2)
    first, second = numbers
    ahead.after("reader", chunk(first))
    assert bool(ahead.after("reader", chunk(second))) == (
        second == first + 1 and second < LEVEL.tiles - 1
    )


def test_readers_do_not_disturb_each_other_and_the_oldest_is_forgotten() -> None:
    ahead = Ahead(1)
    for reader in range(MOST_READERS + 1):
        ahead.after(reader, chunk(0))
    assert ahead.after(MOST_READERS, chunk(1)) == [chunk(2)]
    assert ahead.after(0, chunk(1)) == []


@pytest.mark.parametrize("at_once", [0, 1, 2])
def test_what_is_made_early_is_not_made_again_and_takes_no_place_from_others(at_once: int) -> None:
    made: list[str] = []

    def make(name: str) -> str:
        made.append(name)
        return name

    async def ask() -> str:
        shelf.make_early("a", lambda: make("a"), at_once)
        shelf.make_early("b", lambda: make("b"), at_once)
        return await shelf.take("a", lambda: make("a"))

    with ThreadPoolExecutor(1) as executor:
        shelf: Shelf[str, str] = Shelf(10, executor)
        assert asyncio.run(ask()) == "a"
    assert sorted(made) == ["a", "b"][: max(1, at_once)]
