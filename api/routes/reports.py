"""Reports: those of a case, an exam or a patient, and what one says."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from api.answer import KEPT_BY_NOBODY
from api.report_view import page_picture, seen
from api.routes.at_the_door import CallerHere, CatalogHere, StorageHere
from api.routes.shapes import PatientOut, patient_out
from archive.reports.decide import Verdict
from archive.reports.report import CDA, PDF, TEXT, Report, ReportStatus, WaitingReport

router = APIRouter(tags=["reports"])

CONTENT_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
"""Of what others wrote: it may do nothing in our origin, and nobody's page frames it."""
_ENDINGS = {PDF: "pdf", CDA: "xml", TEXT: "txt"}


class ReportOut(BaseModel):
    """One document of one version of a report."""

    id: str
    exam: str
    patient: str
    number: str
    version: int
    is_newest: bool
    part: int
    replaces: int | None
    is_addendum: bool
    status: ReportStatus
    title: str
    code: str
    media_type: str | None
    length_bytes: int
    said_at: datetime
    received_at: datetime


class BlockOut(BaseModel):
    """One line of what a document says: a heading, a text, a row of a table, or an attachment."""

    kind: str
    text: str
    level: int


class SeenOut(BaseModel):
    """What a document says: its lines, or the text of each page that is seen as a picture.

    Of a document of more pages (`page_count`) the first ones are seen.
    """

    blocks: list[BlockOut]
    pages: list[str]
    page_count: int


class WaitingReportOut(BaseModel):
    """A report that waits: whom it names, and whom those name who have its number."""

    id: str
    title: str
    why: Verdict
    status: ReportStatus
    accession_number: str
    said_at: datetime
    named: PatientOut | None
    ordered: list[PatientOut]
    case: str | None


class WaitingReportsOut(BaseModel):
    """The reports that stand nowhere yet."""

    reports: list[WaitingReportOut]


class ReportsOut(BaseModel):
    """Reports, the newest version first."""

    reports: list[ReportOut]


@router.get("/api/exams/{exam}/reports")
def reports_of_exam(exam: str, caller: CallerHere, catalog: CatalogHere) -> ReportsOut:
    """The reports of an exam, in all their versions, the newest first."""
    return listed(catalog.reports.of_exam(exam, establishment=caller.establishment))


@router.get("/api/cases/{case}/reports")
def reports_of_case(case: str, caller: CallerHere, catalog: CatalogHere) -> ReportsOut:
    """The reports of a case of the laboratory, in all their versions, the newest first."""
    known = catalog.cases.case(case, establishment=caller.establishment)
    number = known.accession
    return listed(
        catalog.reports.of_number(number.issuer, number.number, establishment=known.establishment)
    )


@router.get("/api/patients/{patient}/reports")
def reports_of_patient(patient: str, caller: CallerHere, catalog: CatalogHere) -> ReportsOut:
    """The reports of a patient, in all their versions, the newest first."""
    return listed(catalog.reports.of_patient(patient, establishment=caller.establishment))


@router.get("/api/reports/{report}/content")
def report_content(
    report: str, caller: CallerHere, catalog: CatalogHere, storage: StorageHere
) -> Response:
    """The document as it is kept, to be saved: no browser shows it in our name."""
    content = catalog.reports.content(report, storage, establishment=caller.establishment)
    name = f'attachment; filename="report.{_ENDINGS[content.media_type]}"'
    headers = {
        "content-disposition": name,
        "content-security-policy": CONTENT_POLICY,
        "cache-control": KEPT_BY_NOBODY,
    }
    return Response(content.data, headers=headers, media_type=content.media_type)


@router.get("/api/reports/{report}/view")
def report_view(
    report: str, caller: CallerHere, catalog: CatalogHere, storage: StorageHere, request: Request
) -> SeenOut:
    """What a document says, as text: line by line, or page by page of what is shown as pictures."""
    content = catalog.reports.content(report, storage, establishment=caller.establishment)
    found = seen(content, _scratch(request))
    lines = [BlockOut(kind=one.kind, text=one.text, level=one.level) for one in found.blocks]
    return SeenOut(blocks=lines, pages=list(found.pages), page_count=found.page_count)


@router.get("/api/reports/{report}/pages/{page}")
def report_page(
    report: str,
    page: int,
    caller: CallerHere,
    catalog: CatalogHere,
    storage: StorageHere,
    request: Request,
) -> Response:
    """A page of a PDF as a picture, counted from 1."""
    content = catalog.reports.content(report, storage, establishment=caller.establishment)
    data = page_picture(content, page, _scratch(request))
    return Response(data, headers={"cache-control": KEPT_BY_NOBODY}, media_type="image/webp")


@router.get("/api/reports/waiting")
def list_waiting(caller: CallerHere, catalog: CatalogHere) -> WaitingReportsOut:
    """The reports that stand nowhere yet, why, and whom they and their orders name."""
    found = catalog.reports.waiting(establishment=caller.establishment)
    return WaitingReportsOut(reports=[_waiting_out(one) for one in found])


@router.post("/api/reports/{report}/file", status_code=204)
def file_report(report: str, caller: CallerHere, catalog: CatalogHere) -> None:
    """File a report that waits: it is of the patient of its order, or, without one, of its own.

    409 where its number is that of several identities, or of nobody.
    """
    catalog.reports.file(report, caller.subject, establishment=caller.establishment)


def _waiting_out(one: WaitingReport) -> WaitingReportOut:
    return WaitingReportOut(
        id=one.id,
        title=one.title,
        why=one.why,
        status=one.status,
        accession_number=one.accession_number,
        said_at=one.said_at,
        named=patient_out(one.named),
        ordered=[shown for each in one.ordered if (shown := patient_out(each))],
        case=one.case,
    )


def _scratch(request: Request) -> Path:
    folder: Path = request.app.state.settings.data / "scratch"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def listed(found: Iterable[Report]) -> ReportsOut:
    """Reports as they are told."""
    return ReportsOut(reports=[report_out(one) for one in found])


def report_out(one: Report) -> ReportOut:
    """A report as it is told."""
    same = ReportOut.model_fields.keys() - {"exam", "patient"}
    told = {name: getattr(one, name) for name in same}
    return ReportOut(**told, exam=one.exam_id, patient=one.patient_key)
