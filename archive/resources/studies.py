"""Imaging studies as they are asked for: exams with what is published of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.columns import UtcDateTime
from archive.errors import InvalidQuery
from archive.homeward import IS_HERE
from archive.identities.schema import identity_event
from archive.ownership import owned
from archive.received.schema import arrival
from archive.record import ImageKind, ImageState
from archive.resources import patients
from archive.resources.asked import Criterion, Search, Token, Value
from archive.resources.conditions import Condition, Make, all_of, bare, moment, token, uid

DCM = "http://dicom.nema.org/resources/ontology/DCM"
"""DICOM's own codes, modalities among them."""
DICOM_UID = "urn:dicom:uid"
URI = "urn:ietf:rfc:3986"
CHAIN = "patient."
WADO = "wado-rs"
"""The endpoint that all studies have."""
SEEN = "seen"
"""What asks for studies that the viewer shows."""

_exam, _patient = schema.exam.c, schema.patient.c
_series, _instance, _image = schema.series.c, schema.instance.c, schema.image.c
_event, _arrival = identity_event.c, arrival.c
_PUBLISHED = sa.and_(_image.state == ImageState.PUBLISHED, IS_HERE)
_OF_IMAGES = schema.instance.join(schema.image, _instance.image_id == _image.id)
_INSIDE = _OF_IMAGES.join(schema.series, _instance.series_id == _series.id)
# Out of an index's sight: arrivals are found by their series, not all of a house.
_arrival_owner = _arrival.establishment_id + 0


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


def in_exam(*conditions: Condition) -> Condition:
    """That the exam has a published instance for which these hold."""
    query = sa.select(sa.literal(1)).select_from(_INSIDE)
    query = query.where(_PUBLISHED, _instance.exam_id == _exam.id, *conditions)
    return sa.exists(query.correlate(schema.exam))


def _within(column: sa.ColumnElement[str], given_by: str) -> Make:
    """Of an exam with a published instance of that UID, which names few."""
    matches = uid(column, given_by)

    def make(value: Value) -> Condition:
        found = sa.select(_instance.exam_id).select_from(_INSIDE)
        return _exam.id.in_(found.where(_PUBLISHED, matches(value)))

    return make


def accession(asked: Token) -> Condition:
    """Of an accession number, and who gave it."""
    number = _exam.accession_number
    found = number.is_not(None) if asked.value is None else sa.and_(number == asked.value)
    if asked.system is None:
        return found
    return sa.and_(found, sa.func.coalesce(_exam.issuer_of_accession_number, "") == asked.system)


def _identified(asked: Token) -> Condition:
    if asked.system == DICOM_UID:
        return _exam.study_instance_uid == bare(asked.value or "")
    if asked.system is not None or asked.value is None:
        return accession(asked)
    return sa.or_(_exam.study_instance_uid == bare(asked.value), accession(asked))


def _of_modality(asked: Token) -> Condition:
    if asked.system not in {None, DCM}:
        return sa.false()
    if asked.value is None:
        return sa.true()
    published = sa.exists(
        sa.select(sa.literal(1))
        .select_from(_OF_IMAGES)
        .where(_instance.series_id == _series.id, _instance.exam_id == _exam.id, _PUBLISHED)
        .correlate(schema.series, schema.exam)
    )
    # By an exam's few series, not by the index of modalities: the newest exams are wanted first.
    is_one = _series.modality.concat("") == asked.value
    return sa.exists().where(_series.exam_id == _exam.id, is_one, published)


def of_patient(asked: Token) -> Condition:
    """Of the patient of this key, whomever they were merged into."""
    return _exam.patient_row.in_(patients.lineage(_patient.key == asked.value))


def _is_touched_since(at: datetime) -> Condition:
    published = sa.exists().where(_image.exam_id == _exam.id, _PUBLISHED, _image.published_at >= at)
    came = sa.exists().where(
        _series.exam_id == _exam.id,
        _arrival.series_instance_uid == _series.series_instance_uid,
        _arrival_owner == _exam.establishment_id,
        _arrival.arrived_at >= at,
    )
    return sa.or_(published, came, is_renamed_since(at))


def is_renamed_since(at: datetime) -> Condition:
    """That something was done since to the identity of the exam's patient."""
    whose = sa.or_(_event.whom == _exam.patient_row, _event.other == _exam.patient_row)
    return sa.exists().where(whose, _event.recorded_at >= at)


