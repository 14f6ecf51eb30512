"""A visit goes to another patient (A44), and the orders that were asked in it go along."""

from datetime import timedelta
from itertools import permutations

import pytest

from archive.cases.order import Numbered, OrderPlaced, Stay, Visit
from archive.catalog import Catalog
from archive.identities.decisions import Then
from archive.identities.records import Outcome
from archive.identities.schema import Verdict
from archive.identity import PatientIdentity
from tests.archive.cases.conftest import LABORATORY, NUMBER, container, label
from tests.archive.conftest import HERE
from tests.archive.identities.saying import (
    LUC,
    NOON,
    V7,
    ZOE,
    brought,
    number_of,
    said,
)

TEXT = label("A1-1", NUMBER)


def ordered(catalog: Catalog, number: str, *visits: Visit, minutes: int = 0) -> None:
    """An order of Zoé's, or of Luc's, whose number is 2."""
    catalog.cases.place(
        OrderPlaced(
            HERE,
            Numbered("O-1", "LABO"),
            Numbered(NUMBER, "LABO"),
            PatientIdentity(number, "CHU", **(LUC if number == "2" else ZOE)),
            NOON + timedelta(minutes=minutes),
            containers=(container("A1-1"),),
            visits=visits,
        )
    )


def went(catalog: Catalog, source: str, into: str, minutes: int = 5) -> Outcome:
    to = said(into, LUC if into == "2" else ZOE, minutes)
    return catalog.identities.move_visit(HERE, to, (source, "CHU"), [V7])


def expected(catalog: Catalog) -> str | None:
    """Whose a slide with the order's label is, where that is sure."""
    found = catalog.cases.expected(HERE, [TEXT])
    return found.patient.patient_id if found and found.patient else None


@pytest.fixture
def lab(catalog: Catalog) -> Catalog:
    catalog.cases.declare({HERE: LABORATORY})
    return catalog


@pytest.mark.parametrize("first", ["order", "visit"])
def test_a_slide_that_comes_later_is_of_who_has_the_visit(lab: Catalog, first: str) -> None:
    if first == "order":
        ordered(lab, "1", V7)
    assert went(lab, "1", "2").then is Then.UPDATE
    ordered(lab, "1", V7)
    assert expected(lab) == "2"
    assert went(lab, "1", "2").then is Then.IGNORE


def test_an_order_that_still_names_whom_the_visit_left_waits(lab: Catalog) -> None:
    went(lab, "1", "2")
    ordered(lab, "1", V7, minutes=9)
    assert expected(lab) is None
    # It is sure again as soon as the order, or the visit, is put right.
    went(lab, "2", "1", minutes=10)
    assert expected(lab) == "1"
    went(lab, "1", "2", minutes=11)
    assert expected(lab) == "2"


def test_an_order_of_another_visit_than_the_one_that_left_is_of_whom_it_says(lab: Catalog) -> None:
    went(lab, "1", "2")
    ordered(lab, "1", Visit(Stay.VISIT, Numbered("V8", "CHU")), minutes=9)
    assert expected(lab) == "1"


def test_an_order_that_is_sent_again_under_the_other_patient_agrees(lab: Catalog) -> None:
    image = brought(lab, "1", ZOE, "a", accession_number=NUMBER, issuer="LABO")
    ordered(lab, "1", V7)
    went(lab, "1", "2")
    assert (number_of(lab, image), expected(lab)) == ("2", "2")
    ordered(lab, "2", V7, minutes=9)
    assert expected(lab) == "2"


@pytest.mark.parametrize("order", list(permutations(["asked", "went", "went on"])))
def test_a_visit_that_goes_on_ends_where_the_newest_message_says(
    lab: Catalog, order: tuple[str, ...]
) -> None:
    for one in order:
        if one == "asked":
            ordered(lab, "1", V7)
        elif one == "went":
            went(lab, "1", "2", 5)
        else:
            went(lab, "2", "3", 6)
    image = brought(lab, "1", ZOE, "a")
    assert expected(lab) == "3"
    assert number_of(lab, image) == "1"


def test_an_exam_does_not_go_with_a_message_that_was_overtaken(lab: Catalog) -> None:
    image = brought(lab, "1", ZOE, "a", accession_number=NUMBER, issuer="LABO")
    ordered(lab, "1", V7)
    went(lab, "2", "1", 9)
    assert went(lab, "1", "2", 5).then is Then.UPDATE
    assert (number_of(lab, image), expected(lab)) == ("1", "1")


def test_a_visit_goes_from_whom_its_patient_was_merged_into(lab: Catalog) -> None:
    image = brought(lab, "1", ZOE, "a", accession_number=NUMBER, issuer="LABO")
    ordered(lab, "1", V7)
    assert lab.identities.merge(HERE, said("4", ZOE), ("1", "CHU")).then is Then.MERGE
    assert went(lab, "4", "2").then is Then.UPDATE
    assert (number_of(lab, image), expected(lab)) == ("2", "2")


def test_what_is_taken_back_is_not_done_by_a_repetition(lab: Catalog) -> None:
    ordered(lab, "1", V7)
    key = went(lab, "1", "2").key
    (event, *_) = lab.identities.history(key, establishment=HERE)
    lab.identities.undo(event.id, "me", establishment=HERE)
    assert expected(lab) == "1"
    assert went(lab, "1", "2").then is Then.IGNORE
    assert expected(lab) == "1"


@pytest.mark.parametrize(
    ("visits", "while_asked"),
    [((), None), ((V7,), None), ((Visit(Stay.VISIT, Numbered("V8", "CHU")),), "1")],
)
@pytest.mark.parametrize("verdict", Verdict)
def test_while_a_person_is_asked_slides_that_may_be_of_the_visit_wait(
    lab: Catalog, visits: tuple[Visit, ...], while_asked: str | None, verdict: Verdict
) -> None:
    brought(lab, "1", ZOE, "a")
    asked = went(lab, "1", "2")
    assert asked.then is Then.WAIT
    ordered(lab, "1", *visits)
    assert expected(lab) == while_asked
    lab.identities.decide(asked.doubt or 0, verdict, "me", establishment=HERE)
    is_theirs = verdict is Verdict.SAME and V7 in visits
    assert expected(lab) == ("2" if is_theirs else "1")
    assert went(lab, "1", "2").then is Then.IGNORE


def test_a_visit_to_somebody_who_is_not_sure_waits_as_well(lab: Catalog) -> None:
    brought(lab, "2", ZOE, "b")
    ordered(lab, "1", V7)
    assert went(lab, "1", "2").then is Then.WAIT
    kinds = [one.kind.value for one in lab.identities.doubts(establishment=HERE)]
    assert kinds == ["conflict", "visit"]
    assert expected(lab) is None
