"""From rows to reports: those of a patient, of a study, of a case, and what one says."""

from dataclasses import fields
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.cases.order import TIE_CHARACTERS
from archive.columns import UtcDateTime
from archive.errors import NotFound
from archive.homeward import AWAY
from archive.identities.pointers import current_key
from archive.identity import PatientIdentity
from archive.ownership import owned
from archive.reports.report import Report, ReportStatus
from archive.reports.schema import report

_report, _exam, _patient = report.c, schema.exam.c, schema.patient.c
_object, _owner = schema.stored_object.c, schema.establishment.c

_PATIENT = [_patient[one.name].label(f"patient__{one.name}") for one in fields(PatientIdentity)]
_PLAIN = (
    *("id", "exam_id", "number", "number_issuer", "part", "is_addendum", "status", "title"),
    *("code", "media_type", "length_bytes", "digest", "said_at", "received_at", "image_id"),
)
_waiting = report.alias("waiting_version")
_WAITS_SINCE = (
    sa.select(sa.func.max(_waiting.c.said_at))
    .where(
        *(
            _waiting.c[one] == _report[one]
            for one in ("establishment_id", "number_issuer", "number")
        ),
        _waiting.c.waits.is_not(None),
    )
    .scalar_subquery()
)
"""The moment of the newest version that waits, of which nothing is shown."""
_stray, _beside = report.alias("stray"), report.alias("beside_stray")
_successor, _own = report.alias("successor"), report.alias("of_same_document")
_FAMILY = ("establishment_id", "number_issuer", "number", "exam_id")
_GOING_HOME = (
    sa.select(_beside.c.id)
    .select_from(
        _stray.join(_beside, sa.and_(*(_beside.c[one] == _stray.c[one] for one in _FAMILY)))
    )
    .where(
        _stray.c.image_id.in_(AWAY),
        sa.or_(
            _beside.c.id == _stray.c.id,
            sa.and_(
                _beside.c.image_id.is_(None),
                _beside.c.patient_id == _stray.c.patient_id,
                _beside.c.patient_issuer == _stray.c.patient_issuer,
            ),
        ),
    )
)


_Stamp = tuple[datetime, int, str]
_FIRST: _Stamp = (datetime.min.replace(tzinfo=UTC), 0, "")
"""Before all that was ever said."""


