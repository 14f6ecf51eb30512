"""Who gives patients' numbers, by all their names: as a site states it, and nothing is guessed.

One system names an issuer in words, and another one by its OID. That both are one is known where
the site says so, and then whatever comes in is kept under one name: all that reads compares texts.
"""

from dataclasses import replace

import sqlalchemy as sa

from archive import schema
from archive.cases.order import Numbered, Visit
from archive.errors import InvalidIdentity
from archive.identities.issuer import Issuers
from archive.identities.schema import issuer_name
from archive.identity import PatientIdentity
from archive.matching import Condition, Match, texts

_name, _patient, _owner = issuer_name.c, schema.patient.c, schema.establishment.c


Row = tuple[str, str, str, str | None]
"""An establishment, what an issuer is called there, its name, and the OID that leaves."""


def is_declared(connection: sa.Connection, stated: Issuers) -> bool:
    """Whether that is what is kept."""
    return declared(connection) == rows_of(stated)


def declared(connection: sa.Connection) -> set[Row]:
    """What is kept."""
    query = sa.select(_owner.name, _name.called, _name.name, _name.oid)
    query = query.join_from(schema.establishment, issuer_name)
    return {(one[0], one[1], one[2], one[3]) for one in connection.execute(query)}


def rows_of(stated: Issuers) -> set[Row]:
    """The same of what is stated."""
    return {
        (establishment, called, one.name, one.oids[0] if one.oids else None)
        for establishment, issuers in stated.items()
        for one in issuers
        for called in (one.name, *one.oids, *one.also)
    }


def known_as(
    connection: sa.Connection, owner: int, issuer: str, oid: str | None = None
) -> tuple[str, str | None]:
    """An issuer as it is kept, and its OID where one is said; as they are said, where none is.

    Raises InvalidIdentity where the two are of different issuers, as far as the site says.
    """
    asked = sa.select(issuer_name).where(
        _name.establishment_id == owner, _name.called.in_({issuer, oid or ""})
    )
    found = {row.called: row for row in connection.execute(asked)}
    by_name, by_oid = found.get(issuer), found.get(oid or "")
    is_other = bool(by_name and by_oid and by_name.name != by_oid.name)
    if is_other or (by_name and by_name.oid and oid and not by_oid):
        raise InvalidIdentity(
            "The name and the OID of who gave the patient's number are not one issuer's, as the "
            "table of issuers says; correct the one or the other."
        )
    known = by_oid or by_name
    if known is None:
        return issuer, oid
    return known.name, (known.oid or oid) if oid else None


def named(connection: sa.Connection, owner: int, who: PatientIdentity) -> PatientIdentity:
    """Somebody as their number is kept; raises InvalidIdentity as `known_as`."""
    issuer, oid = known_as(connection, owner, who.issuer, who.issuer_oid)
    return replace(who, issuer=issuer, issuer_oid=oid)


def named_visit(connection: sa.Connection, owner: int, visit: Visit) -> Visit:
    """An account or visit as its number is kept."""
    issuer, _ = known_as(connection, owner, visit.named.issuer)
    return replace(visit, named=Numbered(visit.named.number, issuer))


def names_of(connection: sa.Connection, owner: int, issuer: str) -> frozenset[str]:
    """All that an issuer is called here, its OIDs too, by whichever name it is asked for.

    Nothing where the site says nothing of it.
    """
    meant = sa.select(_name.name).where(_name.establishment_id == owner, _name.called == issuer)
    query = sa.select(_name.called).where(_name.establishment_id == owner, _name.name.in_(meant))
    return frozenset(connection.scalars(query))


def given_by(column: sa.ColumnElement[str]) -> Match:
    """Who gave a patient's number: as the column says, or by another name of the same issuer."""
    own, other = texts(column), texts(_name.called)

    def match(value: str) -> Condition | None:
        is_own, is_called = own(value), other(value)
        return None if is_own is None or is_called is None else sa.or_(is_own, called(is_called))

    return match


def called(is_called: Condition) -> Condition:
    """That a patient's number is of an issuer of which one of the names is so."""
    is_theirs = sa.and_(
        _name.establishment_id == _patient.establishment_id, _name.name == _patient.issuer
    )
    return sa.exists().where(is_theirs, is_called)


def is_given_by(called_so: str) -> Condition:
    """That a patient's number is of whom this name or OID means."""
    return sa.or_(
        _patient.issuer == called_so,
        _patient.issuer_oid == called_so,
        called(_name.called == called_so),
    )


def is_told_apart(oid: str) -> Condition:
    """That the site says of this OID, or of the OIDs of a patient's issuer, whose they are."""
    of_issuer = sa.and_(_name.name == _patient.issuer, _name.oid.is_not(None))
    told = sa.or_(_name.called == oid, of_issuer)
    return sa.exists().where(_name.establishment_id == _patient.establishment_id, told)
