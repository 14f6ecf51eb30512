"""What a query asks of studies, series and instances, as conditions on the rows they are."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from archive import schema
from archive.errors import InvalidQuery
from archive.homeward import IS_HERE
from archive.identities.issuers import given_by
from archive.matching import (
    Condition,
    Match,
    codes,
    dates_of,
    days,
    either,
    fuzzy_names,
    moments,
    names,
    numbers,
    texts,
    times_of,
    uids,
)
from archive.ownership import owned
from archive.query import Query
from archive.record import ImageState

_exam, _patient, _owner = schema.exam.c, schema.patient.c, schema.establishment.c
_series, _instance, _image = schema.series.c, schema.instance.c, schema.image.c

FEW = 500
"""Patients, or exams, that are few enough to be gone through one by one."""


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


class _beside(GenericFunction[Any]):  # noqa: N801 -- as above
    """A column whose index is no way in.

    SQLite, which keeps no statistics here, takes whatever equals a value for few: most of what is
    asked for is of the newest, and the order is the way. PostgreSQL counts by itself.
    """

    inherit_cache = True
    name = "sansverre_beside"


@compiles(_beside, "sqlite")
def _(element: _beside, compiler: sa.sql.compiler.SQLCompiler, **more: object) -> str:
    return f"+{compiler.process(element.clauses, **more)}"


@compiles(_beside, "postgresql")
def _(element: _beside, compiler: sa.sql.compiler.SQLCompiler, **more: object) -> str:
    return compiler.process(element.clauses, **more)


def _nothing(value: str) -> Condition | None:
    """Of what is always empty: any value but none matches nothing."""
    return sa.false() if value.strip().strip("*") else None


_OF_PATIENTS: Mapping[str, Match] = {
    "PatientName": either(names(_patient.folded_name), names(_patient.folded_birth_name)),
    "PatientID": texts(_patient.patient_id),
    "IssuerOfPatientID": given_by(_patient.issuer),
    "IssuerOfPatientIDQualifiersSequence.UniversalEntityID": given_by(_patient.issuer_oid),
    "PatientBirthDate": days(_patient.birth_date),
    "PatientSex": texts(_patient.sex),
}
_OF_PATIENTS_FUZZILY: Mapping[str, Match] = {
    **_OF_PATIENTS,
    "PatientName": either(
        fuzzy_names(_patient.folded_name), fuzzy_names(_patient.folded_birth_name)
    ),
}
_OF_STUDIES: Mapping[str, Match] = {
    "StudyInstanceUID": uids(_exam.study_instance_uid),
    "StudyDate": dates_of(_exam.created_at),
    "StudyTime": times_of(_hhmmss(_exam.created_at)),
    "AccessionNumber": texts(_exam.accession_number),
    "IssuerOfAccessionNumberSequence.LocalNamespaceEntityID": texts(
        _exam.issuer_of_accession_number
    ),
    "ReferringPhysicianName": _nothing,
    "StudyID": _nothing,
}
_OF_SERIES: Mapping[str, Match] = {
    "SeriesInstanceUID": uids(_series.series_instance_uid),
    "Modality": codes(_beside(_series.modality, type_=sa.String())),
    "SeriesNumber": numbers(_series.series_number),
    "SeriesDescription": texts(_series.series_description),
}
_OF_INSTANCES: Mapping[str, Match] = {
    "SOPClassUID": uids(_instance.sop_class_uid),
    "SOPInstanceUID": uids(_instance.sop_instance_uid),
    "InstanceNumber": numbers(_instance.instance_number),
}
_MOMENT = ("StudyDate", "StudyTime")
_MODALITIES = "ModalitiesInStudy"
MATCHED = frozenset({*_OF_PATIENTS, *_OF_STUDIES, *_OF_SERIES, *_OF_INSTANCES, _MODALITIES})
"""The attributes that are matched, those in items of sequences by their paths."""

IS_OF = _exam.patient_row == _patient.id
_OWNED = schema.exam.join(schema.establishment).outerjoin(schema.patient, IS_OF)
_OWNER = _beside(_exam.establishment_id, type_=sa.Integer()) == _owner.id
_FEW = schema.exam.join(schema.establishment, _OWNER).outerjoin(schema.patient, IS_OF)
_whose = _patient.establishment_id
_NAME_PATIENTS = frozenset({"PatientID", "PatientName"})
_NAME_FEW = frozenset({"AccessionNumber", "StudyInstanceUID"})
_NAME_FEW_INSIDE = frozenset({"SeriesInstanceUID", "SOPInstanceUID"})
WITH_IMAGES = schema.instance.join(schema.image, _instance.image_id == _image.id)
WITH_SERIES = WITH_IMAGES.join(schema.series, _instance.series_id == _series.id)
PUBLISHED = sa.and_(_beside(_image.state, type_=_image.state.type) == ImageState.PUBLISHED, IS_HERE)


def narrowed(
    connection: sa.Connection, query: Query, establishment: str | None
) -> tuple[sa.FromClause, list[Condition]]:
    """Exams with whose they are, and what of them is asked for; raises InvalidQuery.

    Where few patients match, or few exams have a series of the modality, those are named: the
    search then goes through them, else through all exams by their order.
    """
    unknown = query.matches.keys() - MATCHED
    if unknown:
        raise InvalidQuery("The query names an attribute that is not matched here.")
    conditions = _conditions(query, _OF_STUDIES)
    if query.combined and all(query.matches.get(one, "").strip("* ") for one in _MOMENT):
        told = _without(query, _MOMENT)
        at = moments(_exam.created_at, *(query.matches[one] for one in _MOMENT))
        conditions = [*_conditions(told, _OF_STUDIES), *([] if at is None else [at])]
    is_few = _names_any(query, _NAME_FEW | _NAME_FEW_INSIDE)
    patients = _conditions(query, _OF_PATIENTS_FUZZILY if query.fuzzy else _OF_PATIENTS)
    if patients:
        named = not query.fuzzy and _names_any(query, _NAME_PATIENTS)
        owner = _beside(_whose, type_=sa.Integer()) if named else _whose
        mine = schema.patient.join(schema.establishment, owner == _owner.id)
        rows = sa.select(_patient.id).select_from(mine)
        found = _if_few(connection, owned(rows.where(*patients), establishment))
        conditions += patients if found is None else [_exam.patient_row.in_(found)]
        is_few = is_few or found is not None
    for name in ("Modality", _MODALITIES):
        asked = codes(_series.modality)(query.matches.get(name, ""))
        if asked is None:
            continue
        rows = sa.select(_series.exam_id).where(asked).distinct()
        found = None if is_few else _if_few(connection, rows)
        if name == _MODALITIES:
            conditions.append(_is_in_exam(_OF_SERIES["Modality"](query.matches[name])))
        if found is not None:
            conditions.append(_exam.id.in_(found))
            is_few = True
    return _FEW if is_few else _OWNED, conditions


def _without(query: Query, names: tuple[str, ...]) -> Query:
    kept = {name: value for name, value in query.matches.items() if name not in names}
    return replace(query, matches=kept)


def _if_few(connection: sa.Connection, rows: sa.Select[Any]) -> list[Any] | None:
    """What is found, unless it is more than a few."""
    found = list(connection.scalars(rows.limit(FEW + 1)))
    return found if len(found) <= FEW else None


def with_series(exams: sa.FromClause, query: Query) -> sa.FromClause:
    """The exams with their series: from above, unless the query names what is inside."""
    above = _exam.id if _names_any(query, _NAME_FEW_INSIDE) else _beside(_exam.id)
    return exams.join(schema.series, _series.exam_id == above)


def with_instances(exams: sa.FromClause, query: Query) -> sa.FromClause:
    """The exams with their series and instances, likewise."""
    above = _series.id if _names_any(query, _NAME_FEW_INSIDE) else _beside(_series.id)
    return (
        with_series(exams, query)
        .join(schema.instance, _instance.series_id == above)
        .join(schema.image, _instance.image_id == _image.id)
    )


def has_inside(query: Query) -> Condition:
    """That the exam has a published instance that matches."""
    inside = [*of_series(query), *of_instances(query)]
    if not _names_any(query, _NAME_FEW_INSIDE):
        return _is_in_exam(*inside)
    found = sa.select(_instance.exam_id).select_from(WITH_SERIES).where(PUBLISHED, *inside)
    return _exam.id.in_(found)


def of_series(query: Query) -> list[Condition]:
    """What is asked of a series."""
    return _conditions(query, _OF_SERIES)


def of_instances(query: Query) -> list[Condition]:
    """What is asked of an instance."""
    return _conditions(query, _OF_INSTANCES)


def is_in_series(*conditions: Condition) -> Condition:
    """That the series has a published instance for which these hold."""
    query = sa.select(sa.literal(1)).select_from(WITH_IMAGES)
    query = query.where(PUBLISHED, _instance.series_id == _series.id, *conditions)
    return sa.exists(query.correlate(schema.series))


def _is_in_exam(*conditions: Condition | None) -> Condition:
    """That the exam has a published instance for which these hold."""
    query = sa.select(sa.literal(1)).select_from(WITH_SERIES)
    told = [one for one in conditions if one is not None]
    query = query.where(PUBLISHED, _instance.exam_id == _exam.id, *told)
    return sa.exists(query.correlate(schema.exam))


def _names_any(query: Query, names: frozenset[str]) -> bool:
    return any(query.matches.get(one, "")[:1] not in {"", "*", "?"} for one in names)


def _conditions(query: Query, known: Mapping[str, Match]) -> list[Condition]:
    told = {name: known[name](value) for name, value in query.matches.items() if name in known}
    return [one for one in told.values() if one is not None]