def _constant(codes: frozenset[str]) -> Make:
    return token(lambda asked: sa.true() if asked.value in codes else sa.false())


NO_ORDER = _constant(frozenset())
"""Of an order that is a resource: none is one here."""
_IS_SEEN = _image.kind != ImageKind.REPORT


def _reached(asked: Token) -> Condition:
    if asked.value == WADO:
        return sa.true()
    return sa.and_(_exam.id == asked.value, in_exam(_IS_SEEN))


MATCHED: dict[str, Make] = {
    "_id": token(lambda asked: _exam.id == asked.value),
    "_lastUpdated": moment(_is_touched_since),
    "identifier": token(_identified),
    "accession": token(accession),
    "order": NO_ORDER,
    "patient": token(of_patient),
    "started": moment(lambda at: _exam.created_at >= at),
    "modality": token(_of_modality),
    "series": _within(_series.series_instance_uid, DICOM_UID),
    "instance": _within(_instance.sop_instance_uid, DICOM_UID),
    "dicom-class": token(lambda asked: in_exam(uid(_instance.sop_class_uid, URI)(asked))),
    "status": _constant(frozenset({"available"})),
    "endpoint": token(_reached),
    SEEN: token(lambda _: in_exam(_IS_SEEN)),
}
"""What studies are looked for by; and by `patient.` with what patients are looked for by."""
_NAMES_FEW = frozenset({"_id", "identifier", "accession", "patient", "series", "instance"})


def conditions(
    criteria: Collection[Criterion], known: Mapping[str, Make] = MATCHED
) -> list[Condition]:
    """The conditions of a search on exams, or on what is of one; raises InvalidQuery."""
    own = [one for one in criteria if not one.name.startswith(CHAIN)]
    chained = [one for one in criteria if one.name.startswith(CHAIN)]
    found = all_of(own, known)
    if chained:
        whose = [replace(one, name=one.name.removeprefix(CHAIN)) for one in chained]
        of = patients.lineage(*all_of(whose, patients.MATCHED))
        found.append(_exam.patient_row.in_(of))
    return found


def names_few(criteria: Collection[Criterion]) -> bool:
    """Whether a search names patients, orders or objects, and not times and kinds alone."""
    return any(
        not one.is_not and (one.name in _NAMES_FEW or one.name.startswith(CHAIN))
        for one in criteria
    )


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


_published_at = (
    sa.select(sa.func.max(_image.published_at))
    .where(_image.exam_id == _exam.id, _PUBLISHED)
    .correlate(schema.exam)
    .scalar_subquery()
)
_arrived_at = (
    sa.select(sa.func.max(_arrival.arrived_at))
    .where(
        _series.exam_id == _exam.id,
        _arrival.series_instance_uid == _series.series_instance_uid,
        _arrival_owner == _exam.establishment_id,
    )
    .correlate(schema.exam)
    .scalar_subquery()
)
renamed_at = (
    sa.select(sa.func.max(_event.recorded_at))
    .where(sa.or_(_event.whom == _exam.patient_row, _event.other == _exam.patient_row))
    .correlate(schema.exam)
    .scalar_subquery()
)
"""When something was last done to the identity of the exam's patient."""
_COLUMNS = [
    _exam.id.label("exam_id"),
    _exam.study_instance_uid,
    _exam.created_at,
    _exam.accession_number,
    _exam.issuer_of_accession_number,
    _exam.is_provisional,
    _patient.key.label("patient_key"),
    _published_at.label("published_at"),
    _arrived_at.label("arrived_at"),
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
        rows = rows.where(_older(asked.after))
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


def _older(mark: Any) -> Condition:
    try:
        at = datetime.fromisoformat(mark["at"])
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidQuery("The address of this page is none.") from error
    here = sa.tuple_(sa.literal(at, UtcDateTime), sa.literal(mark["id"], sa.String))
    return sa.tuple_(_exam.created_at, _exam.id) < here


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
            _IS_SEEN.label("is_seen"),
        )
        .select_from(
            these.join(schema.instance, _instance.exam_id == these.c.exam_id)
            .join(schema.image, _instance.image_id == _image.id)
            .join(schema.series, _instance.series_id == _series.id)
        )
        .where(_PUBLISHED)
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
