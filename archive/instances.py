"""Instances as DICOM's queries ask for them: written with their objects, searched, and found."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from archive import reading, schema
from archive.database import Database
from archive.described import Described, DescribedSeries
from archive.errors import InvalidQuery
from archive.identity import PatientIdentity
from archive.instance_rows import DESCRIBED_COLUMNS, add_rows, without_rows
from archive.matching import (
    Condition,
    Match,
    dates_of,
    days,
    either,
    fuzzy_names,
    names,
    numbers,
    texts,
    times_of,
    uids,
)
from archive.ownership import owned
from archive.query import FoundInstance, FoundPatient, FoundSeries, FoundStudy, Query
from archive.record import ImageState

_exam, _patient, _owner = schema.exam.c, schema.patient.c, schema.establishment.c
_series, _instance, _image = schema.series.c, schema.instance.c, schema.image.c
_object = schema.stored_object.c


class _hhmmss(GenericFunction[str]):  # noqa: N801 -- named as functions of SQL are
    """The time of day of a moment, in UTC."""

    type = sa.String()
    inherit_cache = True
    name = "sansverre_hhmmss"


@compiles(_hhmmss, "sqlite")
def _(element: _hhmmss, compiler: sa.sql.compiler.SQLCompiler, **more: object) -> str:
    return f"strftime('%H%M%S', {compiler.process(element.clauses, **more)})"


@compiles(_hhmmss, "postgresql")
def _(element: _hhmmss, compiler: sa.sql.compiler.SQLCompiler, **more: object) -> str:
    moment = compiler.process(element.clauses, **more)
    return f"to_char({moment} AT TIME ZONE 'UTC', 'HH24MISS')"


def _nothing(value: str) -> Condition | None:
    """Of what is always empty: any value but none matches nothing."""
    return sa.false() if value.strip().strip("*") else None


_OF_STUDIES: Mapping[str, Match] = {
    "StudyInstanceUID": uids(_exam.study_instance_uid),
    "StudyDate": dates_of(_exam.created_at),
    "StudyTime": times_of(_hhmmss(_exam.created_at)),
    "AccessionNumber": texts(_exam.accession_number),
    "PatientName": either(names(_patient.folded_name), names(_patient.folded_birth_name)),
    "PatientID": texts(_patient.patient_id),
    "IssuerOfPatientID": texts(_patient.issuer),
    "PatientBirthDate": days(_patient.birth_date),
    "PatientSex": texts(_patient.sex),
    "ReferringPhysicianName": _nothing,
    "StudyID": _nothing,
}
# Out of an index's sight: most series are of one or two, and the newest are wanted first.
_modality = _series.modality.concat("")
_OF_SERIES: Mapping[str, Match] = {
    "SeriesInstanceUID": uids(_series.series_instance_uid),
    "Modality": texts(_modality),
    "SeriesNumber": numbers(_series.series_number),
    "SeriesDescription": texts(_series.series_description),
}
_OF_INSTANCES: Mapping[str, Match] = {
    "SOPClassUID": uids(_instance.sop_class_uid),
    "SOPInstanceUID": uids(_instance.sop_instance_uid),
    "InstanceNumber": numbers(_instance.instance_number),
}
MATCHED = frozenset({*_OF_STUDIES, *_OF_SERIES, *_OF_INSTANCES, "ModalitiesInStudy"})
"""The attributes that are matched."""

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
_IS_OF = _exam.patient_row == _patient.id
_OWNED = schema.exam.join(schema.establishment).outerjoin(schema.patient, _IS_OF)
# Out of an index's sight as well: who names one patient is not to wade through all exams of a
# house, which a database that keeps no statistics takes for few.
_OWNER = _exam.establishment_id + 0 == _owner.id
_FEW = schema.exam.join(schema.establishment, _OWNER).outerjoin(schema.patient, _IS_OF)
_NAME_FEW = frozenset({"PatientID", "AccessionNumber", "StudyInstanceUID"})
_NAME_FEW_INSIDE = frozenset({"SeriesInstanceUID", "SOPInstanceUID"})
_WITH_IMAGES = schema.instance.join(schema.image, _instance.image_id == _image.id)
_WITH_SERIES = _WITH_IMAGES.join(schema.series, _instance.series_id == _series.id)
_IN_ORDER = (_exam.created_at.desc(), _exam.id.desc())
_PUBLISHED = _image.state == ImageState.PUBLISHED


class Instances:
    """The instances of a catalogue, reached as `catalog.instances`.

    `establishment=None` means every establishment, as in the catalogue. What is not published is
    not there.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def patients(self, query: Query, *, establishment: str | None) -> list[FoundPatient]:
        """The patients of the studies that match, by name; raises InvalidQuery."""
        rows = (
            sa.select(*_PATIENT_COLUMNS, sa.func.count(sa.distinct(_exam.id)).label("studies"))
            .select_from(schema.exam.join(schema.establishment).join(schema.patient, _IS_OF))
            .where(*_of_study(query), _has_inside(query))
            .group_by(_patient.id)
            .order_by(_patient.folded_name, _patient.id)
        )
        with self._database.read() as connection:
            found = connection.execute(_paged(rows, query, establishment)).mappings().all()
        return [FoundPatient(_patient_of(row), row["studies"]) for row in found]

    def studies(self, query: Query, *, establishment: str | None) -> list[FoundStudy]:
        """The studies that match, the newest first; raises InvalidQuery."""
        rows = (
            sa.select(*_STUDY_COLUMNS)
            .select_from(_exams(query))
            .where(*_of_study(query), _has_inside(query))
            .order_by(*_IN_ORDER)
        )
        with self._database.read() as connection:
            found = connection.execute(_paged(rows, query, establishment)).mappings().all()
            return _counted(connection, [_study(row) for row in found])

    def series(self, query: Query, *, establishment: str | None) -> list[FoundSeries]:
        """The series that match, of the newest study first; raises InvalidQuery."""
        rows = (
            sa.select(*_STUDY_COLUMNS, _series.id.label("series_id"), *_SERIES_COLUMNS)
            .select_from(_exams(query).join(schema.series, _series.exam_id == _exam.id))
            .where(
                *_of_study(query),
                *_conditions(query, _OF_SERIES),
                _is_in_series(*_conditions(query, _OF_INSTANCES)),
            )
            .order_by(*_IN_ORDER, _series.id)
        )
        with self._database.read() as connection:
            found = connection.execute(_paged(rows, query, establishment)).mappings().all()
            studies = {row["exam_id"]: _study(row) for row in found}
            whole = {one.exam_id: one for one in _counted(connection, list(studies.values()))}
            counts = _counts(connection, _instance.series_id, [row["series_id"] for row in found])
        return [
            FoundSeries(whole[row["exam_id"]], _described_series(row), counts[row["series_id"]])
            for row in found
        ]

    def instances(self, query: Query, *, establishment: str | None) -> list[FoundInstance]:
        """The instances that match, of the newest study first; raises InvalidQuery."""
        rows = (
            sa.select(*_STUDY_COLUMNS, *_SERIES_COLUMNS, *_INSTANCE_COLUMNS)
            .select_from(
                _exams(query)
                .join(schema.series, _series.exam_id == _exam.id)
                .join(schema.instance, _instance.series_id == _series.id)
                .join(schema.image, _instance.image_id == _image.id)
                .join(schema.stored_object, _instance.key == _object.key)
            )
            .where(
                _PUBLISHED,
                *_of_study(query),
                *_conditions(query, _OF_SERIES),
                *_conditions(query, _OF_INSTANCES),
            )
            .order_by(*_IN_ORDER, _series.id, _instance.instance_number, _instance.key)
        )
        with self._database.read() as connection:
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


