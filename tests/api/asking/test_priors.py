"""What was done already is found when an order comes, and shown as long as it may be."""

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from api import priors
from api.archives import RadiologyArchive
from api.asking import Answered, AnswerState, Held
from api.policies import Role
from api.priors import Looking, found_before
from api.work import Workplace, open_workplace
from archive.cases.order import Numbered, OrderPlaced
from archive.identities.stated import Stated, person_of
from archive.identity import PatientIdentity
from archive.priors.priors import Wanted
from archive.priors.schema import prior_search
from archive.studies.judge import Patient
from archive.studies.study import Study, Whose
from tests.api.asking.radiology import ANNE, BRUNO
from tests.api.asking.test_timeline import ELSEWHERE, HERE, Two, as_of, two, web
from tests.api.conftest import Web
from tests.serving import LONG_S

__all__ = ["two", "web"]
CASE = Numbered("26H00012", "LABO")


def ordered(place: Workplace, patient: PatientIdentity, case: Numbered = CASE) -> str:
    order = OrderPlaced(HERE, Numbered("O1", "LABO"), case, patient, datetime.now(UTC))
    found = place.catalog.cases.place(order)
    looking = Looking()
    assert looking.some(place)
    assert not looking.some(place)
    looking.finish()
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

    # Whoever was told of theirs, on the case's page and in the list, looked there once.
    looks = web.get(
        f"/api/patients/{two.their_key}/looks", headers=as_of(two, ELSEWHERE, Role.CONTRIBUTOR)
    ).json()["looks"]
    assert [(one["looked"], one["establishment"]) for one in looks] == [("listed", HERE)]

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


def test_no_other_work_waits_for_an_archive_and_one_that_is_silent_is_asked_once(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    heard = threading.Event()

    def silent(rule: RadiologyArchive, _: Patient, __: float) -> Answered:
        asked.append(rule.name)
        assert heard.wait(LONG_S)
        return Answered(rule.name, rule.establishment, AnswerState.SILENT, datetime.now(UTC))

    monkeypatch.setattr(priors, "ask", silent)
    with open_workplace(two.settings) as place:
        cases = [Numbered(f"26H{number}", "LABO") for number in range(2)]
        ids = [
            place.catalog.cases.place(
                OrderPlaced(HERE, Numbered("O1", "LABO"), case, ANNE, datetime.now(UTC))
            )
            for case in cases
        ]
        looking = Looking()
        assert looking.some(place)
        heard.set()
        looking.finish()
        assert looking.some(place)
        looking.finish()
        before = place.catalog.priors.of_cases(ids, establishment=HERE)
    assert [one.unanswered for one in before.values()] == [("pacs", "old")] * 2
    assert sorted(asked) == ["old", "pacs"]


def test_an_exam_that_is_held_twice_was_done_once_and_the_one_that_is_ordered_was_not(
    two: Two,
) -> None:
    now = datetime.now(UTC)
    number = (CASE.issuer, CASE.number)
    wanted = Wanted("case", 1, now, HERE, ANNE, two.key, number)
    with open_workplace(two.settings) as place:
        lines = place.catalog.timelines.of_patient(two.key, establishment=HERE).lines
    theirs, own = sorted(lines, key=lambda line: line.is_own)
    uid = own.exam.study_instance_uid
    copied = replace(theirs, exam=replace(theirs.exam, study_instance_uid=uid))
    whose = Whose(ANNE.patient_id, "", "", person_of({}))

    def held(study: str, accession_number: str) -> Held:
        return Held(Study(study, whose, None, None, "", (), "", accession_number, "LABO"), None)

    answer = Answered(
        "pacs",
        HERE,
        AnswerState.ANSWERED,
        now,
        (held(uid, ""), held("1.2.3", CASE.number), held("1.2.4", "R1"), held("1.2.5", "R1")),
    )
    found = found_before(wanted, [copied, own], [answer])
    assert [(one.exam, one.archive) for one in found] == [
        (own.exam.id, None),
        (None, "pacs"),
    ]
