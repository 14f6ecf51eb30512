"""The table of what establishments show one another: nothing is shown by a slip."""

from pathlib import Path

import pytest

from api.errors import BadSettings
from api.shares import read_shares
from archive.sharing.rule import EVERYBODY


def test_without_a_table_nothing_is_shown() -> None:
    assert read_shares(None) == {}


def test_a_table_names_others_or_all(tmp_path: Path) -> None:
    file = tmp_path / "shares.toml"
    file.write_text('[shares]\n"Hôpital A" = ["Hôpital B", "Hôpital A"]\n"B" = "all"\nC = []\n')
    assert read_shares(file) == {
        "Hôpital A": frozenset({"Hôpital B"}),
        "B": frozenset({EVERYBODY}),
        "C": frozenset(),
    }


@pytest.mark.parametrize(
    "table",
    ['[shares]\nA = "B"', "[shares]\nA = [1]", '[shares]\nA = ["*"]', "[share]\nA = []", "A ="],
)
def test_what_means_nothing_is_refused_by_name(tmp_path: Path, table: str) -> None:
    file = tmp_path / "shares.toml"
    file.write_text(table)
    with pytest.raises(BadSettings, match=r"shares\.toml"):
        read_shares(file)


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="SANSVERRE_SHARES"):
        read_shares(tmp_path / "none.toml")
