"""Visits that went to another patient (A44), as pointers: whose is what was asked in one.

An order says for whom it was asked, in which visit. Where the hospital says that the visit is
another patient's, so is what was asked in it until then, whichever of the messages comes first.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from archive.cases.order import Numbered, Stay, Visit
from archive.identities.pointers import survivor
from archive.identities.schema import moved_visit

_moved = moved_visit.c


def owner_of(
    connection: sa.Connection, whom: int, visits: Collection[Visit], said_at: datetime
) -> int:
    """Whose is by now what was said then to be of a patient, in these visits."""
    query = sa.select(moved_visit).where(_moved.number.in_([one.named.number for one in visits]))
    rows = connection.execute(query).all()
    meant = [one for one in rows if any(_visit(one).is_meant_by(visit) for visit in visits)]
    while meant:
        here = survivor(connection, whom)
        left = [
            one
            for one in meant
            if one.stated_at >= said_at and survivor(connection, one.whom) == here
        ]
        if not left:
            break
        newest = max(left, key=lambda one: (one.stated_at, one.whom))
        meant.remove(newest)
        whom, said_at = newest.into_whom, newest.stated_at
    return whom


def _visit(row: sa.Row[Any]) -> Visit:
    return Visit(row.kind, Numbered(row.number, row.issuer))


def asked_about(visits: Collection[Visit]) -> dict[str, Any]:
    """What a question says of the visits that it is about."""
    return {"visits": [[one.kind, one.named.issuer, one.named.number] for one in visits]}


def asked_visits(stated: Mapping[str, Any]) -> tuple[Visit, ...]:
    """The visits that a question is about."""
    return tuple(
        Visit(Stay(kind), Numbered(number, issuer))
        for kind, issuer, number in stated.get("visits", ())
    )


def named(connection: sa.Connection, whom: int, visit: Visit) -> str:
    """What changes call the pointer of a patient's visit, as JSON has no other keys than texts.

    One that is known already may say who gave the visit's number where this does not.
    """
    mine = sa.select(moved_visit).where(_moved.whom == whom, _moved.number == visit.named.number)
    known = [_visit(one) for one in connection.execute(mine)]
    this = next((one for one in known if one.is_meant_by(visit)), visit)
    return json.dumps([whom, this.kind, this.named.issuer, this.named.number])


def pointer(connection: sa.Connection, name: str) -> list[Any] | None:
    """Whose that visit is since, and since when; None while it is nobody else's."""
    found = connection.execute(sa.select(moved_visit).where(*_is(name))).one_or_none()
    return None if found is None else [found.into_whom, found.stated_at.isoformat()]


def point(connection: sa.Connection, name: str, to: Sequence[Any] | None) -> None:
    """Let a visit be somebody else's since then, or nobody else's."""
    connection.execute(sa.delete(moved_visit).where(*_is(name)))
    if to is not None:
        into, at = to
        whom, kind, issuer, number = json.loads(name)
        new = sa.insert(moved_visit).values(
            whom=whom,
            kind=Stay(kind),
            issuer=issuer,
            number=number,
            into_whom=into,
            stated_at=datetime.fromisoformat(at),
        )
        connection.execute(new)


def _is(name: str) -> tuple[sa.ColumnElement[bool], ...]:
    whom, kind, issuer, number = json.loads(name)
    return (
        _moved.whom == whom,
        _moved.kind == Stay(kind),
        _moved.issuer == issuer,
        _moved.number == number,
    )
