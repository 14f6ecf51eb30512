"""What fields say once their escapes are undone: all of it, and nothing of it to a log."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.hl7.escapes import MOST, Escapes
from api.hl7.message import read_header, read_message
from tests.api.hl7.conftest import message

USUAL = "|^~\\&"
ENCODINGS = st.sampled_from(["utf-8", "iso8859-15", "ascii"])


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (r"a\F\b\S\c\R\d\E\e\T\f", r"a|b^c~d\e&f"),
        (r"un\.br\deux\.ce\trois\.sp2\quatre", "un\ndeux\ntrois\n\nquatre"),
        (r"\.ti+3\un\.in-2\\.fi\\.nf\\.sk 2\deux", "   un  deux"),
        (r"\H\gras\N\ et fin", "gras et fin"),
        (r"b\XC3A9\nin, na\XC3\\XAF\f, \XE9\t\X0D0A\.", "bénin, naïf, ét\r\n."),
        # What is no sequence, and what only its sender knows.
        (r"C:\temp et 5 \ 6\T\7", r"C:\temp et 5 \ 6&7"),
        (r"\.sp", r"\.sp"),
        (r"\Zabc\ \C2842\ \.inX\ \X4\ \\.", r"\Zabc\ \C2842\ \.inX\ \X4\ \\."),
    ],
)
def test_a_field_says_all_that_it_says(said: str, meant: str) -> None:
    assert Escapes(USUAL, "utf-8").undone(said) == meant


def test_bytes_are_of_the_character_set_of_the_message() -> None:
    assert Escapes(USUAL, "iso8859-15").undone(r"\XA4\ \XBD\uvre") == "€ œuvre"


@given(st.text(), ENCODINGS)
def test_what_was_escaped_comes_back(text: str, encoding: str) -> None:
    letters = dict(zip(USUAL, ("F", "S", "R", "E", "T"), strict=True))
    escaped = "".join(f"\\{letters[one]}\\" if one in letters else one for one in text)
    assert Escapes(USUAL, encoding).undone(escaped) == text


@given(st.text("\\.spbrinXCZ0919+- FSTREHN"), ENCODINGS)
def test_no_few_letters_become_very_many(text: str, encoding: str) -> None:
    assert len(Escapes(USUAL, encoding).undone(text)) <= len(text) * MOST


@pytest.mark.parametrize("escape", [r"\.sp999999999\ ", r"\.in+999999999\ "])
def test_a_sequence_asks_for_no_gigabytes(escape: str) -> None:
    assert len(Escapes(USUAL).undone(escape * 3)) == 3 * (MOST + 1)


def test_nothing_of_a_field_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    said = message("ORU^R01", r"PID|1||1||ESSAI \q^ZO\XZZ\C1\ \.spx\x")
    with caplog.at_level(logging.DEBUG):
        pid = read_message(said, read_header(said)).first("PID")
        assert (pid.value(5), pid.value(5, 2)) == ("ESSAI \\q", r"ZO\XZZ\C1\ \.spx\x")
    assert caplog.records == []