def _exams(query: Query) -> sa.FromClause:
    """Exams with whose they are, to be found by what the query names, if that is of few."""
    return _FEW if _names_any(query, _NAME_FEW | _NAME_FEW_INSIDE) else _OWNED


def _names_any(query: Query, names: frozenset[str]) -> bool:
    return any(query.matches.get(one, "")[:1] not in {"", "*", "?"} for one in names)


def _conditions(query: Query, known: Mapping[str, Match]) -> list[Condition]:
    told = {name: known[name](value) for name, value in query.matches.items() if name in known}
    return [one for one in told.values() if one is not None]


def _of_study(query: Query) -> list[Condition]:
    unknown = query.matches.keys() - MATCHED
    if unknown:
        raise InvalidQuery("The query names an attribute that is not matched here.")
    of_studies = dict(_OF_STUDIES)
    if query.fuzzy:
        of_studies["PatientName"] = either(
            fuzzy_names(_patient.folded_name), fuzzy_names(_patient.folded_birth_name)
        )
    conditions = _conditions(query, of_studies)
    asked = texts(_series.modality)(query.matches.get("ModalitiesInStudy", ""))
    if asked is not None:
        conditions.append(_is_in_exam(asked))
    return conditions


def _inside(query: Query) -> list[Condition]:
    return [*_conditions(query, _OF_SERIES), *_conditions(query, _OF_INSTANCES)]


def _has_inside(query: Query) -> Condition:
    """That the exam has a published instance that matches."""
    inside = _inside(query)
    if not _names_any(query, _NAME_FEW_INSIDE):
        return _is_in_exam(*inside)
    found = sa.select(_instance.exam_id).select_from(_WITH_SERIES).where(_PUBLISHED, *inside)
    return _exam.id.in_(found)


def _is_in_exam(*conditions: Condition) -> Condition:
    """That the exam has a published instance for which these hold."""
    query = sa.select(sa.literal(1)).select_from(_WITH_SERIES)
    query = query.where(_PUBLISHED, _instance.exam_id == _exam.id, *conditions)
    return sa.exists(query.correlate(schema.exam))


def _is_in_series(*conditions: Condition) -> Condition:
    """That the series has a published instance for which these hold."""
    query = sa.select(sa.literal(1)).select_from(_WITH_IMAGES)
    query = query.where(_PUBLISHED, _instance.series_id == _series.id, *conditions)
    return sa.exists(query.correlate(schema.series))


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
    query = (
        sa.select(
            _instance.exam_id,
            _series.modality,
            sa.func.count(sa.distinct(_series.id)).label("series"),
            sa.func.count().label("instances"),
        )
        .select_from(_WITH_SERIES)
        .where(_PUBLISHED, _instance.exam_id.in_([one.exam_id for one in studies]))
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
    connection: sa.Connection, column: sa.ColumnElement[int], ids: Sequence[int]
) -> dict[int, int]:
    query = (
        sa.select(column, sa.func.count())
        .select_from(_WITH_IMAGES)
        .where(_PUBLISHED, column.in_(ids))
        .group_by(column)
    )
    return {row[0]: row[1] for row in connection.execute(query)} if ids else {}
