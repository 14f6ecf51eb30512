"""Versions of reports in whichever order they come: which one counts, and what it is called."""

from dataclasses import replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from api.fhir.diagnostic_report import report_resource
from archive.catalog import Catalog
from archive.identity import PatientIdentity
from archive.reports.report import ReportStatus
from archive.reports.schema import report as table
from archive.resources.asked import Compare, Criterion, Period, Search, Token
from archive.resources.reports import FoundReport
from tests.api.fhir.conftest import published, report
from tests.archive.conftest import HERE


def found(catalog: Catalog, *criteria: Criterion) -> list[FoundReport]:
    return catalog.resources.reports(Search(criteria), establishment=HERE)


def having(status: str) -> Criterion:
    return Criterion("status", (Token(status),))


def test_of_two_versions_of_one_moment_the_later_status_counts(catalog: Catalog) -> None:
    # By their names the other way round.
    catalog.reports.keep(report("F1", 0, ReportStatus.FINAL, said_in="B"))
    catalog.reports.keep(report("F1", 0, ReportStatus.WITHDRAWN, said_in="A", documents=()))
    newest = catalog.reports.of_number("LABO", "A1", establishment=HERE) or (
        catalog.reports.of_number("", "A1", establishment=HERE)
    )
    assert [one.status for one in newest if one.is_newest] == [ReportStatus.WITHDRAWN]
    (one,) = found(catalog)
    told = report_resource(one, "http://test")
    assert (told["status"], "presentedForm" in told) == ("entered-in-error", False)
    assert found(catalog, having("entered-in-error")) == [one]
    assert not found(catalog, having("final"))


def test_a_version_keeps_its_number_when_an_earlier_one_comes_late(catalog: Catalog) -> None:
    catalog.reports.keep(report("F1", 10, ReportStatus.FINAL, title="Said second, came first"))
    catalog.reports.keep(report("F1", 0, ReportStatus.PRELIMINARY, title="Said first"))
    (after,) = found(catalog)
    assert [(one.number, one.title) for one in after.versions] == [
        (2, "Said first"),
        (1, "Said second, came first"),
    ]
    # What counts is what was said last; that something came is told of the report.
    told = report_resource(after, "http://test")
    assert told["status"] == "final"
    assert told["meta"]["versionId"].startswith("1.")
    came = after.versions[0].received_at.isoformat(timespec="milliseconds")
    assert told["meta"]["lastUpdated"] == came


def test_when_a_report_changed_is_when_it_is_found_to_have(catalog: Catalog) -> None:
    catalog.reports.keep(report("F1", 10, ReportStatus.FINAL))
    catalog.reports.keep(report("F1", 0, ReportStatus.PRELIMINARY))
    (one,) = found(catalog)
    told = report_resource(one, "http://test")["meta"]["lastUpdated"]
    moment = datetime.fromisoformat(told)
    asked = Period(Compare.EQ, moment, moment + timedelta(milliseconds=1))
    assert found(catalog, Criterion("_lastUpdated", (asked,))) == [one]


def test_a_version_counts_though_its_first_document_stands_elsewhere(catalog: Catalog) -> None:
    catalog.reports.keep(report("F1", 0, ReportStatus.FINAL))
    said = report("F1", 5, ReportStatus.AMENDED)
    more = report("F1", 6, ReportStatus.AMENDED).documents
    catalog.reports.keep(replace(said, documents=(*said.documents, *more)))
    (here,) = found(catalog)
    there = published(catalog, "luc", PatientIdentity("L", "CHU"), accession="A2").exam_id
    with catalog._database.write() as connection:
        of_first = (table.c.status == ReportStatus.AMENDED, table.c.part == 0)
        moved = sa.update(table).where(*of_first).values(exam_id=there)
        assert connection.execute(moved).rowcount == 1
    of = Criterion("study", (Token(here.exam_id),))
    (one,) = found(catalog, of)
    assert [(each.status, len(each.documents)) for each in one.versions] == [
        ("final", 1),
        ("amended", 1),
    ]
    assert found(catalog, of, having("amended")) == [one]
    assert not found(catalog, of, having("final"))


def test_while_a_newer_version_waits_none_is_told_to_count(catalog: Catalog) -> None:
    catalog.reports.keep(report("F1", 0, ReportStatus.FINAL))
    somebody_else = PatientIdentity("L", "CHU")
    withdrawn = report("F1", 5, ReportStatus.WITHDRAWN, documents=(), patient=somebody_else)
    catalog.reports.keep(withdrawn)
    assert catalog.reports.waiting(establishment=HERE)
    (after,) = found(catalog)
    told = report_resource(after, "http://test")
    assert (told["status"], "presentedForm" in told) == ("unknown", False)
    assert after.overtaken_at is not None
    assert told["meta"]["lastUpdated"] == after.overtaken_at.isoformat(timespec="milliseconds")
    assert found(catalog, having("unknown")) == [after]
    assert not found(catalog, having("final"))
    # What is older than what stands takes nothing from it.
    catalog.reports.keep(report("F1", 9, ReportStatus.AMENDED))
    assert [report_resource(one, "http://test")["status"] for one in found(catalog)] == ["amended"]
