"""Instances as DICOM's queries ask for them: written with their objects, searched, and found."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import sqlalchemy as sa

from archive import reading, schema
from archive.conditions import (
    PUBLISHED,
    WITH_IMAGES,
    WITH_SERIES,
    has_inside,
    is_in_series,
    narrowed,
    of_instances,
    of_series,
    with_instances,
    with_series,
)
from archive.database import Database
from archive.described import Described, DescribedSeries
from archive.identity import PatientIdentity
from archive.instance_rows import DESCRIBED_COLUMNS, add_rows, without_rows
from archive.matching import Condition
from archive.ownership import owned
from archive.query import FoundInstance, FoundPatient, FoundSeries, FoundStudy, Query

_exam, _patient = schema.exam.c, schema.patient.c
_series, _instance, _image = schema.series.c, schema.instance.c, schema.image.c
_object = schema.stored_object.c


_PATIENT_COLUMNS = [
    _patient[one.name].label(f"patient__{one.name}") for one in fields(PatientIdentity)
]
_STUDY_COLUMNS = [
    _exam.id.label("exam_id"),
    _exam.study_instance_uid,
    _exam.created_at,
    _exam.accession_number,
    _exam.issuer_of_accession_number,
    *_PATIENT_COLUMNS,
]
_SERIES_COLUMNS = [_series[one.name] for one in fields(DescribedSeries)]
_INSTANCE_COLUMNS = [
    _instance.image_id,
    _instance.sop_class_uid,
    _instance.sop_instance_uid,
    _object.key,
    _object.length_bytes,
    *DESCRIBED_COLUMNS,
]
_IN_ORDER = (_exam.created_at.desc(), _exam.id.desc())


class Instances:
    """The instances of a catalogue, reached as `catalog.instances`.

    `establishment=None` means every establishment, as in the catalogue. What is not published is
    not there.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def patients(self, query: Query, *, establishment: str | None) -> list[FoundPatient]:
        """The patients of the studies that match, by name; raises InvalidQuery."""
        with self._database.read() as connection:
            exams, asked = narrowed(connection, query, establishment)
            rows = (
                sa.select(*_PATIENT_COLUMNS, sa.func.count(sa.distinct(_exam.id)).label("studies"))
                .select_from(exams)
                .where(_patient.id.is_not(None), *asked, has_inside(query))
                .group_by(_patient.id)
                .order_by(_patient.folded_name, _patient.id)
            )
            found = connection.execute(_paged(rows, query, establishment)).mappings().all()
        return [FoundPatient(_patient_of(row), row["studies"]) for row in found]

    def studies(self, query: Query, *, establishment: str | None) -> list[FoundStudy]:
        """The studies that match, the newest first; raises InvalidQuery."""
        with self._database.read() as connection:
            exams, asked = narrowed(connection, query, establishment)
            rows = (
                sa.select(*_STUDY_COLUMNS)
                .select_from(exams)
                .where(*asked, has_inside(query))
                .order_by(*_IN_ORDER)
            )
            found = connection.execute(_paged(rows, query, establishment)).mappings().all()
            return _counted(connection, [_study(row) for row in found])

    def series(self, query: Query, *, establishment: str | None) -> list[FoundSeries]:
        """The series that match, of the newest study first; raises InvalidQuery."""
        with self._database.read() as connection:
            exams, asked = narrowed(connection, query, establishment)
            rows = (
                sa.select(*_STUDY_COLUMNS, _series.id.label("series_id"), *_SERIES_COLUMNS)
                .select_from(with_series(exams, query))
                .where(*asked, *of_series(query), is_in_series(*of_instances(query)))
                .order_by(*_IN_ORDER, _series.id)
            )
            found = connection.execute(_paged(rows, query, establishment)).mappings().all()
            studies = {row["exam_id"]: _study(row) for row in found}
            whole = {one.exam_id: one for one in _counted(connection, list(studies.values()))}
            counts = _counts(connection, list(whole), [row["series_id"] for row in found])
        return [
            FoundSeries(whole[row["exam_id"]], _described_series(row), counts[row["series_id"]])
            for row in found
        ]

    def instances(self, query: Query, *, establishment: str | None) -> list[FoundInstance]:
        """The instances that match, of the newest study first; raises InvalidQuery."""
        with self._database.read() as connection:
            exams, asked = narrowed(connection, query, establishment)
            rows = (
                sa.select(*_STUDY_COLUMNS, *_SERIES_COLUMNS, *_INSTANCE_COLUMNS)
                .select_from(
                    with_instances(exams, query).join(
                        schema.stored_object, _instance.key == _object.key
                    )
                )
                .where(PUBLISHED, *asked, *of_series(query), *of_instances(query))
                .order_by(*_IN_ORDER, _series.id, _instance.instance_number, _instance.key)
            )
            found = connection.execute(_paged(rows, query, establishment)).mappings().all()
            studies = {row["exam_id"]: _study(row) for row in found}
            whole = {one.exam_id: one for one in _counted(connection, list(studies.values()))}
        return [_instance_of(row, whole[row["exam_id"]]) for row in found]

    def lacking(self, after: str, limit: int) -> Sequence[sa.RowMapping]:
        """Published instances that are not found yet: `key`, `image_id`, `length_bytes`, by key."""
        with self._database.read() as connection:
            return without_rows(connection, after, limit)

    def describe(self, image_id: str, key: str, told: Described) -> None:
        """Have one of them found from now on, if it is still the image's."""
        with self._database.write() as connection:
            now = reading.image(connection, image_id, None, hold=True)
            known = connection.scalar(sa.select(_instance.key).where(_instance.key == key))
            mine = [replace(one, described=told) for one in now.objects if one.key == key]
            if known is None:
                add_rows(connection, image_id, mine)


