"""Barcodes by their pattern, and what is decided of a slide, by every line of the table."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.cases.decide import CaseFacts, SlideFacts, Verdict, decide
from archive.cases.label import Position, Reading, compiled, read_label
from archive.cases.laboratory import Laboratory

PATTERN = (
    r"(?P<accession>\d{2}H\d{5})-(?P<specimen>[A-Z])(?P<block>\d+)-(?P<slide>\d+)"
    r"(?:-(?P<stain>[A-Z0-9]+))?(?:~(?P<recut>R\d))?"
)
WHERE = Position("A", "1", "2")
PLAIN = CaseFacts("case", frozenset({WHERE}), frozenset({1}))


@given(
    number=st.integers(0, 9_999_999).map(lambda n: f"{n // 100_000:02}H{n % 100_000:05}"),
    specimen=st.sampled_from("ABCZ"),
    block=st.integers(1, 99),
    slide=st.integers(1, 99),
    stain=st.sampled_from(["", "HES", "CD20"]),
    recut=st.sampled_from(["", "R1"]),
    others=st.lists(st.text(max_size=20), max_size=3),
)
def test_what_was_written_on_a_label_is_read(
    number: str,
    specimen: str,
    block: int,
    slide: int,
    stain: str,
    recut: str,
    others: list[str],
) -> None:
    text = f"{number}-{specimen}{block}-{slide}"
    text += f"-{stain}" * bool(stain) + f"~{recut}" * bool(recut)
    pattern = compiled(PATTERN)
    strangers = [one for one in others if pattern.fullmatch(one) is None]
    read = read_label([*strangers, text], pattern)
    glass = f"{slide} {recut}".strip()
    assert read == Reading(number, Position(specimen, str(block), glass), stain, recut)


@given(st.lists(st.text(max_size=300), max_size=4), st.sampled_from([PATTERN, "(?P<accession>.*)"]))
def test_no_text_is_read_that_the_pattern_does_not_cover(texts: list[str], pattern: str) -> None:
    read = read_label(texts, compiled(pattern))
    # Kept composed, as DICOM holds it.
    fitting = [unicodedata.normalize("NFC", one) for one in texts if re.fullmatch(pattern, one)]
    assert read is None or any(read.accession_number in one for one in fitting)
    # DICOM holds sixteen characters of an accession number.
    assert read is None or 0 < len(read.accession_number) <= 16


def test_a_stain_tells_slides_apart_that_have_no_number() -> None:
    pattern = compiled(r"(?P<accession>\d+)\.(?P<block>\d)\.(?P<stain>\w+)")
    assert read_label(["77.1.HES"], pattern) == Reading("77", Position("", "1", "HES"), "HES")


def test_a_recut_is_a_slide_of_its_own_wherever_its_number_stands() -> None:
    pattern = compiled(r"(?P<accession>\d+)/(?P<block>\d)(?:/(?P<slide>\w+))?(?:~(?P<recut>R\d+))?")
    places = {one: read_label([one], pattern) for one in ("7/1/2", "7/1/2~R1", "7/1~R1", "7/1")}
    assert {one: read and read.position.slide for one, read in places.items()} == {
        "7/1/2": "2",
        "7/1/2~R1": "2 R1",
        "7/1~R1": "R1",
        "7/1": "",
    }
    # Cut off, it would be another slide.
    assert read_label(["7/1/123456789012~R123"], pattern) is None


def test_no_label_takes_longer_than_its_length() -> None:
    pattern = compiled(r"(?P<accession>(\w+-?)+);(?P<slide>\d+)")
    # What tries one way after the other has 2 ** 199 of them.
    assert read_label(["a" * 199 + "!"], pattern) is None
    assert read_label(["a-b-c;1"], pattern) == Reading("a-b-c", Position("", "", "1"))


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"(?P<accession>\d+)(?=-)", "is no regular expression of RE2"),
        ("(?P<accession>", "is no regular expression"),
        (r"(?P<number>\d+)", "names no group"),
        (r"(?P<accession>\d+)(?P<colour>\w)", "names 'colour'"),
    ],
)
def test_a_pattern_that_is_none_is_told(pattern: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        Laboratory(barcode=pattern)


TABLE = {
    Verdict.UNREADABLE: SlideFacts(is_readable=False),
    Verdict.UNKNOWN: SlideFacts(is_readable=True),
    Verdict.AMBIGUOUS: SlideFacts(True, (PLAIN, PLAIN), position=WHERE),
    Verdict.CONFLICT: SlideFacts(
        True, (CaseFacts("case", frozenset({WHERE}), frozenset({1, 2})),), position=WHERE
    ),
    Verdict.DOUBTFUL: SlideFacts(
        True,
        (CaseFacts("case", frozenset({WHERE}), frozenset({1}), is_doubtful=True),),
        position=WHERE,
    ),
    Verdict.OTHER_PATIENT: SlideFacts(True, (PLAIN,), position=WHERE, patient=2),
    Verdict.OTHER_ORDER: SlideFacts(True, (PLAIN,), position=WHERE, has_other_order=True),
    Verdict.MOVED: SlideFacts(True, (PLAIN,), position=WHERE, was_moved=True),
    Verdict.UNEXPECTED: SlideFacts(True, (PLAIN,), position=Position("A", "1", "3")),
    Verdict.LINKED: SlideFacts(True, (PLAIN,), position=WHERE, patient=1),
}


def test_every_verdict_has_a_line() -> None:
    assert set(TABLE) == set(Verdict)


@pytest.mark.parametrize("verdict", Verdict)
def test_the_table(verdict: Verdict) -> None:
    assert decide(TABLE[verdict]) is verdict


def test_a_foreign_identifier_never_matches() -> None:
    assert decide(SlideFacts(True, (PLAIN,), True, position=WHERE)) is Verdict.AMBIGUOUS


def test_codes_that_mean_two_things_wait() -> None:
    assert decide(SlideFacts(True, (PLAIN,), is_divided=True, position=WHERE)) is Verdict.AMBIGUOUS


def test_another_case_s_slide_waits() -> None:
    elsewhere = SlideFacts(True, (PLAIN,), position=WHERE, case_of_exam="other")
    assert decide(elsewhere) is Verdict.OTHER_ORDER


def test_where_slides_are_not_named_in_advance_the_number_is_enough() -> None:
    loose = CaseFacts("case", frozenset(), frozenset({1}), takes_any=True)
    assert decide(SlideFacts(True, (loose,), position=WHERE)) is Verdict.LINKED
