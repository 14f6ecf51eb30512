"""Reports as they are asked for: one resource for all the versions that a report has."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.ownership import owned
from archive.reports.reading import is_of_the_replaced, is_read
from archive.reports.report import ReportStatus
from archive.reports.schema import report
from archive.resources.asked import Search, Token
from archive.resources.conditions import Condition, Make, code_in, earlier, moment, token
from archive.resources.exams import (
    NO_ORDER,
    accession,
    conditions,
    in_exam,
    is_renamed_since,
    names_few,
    of_patient,
    renamed_at,
)

LOINC = "http://loinc.org"
STATUSES: Mapping[str, tuple[ReportStatus, bool | None]] = {
    "preliminary": (ReportStatus.PRELIMINARY, None),
    "final": (ReportStatus.FINAL, None),
    "amended": (ReportStatus.AMENDED, False),
    "appended": (ReportStatus.AMENDED, True),
    "entered-in-error": (ReportStatus.WITHDRAWN, None),
}
"""FHIR's statuses: ours, and whether it is an addendum, where that makes the difference."""
UNKNOWN = "unknown"
"""FHIR's status of a report of which a newer version waits for a person."""

_exam, _patient = schema.exam.c, schema.patient.c
_first, _newest = report.alias("first_document"), report.alias("newest_version")
_earlier, _newer, _any = report.alias("earlier"), report.alias("newer"), report.alias("of_report")
_FAMILY = ("exam_id", "number_issuer", "number")
"""What all versions of a report in an exam have in common."""
_waiting = report.alias("waiting_version")
_OVERTAKES = sa.and_(
    *(_waiting.c[one] == _newest.c[one] for one in ("establishment_id", "number_issuer", "number")),
    _waiting.c.waits.is_not(None),
    _waiting.c.said_at >= _newest.c.said_at,
)
"""That a version waits which may be newer than all that stand; it may withdraw them."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a version."""

    id: str
    media_type: str
    length_bytes: int
    title: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a report, as its laboratory said it at that time."""

    number: int
    """From 1, in the order in which they came, so that none ever has another one's."""
    status: str
    """As FHIR has it."""
    is_addendum: bool
    title: str
    code: str
    said_at: datetime
    received_at: datetime
    documents: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundReport:
    """A report with all its versions, by when they were said; its id is that of what came first."""

    id: str
    first_received_at: datetime
    number: str = field(repr=False)
    number_issuer: str
    exam_id: str
    has_images: bool
    """Whether the exam is an imaging study, with something published in it."""
    accession_number: str | None = field(repr=False)
    issuer: str | None
    is_provisional: bool
    patient_key: str
    renamed_at: datetime | None
    overtaken_at: datetime | None
    """When a newer version came that waits for a person: which one counts is not known then."""
    versions: tuple[Version, ...]

    @property
    def mark(self) -> dict[str, Any]:
        """Where a page ends with it."""
        return {"at": self.first_received_at.isoformat(), "id": self.id}


def _same(one: sa.FromClause, other: sa.FromClause) -> Condition:
    return sa.and_(*(one.c[name] == other.c[name] for name in _FAMILY))


def _identified(asked: Token) -> Condition:
    by_number = sa.true() if asked.value is None else _newest.c.number == asked.value
    if asked.system is None:
        return sa.and_(by_number)
    return sa.and_(by_number, _newest.c.number_issuer == asked.system)


def _has_status(asked: Token) -> Condition:
    is_overtaken = sa.exists().where(_OVERTAKES)
    if asked.value == UNKNOWN:
        return is_overtaken
    known = STATUSES.get(asked.value or "")
    if known is None:
        return sa.false()
    status, is_addendum = known
    found = sa.and_(_newest.c.status == status, ~is_overtaken)
    return found if is_addendum is None else sa.and_(found, _newest.c.is_addendum == is_addendum)


def _is_touched_since(at: datetime) -> Condition:
    came = sa.exists().where(_same(_any, _first), _any.c.received_at >= at, is_read(_any))
    overtaken = sa.exists().where(_OVERTAKES, _waiting.c.received_at >= at)
    return sa.or_(came, overtaken, is_renamed_since(at))