def _paged(rows: sa.Select[Any], query: Query, establishment: str | None) -> sa.Select[Any]:
    return owned(rows, establishment).limit(query.limit).offset(query.offset)


def _study(row: sa.RowMapping) -> FoundStudy:
    patient = _patient_of(row) if row["patient__patient_id"] is not None else None
    return FoundStudy(
        row["exam_id"],
        row["study_instance_uid"],
        row["created_at"],
        row["accession_number"],
        row["issuer_of_accession_number"],
        patient,
    )


def _patient_of(row: sa.RowMapping) -> PatientIdentity:
    return PatientIdentity(
        **{one.name: row[f"patient__{one.name}"] for one in fields(PatientIdentity)}
    )


def _described_series(row: sa.RowMapping) -> DescribedSeries:
    return DescribedSeries(**{column.name: row[column.name] for column in _SERIES_COLUMNS})


def _instance_of(row: sa.RowMapping, study: FoundStudy) -> FoundInstance:
    told = {column.name: row[column.name] for column in DESCRIBED_COLUMNS}
    return FoundInstance(
        study=study,
        image_id=row["image_id"],
        sop_class_uid=row["sop_class_uid"],
        sop_instance_uid=row["sop_instance_uid"],
        key=row["key"],
        length_bytes=row["length_bytes"],
        described=Described(_described_series(row), **told),
    )


def _counted(connection: sa.Connection, studies: list[FoundStudy]) -> list[FoundStudy]:
    """The studies with what is in them."""
    ids = [one.exam_id for one in studies]
    query = (
        sa.select(
            _instance.exam_id,
            _series.modality,
            sa.func.count(sa.distinct(_series.id)).label("series"),
            sa.func.count().label("instances"),
        )
        .select_from(WITH_SERIES)
        .where(
            PUBLISHED,
            _instance.exam_id.in_(ids),
            *_again(connection, ids, schema.image, schema.series),
        )
        .group_by(_instance.exam_id, _series.modality)
        .order_by(_series.modality)
    )
    rows: dict[str, list[sa.RowMapping]] = defaultdict(list)
    for row in connection.execute(query).mappings() if studies else ():
        rows[row["exam_id"]].append(row)
    return [
        replace(
            one,
            modalities=tuple(row["modality"] for row in rows[one.exam_id]),
            series=sum(row["series"] for row in rows[one.exam_id]),
            instances=sum(row["instances"] for row in rows[one.exam_id]),
        )
        for one in studies
    ]


def _counts(
    connection: sa.Connection, exam_ids: Sequence[str], series_ids: Sequence[int]
) -> dict[int, int]:
    """How many instances series of these exams have."""
    query = (
        sa.select(_instance.series_id, sa.func.count())
        .select_from(WITH_IMAGES)
        .where(
            PUBLISHED,
            _instance.series_id.in_(series_ids),
            *_again(connection, exam_ids, schema.instance, schema.image),
        )
        .group_by(_instance.series_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)} if series_ids else {}


def _again(connection: sa.Connection, ids: Sequence[str], *tables: sa.Table) -> list[Condition]:
    """That what is joined is of these exams too: PostgreSQL would read all of it otherwise."""
    if connection.dialect.name != "postgresql":
        return []
    return [table.c.exam_id.in_(ids) for table in tables]
