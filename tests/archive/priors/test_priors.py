"""What was found before an order is of whom the order is today, and of nobody else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from archive.cases.order import Numbered, OrderPlaced
from archive.catalog import Catalog
from archive.identities.stated import Flag
from archive.identity import PatientIdentity
from archive.priors.due import AGAIN_WITHIN
from archive.priors.priors import LEASE, MOST_ATTEMPTS, Prior, Wanted
from archive.priors.schema import prior_search
from tests.archive.conftest import HERE
from tests.archive.identities.saying import LUC, ZOE, qualified, said

FOUND = Prior(HERE, "2025-01-02", ("CT",), "Scanner thoracique", archive="pacs")
ZOE_1 = PatientIdentity("1", "CHU", **ZOE)


def placed(
    catalog: Catalog,
    patient: PatientIdentity = ZOE_1,
    number: str = "26H1",
    at: datetime | None = None,
    order: str = "O-1",
) -> str:
    numbered = Numbered(order, "LABO"), Numbered(number, "LABO")
    return catalog.cases.place(OrderPlaced(HERE, *numbered, patient, at or datetime.now(UTC)))


def looked(catalog: Catalog, unanswered: tuple[str, ...] = ()) -> Wanted:
    wanted = catalog.priors.claim()
    assert wanted is not None
    catalog.priors.keep(wanted, [FOUND], unanswered)
    return wanted


def shown(catalog: Catalog, case: str) -> tuple[Prior, ...]:
    return catalog.priors.of_cases([case], establishment=HERE)[case].exams


def test_what_was_found_is_forgotten_and_looked_for_anew_when_the_patient_is_known_otherwise(
    catalog: Catalog,
) -> None:
    catalog.identities.state(HERE, said("1", ZOE))
    case = placed(catalog, PatientIdentity("1", "CHU"))
    looked(catalog)
    assert shown(catalog, case) == (FOUND,)
    # Whoever gave the number to another person says so late.
    catalog.identities.state(HERE, said("1", LUC, 5))
    assert shown(catalog, case) == ()
    assert not catalog.priors.of_cases([case], establishment=HERE)[case].is_over
    assert looked(catalog).patient.name == LUC["name"]
    assert shown(catalog, case) == (FOUND,)


@pytest.mark.parametrize("said_of", [{"flags": [Flag.COLLISION]}, {"status": "QUAL"}])
def test_it_is_looked_for_anew_by_a_flag_and_by_a_status(
    catalog: Catalog, said_of: dict[str, object]
) -> None:
    catalog.identities.state(HERE, said("1", ZOE))
    placed(catalog)
    looked(catalog)
    assert catalog.priors.claim() is None
    catalog.identities.state(HERE, said("1", {**ZOE, **said_of}, 5))
    assert catalog.priors.claim() is not None


def test_it_is_looked_for_once_two_identities_of_a_case_are_one_and_again_when_they_are_two(
    catalog: Catalog,
) -> None:
    for number in ("1", "2"):
        catalog.identities.state(HERE, said(number, ZOE))
    case = placed(catalog)
    placed(catalog, replace(ZOE_1, patient_id="2"), order="O-2")
    assert catalog.priors.claim() is None
    key = catalog.identities.merge(HERE, said("1", {}, 5), ("2", "CHU")).key
    assert looked(catalog).patient.patient_id == "1"
    assert shown(catalog, case) == (FOUND,)
    merge = catalog.identities.history(key, establishment=HERE)[0]
    catalog.identities.undo(merge.id, "me", establishment=HERE)
    assert shown(catalog, case) == ()
    assert catalog.priors.claim() is None


def test_before_an_old_order_it_is_forgotten_and_not_looked_for_again(catalog: Catalog) -> None:
    catalog.identities.state(HERE, said("1", ZOE))
    old = datetime.now(UTC) - AGAIN_WITHIN - timedelta(days=1)
    case = placed(catalog, at=old)
    looked(catalog)
    catalog.identities.state(HERE, qualified("1", ZOE, minutes=5))
    assert shown(catalog, case) == ()
    assert catalog.priors.claim() is None


def test_an_order_that_says_another_person_than_its_number_is_of_nobody(catalog: Catalog) -> None:
    catalog.identities.state(HERE, said("1", ZOE))
    case = placed(catalog)
    looked(catalog)
    later = datetime.now(UTC) + timedelta(seconds=1)
    placed(catalog, PatientIdentity("1", "CHU", **LUC), at=later)
    assert catalog.priors.claim() is None
    assert shown(catalog, case) == ()


def test_who_looked_too_long_does_not_overwrite_what_was_found_since(catalog: Catalog) -> None:
    case = placed(catalog)
    slow = catalog.priors.claim()
    assert slow is not None
    placed(catalog, at=datetime.now(UTC) + timedelta(seconds=1))
    looked(catalog)
    catalog.priors.keep(slow, [], ["pacs"])
    before = catalog.priors.of_cases([case], establishment=HERE)[case]
    assert (before.exams, before.unanswered, before.is_over) == ((FOUND,), (), True)


def test_what_nobody_can_look_for_is_given_up(catalog: Catalog) -> None:
    case = placed(catalog)
    for attempt in range(MOST_ATTEMPTS):
        wanted = catalog.priors.claim()
        assert wanted is not None
        assert wanted.attempt == attempt + 1
        assert catalog.priors.claim() is None
        with catalog._database.write() as connection:
            lost = datetime.now(UTC) - LEASE
            connection.execute(sa.update(prior_search).values(due_at=lost))
    assert catalog.priors.claim() is None
    assert catalog.priors.of_cases([case], establishment=HERE)[case].is_over


def test_a_list_takes_as_many_queries_for_one_case_as_for_many(
    catalog: Catalog, counted: list[str]
) -> None:
    asked, cases = [], []
    for number in range(5):
        whom = replace(ZOE_1, patient_id=f"{number}")
        catalog.identities.state(HERE, said(f"{number}", ZOE))
        cases.append(placed(catalog, whom, f"26H{number}"))
        looked(catalog)
        counted.clear()
        before = catalog.priors.of_cases(cases, establishment=HERE)
        assert [before[one].exams for one in cases] == [(FOUND,)] * (number + 1)
        asked.append(len([one for one in counted if one.startswith("SELECT")]))
    assert asked[0] == asked[-1] <= 8