MATCHED: dict[str, Make] = {
    "_id": token(lambda asked: _first.c.id == asked.value),
    "_lastUpdated": moment(_is_touched_since),
    "identifier": token(_identified),
    "accession": token(accession),
    "order": NO_ORDER,
    "patient": token(of_patient),
    "study": token(lambda asked: _exam.id == asked.value),
    "status": token(_has_status),
    "code": code_in(_newest.c.code, LOINC),
    "issued": moment(lambda at: _newest.c.said_at >= at),
}
"""What reports are looked for by; and by `patient.` with what patients are looked for by."""


def _rank(table: sa.FromClause) -> sa.ColumnElement[int]:
    """Which status comes after the other, of what was said at one moment."""
    return sa.case({one: one.rank for one in ReportStatus}, value=table.c.status)


def _stamp(table: sa.FromClause) -> tuple[sa.ColumnElement[Any], ...]:
    """What puts versions in their order: of two numbers of messages the longer is the later.

    What withdraws a document that was replaced comes before all: the newest it never is.
    """
    said_in = table.c.said_in
    counts = sa.case((is_of_the_replaced(table), 0), else_=1)
    return counts, table.c.said_at, _rank(table), sa.func.length(said_in), said_in


def _version_key(table: sa.FromClause) -> sa.Tuple:
    """The newest is the greatest; of its documents, the first one is."""
    return sa.tuple_(*_stamp(table), -table.c.part, table.c.id)


def _arrival_key(table: sa.FromClause) -> sa.Tuple:
    return sa.tuple_(table.c.received_at, table.c.part, table.c.id)


_IS_FIRST = sa.and_(
    is_read(_first),
    ~sa.exists().where(
        _same(_earlier, _first), _arrival_key(_earlier) < _arrival_key(_first), is_read(_earlier)
    ),
)
_IS_NEWEST = sa.and_(
    is_read(_newest),
    ~sa.exists().where(
        _same(_newer, _newest), _version_key(_newer) > _version_key(_newest), is_read(_newer)
    ),
)


def _standing(*, is_few: bool) -> sa.FromClause:
    """Reports by what came first and by the newest version, with whose they are.

    Where few are named the house is kept out of an index's sight; else it gives the order.
    """
    owner = _first.c.establishment_id + 0 if is_few else _first.c.establishment_id
    return (
        _first.join(schema.exam, _first.c.exam_id == _exam.id)
        .join(schema.establishment, owner == schema.establishment.c.id)
        .join(schema.patient, _exam.patient_row == _patient.id)
        .join(_newest, sa.and_(_same(_newest, _first), _IS_NEWEST))
    )


_COLUMNS = [
    _first.c.id.label("report_id"),
    _first.c.received_at.label("first_received_at"),
    *(_first.c[name].label(f"family__{name}") for name in _FAMILY),
    in_exam().label("has_images"),
    _exam.accession_number,
    _exam.issuer_of_accession_number,
    _exam.is_provisional,
    _patient.key.label("patient_key"),
    renamed_at.label("renamed_at"),
    # As of a column alone, SQLite would go through all of a house by the index that has its order.
    sa.select(sa.func.max(sa.func.coalesce(_waiting.c.received_at, _waiting.c.received_at)))
    .where(_OVERTAKES)
    .scalar_subquery()
    .label("overtaken_at"),
]
_IN_ORDER = (_first.c.received_at.desc(), _first.c.id.desc())
_SAID = ("id", "part", "status", "is_addendum", "title", "code", "media_type", "length_bytes")


def search(
    connection: sa.Connection, asked: Search, establishment: str | None
) -> list[FoundReport]:
    """The reports that match, those that came last first; raises InvalidQuery.

    A report keeps its place when another version of it comes.
    """
    rows = sa.select(*_COLUMNS).select_from(_standing(is_few=_names_few(asked)))
    rows = rows.where(_IS_FIRST, *conditions(asked.criteria, MATCHED)).order_by(*_IN_ORDER)
    if asked.after is not None:
        rows = rows.where(earlier(_first.c.received_at, _first.c.id, asked.after))
    return _read(connection, owned(rows, establishment).limit(asked.limit))


