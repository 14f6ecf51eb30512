"""Reports go where their exam goes: to the right patient, and under other UIDs."""

import io
from datetime import UTC, date, datetime

import pytest
from pydicom import dcmread

from api.hl7.exchange import Exchange
from api.moving import move_once
from api.reporting import Reporting
from api.settings import Settings
from api.work import Workplace
from archive.errors import NotFound
from archive.identity import PatientIdentity
from archive.move import Author, Destination
from archive.record import ImageKind, OutboxState
from archive.reports.report import Report, ReportStatus
from archive.telling.rules import Takes
from archive.worklist.item import News, Reader, Wanted, Which
from tests.api.conftest import Web, reading
from tests.api.hl7.conftest import GAM, HERE, message
from tests.api.hl7.test_exchange import LOCAL
from tests.api.hl7.test_orders import PID
from tests.api.hl7.test_reports import ed, oru
from tests.api.reports.conftest import PDF_OF_TWO, filled
from tests.samples.report import pdf

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
RIGHT = PatientIdentity("79", "CHU", "AUTRE^Jean", date(1950, 2, 3), "M")


def reports(place: Workplace) -> tuple[Report, ...]:
    return place.catalog.reports.of_number("LABO", "26H00012", establishment=HERE)


def test_reports_of_a_wrong_patient_are_moved_with_their_exam(
    settings: Settings, place: Workplace
) -> None:
    filled(place)
    before = reports(place)
    images = place.catalog.reports.images_of_exam(before[0].exam_id)
    place.catalog.moves.ask(images, Destination(RIGHT), Author("by hand"), establishment=HERE)
    assert move_once(place)
    assert reports(place) == ()
    with reading(settings, HERE) as web:
        (study,) = web.get("/dicomweb/studies?ModalitiesInStudy=DOC").json()
        assert study["00100020"]["Value"] == ["79"]
        uid = study["0020000D"]["Value"][0]
        found = web.get(f"/api/exams/{_exam(place, uid)}/reports").json()["reports"]
        assert [one["version"] for one in found] == [3, 2, 1]
        instances = web.get(f"/dicomweb/studies/{uid}/instances").json()
        names = {one["00080018"]["Value"][0] for one in instances}
        assert names.isdisjoint({one.sop_instance_uid for one in before})
        for one in instances:
            address = one["00081190"]["Value"][0].removeprefix("http://test")
            header = dcmread(
                io.BytesIO(web.get(address, headers={"accept": "application/dicom"}).content)
            )
            assert (header.PatientID, str(header.PatientName)) == ("79", "AUTRE^Jean")


def _exam(place: Workplace, study: str) -> str:
    (one, *_) = place.catalog.reports.of_study(study, establishment=HERE)
    assert one.patient.patient_id == "79"
    return one.exam_id


def test_a_report_that_is_withdrawn_is_so_wherever_it_is_moved(place: Workplace) -> None:
    place.catalog.outbox.know(HERE, "radiology", frozenset({Takes.REPORTS}))
    filled(place)
    gone = oru("OBX|1|ED|a||||||||W", state="X", number="x", at="20260301110000")
    late = oru(ed(pdf("Autre")), number="y", at="20260301093000")
    for one in (gone, late):
        assert b"MSA|AA|" in Exchange(place, (GAM,)).answer(one, LOCAL)
    (newest, *_) = reports(place)
    assert (newest.status, newest.image_id) == (ReportStatus.WITHDRAWN, None)
    images = place.catalog.reports.images_of_exam(newest.exam_id)
    place.catalog.moves.ask(images, Destination(RIGHT), Author("by hand"), establishment=HERE)
    assert move_once(place)
    # What was no instance yet comes to the right patient too.
    assert Reporting().some(place)
    assert place.catalog.reports.of_exam(newest.exam_id, establishment=HERE) == ()
    image = place.catalog.image(images[0], establishment=HERE)
    found = place.catalog.reports.of_exam(image.exam_id, establishment=HERE)
    assert len(found) == 5
    assert found[0].status is ReportStatus.WITHDRAWN
    assert {one.patient.patient_id for one in found} == {"79"}
    told = place.catalog.outbox.of_images([str(one.image_id) for one in found if one.image_id])
    assert len(told) == 4
    assert {one.state for rows in told.values() for one in rows} == {OutboxState.SUPERSEDED}


