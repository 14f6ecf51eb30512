"""Orders by JSON, cases and what waits, as programs ask for them."""

from pathlib import Path

import pytest

from api.errors import BadSettings
from api.laboratories import read_laboratories
from archive.cases.laboratory import Laboratory


def table(folder: Path, text: str) -> Path:
    file = folder / "laboratories.toml"
    file.write_text(text, "utf-8")
    return file


def test_the_table_of_laboratories_is_read(tmp_path: Path) -> None:
    text = """
        [[laboratory]]
        establishment = "Hôpital A"
        issuer = "LABO"
        barcode = '(?P<accession>\\d+)-(?P<slide>\\d+)'
        frozen = ["EXT"]

        [[laboratory]]
        establishment = "Hôpital B"
        names_slides = false
    """
    assert read_laboratories(table(tmp_path, text)) == {
        "Hôpital A": Laboratory("LABO", r"(?P<accession>\d+)-(?P<slide>\d+)", frozen=("EXT",)),
        "Hôpital B": Laboratory(names_slides=False),
    }
    assert read_laboratories(None) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("laboratory = 1", "must hold tables"),
        ("[laboratory", "is no TOML"),
        ("[[laboratory]]\nissuer = 'L'", "must say its establishment"),
        ("[[laboratory]]\nestablishment = 'A'\ncolour = 'red'", "laboratory 1 may say"),
        ("[[laboratory]]\nestablishment = 'A'\nbarcode = '(?P<slide>1)'", "names no group"),
        ("[[laboratory]]\nestablishment = 'A'\nbarcode = '('", "no regular expression"),
        ("[[laboratory]]\nestablishment = 'A'\nnames_slides = 'no'", "true or false"),
        ("[[laboratory]]\nestablishment = 'A'\nfrozen = 'EXT'", "a list of codes"),
        ("[[laboratory]]\nestablishment = 'A'\nissuer = '" + "x" * 65 + "'", "64 characters"),
        ("[[laboratory]]\nestablishment='A'\n[[laboratory]]\nestablishment='A'", "one already"),
    ],
)
def test_what_is_wrong_with_the_table_is_told(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadSettings, match=said):
        read_laboratories(table(tmp_path, text))


def test_a_table_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="cannot be read"):
        read_laboratories(tmp_path / "none.toml")
