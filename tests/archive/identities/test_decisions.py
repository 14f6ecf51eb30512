"""The tables of decisions, row by row, and as the page has them."""

import itertools
import re
from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.identities.decisions import (
    TABLES,
    Demographics,
    Identifier,
    Merge,
    Proof,
    Sent,
    Then,
    decided,
    fits,
)
from archive.identities.stated import Agreement, Person, agreement, person_of

PAGE = Path(__file__).parents[3] / "docs" / "identity.md"


def situations(kind: type[Any]) -> list[Any]:
    """Everything that there can be."""
    values: list[list[Any]] = []
    for hint in get_type_hints(kind).values():
        if hint is bool:
            values.append([False, True])
        elif isinstance(hint, type) and issubclass(hint, Enum):
            values.append(list(hint))
        else:
            values.append([None, *Proof])
    return [kind(*one) for one in itertools.product(*values)]


@pytest.mark.parametrize("kind", TABLES)
def test_every_row_decides_something_and_the_first_that_fits_does(kind: type[Any]) -> None:
    table, used = TABLES[kind], set()
    for asked in situations(kind):
        first = next(n for n, (row, _, _) in enumerate(table) if fits(row, asked))
        used.add(first)
        assert decided(asked) == table[first][1:]
    assert used == set(range(len(table)))


def test_what_is_never_done_without_a_person() -> None:
    for one in situations(Merge):
        if decided(one)[0] is Then.MERGE:
            assert not one.has_two_ins
            assert not one.is_flagged
            assert one.traits is not Agreement.DIFFERENT or one.proof in {None, Proof.STATED}
            assert one.traits is Agreement.SAME or one.proof is not Proof.BROUGHT
    for one in situations(Identifier):
        if decided(one)[0] in {Then.TAKE, Then.TAKE_AND_ASK}:
            assert one.is_qualified
            assert one.is_sound
            assert not one.is_flagged
    for one in situations(Sent):
        if decided(one)[0] is Then.KEEP:
            assert (one.is_known, one.shares_a_name) == (True, True)
            assert not one.is_bare
            assert not one.has_other_trait
    for one in situations(Demographics):
        if one.proof in {Proof.BROUGHT, Proof.PROVEN} and one.traits is Agreement.DIFFERENT:
            assert decided(one)[0] in {Then.WAIT, Then.IGNORE, Then.CREATE}


@pytest.mark.parametrize("kind", TABLES)
def test_the_page_has_the_same_table(kind: type[Any]) -> None:
    part = PAGE.read_text().split(f"<!-- {kind.__name__} -->")[1].split("<!-- end -->")[0]
    rows = re.findall(r"^\| (.*?) \| `(.*?)` \| (.*?) \|$", part, re.MULTILINE)
    assert rows == [(written(row), then.value, why) for row, then, why in TABLES[kind]]


def written(row: dict[str, Any]) -> str:
    """The condition of a row as the page writes it."""
    words = [
        f"`{name}`"
        if value is True
        else f"not `{name}`"
        if value is False
        else f"`{name}` is {' or '.join(one.name.lower() for one in value)}"
        if isinstance(value, tuple)
        else f"`{name}` is {value.name.lower()}"
        for name, value in row.items()
    ]
    return ", ".join(words) or "anything else"


NAMES = st.sampled_from(["MARTIN^ZOÉ", "Martin^Zoe", "MARTIN", "DURAND^ZOÉ", "PETIT^LUC", ""])
TRAITS = st.fixed_dictionaries(
    {"name": NAMES, "birth_name": NAMES, "sex": st.sampled_from(["F", "M", None])}
)


@given(TRAITS, TRAITS)
def test_agreeing_is_mutual_and_with_oneself_complete(one: Any, other: Any) -> None:
    ours, theirs = person_of(one), person_of(other)
    assert agreement(ours, theirs) == agreement(theirs, ours)
    assert agreement(ours, ours) is Agreement.SAME
    assert agreement(ours, Person()) is Agreement.SAME


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("MARTIN^ZOÉ LÉA", "MARTIN^ZOE", Agreement.SAME),
        ("MARTIN^ZOÉ", "martin^zoe", Agreement.SAME),
        ("MARTIN^ZOÉ", "MARTIN", Agreement.SAME),
        ("MARTIN^ZOÉ", "MARTIN^ANNE", Agreement.CLOSE),
        ("MARTIN^ZOÉ", "PETIT^LUC", Agreement.CLOSE),
    ],
)
def test_names_agree_without_accents_and_without_first_names(
    one: str, other: str, level: Agreement
) -> None:
    ours, theirs = person_of({"name": one}), person_of({"name": other})
    assert agreement(ours, theirs) is level
    assert agreement(theirs, ours) is level
