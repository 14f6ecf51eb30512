"""Reports that wait for a person: whom they name, whom their orders name, and filed by hand."""

import sqlalchemy as sa

from archive import schema
from archive.cases.decide import Patient
from archive.cases.facts import NOBODY, identities
from archive.cases.orders import find_case
from archive.errors import DifferentPatient, NotFound
from archive.identity import PatientIdentity
from archive.move_plans import identity_of
from archive.ownership import owned
from archive.reports.decide import Verdict, decide
from archive.reports.filing import facts_of, owners, patient_said, stand
from archive.reports.report import WaitingReport
from archive.reports.schema import report

_report = report.c


def read_waiting(
    connection: sa.Connection, establishment: str | None, limit: int
) -> tuple[WaitingReport, ...]:
    """The reports that stand nowhere, the newest first."""
    query = owned(_WAITING, establishment).order_by(_report.received_at.desc(), _report.id)
    rows = connection.execute(query.limit(limit)).mappings().all()
    return tuple(_waiting_of(connection, row) for row in rows)


_WAITING = (
    sa.select(report)
    .select_from(report.join(schema.establishment))
    .where(_report.waits.is_not(None))
)


def _waiting_of(connection: sa.Connection, row: sa.RowMapping) -> WaitingReport:
    return WaitingReport(
        id=row["id"],
        title=row["title"],
        why=row["waits"],
        status=row["status"],
        accession_number=row["accession_number"],
        said_at=row["said_at"],
        named=patient_said(row),
        ordered=tuple(_ordered(connection, row)),
        case=_case_of(connection, row),
    )


def _case_of(connection: sa.Connection, row: sa.RowMapping) -> str | None:
    owner, issuer = row["establishment_id"], row["accession_issuer"]
    return find_case(connection, owner, issuer, row["accession_number"])


def _ordered(connection: sa.Connection, row: sa.RowMapping) -> list[PatientIdentity]:
    """Whom orders and exams of its number name; nobody is none."""
    found: dict[Patient, PatientIdentity] = {}
    case_id = _case_of(connection, row)
    if case_id is not None:
        known_by_case = identities(connection, case_id)
        found |= {key: one for key, one in known_by_case.items() if one is not NOBODY}
    for whom in connection.scalars(owners(row)):
        known = identity_of(connection, whom)
        if known is not None:
            found[whom] = known
    return list(found.values())


def file_by_hand(
    connection: sa.Connection, report_id: str, by: str, establishment: str | None
) -> None:
    """As `Reports.file`."""
    held = owned(_WAITING.where(_report.id == report_id), establishment)
    row = connection.execute(held.with_for_update(of=report)).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such report that waits.")
    ordered, facts = _ordered(connection, row), facts_of(connection, row)
    if len(ordered) > 1 or decide(facts) is Verdict.CONFLICT or not row["accession_number"]:
        raise DifferentPatient(
            "The number of this report is that of several identities, or of nobody; "
            "see to that before it is filed."
        )
    whose = ordered[0] if ordered else None
    same = _WAITING.where(
        *(_report[one] == row[one] for one in ("establishment_id", "number", "number_issuer")),
        *(_report[one] == row[one] for one in ("patient_id", "patient_issuer", "waits")),
        *(_report[one] == row[one] for one in ("accession_number", "accession_issuer")),
    )
    for one in connection.execute(same).mappings().all():
        stand(connection, one, by, whose)
