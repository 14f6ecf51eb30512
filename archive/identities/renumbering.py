"""What follows for numbers that are here already, once a site says which issuers are one.

Who has a number of an issuer by another of its names gets it by the first one, as by A47, where
that is nobody's. Where it is somebody's a person is asked whether the two are one: that two names
are one issuer's does not make one patient of two who were brought under them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.errors import InvalidIdentity
from archive.identities.acts import Desk, hand_ins_on, pointer
from archive.identities.changes import Change, traits_of, write_traits
from archive.identities.issuer import Issuers
from archive.identities.issuers import Row, declared, known_as, rows_of
from archive.identities.pointers import survivor
from archive.identities.schema import Act, DoubtKind, doubt, issuer_name
from archive.reception import establishment_row

AT_ONCE = 50
"""How many numbers are seen to in one transaction."""
BY = "issuers"
"""Who did it, in histories: the table of issuers."""
_patient, _name, _doubt = schema.patient.c, issuer_name.c, doubt.c


def declare(connection: sa.Connection, stated: Issuers) -> None:
    """Keep which names are one issuer's, those alone; no patient changes by it."""
    # Held before it is looked: processes that start together state it together.
    owners = {name: establishment_row(connection, name) for name in sorted(stated)}
    wanted = rows_of(stated)
    if declared(connection) == wanted:
        return
    connection.execute(sa.delete(issuer_name))
    rows = [_values(owners, one) for one in sorted(wanted, key=lambda one: one[:2])]
    if rows:
        connection.execute(sa.insert(issuer_name), rows)


def _values(owners: Mapping[str, int], row: Row) -> dict[str, Any]:
    establishment, called, name, oid = row
    owner = owners[establishment]
    return {"establishment_id": owner, "called": called, "name": name, "oid": oid}


def renumber_some(connection: sa.Connection, stated: Issuers, after: int) -> int | None:
    """See to some of the numbers that are kept otherwise than is stated, from a row on.

    Gives the row to go on from; None once there are no more. Doing it again changes nothing.
    """
    for name in sorted(stated):
        # Held before it is looked, as by `declare`: nobody else makes a number free or taken.
        establishment_row(connection, name)
    query = _otherwise().where(_patient.id > after).order_by(_patient.id).limit(AT_ONCE)
    rows = connection.execute(query).all()
    for row in rows:
        desk = Desk(connection, row.establishment_id, BY, datetime.now(UTC))
        try:
            number = known_as(connection, row.establishment_id, row.issuer, row.issuer_oid)
        except InvalidIdentity:
            # Its name is one issuer's and its OID another's: whose it is nobody has said.
            continue
        if number != (row.issuer, row.issuer_oid):
            _renumber(desk, row.id, row.patient_id, *number)
    return rows[-1].id if rows else None


def _otherwise() -> sa.Select[Any]:
    """The patients whose issuer is not called so here, or has another OID that leaves."""
    is_called = sa.and_(
        _name.establishment_id == _patient.establishment_id,
        sa.or_(_name.called == _patient.issuer, _name.called == _patient.issuer_oid),
    )
    columns = (_patient[one] for one in ("id", "establishment_id", "patient_id", "issuer"))
    is_other = sa.or_(_patient.issuer != _name.name, _patient.issuer_oid != _name.oid)
    return (
        sa.select(*columns, _patient.issuer_oid)
        .join_from(schema.patient, issuer_name, is_called)
        .where(is_other)
        .distinct()
    )


def _renumber(desk: Desk, here: int, patient_id: str, issuer: str, oid: str | None) -> None:
    connection = desk.connection
    known = traits_of(connection, here)
    if issuer == known["issuer"]:
        desk.change(Act.UPDATED, here, None, {"traits": {str(here): {**known, "issuer_oid": oid}}})
        return
    there = desk.find(patient_id, issuer)
    if there is not None:
        if survivor(connection, there) != survivor(connection, here):
            _ask(desk, there, here)
        return
    there = desk.create(patient_id, issuer)
    told = {**known, "patient_id": patient_id, "issuer": issuer, "issuer_oid": oid}
    write_traits(connection, {str(there): told})
    hand_ins_on(desk, here, there)
    # What is said of them from now on is said of the new number, flags as well.
    left = {**known, "flags": None}
    change: Change = {"into": {str(here): there}, "traits": {str(here): left}}
    if (into := pointer(connection, here)) is not None:
        change["into"][str(there)] = into
    desk.change(Act.RENUMBERED, there, here, change)


def _ask(desk: Desk, there: int, here: int) -> None:
    """Have a person say whether both are one, unless one did, or is asked, whichever came first."""
    query = sa.select(_doubt.id).where(
        _doubt.kind == DoubtKind.MERGE,
        sa.or_(
            sa.and_(_doubt.whom == there, _doubt.other == here),
            sa.and_(_doubt.whom == here, _doubt.other == there),
        ),
    )
    if desk.connection.execute(query.limit(1)).first() is None:
        desk.ask(DoubtKind.MERGE, there, here, {})
