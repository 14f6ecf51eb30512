"""What was done already is found when an order comes, and shown as long as it may be."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from api.priors import look_once
from api.work import Workplace, open_workplace
from archive.cases.order import Numbered, OrderPlaced
from archive.identities.stated import Stated
from archive.identity import PatientIdentity
from archive.priors.schema import prior_search
from tests.api.asking.radiology import ANNE, BRUNO
from tests.api.asking.test_timeline import ELSEWHERE, HERE, Two, as_of, two, web
from tests.api.conftest import Web

__all__ = ["two", "web"]
CASE = Numbered("26H00012", "LABO")


def ordered(place: Workplace, patient: PatientIdentity, case: Numbered = CASE) -> str:
    order = OrderPlaced(HERE, Numbered("O1", "LABO"), case, patient, datetime.now(UTC))
    found = place.catalog.cases.place(order)
    assert look_once(place)
    assert not look_once(place)
    return found


def test_all_that_may_be_shown_is_found_when_the_order_comes(two: Two, web: Web) -> None:
    with open_workplace(two.settings) as place:
        case = ordered(place, ANNE)
    told = web.get(f"/api/cases/{case}/priors").json()
    assert [(one["description"], one["archive"]) for one in told["exams"] if one["archive"]] == [
        ("Scanner thoracique", "pacs"),
        ("IRM cérébrale", "pacs"),
    ]
    assert {one["exam"]: one["establishment"] for one in told["exams"] if one["exam"]} == {
        two.here.exam_id: HERE,
        two.there.exam_id: ELSEWHERE,
    }
    # One archive said nothing: that is said, and it is asked again.
    assert (told["unanswered"], told["over"]) == (["old"], False)
    (short,) = web.get("/api/priors").json()["cases"]
    assert (short["case"], short["exams"]) == (case, 4)
    assert web.get(f"/api/cases/{case}/priors", headers=as_of(two, ELSEWHERE)).status_code == 404
    assert web.get("/api/priors", headers=as_of(two, ELSEWHERE)).json() == {"cases": []}

    with open_workplace(two.settings) as place:
        place.catalog.sharing.object(two.their_key, "me", establishment=ELSEWHERE)
    left = web.get(f"/api/cases/{case}/priors").json()["exams"]
    assert {one["establishment"] for one in left} == {HERE}


@pytest.mark.parametrize("comes", ["order", "merge"])
def test_what_was_found_for_one_is_shown_for_nobody_else(two: Two, web: Web, comes: str) -> None:
    """A second identity, or a merge of the first into another number, ends it."""
    with open_workplace(two.settings) as place:
        case = ordered(place, ANNE)
        if comes == "order":
            other = replace(BRUNO, patient_id="99", issuer="SERVICE")
            later = OrderPlaced(HERE, Numbered("O2", "LABO"), CASE, other, datetime.now(UTC))
            place.catalog.cases.place(later)
        else:
            into = Stated("55", "SERVICE", {}, datetime.now(UTC), "GAM")
            place.catalog.identities.merge(HERE, into, (ANNE.patient_id, ANNE.issuer))
    assert web.get(f"/api/cases/{case}/priors").json()["exams"] == []


def test_who_is_new_here_is_not_new_to_the_archive(two: Two, web: Web) -> None:
    with open_workplace(two.settings) as place:
        new = replace(ANNE, issuer="")
        case = ordered(place, new)
        with place.catalog._database.read() as connection:
            kept = connection.execute(sa.select(prior_search)).mappings().one()
        assert kept["unanswered"] == ["old"]
    told = web.get(f"/api/cases/{case}/priors").json()
    assert [one["archive"] for one in told["exams"]] == ["pacs", "pacs"]
