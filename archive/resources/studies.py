"""Imaging studies as they are asked for: exams with what is published of them."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.ownership import owned
from archive.resources.asked import Criterion, Search, Token
from archive.resources.conditions import Condition, earlier
from archive.resources.exams import (
    IS_PUBLISHED,
    IS_SEEN,
    arrived_at,
    conditions,
    in_exam,
    names_few,
    published_at,
    renamed_at,
)

_exam, _patient = schema.exam.c, schema.patient.c
_series, _instance, _image = schema.series.c, schema.instance.c, schema.image.c


@dataclass(frozen=True, slots=True)
class InstanceRow:
    """A published instance."""

    sop_instance_uid: str
    sop_class_uid: str
    number: int | None


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series with something published in it."""

    uid: str
    modality: str
    number: int | None
    description: str | None
    instances: tuple[InstanceRow, ...] = ()


@dataclass(frozen=True, slots=True)
class ImagingStudy:
    """An exam with something published in it."""

    exam_id: str
    uid: str
    created_at: datetime
    accession_number: str | None = field(repr=False)
    issuer: str | None
    """Of the accession number."""
    is_provisional: bool
    """The accession number was made here, as no order was known."""
    patient_key: str | None
    changed_at: datetime
    is_seen: bool
    """Whether there is more in it than documents: something that the viewer shows."""
    series: tuple[SeriesRow, ...] = ()

    @property
    def mark(self) -> dict[str, Any]:
        """Where a page ends with it."""
        return {"at": self.created_at.isoformat(), "id": self.exam_id}


def _somewhere(asked: Search, establishment: str | None) -> list[Condition]:
    """That there are series of the modalities asked for at all, which an index knows at once.

    Of all establishments alone: how long an answer takes would tell one of what others have.
    """
    found: list[Condition] = []
    for one in asked.criteria if establishment is None else ():
        codes = [each.value for each in one.values if isinstance(each, Token)]
        if one.name == "modality" and not one.is_not and None not in codes:
            found.append(sa.exists().where(_series.modality.in_(codes)))
    return found


def _owned_exams(criteria: Collection[Criterion]) -> sa.FromClause:
    # Who names few is not to wade through all exams of a house: out of an index's sight.
    owner = _exam.establishment_id + 0 if names_few(criteria) else _exam.establishment_id
    whose = owner == schema.establishment.c.id
    return schema.exam.join(schema.establishment, whose).outerjoin(
        schema.patient, _exam.patient_row == _patient.id
    )


_COLUMNS = [
    _exam.id.label("exam_id"),
    _exam.study_instance_uid,
    _exam.created_at,
    _exam.accession_number,
    _exam.issuer_of_accession_number,
    _exam.is_provisional,
    _patient.key.label("patient_key"),
    published_at.label("published_at"),
    arrived_at.label("arrived_at"),
    renamed_at.label("renamed_at"),
]


def search(
    connection: sa.Connection, asked: Search, establishment: str | None
) -> list[ImagingStudy]:
    """The studies that match, the newest first; raises InvalidQuery."""
    rows = (
        sa.select(*_COLUMNS)
        .select_from(_owned_exams(asked.criteria))
        .where(*_somewhere(asked, establishment), in_exam(), *conditions(asked.criteria))
        .order_by(_exam.created_at.desc(), _exam.id.desc())
    )
    if asked.after is not None:
        rows = rows.where(earlier(_exam.created_at, _exam.id, asked.after))
    return _read(connection, owned(rows, establishment).limit(asked.limit))


def among(
    connection: sa.Connection,
    establishment: str | None,
    limit: int,
    *,
    exams: Collection[str] = (),
    whom: Collection[int] = (),
) -> list[ImagingStudy]:
    """The studies of these exams, or that stand under these patients, the newest first."""
    query = (
        sa.select(*_COLUMNS)
        .select_from(_owned_exams([Criterion("_id", ())]))
        .where(in_exam(), _exam.id.in_(list(exams)) if exams else _exam.patient_row.in_(list(whom)))
        .order_by(_exam.created_at.desc(), _exam.id.desc())
    )
    return _read(connection, owned(query, establishment).limit(limit)) if exams or whom else []


def count(connection: sa.Connection, asked: Search, establishment: str | None) -> int:
    """How many match; raises InvalidQuery."""
    rows = (
        sa.select(sa.func.count())
        .select_from(_owned_exams(asked.criteria))
        .where(*_somewhere(asked, establishment), in_exam(), *conditions(asked.criteria))
    )
    return int(connection.execute(owned(rows, establishment)).scalar_one())


def _read(connection: sa.Connection, page: sa.Select[Any]) -> list[ImagingStudy]:
    """The studies of a page, with all that is published of them, in one query."""
    these = page.cte("page")
    query = (
        sa.select(
            these,
            _series.id.label("series_id"),
            _series.series_instance_uid,
            _series.modality,
            _series.series_number,
            _series.series_description,
            _instance.sop_instance_uid,
            _instance.sop_class_uid,
            _instance.instance_number,
            IS_SEEN.label("is_seen"),
        )
        .select_from(
            these.join(schema.instance, _instance.exam_id == these.c.exam_id)
            .join(schema.image, _instance.image_id == _image.id)
            .join(schema.series, _instance.series_id == _series.id)
        )
        .where(IS_PUBLISHED)
        .order_by(
            these.c.created_at.desc(),
            these.c.exam_id.desc(),
            _series.id,
            _instance.instance_number,
            _instance.sop_instance_uid,
        )
    )
    studies: dict[str, ImagingStudy] = {}
    series: dict[str, dict[int, tuple[SeriesRow, list[InstanceRow]]]] = {}
    for row in connection.execute(query).mappings():
        exam = row["exam_id"]
        if exam not in studies:
            studies[exam], series[exam] = _study_of(row), {}
        if row["series_id"] not in series[exam]:
            series[exam][row["series_id"]] = (_series_of(row), [])
        if row["is_seen"] and not studies[exam].is_seen:
            studies[exam] = replace(studies[exam], is_seen=True)
        series[exam][row["series_id"]][1].append(
            InstanceRow(row["sop_instance_uid"], row["sop_class_uid"], row["instance_number"])
        )
    return [
        replace(
            study,
            series=tuple(replace(one, instances=tuple(those)) for one, those in inside.values()),
        )
        for study, inside in zip(studies.values(), series.values(), strict=True)
    ]


def _study_of(row: sa.RowMapping) -> ImagingStudy:
    touched = (row["published_at"], row["arrived_at"], row["renamed_at"])
    return ImagingStudy(
        exam_id=row["exam_id"],
        uid=row["study_instance_uid"],
        created_at=row["created_at"],
        accession_number=row["accession_number"],
        issuer=row["issuer_of_accession_number"],
        is_provisional=row["is_provisional"],
        patient_key=row["patient_key"],
        changed_at=max(one for one in touched if one is not None),
        is_seen=row["is_seen"],
    )


def _series_of(row: sa.RowMapping) -> SeriesRow:
    return SeriesRow(
        row["series_instance_uid"],
        row["modality"],
        row["series_number"],
        row["series_description"],
    )
