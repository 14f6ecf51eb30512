"""Who is shown to whom: the one bridge between two establishments' records of a person.

That is the same qualified national identifier on both sides, the same strict traits, and no flag; a
rule by which the one shows its exams to the other; and nobody's objection. It is asked when it is
needed and kept nowhere, so that what is withdrawn is gone at once. Nothing that reads an
establishment's own things asks here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from archive import schema
from archive.errors import NotFound
from archive.identities.pointers import numbers_of, survivor
from archive.identities.reading import same_person
from archive.ownership import owned
from archive.sharing.rule import EVERYBODY
from archive.sharing.schema import objection, share

_patient, _owner, _exam = schema.patient.c, schema.establishment.c, schema.exam.c


@dataclass(frozen=True, slots=True)
class PatientKey:
    """An establishment's record of a patient, by what addresses name it."""

    establishment: str
    key: str


def patients_shown(
    connection: sa.Connection, establishment: str | None, patient: str
) -> tuple[PatientKey, ...]:
    """An establishment's own record of a patient first, then those that others show it.

    `patient` is a key, also one from before a merge; with None for the establishment, what the
    patient's own may see. Raises NotFound for a patient who is not of that establishment.
    """
    own, _ = _record_of(connection, establishment, patient)
    others = same_person(connection, own.key, own.establishment)
    if not others:
        return (own,)
    known = [PatientKey(*one) for one in others]
    if objects(connection, [own, *known]):
        return (own,)
    return own, *(one for one in known if _shows(connection, one.establishment, own.establishment))


def is_exam_shown(connection: sa.Connection, exam_id: str, seer: str) -> bool:
    """Whether another establishment's exam is shown to this one now.

    The way of a share, apart from that of what is one's own: from the exam to its patient, by
    the national identifier to the seer's record of them.
    """
    query = (
        sa.select(_patient.key, _owner.name)
        .select_from(schema.exam)
        .join(schema.patient, _patient.id == _exam.patient_row)
        .join(schema.establishment, _owner.id == _patient.establishment_id)
        .where(_exam.id == exam_id)
    )
    row = connection.execute(query).one_or_none()
    if row is None or not _shows(connection, row.name, seer):
        return False
    shown = PatientKey(row.name, row.key)
    known = [PatientKey(*one) for one in same_person(connection, shown.key, shown.establishment)]
    is_known = any(one.establishment == seer for one in known)
    return is_known and not objects(connection, [shown, *known])


def objects(connection: sa.Connection, patients: Iterable[PatientKey]) -> bool:
    """Whether a person of whom these are records objects to being shown anywhere else."""
    keys = [one.key for one in patients]
    rows = connection.scalars(sa.select(_patient.id).where(_patient.key.in_(keys))).all()
    whom = numbers_of(connection, rows)
    said = sa.select(objection.c.id).where(
        objection.c.whom.in_(whom), objection.c.ended_at.is_(None)
    )
    return connection.scalar(said.limit(1)) is not None


def row_of(connection: sa.Connection, establishment: str | None, patient: str) -> int:
    """The row of who survives under a key; raises NotFound."""
    return _record_of(connection, establishment, patient)[1]


def _record_of(
    connection: sa.Connection, establishment: str | None, patient: str
) -> tuple[PatientKey, int]:
    query = sa.select(_patient.id).select_from(schema.patient.join(schema.establishment))
    row = connection.scalar(owned(query.where(_patient.key == patient), establishment))
    if row is None:
        raise NotFound("There is no such patient.")
    whom = survivor(connection, row)
    found = connection.execute(
        sa.select(_patient.key, _owner.name)
        .select_from(schema.patient.join(schema.establishment))
        .where(_patient.id == whom)
    ).one()
    return PatientKey(found.name, found.key), whom


def _shows(connection: sa.Connection, shower: str, seer: str) -> bool:
    """Whether a rule says that one establishment shows its exams to another."""
    rule = (
        sa.select(share.c.to_whom)
        .select_from(share.join(schema.establishment))
        .where(_owner.name == shower, share.c.to_whom.in_([seer, EVERYBODY]))
    )
    return connection.scalar(rule.limit(1)) is not None
