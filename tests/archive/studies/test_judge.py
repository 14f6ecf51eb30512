"""Never another patient's study: the table, as the page has it, and against lying archives."""

import itertools
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive.errors import LinkDown
from archive.identities.stated import Person, person_of
from archive.studies.judge import (
    JUDGED,
    Facts,
    Likeness,
    Number,
    Patient,
    Said,
    Then,
    judged,
    likeness,
)
from archive.studies.study import MOST, Study, Told, Whose, said_of, study_of

PAGE = Path(__file__).parents[3] / "docs" / "timeline.md"
OURS, OTHERS = "CHU", "LABO"
BORN = date(1970, 1, 31)


def first_row(facts: Facts) -> int:
    return next(
        n
        for n, (row, _, _) in enumerate(JUDGED)
        if all(getattr(facts, name) == wanted for name, wanted in row.items())
    )


def test_every_row_decides_something_and_only_certain_ones_are_shown() -> None:
    used = set()
    for number, issuer, ins, traits, flagged, ambiguous in itertools.product(
        (False, True), Said, Said, Likeness, (False, True), (False, True)
    ):
        facts = Facts(number, issuer, ins, traits, flagged, ambiguous)
        used.add(first_row(facts))
        if JUDGED[first_row(facts)][1] is Then.SHOW:
            assert number
            assert not flagged
            assert not ambiguous
            assert Said.OTHER not in {issuer, ins}
            assert traits is Likeness.SAME or (traits, issuer) == (Likeness.UNSAID, Said.SAME)
    assert used == set(range(len(JUDGED)))


def test_the_page_has_the_same_table() -> None:
    found = re.search(r"<!-- Judged -->\n(.*?)<!-- end -->", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    written = [tuple(line.strip("| ").split(" | ")) for line in found[1].splitlines()[2:]]
    told = []
    for row, then, why in JUDGED:
        said = [
            ("" if value else "not ") + f"`{name}`"
            if isinstance(value, bool)
            else f"`{name}` is {value}"
            for name, value in row.items()
        ]
        told.append((", ".join(said) or "anything else", f"`{then}`", why))
    assert written == told


names = st.sampled_from(["MARTIN^ZOE", "MARTIN^LEA", "MARTIN", "PETIT^ZOE", ""])
born = st.sampled_from([BORN, date(1970, 2, 1), date(1950, 5, 5)])
sexes = st.sampled_from(["F", "M"])


@st.composite
def persons(draw: st.DrawFn) -> dict[str, object]:
    return {"name": draw(names.filter(bool)), "birth_date": draw(born), "sex": draw(sexes)}


@given(persons(), persons(), st.sampled_from(["", OURS, OTHERS]), st.sets(st.sampled_from("nbs")))
def test_of_two_patients_of_one_number_no_study_goes_to_the_other(
    ours: dict[str, object], theirs: dict[str, object], issuer: str, unsaid: set[str]
) -> None:
    """Whatever the archive leaves out, and even where it repeats the issuer that it was asked."""
    said = {
        "name": None if "n" in unsaid else theirs["name"],
        "birth_date": None if "b" in unsaid else theirs["birth_date"],
        "sex": None if "s" in unsaid else theirs["sex"],
    }
    number = Number("7", OURS, "", (person_of(ours),))
    patient = Patient("A", (number,), rivals=(("7", person_of(theirs)),))
    study = Study("1.2", Whose("7", issuer, "", person_of(said)))
    assert judged(patient, number, study, {})[0] is not Then.SHOW


@given(persons(), st.sampled_from(["", OURS]))
def test_ones_own_study_is_shown(ours: dict[str, object], issuer: str) -> None:
    number = Number("7", OURS, "", (person_of(ours),))
    study = Study("1.2", Whose("7", issuer, "", person_of(ours)))
    assert judged(Patient("A", (number,)), number, study, {})[0] is Then.SHOW


def test_whom_an_archive_calls_otherwise_is_known_by_the_table() -> None:
    person = person_of({"name": "MARTIN^ZOE", "birth_date": BORN})
    number = Number("7", OURS, "", (person,))
    study = Study("1.2", Whose("7", "IPP-NORTH", "", person))
    patient = Patient("A", (number,))
    assert judged(patient, number, study, {})[0] is Then.LEAVE
    assert judged(patient, number, study, {"IPP-NORTH": OURS})[0] is Then.SHOW


def test_a_study_says_next_to_nothing() -> None:
    assert likeness(person_of({"name": "MARTIN^ZOE"}), Person()) is Likeness.UNSAID
    told = study_of(
        Told({"StudyInstanceUID": "1.2", "StudyDate": "2026.03.02", "StudyTime": "1405"})
    )
    assert (str(told.on), str(told.at)) == ("2026-03-02", "14:05:00")
    assert study_of(Told({"StudyInstanceUID": "1.2", "StudyDate": "hier"})).on is None


def test_an_answer_that_names_no_study_hides_no_other_and_is_said_to_be_missing() -> None:
    sound, unsound = Told({"StudyInstanceUID": "1.2"}), Told({"StudyInstanceUID": "1.2.x"})
    said = said_of([unsound, sound])
    assert ([one.study_instance_uid for one in said.studies], said.is_whole) == (["1.2"], False)
    assert said_of([]).is_whole
    assert not said_of([sound] * (MOST + 1)).is_whole
    with pytest.raises(LinkDown):
        said_of([unsound])
