"""By which numbers a patient is asked for, and who else has them: the cross-reference, read."""

import sqlalchemy as sa

from archive import schema
from archive.identities.acts import (
    blocking,
    flags_of,
    ins_of,
    known_traits,
)
from archive.identities.issuer import PROVISIONAL_ISSUER
from archive.identities.issuers import names_of
from archive.identities.pointers import chain, numbers_of, survivor
from archive.identities.stated import Agreement, Person, agreement, person_of
from archive.identity import PatientIdentity
from archive.sharing.patients import row_of
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
            names_of(connection, row.establishment_id, row.issuer),
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
        # That a number was a duplicate is put right by its merge.
        is_flagged=bool(flags_of(connection, whom))
        or any(blocking(flags_of(connection, row.id)) for row in rows if row.id != whom),
        rivals=tuple(
            (row.patient_id, person)
            for row in others
            for person in {
                _person(connection, row.id),
                _person(connection, survivor(connection, row.id)),
            }
        ),
    )


def newcomer_asked(connection: sa.Connection, establishment: str, said: PatientIdentity) -> Patient:
    """The number of somebody of whom an order is the first that an establishment hears."""
    traits = {
        "name": said.name,
        "birth_name": said.birth_name,
        "birth_date": said.birth_date,
        "sex": said.sex,
    }
    own = person_of(traits)
    owner = connection.scalar(sa.select(_owner.id).where(_owner.name == establishment)) or 0
    issuers = names_of(connection, owner, said.issuer)
    number = Number(said.patient_id, said.issuer, said.issuer_oid or "", (own,), issuers)
    others = connection.scalars(
        sa.select(_patient.id)
        .select_from(schema.patient.join(schema.establishment))
        .where(_patient.patient_id == said.patient_id, _owner.name == establishment)
    ).all()
    known = {_person(connection, one) for whom in others for one in chain(connection, whom)}
    # Who is known by the same traits may well be who is meant, without an issuer.
    rivals = [one for one in known if agreement(own, one) is not Agreement.SAME]
    return Patient(establishment, (number,), rivals=tuple((said.patient_id, one) for one in rivals))


def _person(connection: sa.Connection, whom: int) -> Person:
    return person_of(known_traits(connection, whom))