def is_read(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether a row of reports is of whom its exam is of.

    What goes home is read by nobody until it is there, nor what is said of it and goes with it.
    """
    return table.c.id.not_in(_GOING_HOME)


def is_of_the_replaced(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether a row withdraws a document that another has replaced: that one alone, then.

    What replaced it is as valid as before, whichever of the two messages came first. A document
    that was said anew after it was replaced is withdrawn as any other is.
    """
    # Correlated by hand: this also puts rows in order, where SQLAlchemy does not.
    said_anew = (
        sa.select(_own.c.id)
        .where(
            *(_own.c[one] == table.c[one] for one in (*_FAMILY, "document")),
            _own.c.status != ReportStatus.WITHDRAWN,
            _own.c.said_at > _successor.c.said_at,
        )
        .correlate_except(_own)
    )
    successor = (
        sa.select(_successor.c.id)
        .where(
            *(_successor.c[one] == table.c[one] for one in _FAMILY),
            _successor.c.replaces == table.c.document,
            _successor.c.document != table.c.document,
            _successor.c.status != ReportStatus.WITHDRAWN,
            ~_successor.c.is_addendum,
            is_read(_successor),
            ~said_anew.exists(),
        )
        .correlate_except(_successor)
    )
    is_withdrawal = sa.and_(table.c.status == ReportStatus.WITHDRAWN, table.c.document != "")
    return sa.and_(is_withdrawal, successor.exists())


_STANDING = sa.select(
    *(_report[one] for one in _PLAIN),
    _report.said_in,
    _report.document,
    is_of_the_replaced(report).label("is_of_the_replaced"),
    sa.type_coerce(_WAITS_SINCE, UtcDateTime).label("waits_since"),
    _owner.name.label("establishment"),
    _patient.key.label("patient_key"),
    _exam.accession_number,
    _exam.issuer_of_accession_number,
    _exam.study_instance_uid,
    _object.sop_instance_uid,
    *_PATIENT,
).select_from(
    report.join(schema.exam, _report.exam_id == _exam.id)
    .join(schema.establishment, _owner.id == _exam.establishment_id)
    .join(schema.patient, _exam.patient_row == _patient.id)
    .outerjoin(
        schema.stored_object,
        sa.and_(_object.image_id == _report.image_id, _object.sop_instance_uid.is_not(None)),
    )
)


def of_patient(connection: sa.Connection, key: str, establishment: str | None) -> list[Report]:
    """The reports of the patient whom addresses name by this key, the newest version first."""
    key = current_key(connection, key)
    return _read(connection, owned(_STANDING.where(_patient.key == key), establishment))


def of_study(
    connection: sa.Connection, study_instance_uid: str, establishment: str | None
) -> list[Report]:
    """The reports of a study, the newest version first."""
    query = _STANDING.where(_exam.study_instance_uid == study_instance_uid)
    return _read(connection, owned(query, establishment))


def of_exam(connection: sa.Connection, exam_id: str, establishment: str | None) -> list[Report]:
    """The reports of an exam, the newest version first."""
    return _read(connection, owned(_STANDING.where(_exam.id == exam_id), establishment))


def of_number(
    connection: sa.Connection, issuer: str, accession_number: str, establishment: str | None
) -> list[Report]:
    """The reports of an accession number of this issuer ("" for none), newest version first."""
    given = _exam.issuer_of_accession_number
    query = _STANDING.where(
        _exam.accession_number == accession_number,
        given == issuer if issuer else given.is_(None),
    )
    return _read(connection, owned(query, establishment))


def one_of(connection: sa.Connection, report_id: str, establishment: str | None) -> Report:
    """One document of a report, with its version among all; raises NotFound."""
    row = connection.execute(
        owned(_STANDING.where(_report.id == report_id, is_read(report)), establishment)
    ).mappings()
    found = row.one_or_none()
    if found is None:
        raise NotFound("There is no such report.")
    siblings = _STANDING.where(
        _owner.name == found["establishment"],
        _report.number == found["number"],
        _report.number_issuer == found["number_issuer"],
    )
    return next(one for one in _read(connection, siblings) if one.id == report_id)


def _read(connection: sa.Connection, query: sa.Select[Any]) -> list[Report]:
    rows = list(connection.execute(query.where(is_read(report))).mappings())

    def family(row: sa.RowMapping) -> tuple[str, str, str, str]:
        return (row["establishment"], row["exam_id"], row["number_issuer"], row["number"])

    def stamp(row: sa.RowMapping) -> _Stamp:
        # As of orders: of messages of one moment the one with the longer number is the later.
        return (row["said_at"], row["status"].rank, row["said_in"].rjust(TIE_CHARACTERS))

    ends: dict[tuple[str, ...], _Stamp] = {}
    for row in sorted(rows, key=stamp):
        if not row["is_of_the_replaced"]:
            ends[*family(row), row["document"]] = stamp(row)

    def place(row: sa.RowMapping) -> tuple[_Stamp, _Stamp]:
        # What withdraws a document that was replaced comes behind that, before what replaced it.
        if row["is_of_the_replaced"]:
            return ends.get((*family(row), row["document"]), _FIRST), stamp(row)
        return stamp(row), stamp(row)

    found = []
    rows.sort(key=lambda row: (*family(row), *place(row), row["part"]))
    for _, versions in groupby(rows, family):
        said = [list(one) for _, one in groupby(versions, place)]
        for number, parts in enumerate(said, 1):
            is_last = number == len(said)
            found += [
                (
                    place(row)[0][0],
                    _report_of(row, number, is_newest=is_last and not _is_overtaken(row)),
                )
                for row in parts
            ]
    found.sort(key=lambda one: (one[0], one[1].version, -one[1].part), reverse=True)
    return [one for _, one in found]


def _is_overtaken(row: sa.RowMapping) -> bool:
    """Whether a newer version waits: what stands may be withdrawn, and is not said to be valid."""
    return row["waits_since"] is not None and row["waits_since"] >= row["said_at"]


def _report_of(row: sa.RowMapping, version: int, *, is_newest: bool) -> Report:
    patient = {one.name: row[f"patient__{one.name}"] for one in fields(PatientIdentity)}
    return Report(
        **{name: row[name] for name in _PLAIN},
        establishment=row["establishment"],
        patient=PatientIdentity(**patient),
        patient_key=row["patient_key"],
        accession_number=row["accession_number"],
        issuer_of_accession_number=row["issuer_of_accession_number"],
        study_instance_uid=row["study_instance_uid"],
        sop_instance_uid=row["sop_instance_uid"],
        version=version,
        is_newest=is_newest,
        replaces=version - 1 or None,
    )
