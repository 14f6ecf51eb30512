"""When earlier exams are looked for: an order comes, or who it is of becomes known otherwise."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.cases.schema import lab_case, lab_order
from archive.identities.pointers import numbers_of, survivors
from archive.identities.schema import moved_visit
from archive.priors.schema import prior_search

AGAIN_WITHIN = timedelta(days=30)
"""Of which orders it is looked for again: before older ones nobody waits."""
_search, _patient, _order = prior_search.c, schema.patient.c, lab_order.c
_NOTHING: Mapping[str, Any] = {"searched_at": None, "attempt": 0, "found": [], "unanswered": []}


def look_for(connection: sa.Connection, case_id: str) -> None:
    """Have earlier exams looked for, in the transaction in which an order comes."""
    values = {"due_at": datetime.now(UTC), "attempt": 0}
    known = sa.update(prior_search).where(_search.case_id == case_id).values(values)
    if connection.execute(known).rowcount == 0:
        nobody = {"patient_id": "", "patient_issuer": ""}
        new = {**_NOTHING, **nobody, **values, "case_id": case_id}
        connection.execute(sa.insert(prior_search).values(new))


def look_again(connection: sa.Connection, whom: Collection[int]) -> None:
    """Have it looked for anew before orders of these patients, of whom something is known anew.

    In the transaction in which it becomes known: what was found for who they were is forgotten.
    """
    now = datetime.now(UTC)
    numbers = numbers_of(connection, set(survivors(connection, whom).values()))
    # What was ordered in a visit that is theirs since names whose it was.
    given = sa.select(moved_visit.c.whom).where(moved_visit.c.into_whom.in_(numbers))
    theirs = (
        sa.select(_order.case_id)
        .join_from(lab_order, lab_case)
        .join(
            schema.patient,
            sa.and_(
                _patient.establishment_id == lab_case.c.establishment_id,
                _patient.issuer == _order.patient_issuer,
                _patient.patient_id == _order.patient_id,
            ),
        )
        .where(sa.or_(_patient.id.in_(numbers), _patient.id.in_(given)))
    )
    is_recent = sa.exists().where(
        _order.case_id == _search.case_id, _order.status_at > now - AGAIN_WITHIN
    )
    due_at = sa.case((is_recent, sa.literal(now, schema.UtcDateTime)))
    forgotten = sa.update(prior_search).where(_search.case_id.in_(theirs))
    connection.execute(forgotten.values(**_NOTHING, due_at=due_at))
