"""Under whom an instance belongs that another sends: doubt is refused, not guessed."""

from collections.abc import Set
from datetime import datetime

import sqlalchemy as sa

from archive import reading, schema
from archive.errors import NotKept
from archive.identities.pointers import survivor
from archive.identities.sent import is_refused
from archive.identity import PatientIdentity, uid_of_move
from archive.received.arrived import Arrived
from archive.received.images import Fits, belongs
from archive.received.outcome import Failure
from archive.reception import new_id, new_patient, numbered

_instance, _series = schema.instance.c, schema.series.c
_exam, _arrival = schema.exam.c, schema.arrival.c
_move = schema.move.c


def require_not_moved(connection: sa.Connection, owner: int, arrived: Arrived, fits: Fits) -> None:
    """Refuse what was moved to another patient since it came, and what is of an image that was.

    A scanner that sends again says what it said before, which was found to be wrong. So does an
    archive that gives back a copy of what was made here, and was moved since. Other images of the
    same series are no worse for it.
    """
    if _moved(connection, owner, {arrived.sop_instance_uid}):
        raise NotKept("it was moved to another patient here since it was made", Failure.MOVED)
    still = (
        sa.select(sa.literal(1))
        .select_from(schema.instance.join(schema.exam, _instance.exam_id == _exam.id))
        .where(
            _instance.sop_instance_uid == _arrival.sop_instance_uid,
            _exam.establishment_id == owner,
        )
    )
    gone = sa.select(_arrival.sop_instance_uid).where(
        _arrival.establishment_id == owner,
        _arrival.series_instance_uid == arrived.described.series.series_instance_uid,
        ~sa.exists(still.correlate(schema.arrival)),
    )
    before = set(connection.scalars(gone))
    for image_id in sorted(_moved(connection, owner, before)):
        if belongs(reading.image(connection, image_id, None), arrived, fits):
            raise NotKept(
                "the slide that it is of was moved to another patient here", Failure.MOVED
            )


def _moved(connection: sa.Connection, owner: int, before: Set[str]) -> set[str]:
    """The images of here that hold what moves made of instances with these UIDs."""
    if not before:
        return set()
    query = (
        sa.select(_move.image_id, _exam.study_instance_uid, _move.incarnation)
        .select_from(schema.move.join(schema.exam, _move.to_exam_id == _exam.id))
        .join(schema.establishment, _exam.establishment_id == schema.establishment.c.id)
        .add_columns(schema.establishment.c.name)
        .where(_exam.establishment_id == owner, _move.done_at.is_not(None))
        .order_by(_move.image_id, _move.incarnation)
    )
    made: dict[str, set[str]] = {}
    for image_id, study, number, establishment in connection.execute(query):
        # It may have had this UID before any of the image's moves.
        known = {*before, *made.get(image_id, ())}
        made[image_id] = {uid_of_move(one, establishment, study, number) for one in known}
    uids = sorted(set().union(*made.values()))
    found: set[str] = set()
    for at in range(0, len(uids), 500):
        there = (
            sa.select(_instance.image_id)
            .select_from(schema.instance.join(schema.exam, _instance.exam_id == _exam.id))
            .where(
                _instance.sop_instance_uid.in_(uids[at : at + 500]),
                _exam.establishment_id == owner,
            )
        )
        found |= set(connection.scalars(there))
    return found


def patient_of(
    connection: sa.Connection, owner: int, patient: PatientIdentity | None
) -> int | None:
    """The row of its patient, new where none has the number; raises NotKept."""
    if patient is None:
        return None
    row = numbered(connection, owner, patient.issuer, patient.patient_id)
    if row is None:
        return new_patient(connection, owner, patient)
    if is_refused(connection, patient, row):
        raise NotKept(
            "its patient's number is that of somebody here with another name, birth date or sex, "
            "or it says none of them",
            Failure.OF_ANOTHER_PATIENT,
        )
    return survivor(connection, row)


def exam_of(
    connection: sa.Connection, owner: int, patient_row: int | None, arrived: Arrived, now: datetime
) -> str:
    """The exam that its study is here, new where there is none; raises NotKept."""
    known = connection.execute(
        sa.select(_exam.id, _exam.patient_row).where(
            _exam.establishment_id == owner, _exam.study_instance_uid == arrived.study_instance_uid
        )
    ).one_or_none()
    if known is not None and known.patient_row != patient_row:
        raise NotKept(
            "its study is that of another patient here, or of none", Failure.OF_ANOTHER_PATIENT
        )
    if arrived.accession_number is not None:
        same_order = sa.select(_exam.patient_row).where(
            _exam.establishment_id == owner,
            _exam.accession_number == arrived.accession_number,
            _exam.issuer_of_accession_number.is_not_distinct_from(arrived.issuer),
        )
        if any(one != patient_row for one in connection.scalars(same_order)):
            raise NotKept(
                "its accession number is that of another patient here, or of none",
                Failure.OF_ANOTHER_PATIENT,
            )
    if known is not None:
        return str(known.id)
    new = sa.insert(schema.exam).values(
        id=new_id(),
        establishment_id=owner,
        patient_row=patient_row,
        accession_number=arrived.accession_number,
        issuer_of_accession_number=arrived.issuer,
        study_instance_uid=arrived.study_instance_uid,
        is_provisional=False,
        created_at=arrived.study_at or now,
    )
    return str(connection.execute(new.returning(_exam.id)).scalar_one())


def require_own_series(
    connection: sa.Connection, owner: int, exam_id: str, arrived: Arrived
) -> None:
    """Raise NotKept where its series is known in another study."""
    elsewhere = (
        sa.select(_series.id)
        .select_from(schema.series.join(schema.exam))
        .where(
            _series.series_instance_uid == arrived.described.series.series_instance_uid,
            _exam.establishment_id == owner,
            _exam.id != exam_id,
        )
    )
    if connection.execute(elsewhere.limit(1)).first() is not None:
        raise NotKept("its series is of another study here", Failure.DOES_NOT_MATCH)
