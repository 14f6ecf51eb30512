"""Orders whose patient's number was merged into another: later versions come under that one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from archive.cases.order import Numbered
from archive.catalog import Catalog
from archive.identities.stated import Stated
from archive.identity import PatientIdentity
from tests.archive.cases.conftest import (
    LABORATORY,
    NOON,
    label,
    order,
    published,
    read,
    scanned,
    tree,
)
from tests.archive.conftest import HERE
from tests.archive.identities.saying import undo_merge
from tests.archive.test_lesions import ANNE, BRUNO

NEW = PatientIdentity("900", "CHU", ANNE.name)


@pytest.fixture
def merged(catalog: Catalog) -> str:
    """The case of an order that came before its patient had another number."""
    catalog.cases.declare({HERE: LABORATORY})
    case_id = catalog.cases.place(order(("A1-1", "A1-2")))
    into = Stated(
        NEW.patient_id, NEW.issuer, {"name": NEW.name}, NOON + timedelta(minutes=1), "GAM"
    )
    catalog.identities.merge(HERE, into, (ANNE.patient_id, ANNE.issuer))
    return case_id


@pytest.mark.parametrize("says_case", [True, False])
def test_a_cancellation_under_the_new_number_ends_the_order(
    catalog: Catalog, merged: str, says_case: bool
) -> None:
    cancelled = order((), minutes=5, patient=NEW, is_cancelled=True)
    if not says_case:
        cancelled = replace(cancelled, accession=None)
    assert catalog.cases.place(cancelled) == merged
    (one,) = catalog.cases.list_cases(establishment=HERE, since=NOON)
    assert (one.is_cancelled, one.expected) == (True, 0)
    assert all(said.is_cancelled for said in read(catalog, merged).orders)


def test_a_cancellation_ends_no_other_s_order_of_the_same_number(
    catalog: Catalog, merged: str
) -> None:
    catalog.cases.place(order((), minutes=5, patient=BRUNO, is_cancelled=True))
    (one,) = catalog.cases.list_cases(establishment=HERE, since=NOON)
    assert (one.is_cancelled, one.expected) == (False, 2)


@pytest.mark.parametrize("placer", [None, Numbered("O-26H00012", "LABO")])
def test_a_version_under_the_new_number_takes_the_place_of_the_older(
    catalog: Catalog, merged: str, placer: Numbered | None
) -> None:
    catalog.cases.place(order(("A1-1", "B1-1"), minutes=5, patient=NEW, placer=placer))
    case = read(catalog, merged)
    assert set(tree(case)) == {"A1-1", "B1-1"}
    ended = {said.patient.patient_id: said.is_cancelled for said in case.orders}
    assert ended == {ANNE.patient_id: True, "900": False}
    assert case.patients[0].patient_id == "900"
    # What was named once is known for ever, and matched.
    image = published(catalog, scanned(catalog, label("A1-2")))
    assert tree(read(catalog, merged))["A1-2"] == [image.source_sha256]


def test_a_version_that_names_no_slides_says_nothing_of_them(catalog: Catalog, merged: str) -> None:
    catalog.cases.place(order((), minutes=5, patient=NEW))
    assert set(tree(read(catalog, merged))) == {"A1-1", "A1-2"}
    (one,) = catalog.cases.list_cases(establishment=HERE, since=NOON)
    assert one.expected == 2
    # An older one that comes late ends nothing, and names what it names.
    catalog.cases.place(order(("A1-2", "C1-1"), minutes=3))
    assert set(tree(read(catalog, merged))) == {"A1-2", "C1-1"}
    (one,) = catalog.cases.list_cases(establishment=HERE, since=NOON)
    assert (one.is_cancelled, one.expected) == (False, 2)


def merge(catalog: Catalog) -> None:
    into = Stated(
        NEW.patient_id, NEW.issuer, {"name": NEW.name}, NOON + timedelta(minutes=9), "GAM"
    )
    catalog.identities.merge(HERE, into, (ANNE.patient_id, ANNE.issuer))


def orders_of(catalog: Catalog, case_id: str) -> dict[str, bool]:
    """Whether each of a case's orders is cancelled, by the number of the patient."""
    return {one.patient.patient_id: one.is_cancelled for one in read(catalog, case_id).orders}


