"""From rows to records of identities: doubts side by side, history, who is the same elsewhere."""

from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.errors import NotFound
from archive.identities.acts import flags_of, ins_of, known_traits
from archive.identities.changes import exams_of, traits_of
from archive.identities.pointers import survivor
from archive.identities.records import Doubt, Event, Side
from archive.identities.schema import doubt, home, identity_event, identity_state
from archive.identities.stated import Agreement, agreement, person_of
from archive.ownership import owned

_patient, _doubt, _event = schema.patient.c, doubt.c, identity_event.c


def doubts(connection: sa.Connection, establishment: str | None, limit: int) -> tuple[Doubt, ...]:
    """What waits for a person, the oldest first."""
    waiting = _DOUBTS.where(_doubt.verdict.is_(None)).order_by(_doubt.id).limit(limit)
    rows = connection.execute(owned(waiting, establishment)).mappings().all()
    return tuple(_as_doubt(connection, row) for row in rows)


def doubt_of(connection: sa.Connection, doubt_id: int, establishment: str | None) -> Doubt:
    """One doubt; raises NotFound."""
    return _as_doubt(connection, held_doubt(connection, doubt_id, establishment))


def held_doubt(
    connection: sa.Connection, doubt_id: int, establishment: str | None
) -> sa.RowMapping:
    """The row of a doubt; raises NotFound."""
    query = owned(_DOUBTS.where(_doubt.id == doubt_id), establishment)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such question.")
    return row


def history(connection: sa.Connection, key: str, establishment: str | None) -> tuple[Event, ...]:
    """What was done to the patient of this key, the newest first; raises NotFound."""
    whom = _row_of(connection, key, establishment)
    query = sa.select(identity_event).where(sa.or_(_event.whom == whom, _event.other == whom))
    rows = connection.execute(query.order_by(_event.id.desc())).mappings().all()
    return tuple(_as_event(connection, row) for row in rows)


def held_event(
    connection: sa.Connection, event_id: int, establishment: str | None
) -> sa.RowMapping:
    """The row of an event; raises NotFound."""
    query = sa.select(identity_event).select_from(identity_event.join(schema.establishment))
    found = connection.execute(owned(query.where(_event.id == event_id), establishment))
    row = found.mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such act.")
    return row


def event_of(connection: sa.Connection, event_id: int) -> Event:
    """One event."""
    return _as_event(connection, held_event(connection, event_id, None))


def at_home(connection: sa.Connection, whom: int) -> frozenset[str]:
    """The exams that are a patient's by their own number, wherever they stand."""
    away = sa.select(home.c.row_id).where(home.c.kind == "exam")
    theirs = set(connection.scalars(away.where(home.c.whom == whom)))
    others = set(connection.scalars(away.where(home.c.whom != whom)))
    return frozenset(theirs | (set(exams_of(connection, [whom])) - others))


def same_person(
    connection: sa.Connection, key: str, establishment: str
) -> tuple[tuple[str, str], ...]:
    """As `Identities.same_person`."""
    whom = survivor(connection, _row_of(connection, key, establishment))
    ins = ins_of(connection, whom)
    if ins is None or flags_of(connection, whom):
        return ()
    others = (
        sa.select(_patient.id, _patient.key, schema.establishment.c.name)
        .select_from(schema.patient.join(schema.establishment))
        .where(
            _patient.ins == ins[0],
            _patient.ins_authority == ins[1],
            schema.establishment.c.name != establishment,
        )
        .order_by(schema.establishment.c.name, _patient.id)
    )
    rows = connection.execute(others).all()
    return tuple(
        (row.name, row.key)
        for row in rows
        if survivor(connection, row.id) == row.id
        and not flags_of(connection, row.id)
        and _is_strictly_same(connection, whom, row.id)
    )


def _is_strictly_same(connection: sa.Connection, one: int, other: int) -> bool:
    """Whether the strict traits are known of both, and the same."""
    ours, theirs = known_traits(connection, one), known_traits(connection, other)
    if any(None in {ours[name], theirs[name]} for name in ("birth_date", "sex")):
        return False
    here, there = person_of(ours), person_of(theirs)
    places = set(
        connection.scalars(
            sa.select(identity_state.c.birthplace).where(
                identity_state.c.whom.in_([one, other]), identity_state.c.birthplace.is_not(None)
            )
        )
    )
    is_named = bool(here.names and there.names)
    return is_named and len(places) < 2 and agreement(here, there) is Agreement.SAME


_DOUBTS = sa.select(doubt).select_from(doubt.join(schema.establishment))


def _row_of(connection: sa.Connection, key: str, establishment: str | None) -> int:
    query = sa.select(_patient.id).select_from(schema.patient.join(schema.establishment))
    row = connection.scalar(owned(query.where(_patient.key == key), establishment))
    if row is None:
        raise NotFound("There is no such patient.")
    return int(row)


def _as_doubt(connection: sa.Connection, row: sa.RowMapping) -> Doubt:
    other = row["other"]
    return Doubt(
        id=row["id"],
        kind=row["kind"],
        known=_side(connection, row["whom"]),
        other=Side(row["stated"], has_ins=False, key=None, exams=0)
        if other is None
        else _side(connection, other),
        by=row["by_whom"],
        stated_at=row["stated_at"],
        recorded_at=row["recorded_at"],
        looked_at=row["looked_at"],
        verdict=row["verdict"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
    )


def _side(connection: sa.Connection, whom: int) -> Side:
    into = survivor(connection, whom)
    return Side(
        traits_of(connection, whom),
        has_ins=ins_of(connection, whom) is not None,
        key=_key(connection, whom),
        exams=len(exams_of(connection, [whom])),
        merged_into=None if into == whom else _key(connection, into),
    )


def _as_event(connection: sa.Connection, row: sa.RowMapping) -> Event:
    other: Any = row["other"]
    return Event(
        id=row["id"],
        act=row["act"],
        key=_key(connection, row["whom"]),
        other_key=None if other is None else _key(connection, other),
        before=row["before"],
        after=row["after"],
        by=row["by_whom"],
        stated_at=row["stated_at"],
        recorded_at=row["recorded_at"],
        undone_at=row["undone_at"],
        undone_by=row["undone_by"],
    )


def _key(connection: sa.Connection, whom: int) -> str:
    return str(connection.scalar(sa.select(_patient.key).where(_patient.id == whom)))
