"""Orders and slides find one another, whichever comes first; what is not exact waits."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from archive.cases.decide import Verdict
from archive.cases.label import Position
from archive.cases.laboratory import Laboratory
from archive.cases.order import Container, Numbered, Priority
from archive.catalog import Catalog
from archive.errors import DifferentPatient, InvalidIdentity, NotFound
from archive.move import Author, Destination
from archive.record import ImageState
from tests.archive.cases.conftest import (
    LABORATORY,
    NOON,
    NUMBER,
    all_done,
    container,
    label,
    order,
    published,
    read,
    scanned,
    tree,
    verdicts,
)
from tests.archive.conftest import ELSEWHERE, HERE, refuse
from tests.archive.correcting import correct
from tests.archive.test_lesions import ANNE, BRUNO
from tests.archive.test_moves import done

WHO = Author("subject")


def test_a_slide_that_is_expected_is_born_under_its_patient_and_order(lab: Catalog) -> None:
    case_id = lab.cases.place(order())
    image = scanned(lab, label("A1-2"))
    case = read(lab, case_id)
    assert tree(case) == {"A1-1": [], "A1-2": [image.source_sha256], "A2-1": [], "B1-1": []}
    exam = lab.exam(image.exam_id, establishment=HERE, states=tuple(ImageState))
    assert (exam.patient, exam.accession_number) == (ANNE, NUMBER)
    assert exam.issuer_of_accession_number == "LABO"
    assert verdicts(lab) == {}


def test_a_slide_without_order_is_seen_at_once_and_linked_when_the_order_comes(
    lab: Catalog,
) -> None:
    image = published(lab, scanned(lab, label("A1-2")))
    assert lab.exam(image.exam_id, establishment=HERE).patient is None
    assert verdicts(lab) == {image.id: Verdict.UNKNOWN}
    case_id = lab.cases.place(order())
    (glass,) = (one for one in read(lab, case_id).slides if one.scans)
    assert glass.scans[0].is_moving
    done(lab)
    moved = lab.image(image.id, establishment=HERE)
    exam = lab.exam(moved.exam_id, establishment=HERE)
    assert (exam.patient, exam.accession_number) == (ANNE, NUMBER)
    assert not next(one for one in read(lab, case_id).slides if one.scans).scans[0].is_moving
    (move,) = lab.moves.history(image.id, establishment=HERE)
    assert (move.before, move.after, move.subject) == (None, ANNE, "barcode")


def test_one_that_is_still_built_is_linked_once_it_may_move(lab: Catalog) -> None:
    image = scanned(lab, label("B1-1"))
    case_id = lab.cases.place(order())
    assert not lab.cases.settle_some()
    published(lab, image)
    all_done(lab)
    assert tree(read(lab, case_id))["B1-1"] == [image.source_sha256]
    assert not lab.cases.settle_some()


def test_a_second_scan_is_a_rescan_and_the_older_stays(lab: Catalog) -> None:
    case_id = lab.cases.place(order())
    later = scanned(lab, label("A1-1"), "later", at="2026-03-02T15:00:00")
    older = scanned(lab, label("A1-1"), "older", at="2026-03-02T14:00:00")
    assert tree(read(lab, case_id))["A1-1"] == [later.source_sha256, older.source_sha256]
    # What is refused never comes before what can be read.
    refuse(lab, later.id, "it cannot be read")
    assert tree(read(lab, case_id))["A1-1"] == [older.source_sha256, later.source_sha256]


def test_a_recut_is_no_rescan_of_the_slide_whose_number_it_bears(lab: Catalog) -> None:
    slides = ("A1-1", "A1-1 R1", "A1-2")
    case_id = lab.cases.place(order(slides))
    first = scanned(lab, label("A1-1"), "first", at="2026-03-02T14:00:00")
    recut = scanned(lab, label("A1-1~R1"), "recut", at="2026-03-02T15:00:00")
    case = read(lab, case_id)
    assert tree(case) == {
        "A1-1": [first.source_sha256],
        "A1-1 R1": [recut.source_sha256],
        "A1-2": [],
    }
    assert [(one.position.slide, one.recut) for one in case.slides] == [
        ("1", ""),
        ("1 R1", "R1"),
        ("2", ""),
    ]


def test_two_identities_under_one_number_are_a_conflict_and_wait(lab: Catalog) -> None:
    case_id = lab.cases.place(order())
    again = order(patient=BRUNO, minutes=1, order=Numbered("O-2", "LABO"))
    assert lab.cases.place(again) == case_id
    assert read(lab, case_id).patients == (ANNE, BRUNO)
    image = published(lab, scanned(lab, label("A1-1")))
    assert lab.exam(image.exam_id, establishment=HERE).patient is None
    assert verdicts(lab) == {image.id: Verdict.CONFLICT}
    with pytest.raises(DifferentPatient, match="several identities"):
        lab.cases.link(image.id, case_id, Position("A", "1", "1"), WHO, establishment=HERE)
    # The laboratory takes back the one that was wrong.
    lab.cases.place(replace(again, is_cancelled=True, said_at=NOON.replace(hour=13)))
    assert read(lab, case_id).patients == (ANNE,)
    done(lab)
    assert tree(read(lab, case_id))["A1-1"] == [image.source_sha256]


def test_an_order_never_goes_from_one_patient_to_another_by_itself(lab: Catalog) -> None:
    case_id = lab.cases.place(order())
    image = published(lab, scanned(lab, label("A1-1")))
    lab.cases.place(order(patient=BRUNO, minutes=5))
    assert read(lab, case_id).patients == (ANNE, BRUNO)
    assert lab.exam(image.exam_id, establishment=HERE).patient == ANNE


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        ({"patient": BRUNO}, Verdict.OTHER_PATIENT),
        ({"patient": ANNE, "accession_number": "X1"}, Verdict.OTHER_ORDER),
        ({"accession_number": NUMBER, "issuer": "AILLEURS"}, Verdict.OTHER_ORDER),
    ],
    ids=str,
)
def test_what_was_said_otherwise_is_never_overruled(
    lab: Catalog, said: dict[str, Any], verdict: Verdict
) -> None:
    lab.cases.place(order())
    image = published(lab, scanned(lab, label("A1-1"), **said))
    assert verdicts(lab) == {image.id: verdict}
    assert not lab.cases.settle_some()


def test_a_slide_that_a_person_moved_away_is_not_fetched_back(lab: Catalog) -> None:
    case_id = lab.cases.place(order())
    image = published(lab, scanned(lab, label("A1-1")))
    lab.moves.ask([image.id], Destination(BRUNO), WHO, establishment=HERE)
    done(lab)
    assert tree(read(lab, case_id))["A1-1"] == []
    assert verdicts(lab) == {image.id: Verdict.OTHER_PATIENT}
    lab.cases.place(order(minutes=9))
    assert not lab.cases.settle_some()
    assert verdicts(lab) == {image.id: Verdict.OTHER_PATIENT}


def test_one_click_links_what_no_barcode_says(lab: Catalog) -> None:
    case_id = lab.cases.place(order())
    blank = published(lab, scanned(lab, "", "blank"))
    recut = published(lab, scanned(lab, label("A1-9"), "recut"))
    assert verdicts(lab) == {blank.id: Verdict.UNREADABLE, recut.id: Verdict.UNEXPECTED}
    assert [one.image.id for one in read(lab, case_id).waiting] == [recut.id]
    lab.cases.link(blank.id, case_id, Position("A", "1", "2"), WHO, establishment=HERE)
    done(lab)
    lab.cases.link(recut.id, case_id, Position("A", "1", "9"), WHO, establishment=HERE)
    done(lab)
    case = read(lab, case_id)
    assert tree(case)["A1-2"] == [blank.source_sha256]
    assert tree(case)["A1-9"] == [recut.source_sha256]
    assert [one.is_expected for one in case.slides if one.position.slide == "9"] == [False]
    assert verdicts(lab) == {}
    of_bruno = published(lab, scanned(lab, "", "of bruno", patient=BRUNO))
    with pytest.raises(DifferentPatient, match="change its patient"):
        lab.cases.link(of_bruno.id, case_id, Position("A", "1", "2"), WHO, establishment=HERE)


def test_a_slide_of_the_same_patient_comes_under_the_order(lab: Catalog) -> None:
    case_id = lab.cases.place(order())
    image = published(lab, scanned(lab, "", "brought", patient=ANNE))
    lab.cases.link(image.id, case_id, Position("A", "1", "1"), WHO, establishment=HERE)
    done(lab)
    exam = lab.exam(lab.image(image.id, establishment=HERE).exam_id, establishment=HERE)
    assert (exam.patient, exam.accession_number) == (ANNE, NUMBER)


def test_an_establishment_never_learns_of_another_s(lab: Catalog) -> None:
    lab.cases.declare({HERE: LABORATORY, ELSEWHERE: LABORATORY})
    case_id = lab.cases.place(order())
    image = published(lab, scanned(lab, label("A1-1"), establishment=ELSEWHERE))
    assert lab.exam(image.exam_id, establishment=ELSEWHERE).patient is None
    assert tree(read(lab, case_id))["A1-1"] == []
    with pytest.raises(NotFound):
        lab.cases.case(case_id, establishment=ELSEWHERE)
    with pytest.raises(NotFound):
        lab.cases.link(image.id, case_id, Position("A", "1", "1"), WHO, establishment=HERE)
    listed = lab.cases.list_cases(establishment=ELSEWHERE, since=NOON)
    assert listed == ()


def test_frozen_sections_go_first(lab: Catalog) -> None:
    routine = scanned(lab, "", "routine")
    waiting = scanned(lab, label("A1-1", "26H00099"), "early")
    for image in (routine, waiting):
        lab.jobs.enqueue("build", image.id, {})
    lab.cases.place(order(number="26H00099", priority=Priority.FROZEN))
    frozen = scanned(lab, label("A1-2", "26H00099"))
    lab.jobs.enqueue("build", frozen.id, {})
    taken = [lab.jobs.claim("w", 60) for _ in range(3)]
    assert [job.image_id for job in taken if job] == [waiting.id, frozen.id, routine.id]
    lab.cases.place(order(minutes=60))
    summaries = lab.cases.list_cases(establishment=HERE, since=NOON)
    assert [one.accession.number for one in summaries] == ["26H00099", NUMBER]
    assert [(one.scanned, one.expected) for one in summaries] == [(1, 4), (0, 4)]


def test_a_consult_case_has_a_number_of_ours_and_foreign_ones_never_match(lab: Catalog) -> None:
    own = lab.cases.place(order())
    foreign = Container(Position("A", "1", "1"), foreign=Numbered(label("A1-1"), "LABO AILLEURS"))
    consult = lab.cases.open_consult(replace(order(patient=BRUNO), containers=(foreign,)))
    case = read(lab, consult)
    assert case.accession.issuer == "SANSVERRE"
    assert case.orders[0].is_consult
    image = published(lab, scanned(lab, label("A1-1")))
    # It may be ours or theirs: both laboratories write the same on it.
    assert verdicts(lab) == {image.id: Verdict.AMBIGUOUS}
    assert tree(read(lab, own))["A1-1"] == []
    lab.cases.link(image.id, consult, Position("A", "1", "1"), WHO, establishment=HERE)
    done(lab)
    assert tree(read(lab, consult))["A1-1"] == [image.source_sha256]


@pytest.mark.parametrize("names_slides", [True, False])
def test_the_glass_of_a_cancelled_order_goes_to_nobody_else(
    lab: Catalog, names_slides: bool
) -> None:
    lab.cases.declare({HERE: replace(LABORATORY, names_slides=names_slides)})
    lab.cases.place(order(("A1-1",)))
    lab.cases.place(order((), minutes=1, is_cancelled=True))
    lab.cases.place(order(("B1-1",), patient=BRUNO, minutes=2, order=Numbered("O-2", "LABO")))
    assert lab.cases.expected(HERE, [label("A1-1")]) is None
    assert lab.cases.expected(HERE, [label("B1-1")]) is not None
    image = published(lab, scanned(lab, label("A1-1")))
    assert verdicts(lab) == {image.id: Verdict.UNEXPECTED}


def test_a_cancellation_alone_is_no_case(catalog: Catalog) -> None:
    catalog.cases.declare({HERE: Laboratory("", r"(?P<accession>\d{16})", names_slides=False)})
    whole = Numbered("20260000000000017")
    cancelled = replace(order(issuer="", order=whole), accession=None, is_cancelled=True)
    held = catalog.cases.place(cancelled)
    assert catalog.cases.expected(HERE, [whole.number[:16]]) is None
    image = published(catalog, scanned(catalog, whole.number[:16]))
    assert verdicts(catalog) == {image.id: Verdict.UNKNOWN}
    with pytest.raises(NotFound):
        read(catalog, held)
    # When the order comes it is cancelled, as it was said later.
    case_id = catalog.cases.place(order(number="X1", issuer="", order=whole, minutes=-1))
    assert [one.is_cancelled for one in read(catalog, case_id).orders] == [True]


@pytest.mark.parametrize("turn", [1, -1])
def test_an_order_under_another_number_leaves_the_old_one(lab: Catalog, turn: int) -> None:
    same = Numbered("O-1", "LABO")
    versions = (order(order=same), order(number="26H00099", order=same, minutes=1))
    for one in versions[::turn]:
        lab.cases.place(one)
    assert lab.cases.expected(HERE, [label("A1-1", "26H00099")]) is not None
    found = {
        one.accession.number: one.is_cancelled
        for one in lab.cases.list_cases(establishment=HERE, since=NOON)
    }
    assert found == {NUMBER: True, "26H00099": False}


@pytest.mark.parametrize("turn", [1, -1])
def test_what_was_asked_once_may_be_done_in_several_cases(lab: Catalog, turn: int) -> None:
    """A placer's number names what was asked: a laboratory that gives it none may divide it."""
    same = Numbered("P-1", "DPI")
    asked = order(order=same, placer=same)
    second = order(number="26H00099", order=same, placer=same, minutes=1)
    versions = (asked, second)
    for one in versions[::turn]:
        lab.cases.place(one)
    cases = lab.cases.list_cases(establishment=HERE, since=NOON)
    assert {one.accession.number: one.is_cancelled for one in cases} == {
        NUMBER: False,
        "26H00099": False,
    }
    lab.cases.place(replace(second, accession=None, is_cancelled=True, said_in="2"))
    cases = lab.cases.list_cases(establishment=HERE, since=NOON)
    assert [one.is_cancelled for one in cases] == [True, True]


