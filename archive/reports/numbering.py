"""Which report a message is a version of, and by which order that was asked for."""

from collections.abc import Iterator, Sequence, Set

import sqlalchemy as sa

from archive.cases.laboratories import read_laboratory
from archive.cases.order import Numbered
from archive.cases.schema import lab_case, lab_order
from archive.identity import SH_CHARACTERS, PatientIdentity
from archive.reports.report import ReportStatus
from archive.reports.said import ReportSaid
from archive.reports.schema import report

_report, _case, _order = report.c, lab_case.c, lab_order.c


def number_of(connection: sa.Connection, owner: int, said: ReportSaid) -> Numbered:
    """The number of the report that this is a version of: that of what it replaces.

    What came before the one that it replaces is brought under the same number. One that replaces
    what never came is of its order's number, where it has one. An addendum that is withdrawn is a
    report of its own: what it was added to still counts.
    """
    number = said.number
    issued = (_report.establishment_id == owner, _report.number_issuer == number.issuer)
    own = sa.and_(*issued, _report.document == said.document)
    if said.document != number.number:
        # A report may be numbered by its order, and its document by its writer, anyhow.
        own = sa.and_(own, *_names(said.patient))
    known = (
        connection.execute(sa.select(report).where(own)).mappings().all() if said.document else ()
    )
    if known and _is_lone({*_kinds(known), (said.status, said.is_addendum)}):
        connection.execute(sa.update(report).where(own).values(number=said.document))
        return Numbered(said.document, number.issuer)
    before = sa.select(_report.number).where(*issued, _report.document == said.replaces)
    replaced = connection.scalar(before.limit(1)) if said.replaces else None
    if replaced is not None:
        number = Numbered(replaced, number.issuer)
    elif said.replaces and (said.document == number.number or said.is_addendum):
        number = Numbered(said.replaces, number.issuer)
    elif known:
        number = Numbered(known[0]["number"], number.issuer)
    if said.document:
        later = sa.or_(_report.number == said.document, _report.number.in_(_after(said)), own)
        moved = sa.update(report).where(*issued, later, _report.number != number.number)
        connection.execute(moved.values(number=number.number))
    return number


def _after(said: ReportSaid) -> sa.Select[tuple[str]]:
    """The numbers of orders under which those stand that replaced it before it came."""
    one = report.alias("after").c
    return sa.select(one.number).where(
        *(one[name] == _report[name] for name in ("establishment_id", "number_issuer")),
        *(one[name] == _report[name] for name in ("patient_id", "patient_issuer")),
        one.patient_id == said.patient.patient_id,
        one.patient_issuer == said.patient.issuer,
        one.replaces == said.document,
        one.status != ReportStatus.WITHDRAWN,
        ~one.is_addendum,
    )


def _kinds(rows: Sequence[sa.RowMapping]) -> Iterator[tuple[ReportStatus, bool]]:
    return ((one["status"], one["is_addendum"]) for one in rows)


def _is_lone(kinds: Set[tuple[ReportStatus, bool]]) -> bool:
    """Whether a document is an addendum that was withdrawn."""
    is_withdrawn = any(status is ReportStatus.WITHDRAWN for status, _ in kinds)
    return is_withdrawn and any(is_addendum for _, is_addendum in kinds)


def accession_of(
    connection: sa.Connection, owner: int, said: ReportSaid, number: Numbered
) -> Numbered:
    """The accession number: the one that is said, its order's, its other versions', its own."""
    if said.accession is not None:
        issuer = said.accession.issuer or read_laboratory(connection, owner).issuer
        return Numbered(said.accession.number, issuer)
    named = [
        sa.and_(column == one.number, issuer.in_(["", one.issuer]) if one.issuer else sa.true())
        for one in said.orders
        for column, issuer in (
            (_order.number, _order.number_issuer),
            (_order.placer_number, _order.placer_issuer),
        )
    ]
    found = connection.execute(
        sa.select(_case.accession_number, _case.issuer)
        .select_from(lab_order.join(lab_case))
        .where(_case.establishment_id == owner, sa.or_(sa.false(), *named), _case.issuer != "\\")
        .distinct()
    ).all()
    if not found:
        others = sa.select(_report.accession_number, _report.accession_issuer).where(
            *same_report(owner, number, said.patient), _report.accession_number != ""
        )
        found = connection.execute(others.distinct()).all()
    if len(found) == 1:
        return Numbered(*found[0])
    if said.orders and not found and len(said.orders[0].number) <= SH_CHARACTERS:
        issuer = read_laboratory(connection, owner).issuer
        return Numbered(said.orders[0].number, issuer)
    return Numbered("")


def same_report(
    owner: int, number: Numbered, patient: PatientIdentity
) -> tuple[sa.ColumnElement[bool], ...]:
    """What holds for the versions of a report that name the same patient."""
    return (
        _report.establishment_id == owner,
        _report.number == number.number,
        _report.number_issuer == number.issuer,
        *_names(patient),
    )


def _names(patient: PatientIdentity) -> tuple[sa.ColumnElement[bool], ...]:
    return (_report.patient_id == patient.patient_id, _report.patient_issuer == patient.issuer)
