"""How a patient whom a header or a person names stands to whoever is known under the number."""

from dataclasses import fields

import sqlalchemy as sa

from archive import schema
from archive.identities.decisions import Sent, Then, decided
from archive.identities.pointers import survivor
from archive.identity import PatientIdentity, folded_name


def is_refused(
    connection: sa.Connection, said: PatientIdentity, row: int, *, may_be_bare: bool = False
) -> bool:
    """Whether what is said of a number's patient is of somebody else than who is known.

    A device that says nothing but the number is refused; a person who does so means it, and
    `may_be_bare`.
    """
    then, _ = decided(_held_against(said, _identity(connection, row), may_be_bare=may_be_bare))
    return then is Then.REFUSE


def is_somebody_else(connection: sa.Connection, said: PatientIdentity, row: int) -> bool:
    """The same of what a person says, or an order, also of whom the number was merged into."""
    known = {row, survivor(connection, row)}
    return all(is_refused(connection, said, one, may_be_bare=True) for one in known)


def _identity(connection: sa.Connection, patient_row: int) -> PatientIdentity:
    column = schema.patient.c
    query = sa.select(*(column[one.name] for one in fields(PatientIdentity)))
    row = connection.execute(query.where(column.id == patient_row)).mappings().one()
    return PatientIdentity(**row)


def _held_against(said: PatientIdentity, known: PatientIdentity, *, may_be_bare: bool) -> Sent:
    traits = ((one.name, one.birth_date, one.sex) for one in (said, known))
    is_bare, is_unknown = (not any(one) for one in traits)
    pairs = (
        (said.birth_date, known.birth_date),
        (said.sex, known.sex),
        (said.issuer_oid, known.issuer_oid),
    )
    ours, theirs = _words(known.name) | _words(known.birth_name or ""), _words(said.name)
    return Sent(
        is_known=True,
        is_bare=is_bare and not is_unknown and not may_be_bare,
        has_other_trait=any(None not in pair and pair[0] != pair[1] for pair in pairs),
        shares_a_name=not ours or not theirs or bool(ours & theirs),
    )


def _words(name: str) -> frozenset[str]:
    return frozenset(folded_name(name).replace("^", " ").replace("=", " ").split())
