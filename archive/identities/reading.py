"""From rows to records of identities: doubts side by side, history, who is the same elsewhere."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.cases.order import Numbered, Visit
from archive.cases.schema import lab_case, lab_order, order_visit
from archive.errors import NotFound
from archive.identities.acts import flags_of, ins_of, known_traits
from archive.identities.changes import exams_of, traits_of_all
from archive.identities.pointers import numbers_of, survivor, survivors
from archive.identities.records import UNDOABLE, Doubt, Event, Side
from archive.identities.schema import doubt, identity_event, identity_state
from archive.identities.stated import Agreement, agreement, person_of
from archive.identities.visits import asked_visits
from archive.ownership import owned

_patient, _doubt, _event = schema.patient.c, doubt.c, identity_event.c


def doubts(connection: sa.Connection, establishment: str | None, limit: int) -> tuple[Doubt, ...]:
    """What waits for a person, the oldest first."""
    waiting = _DOUBTS.where(_doubt.verdict.is_(None)).order_by(_doubt.id).limit(limit)
    rows = connection.execute(owned(waiting, establishment)).mappings().all()
    return _as_doubts(connection, rows)


def doubt_of(connection: sa.Connection, doubt_id: int, establishment: str | None) -> Doubt:
    """One doubt; raises NotFound."""
    (found,) = _as_doubts(connection, [held_doubt(connection, doubt_id, establishment)])
    return found


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
    keys = _keys(connection, rows)
    return tuple(_as_event(keys, row) for row in rows)


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
    row = held_event(connection, event_id, None)
    return _as_event(_keys(connection, [row]), row)


def exams_under(connection: sa.Connection, whom: int) -> frozenset[str]:
    """The exams of whom a patient was merged into, by whichever number they came."""
    return frozenset(exams_of(connection, [survivor(connection, whom)]))


def exams_of_visit(
    connection: sa.Connection, owner: int, visits: Sequence[Visit]
) -> dict[str, bool]:
    """The exams that were ordered in visits, and whether in no other: by their accession numbers.

    An order that was cancelled says nothing of an exam that others, which were not, ordered too.
    """
    exam, case, order, said = schema.exam.c, lab_case.c, lab_order.c, order_visit.c
    named = sa.select(order.case_id).join_from(lab_order, order_visit, said.order_id == order.id)
    cases = named.where(said.number.in_([one.named.number for one in visits]))
    rows = connection.execute(
        sa.select(exam.id, order.id, order.is_cancelled, said.kind, said.number, said.issuer)
        .select_from(
            schema.exam.join(
                lab_case,
                sa.and_(
                    case.establishment_id == exam.establishment_id,
                    case.accession_number == exam.accession_number,
                    case.issuer == sa.func.coalesce(exam.issuer_of_accession_number, ""),
                ),
            )
            .join(lab_order, order.case_id == case.id)
            .outerjoin(order_visit, said.order_id == order.id)
        )
        .where(exam.establishment_id == owner, case.id.in_(cases), ~exam.is_provisional)
    ).all()
    meant: defaultdict[str, dict[str, bool]] = defaultdict(dict)
    alive = {order_id for _, order_id, is_cancelled, *_ in rows if not is_cancelled}
    for exam_id, order_id, _, kind, number, issuer in rows:
        is_it = number is not None and any(
            Visit(kind, Numbered(number, issuer)).is_meant_by(one) for one in visits
        )
        meant[exam_id][order_id] = meant[exam_id].get(order_id, False) or is_it
    return {
        exam_id: all(is_it for one, is_it in orders.items() if one in alive)
        for exam_id, orders in meant.items()
        if any(orders.values())
    }


def ended_orders(connection: sa.Connection, whom: Collection[int]) -> list[dict[str, Any]]:
    """The orders of these patients that merges ended, also merges that were taken back since."""
    numbers = numbers_of(connection, whom)
    query = sa.select(_event.after).where(
        sa.or_(_event.whom.in_(numbers), _event.other.in_(numbers)), _event.act.in_(UNDOABLE)
    )
    rows = connection.scalars(query.order_by(_event.id.desc()))
    return [one for after in rows for one in after.get("orders", {}).get("ended", ())]


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


def _as_doubts(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> tuple[Doubt, ...]:
    sides = _sides(connection, {row[one] for row in rows for one in ("whom", "other")} - {None})
    return tuple(
        Doubt(
            id=row["id"],
            kind=row["kind"],
            known=sides[row["whom"]],
            other=Side(row["stated"], has_ins=False, key=None, exams=0)
            if row["other"] is None
            else sides[row["other"]],
            visits=asked_visits(row["stated"]),
            by=row["by_whom"],
            stated_at=row["stated_at"],
            recorded_at=row["recorded_at"],
            looked_at=row["looked_at"],
            verdict=row["verdict"],
            decided_at=row["decided_at"],
            decided_by=row["decided_by"],
        )
        for row in rows
    )


def _sides(connection: sa.Connection, whom: Collection[int]) -> dict[int, Side]:
    """Patients as they are shown side by side, in as many queries for one as for many."""
    into = survivors(connection, whom)
    traits = traits_of_all(connection, whom)
    named = sa.select(_patient.id, _patient.key, _patient.ins.is_not(None).label("has_ins"))
    rows = connection.execute(named.where(_patient.id.in_({*whom, *into.values()}))).all()
    keys = {row.id: str(row.key) for row in rows}
    has_ins = {row.id: bool(row.has_ins) for row in rows}
    column = schema.exam.c.patient_row
    counted = sa.select(column, sa.func.count()).where(column.in_(list(whom))).group_by(column)
    exams = {row[0]: int(row[1]) for row in connection.execute(counted)}
    return {
        one: Side(
            traits[one],
            has_ins=has_ins[one],
            key=keys[one],
            exams=exams.get(one, 0),
            merged_into=None if into[one] == one else keys[into[one]],
        )
        for one in whom
    }


def _keys(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> dict[int, str]:
    """What addresses name the patients by whom events are about."""
    whom = {row[name] for row in rows for name in ("whom", "other")} - {None}
    found = connection.execute(sa.select(_patient.id, _patient.key).where(_patient.id.in_(whom)))
    return {row.id: row.key for row in found}


def _as_event(keys: Mapping[int, str], row: sa.RowMapping) -> Event:
    other: Any = row["other"]
    return Event(
        id=row["id"],
        act=row["act"],
        key=keys[row["whom"]],
        other_key=None if other is None else keys[other],
        before=row["before"],
        after=row["after"],
        by=row["by_whom"],
        stated_at=row["stated_at"],
        recorded_at=row["recorded_at"],
        undone_at=row["undone_at"],
        undone_by=row["undone_by"],
    )
