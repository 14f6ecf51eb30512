"""Whose orders are whose visit went to another patient (A44), or may have."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.cases.order import Numbered, Visit
from archive.cases.schema import lab_case, lab_order, order_visit
from archive.identities.pointers import survivor, survivors
from archive.identities.schema import DoubtKind, doubt, moved_visit
from archive.identities.visits import asked_visits, owner_of
from archive.reception import numbered

_case, _order, _said, _moved = lab_case.c, lab_order.c, order_visit.c, moved_visit.c


def moved_orders(connection: sa.Connection, orders: sa.ColumnElement[bool]) -> dict[str, int]:
    """The orders whose visits are another patient's since, and whose: by the row of the number."""
    patient = schema.patient.c
    is_of_visit = sa.and_(_moved.kind == _said.kind, _moved.number == _said.number)
    is_named = sa.and_(
        patient.establishment_id == _case.establishment_id,
        patient.issuer == _order.patient_issuer,
        patient.patient_id == _order.patient_id,
    )
    query = (
        sa.select(_order.id, _order.said_at, patient.id.label("whom"))
        .select_from(
            lab_order.join(lab_case)
            .join(order_visit, _said.order_id == _order.id)
            .join(moved_visit, is_of_visit)
            .join(schema.patient, is_named)
        )
        .where(orders, _order.said_at.is_not(None))
        .distinct()
    )
    found = {}
    for one in connection.execute(query).all():
        whom = owner_of(connection, one.whom, _visits_of(connection, one.id), one.said_at)
        if whom != one.whom:
            found[one.id] = whom
    return found


def has_left(
    connection: sa.Connection, establishment_id: int, orders: Sequence[sa.Row[Any]]
) -> bool:
    """Whether one of these orders names a patient and a visit that left them before it was said.

    Either of the two is out of date, and nobody but a person can say which.
    """
    moved = moved_orders(connection, _order.id.in_([one.id for one in orders]))
    for one in orders:
        whom = numbered(connection, establishment_id, one.patient_issuer, one.patient_id)
        visits = _visits_of(connection, one.id)
        if whom is None or not visits or one.id in moved:
            continue
        owner = owner_of(connection, whom, visits, datetime.min.replace(tzinfo=UTC))
        if survivor(connection, owner) != survivor(connection, whom):
            return True
    return False


def is_asked_about(
    connection: sa.Connection, establishment_id: int, orders: Sequence[sa.Row[Any]]
) -> bool:
    """Whether a person is asked about a visit that one of these orders may be of.

    One that says in which visit it was asked is in doubt only where that one is meant.
    """
    asked = connection.execute(
        sa.select(doubt.c.whom, doubt.c.stated, doubt.c.stated_at).where(
            doubt.c.establishment_id == establishment_id,
            doubt.c.kind == DoubtKind.VISIT,
            doubt.c.verdict.is_(None),
        )
    ).all()
    if not asked:
        return False
    whom = {
        one.id: numbered(connection, establishment_id, one.patient_issuer, one.patient_id)
        for one in orders
    }
    rows = {one for one in whom.values() if one is not None}
    into = survivors(connection, {*rows, *(one.whom for one in asked)})
    for order in orders:
        visits, here = _visits_of(connection, order.id), whom[order.id]
        for one in asked:
            is_theirs = here is not None and into[here] == into[one.whom]
            if is_theirs and order.said_at <= one.stated_at and _may_be(visits, one.stated):
                return True
    return False


def _may_be(visits: Sequence[Visit], stated: dict[str, Any]) -> bool:
    """Whether what was asked in these visits may be of one that a question is about."""
    meant = asked_visits(stated)
    return not visits or any(one.is_meant_by(visit) for one in meant for visit in visits)


def _visits_of(connection: sa.Connection, order_id: str) -> tuple[Visit, ...]:
    query = sa.select(order_visit).where(_said.order_id == order_id)
    return tuple(
        Visit(one.kind, Numbered(one.number, one.issuer)) for one in connection.execute(query)
    )