@pytest.mark.parametrize("says_case", [True, False])
@pytest.mark.parametrize("comes_first", [True, False])
def test_a_cancellation_under_the_new_number_before_the_merge_ends_the_order(
    catalog: Catalog, says_case: bool, comes_first: bool
) -> None:
    catalog.cases.declare({HERE: LABORATORY})
    cancelled = order((), minutes=5, patient=NEW, is_cancelled=True)
    placed = [cancelled if says_case else replace(cancelled, accession=None), order(("A1-1",))]
    cases = [catalog.cases.place(one) for one in (placed if comes_first else placed[::-1])]
    case_id = cases[1 if comes_first else 0]
    assert orders_of(catalog, case_id)[ANNE.patient_id] is False
    merge(catalog)

    assert all(orders_of(catalog, case_id).values())
    undo_merge(catalog, ANNE.patient_id)
    assert orders_of(catalog, case_id)[ANNE.patient_id] is False
    (said,) = catalog.cases.list_cases(establishment=HERE, since=NOON)
    assert said.is_cancelled is False


@pytest.mark.parametrize("comes_first", [True, False])
@pytest.mark.parametrize("names", [("A1-1", "B1-1"), ()])
def test_a_version_under_the_new_number_before_the_merge_takes_the_place_of_the_older(
    catalog: Catalog, comes_first: bool, names: tuple[str, ...]
) -> None:
    """With what the older one named and it does not speak of; a merge taken back restores both."""
    catalog.cases.declare({HERE: LABORATORY})
    placed = [order(names, minutes=5, patient=NEW), order(("A1-1", "A1-2"))]
    for one in placed if comes_first else placed[::-1]:
        case_id = catalog.cases.place(one)
    before = tree(read(catalog, case_id))
    merge(catalog)

    assert orders_of(catalog, case_id) == {ANNE.patient_id: True, NEW.patient_id: False}
    assert set(tree(read(catalog, case_id))) == set(names or ("A1-1", "A1-2"))
    image = published(catalog, scanned(catalog, label("A1-2")))
    assert tree(read(catalog, case_id))["A1-2"] == [image.source_sha256]
    undo_merge(catalog, ANNE.patient_id)
    assert orders_of(catalog, case_id) == {ANNE.patient_id: False, NEW.patient_id: False}
    assert set(tree(read(catalog, case_id))) == set(before)


def test_what_is_said_after_the_merge_stays_when_that_is_taken_back(catalog: Catalog) -> None:
    catalog.cases.declare({HERE: LABORATORY})
    case_id = catalog.cases.place(order(("A1-1",)))
    catalog.cases.place(order(("A1-1",), minutes=5, patient=NEW))
    merge(catalog)
    catalog.cases.place(order((), minutes=12, is_cancelled=True))
    undo_merge(catalog, ANNE.patient_id)
    assert orders_of(catalog, case_id) == {ANNE.patient_id: True, NEW.patient_id: True}


def test_orders_of_two_numbers_that_only_their_placer_numbers_end_in_one_case_alone(
    catalog: Catalog,
) -> None:
    catalog.cases.declare({HERE: LABORATORY})
    placer = Numbered("O-26H00012", "LABO")
    case_id = catalog.cases.place(order(("A1-1",), placer=placer))
    other = replace(
        order(("A1-1",), minutes=5, patient=NEW, placer=placer),
        accession=Numbered("26H00099", "LABO"),
    )
    catalog.cases.place(other)
    merge(catalog)
    assert orders_of(catalog, case_id) == {ANNE.patient_id: False}