@pytest.mark.parametrize(
    "wrong",
    [
        {"accession": Numbered("")},
        {"accession": Numbered("1" * 17)},
        {"containers": (Container(Position()),)},
        {"containers": (container("A1-1", barcode="x" * 65),)},
        {"said_at": datetime(2999, 1, 1, tzinfo=UTC)},
    ],
    ids=str,
)
def test_what_cannot_be_kept_is_refused(lab: Catalog, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidIdentity):
        lab.cases.place(replace(order(), **wrong))


def test_another_person_under_a_known_number_waits_until_that_is_settled(lab: Catalog) -> None:
    known = replace(ANNE, birth_date=date(1950, 1, 2), sex="F")
    published(lab, scanned(lab, "", "known", patient=known))
    other = replace(ANNE, name="TOUT^Autre", birth_date=date(1990, 5, 6), sex="M")
    case_id = lab.cases.place(order(patient=other))
    image = published(lab, scanned(lab, label("A1-1")))
    assert verdicts(lab) == {
        **{one: Verdict.UNREADABLE for one in verdicts(lab) if one != image.id},
        image.id: Verdict.DOUBTFUL,
    }
    correct(lab, other)
    assert not lab.cases.settle_some()
    lab.cases.look_again()
    all_done(lab)
    assert tree(read(lab, case_id))["A1-1"] == [image.source_sha256]