def test_a_report_that_goes_home_is_read_by_nobody_until_it_is_there(
    settings: Settings, place: Workplace
) -> None:
    exchange = Exchange(place, (GAM,))
    filled(place)
    exam = _with_a_slide(place)
    reader = Reader("anne", HERE)
    version = place.catalog.worklist.item(exam, reader).version
    assert place.catalog.worklist.mark_read(exam, version, reader).news == ()
    gone = "OBX|1|ED|a||||||||W"
    second = "PID|1||80^^^CHU^PI||ESSAI^Zoé||19570307|F"
    for one in (
        message("ADT^A28", "EVN||20260302", second, control="M0"),
        message("ADT^A40", "EVN||20260302", PID, "MRG|80^^^CHU^PI", control="M1"),
        # By the number that was, of an order of the other.
        oru(ed(pdf("Autre")), number="late", at="20260301110000", pid=second),
        oru(gone, state="X", number="x", at="20260301120000", pid=second),
        oru(gone, state="X", number="z", at="20260301130000", pid=second, filler="F2^LABO"),
    ):
        assert b"MSA|AA|" in exchange.answer(one, LOCAL)
    assert Reporting().some(place)
    withdrawn, alone, late, *others = reports(place)
    assert late.patient.patient_id == "77"
    assert place.catalog.worklist.item(exam, reader).news == (News.REPORT,)
    undo(place, late.patient_key)
    item = place.catalog.worklist.item(exam, reader)
    assert (item.news, item.reports, item.version) == ((), 1, version)
    assert place.catalog.worklist.page(Wanted(SINCE, Which.UNREAD), reader)[0] == ()
    mine = [(one.id, one.version) for one in others]
    assert [(one.id, one.version) for one in reports(place)] == mine
    with pytest.raises(NotFound):
        place.catalog.reports.one(late.id, establishment=HERE)
    with reading(settings, HERE) as web:
        documents = _by_fhir(web)
    assert documents[others[0].patient_key] == {one.id for one in others}
    assert {late.id, withdrawn.id}.isdisjoint(*documents.values())
    # What is no instance is decided anew, and waits for a person.
    assert [one.id for one in place.catalog.reports.waiting(establishment=HERE)] == [alone.id]
    assert move_once(place)
    home = place.catalog.reports.one(late.id, establishment=HERE)
    assert home.patient.patient_id == "80"
    there = place.catalog.reports.of_exam(home.exam_id, establishment=HERE)
    assert [one.id for one in there] == [withdrawn.id, late.id]
    assert [one.id for one in reports(place)] == [one.id for one in others]


def _with_a_slide(place: Workplace) -> str:
    """A slide beside the reports, without which their exam is in no list; gives the exam."""
    slide = place.catalog.receive(
        establishment=HERE,
        kind=ImageKind.SLIDE,
        source_sha256="5" * 64,
        plan="full",
        patient=reports(place)[0].patient,
        accession_number="26H00012",
        issuer="LABO",
    )
    assert slide.exam_id == reports(place)[0].exam_id
    return slide.exam_id


def _by_fhir(web: Web) -> dict[str, set[str]]:
    """By the patient, the documents of all versions of all reports that FHIR tells of."""
    found: dict[str, set[str]] = {}
    for entry in web.get("/fhir/DiagnosticReport").json().get("entry", []):
        one = entry["resource"]
        whose = one["subject"]["reference"].removeprefix("Patient/")
        told = web.get(f"/fhir/DiagnosticReport/{one['id']}/_history").json()["entry"]
        forms = [each for version in told for each in version["resource"].get("presentedForm", [])]
        found.setdefault(whose, set()).update(each["url"].split("/")[-2] for each in forms)
    return found


def undo(place: Workplace, patient_key: str) -> None:
    (event, *_) = [
        each
        for each in place.catalog.identities.history(patient_key, establishment=HERE)
        if each.may_be_undone and each.act == "merged"
    ]
    place.catalog.identities.undo(event.id, "by hand", establishment=HERE)


def test_a_merge_takes_reports_along_and_its_undoing_brings_them_back(place: Workplace) -> None:
    filled(place)
    (one, *_) = before = reports(place)
    exchange = Exchange(place, (GAM,))
    survivor = "PID|1||80^^^CHU^PI||ESSAI^Zoé||19570307|F"
    said = (survivor, "MRG|77^^^CHU^PI")
    whole = message("ADT^A40", "EVN||20260302", *said, control="M1")
    assert b"MSA|AA|" in exchange.answer(whole, LOCAL)
    assert {each.patient.patient_id for each in reports(place)} == {"80"}
    # Under the number that was, as a laboratory goes on saying it.
    late = oru(ed(PDF_OF_TWO), number="late", at="20260301110000")
    assert b"MSA|AA|" in exchange.answer(late, LOCAL)
    assert Reporting().some(place)
    assert len(reports(place)) == len(before) + 1
    undo(place, one.patient_key)
    assert {each.patient.patient_id for each in reports(place)} == {"77"}
