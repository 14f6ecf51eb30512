"""Reports are kept in all their versions, and stand under the right patient or wait."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import permutations

import pytest
import sqlalchemy as sa

from archive.cases.order import Numbered, OrderPlaced
from archive.catalog import Catalog
from archive.errors import NotFound
from archive.identity import PatientIdentity
from archive.record import ImageKind
from archive.reports.report import PDF, Report, ReportStatus
from archive.reports.said import Kept, ReportSaid
from archive.resources.asked import Criterion, Search, Token
from archive.storage import Storage
from tests.archive.conftest import ELSEWHERE, HERE, digest

HOUR = timedelta(hours=1)
THEN = datetime(2026, 3, 2, 8, tzinfo=UTC)
PATIENT = PatientIdentity("4711", "CHU", "MARTIN^Anne", date(1960, 1, 2), "F")
OTHER = PatientIdentity("4712", "CHU", "DURAND^Paul", date(1950, 1, 2), "M")
ACCESSION = Numbered("26H00012", "LABO")


def order(patient: PatientIdentity = PATIENT, **more: object) -> OrderPlaced:
    whole = OrderPlaced(HERE, Numbered("F1", "LABO"), ACCESSION, patient, THEN)
    return replace(whole, **more)  # type: ignore[arg-type]


def said(storage: Storage, text: bytes = b"%PDF-1.4 one", **more: object) -> ReportSaid:
    kept = Kept(PDF, storage.put_bytes(text), len(text), sha256(text).hexdigest())
    whole = ReportSaid(
        HERE,
        Numbered("F1", "LABO"),
        PATIENT,
        ReportStatus.FINAL,
        THEN,
        accession=ACCESSION,
        title="Compte rendu",
        code="11526-1",
        documents=(kept,),
    )
    return replace(whole, **more)  # type: ignore[arg-type]


def reports(catalog: Catalog) -> tuple[Report, ...]:
    return catalog.reports.of_number("LABO", "26H00012", establishment=HERE)


def test_a_report_stands_in_the_exam_of_its_order(catalog: Catalog, storage: Storage) -> None:
    catalog.cases.place(order())
    catalog.reports.keep(said(storage))
    (one,) = reports(catalog)
    assert (one.version, one.is_newest, one.replaces) == (1, True, None)
    assert one.patient.patient_id == "4711"
    assert catalog.reports.of_patient(one.patient_key, establishment=HERE) == (one,)
    assert catalog.reports.of_study(one.study_instance_uid, establishment=HERE) == (one,)
    content = catalog.reports.content(one.id, storage, establishment=HERE)
    assert (content.media_type, content.data) == (PDF, b"%PDF-1.4 one")


def test_another_establishment_learns_of_nothing(catalog: Catalog, storage: Storage) -> None:
    catalog.cases.place(order())
    catalog.reports.keep(said(storage))
    (one,) = reports(catalog)
    assert catalog.reports.of_patient(one.patient_key, establishment=ELSEWHERE) == ()
    assert catalog.reports.of_study(one.study_instance_uid, establishment=ELSEWHERE) == ()
    with pytest.raises(NotFound):
        catalog.reports.content(one.id, storage, establishment=ELSEWHERE)


def test_without_an_order_it_waits_until_that_comes(catalog: Catalog, storage: Storage) -> None:
    catalog.reports.keep(said(storage))
    assert reports(catalog) == ()
    catalog.cases.place(order())
    catalog.reports.settle()
    assert [one.title for one in reports(catalog)] == ["Compte rendu"]


def test_what_nothing_has_come_for_keeps_nobody_from_writing(
    catalog: Catalog, storage: Storage
) -> None:
    catalog.reports.keep(said(storage))
    begun: list[str] = []

    def hear(_: object, __: object, statement: str, *___: object) -> None:
        begun.append(statement)

    with catalog._database.read() as connection:
        engine = connection.engine
    sa.event.listen(engine, "before_cursor_execute", hear)
    try:
        assert catalog.reports.settle() == 0
        assert not catalog.reports.settle_some()
    finally:
        sa.event.remove(engine, "before_cursor_execute", hear)
    assert not [one for one in begun if "IMMEDIATE" in one or "UPDATE" in one]
    # Most may wait for ever: those for which an exam has come are found by the exam.
    (asked,) = [one for one in begun if "report.waits ||" in one or "concat(report" in one]
    with catalog._database.read() as connection:
        if connection.dialect.name == "sqlite":
            told = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", ("", "", "", ""))
            plan = " ".join(str(row[3]) for row in told)
            assert "SEARCH exam USING INDEX ix_exam_created_at_id (created_at>?)" in plan
            assert "SEARCH report USING INDEX ix_report_establishment_id_accession_number" in plan


def test_an_exam_of_its_number_is_enough(catalog: Catalog, storage: Storage) -> None:
    catalog.receive(
        establishment=HERE,
        kind=ImageKind.SLIDE,
        source_sha256=digest("a"),
        plan="full",
        patient=PATIENT,
        accession_number="26H00012",
        issuer="LABO",
    )
    catalog.reports.keep(said(storage))
    assert len(reports(catalog)) == 1


def test_an_exam_that_comes_later_is_enough_too(catalog: Catalog, storage: Storage) -> None:
    catalog.reports.keep(said(storage))
    assert not catalog.reports.settle_some()
    catalog.receive(
        establishment=HERE,
        kind=ImageKind.SLIDE,
        source_sha256=digest("a"),
        plan="full",
        patient=PATIENT,
        accession_number="26H00012",
        issuer="LABO",
    )
    assert catalog.reports.settle_some()
    assert len(reports(catalog)) == 1
    assert not catalog.reports.settle_some()


def test_one_of_another_patient_than_its_order_waits(catalog: Catalog, storage: Storage) -> None:
    catalog.cases.place(order(OTHER))
    catalog.reports.keep(said(storage))
    catalog.reports.settle()
    assert reports(catalog) == ()


def test_one_that_says_somebody_else_under_a_number_waits(
    catalog: Catalog, storage: Storage
) -> None:
    catalog.cases.place(order())
    catalog.receive(
        establishment=HERE,
        kind=ImageKind.SLIDE,
        source_sha256=digest("a"),
        plan="full",
        patient=PATIENT,
    )
    stranger = replace(OTHER, patient_id=PATIENT.patient_id)
    catalog.reports.keep(said(storage, patient=stranger))
    assert reports(catalog) == ()


def test_versions_count_by_their_own_time_however_they_come(url: str, storage: Storage) -> None:
    versions = [
        said(storage, b"one", status=ReportStatus.PRELIMINARY),
        said(storage, b"two", said_at=THEN + timedelta(hours=1)),
        said(storage, b"three", status=ReportStatus.AMENDED, said_at=THEN + timedelta(hours=2)),
    ]
    for number, one in enumerate(permutations(versions)):
        with Catalog.open(url) as catalog:
            mine = f"26H{number:05}"
            catalog.cases.place(order(order=Numbered(mine), accession=Numbered(mine, "LABO")))
            for version in (*one, *one):
                here = replace(version, number=Numbered(mine), accession=Numbered(mine, "LABO"))
                catalog.reports.keep(replace(here, documents=_copied(storage, here.documents)))
            found = catalog.reports.of_number("LABO", mine, establishment=HERE)
            assert [(r.version, r.status, r.is_newest, r.replaces) for r in found] == [
                (3, ReportStatus.AMENDED, True, 2),
                (2, ReportStatus.FINAL, False, 1),
                (1, ReportStatus.PRELIMINARY, False, None),
            ]


def _copied(storage: Storage, documents: tuple[Kept, ...]) -> tuple[Kept, ...]:
    return tuple(
        replace(one, key=storage.put_bytes(storage.read_range(one.key, 0, one.length_bytes)))
        for one in documents
    )


def test_what_replaces_a_document_is_a_version_of_it(catalog: Catalog, storage: Storage) -> None:
    catalog.cases.place(order())
    chain = [
        said(storage, b"one", number=Numbered("D1", "LABO"), document="D1"),
        said(storage, b"two", number=Numbered("D2", "LABO"), document="D2", replaces="D1"),
        said(storage, b"three", number=Numbered("D3", "LABO"), document="D3", replaces="D2"),
    ]
    for hours, one in reversed(list(enumerate(chain))):
        catalog.reports.keep(replace(one, said_at=THEN + timedelta(hours=hours)))
    assert [(one.number, one.version) for one in reports(catalog)] == [
        ("D1", 3),
        ("D1", 2),
        ("D1", 1),
    ]


def test_what_a_report_says_is_no_orphan(catalog: Catalog, storage: Storage) -> None:
    (key,) = catalog.reports.keep(said(storage))
    assert key in catalog.object_keys()
    assert catalog.reports.keep(said(storage)) == ()


def test_a_person_files_what_was_shown_and_not_what_names_another_order(
    catalog: Catalog, storage: Storage
) -> None:
    third = PatientIdentity("4713", "CHU", "PETIT^Luc", date(1970, 1, 2), "M")
    elsewhere = Numbered("26H00099", "LABO")
    catalog.cases.place(order(OTHER))
    catalog.cases.place(order(third, order=Numbered("F9", "LABO"), accession=elsewhere))
    catalog.reports.keep(said(storage))
    catalog.reports.keep(said(storage, b"two", accession=elsewhere, said_at=THEN + HOUR))
    shown, _ = sorted(
        catalog.reports.waiting(establishment=HERE), key=lambda one: one.accession_number
    )
    catalog.reports.file(shown.id, "a physician", establishment=HERE)
    assert [one.patient.patient_id for one in reports(catalog)] == ["4712"]
    (left,) = catalog.reports.waiting(establishment=HERE)
    assert left.accession_number == "26H00099"


@pytest.mark.parametrize("status", [ReportStatus.WITHDRAWN, ReportStatus.AMENDED])
def test_while_a_newer_version_waits_none_is_the_newest(
    catalog: Catalog, storage: Storage, status: ReportStatus
) -> None:
    catalog.cases.place(order())
    catalog.reports.keep(said(storage))
    older = said(storage, b"older", patient=OTHER, said_at=THEN - HOUR)
    catalog.reports.keep(older)
    assert [one.is_newest for one in reports(catalog)] == [True]
    catalog.reports.keep(said(storage, b"two", patient=OTHER, status=status, said_at=THEN + HOUR))
    assert [one.is_newest for one in reports(catalog)] == [False]


def test_of_two_versions_of_one_moment_the_same_is_the_newest_wherever_it_is_asked(
    catalog: Catalog, storage: Storage
) -> None:
    catalog.cases.place(order())
    same = {"status": ReportStatus.AMENDED}
    catalog.reports.keep(said(storage, b"one", said_in="10", **same))
    catalog.reports.keep(said(storage, b"two", said_in="9", **same))
    catalog.reports.keep(said(storage, b"three", said_in="99"))
    (newest, *_) = reports(catalog)
    assert catalog.reports.content(newest.id, storage, establishment=HERE).data == b"one"
    (found,) = catalog.resources.reports(Search(()), establishment=HERE)
    assert [one.documents[0].id for one in found.versions] == [
        one.id for one in reversed(reports(catalog))
    ]
    asked = Search((Criterion("status", (Token("amended"),)),))
    assert len(catalog.resources.reports(asked, establishment=HERE)) == 1
