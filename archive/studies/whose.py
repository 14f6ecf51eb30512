"""By which numbers a patient is asked for, and who else has them: the cross-reference, read."""

import sqlalchemy as sa

from archive import schema
from archive.identities.acts import PROVISIONAL_ISSUER, flags_of, ins_of, known_traits
from archive.identities.pointers import survivor
from archive.identities.stated import Person, person_of
from archive.sharing.patients import numbers_of, row_of
from archive.studies.judge import Number, Patient

_patient, _owner = schema.patient.c, schema.establishment.c


def patient_asked(connection: sa.Connection, establishment: str, key: str) -> Patient:
    """The numbers of an establishment's patient, also those merged into them; raises NotFound."""
    whom = row_of(connection, establishment, key)
    rows = connection.execute(
        sa.select(
            _patient.id,
            _patient.patient_id,
            _patient.issuer,
            _patient.issuer_oid,
            _patient.establishment_id,
        ).where(_patient.id.in_(numbers_of(connection, [whom])))
    ).all()
    own = _person(connection, whom)
    numbers = tuple(
        Number(
            row.patient_id,
            row.issuer,
            row.issuer_oid or "",
            (own,) if row.id == whom else (own, _person(connection, row.id)),
        )
        for row in sorted(rows, key=lambda row: (row.id != whom, row.id))
        # No archive has ever heard of those.
        if row.issuer != PROVISIONAL_ISSUER
    )
    others = connection.execute(
        sa.select(_patient.id, _patient.patient_id).where(
            _patient.establishment_id == rows[0].establishment_id,
            _patient.patient_id.in_([one.patient_id for one in numbers]),
            _patient.id.not_in([row.id for row in rows]),
        )
    ).all()
    known = ins_of(connection, whom)
    return Patient(
        establishment,
        numbers,
        known[0] if known else None,
        is_flagged=any(flags_of(connection, row.id) for row in rows),
        rivals=tuple(
            (row.patient_id, person)
            for row in others
            for person in {
                _person(connection, row.id),
                _person(connection, survivor(connection, row.id)),
            }
        ),
    )


def _person(connection: sa.Connection, whom: int) -> Person:
    return person_of(known_traits(connection, whom))
