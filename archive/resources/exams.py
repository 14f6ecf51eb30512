"""Exams by what is asked of them: what searches for imaging studies and for reports share."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from archive import schema
from archive.homeward import IS_HERE
from archive.identities.schema import identity_event
from archive.received.schema import arrival
from archive.record import ImageKind, ImageState
from archive.resources import patients
from archive.resources.asked import Criterion, Token, Value
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
IS_PUBLISHED = sa.and_(_image.state == ImageState.PUBLISHED, IS_HERE)
IS_SEEN = _image.kind != ImageKind.REPORT
"""That the viewer shows it, which shows more of an exam than documents."""
_OF_IMAGES = schema.instance.join(schema.image, _instance.image_id == _image.id)
_INSIDE = _OF_IMAGES.join(schema.series, _instance.series_id == _series.id)
# Out of an index's sight: arrivals are found by their series, not all of a house.
_arrival_owner = _arrival.establishment_id + 0


def in_exam(*conditions: Condition) -> Condition:
    """That the exam has a published instance for which these hold."""
    query = sa.select(sa.literal(1)).select_from(_INSIDE)
    query = query.where(IS_PUBLISHED, _instance.exam_id == _exam.id, *conditions)
    return sa.exists(query.correlate(schema.exam))


def _within(column: sa.ColumnElement[str], given_by: str) -> Make:
    """Of an exam with a published instance of that UID, which names few."""
    matches = uid(column, given_by)

    def make(value: Value) -> Condition:
        found = sa.select(_instance.exam_id).select_from(_INSIDE)
        return _exam.id.in_(found.where(IS_PUBLISHED, matches(value)))

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
        .where(_instance.series_id == _series.id, _instance.exam_id == _exam.id, IS_PUBLISHED)
        .correlate(schema.series, schema.exam)
    )
    # By an exam's few series, not by the index of modalities: the newest exams are wanted first.
    is_one = _series.modality.concat("") == asked.value
    return sa.exists().where(_series.exam_id == _exam.id, is_one, published)


def of_patient(asked: Token) -> Condition:
    """Of the patient of this key, whomever they were merged into."""
    return _exam.patient_row.in_(patients.lineage(_patient.key == asked.value))


def _is_touched_since(at: datetime) -> Condition:
    published = sa.exists().where(
        _image.exam_id == _exam.id, IS_PUBLISHED, _image.published_at >= at
    )
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


def _reached(asked: Token) -> Condition:
    if asked.value == WADO:
        return sa.true()
    return sa.and_(_exam.id == asked.value, in_exam(IS_SEEN))


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
    SEEN: token(lambda _: in_exam(IS_SEEN)),
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


published_at = (
    sa.select(sa.func.max(_image.published_at))
    .where(_image.exam_id == _exam.id, IS_PUBLISHED)
    .correlate(schema.exam)
    .scalar_subquery()
)
"""When something of the exam was last published."""
arrived_at = (
    sa.select(sa.func.max(_arrival.arrived_at))
    .where(
        _series.exam_id == _exam.id,
        _arrival.series_instance_uid == _series.series_instance_uid,
        _arrival_owner == _exam.establishment_id,
    )
    .correlate(schema.exam)
    .scalar_subquery()
)
"""When an instance of its last came from elsewhere."""
renamed_at = (
    sa.select(sa.func.max(_event.recorded_at))
    .where(sa.or_(_event.whom == _exam.patient_row, _event.other == _exam.patient_row))
    .correlate(schema.exam)
    .scalar_subquery()
)
"""When something was last done to the identity of the exam's patient."""