def among(
    connection: sa.Connection,
    establishment: str | None,
    limit: int,
    *,
    exams: Collection[str] = (),
    whom: Collection[int] = (),
) -> list[FoundReport]:
    """The reports of these exams, or that stand under these patients."""
    those = _exam.id.in_(list(exams)) if exams else _exam.patient_row.in_(list(whom))
    rows = sa.select(*_COLUMNS).select_from(_standing(is_few=True)).where(_IS_FIRST, those)
    rows = owned(rows.order_by(*_IN_ORDER), establishment).limit(limit)
    return _read(connection, rows) if exams or whom else []


def count(connection: sa.Connection, asked: Search, establishment: str | None) -> int:
    """How many match; raises InvalidQuery."""
    rows = sa.select(sa.func.count()).select_from(_standing(is_few=_names_few(asked)))
    rows = rows.where(_IS_FIRST, *conditions(asked.criteria, MATCHED))
    return int(connection.execute(owned(rows, establishment)).scalar_one())


def _names_few(asked: Search) -> bool:
    return names_few(asked.criteria) or any(one.name == "study" for one in asked.criteria)


def _read(connection: sa.Connection, page: sa.Select[Any]) -> list[FoundReport]:
    """The reports of a page with all their versions, in one query."""
    these = page.cte("page")
    of = sa.and_(*(_any.c[name] == these.c[f"family__{name}"] for name in _FAMILY))
    query = (
        sa.select(these, *(_any.c[name] for name in (*_SAID, "said_at", "said_in", "received_at")))
        .select_from(these.join(_any, of))
        .where(is_read(_any))
        .order_by(
            these.c.first_received_at.desc(),
            these.c.report_id.desc(),
            *_stamp(_any),
            _any.c.part,
        )
    )
    rows = connection.execute(query).mappings()
    return [_report_of(list(mine)) for _, mine in groupby(rows, lambda row: row["report_id"])]


def _report_of(rows: Sequence[sa.RowMapping]) -> FoundReport:
    head = rows[0]
    by_stamp = groupby(rows, lambda row: (row["said_at"], row["status"], row["said_in"]))
    said = [list(parts) for _, parts in by_stamp]
    came = sorted(map(_arrival, said))
    return FoundReport(
        id=head["report_id"],
        first_received_at=head["first_received_at"],
        number=head["family__number"],
        number_issuer=head["family__number_issuer"],
        exam_id=head["family__exam_id"],
        has_images=head["has_images"],
        accession_number=head["accession_number"],
        issuer=head["issuer_of_accession_number"],
        is_provisional=head["is_provisional"],
        patient_key=head["patient_key"],
        renamed_at=head["renamed_at"],
        overtaken_at=head["overtaken_at"],
        versions=tuple(_version_of(came.index(_arrival(parts)) + 1, parts) for parts in said),
    )


def _arrival(parts: Sequence[sa.RowMapping]) -> tuple[datetime, str]:
    """By which a version is numbered: what comes later leaves it as it is."""
    return min((one["received_at"], one["id"]) for one in parts)


def _version_of(number: int, parts: Sequence[sa.RowMapping]) -> Version:
    head = parts[0]
    kind = (head["status"], head["is_addendum"])
    return Version(
        number=number,
        status=next(
            name
            for name, (status, is_addendum) in STATUSES.items()
            if status is kind[0] and is_addendum in {None, kind[1]}
        ),
        is_addendum=head["is_addendum"],
        title=head["title"],
        code=head["code"],
        said_at=head["said_at"],
        received_at=max(one["received_at"] for one in parts),
        documents=tuple(
            Document(one["id"], one["media_type"], one["length_bytes"], one["title"])
            for one in parts
            if one["media_type"] is not None
        ),
    )
