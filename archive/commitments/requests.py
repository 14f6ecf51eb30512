"""What is asked to be committed, from when it is asked until its answer was received."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from archive import schema
from archive.database import Database
from archive.errors import OverQuota
from archive.reception import establishment_row

MOST_WAITING = 1000
"""Of one peer."""
KEPT_S = 7 * 86400.0
"""After this long nobody waits for an answer any more."""
_row = schema.commitment.c

Reference = tuple[str, str]
"""SOP Class UID and SOP Instance UID."""
Asker = tuple[str, str]
"""An establishment and the title of a peer of it: a title alone may come to be another's."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request that is held by whoever answers it; `attempt` counts from 1."""

    id: int
    establishment: str
    peer: str
    transaction_uid: str
    references: Sequence[Reference] = field(repr=False)
    attempt: int


class Commitments:
    """The requests of a catalogue, reached as `catalog.commitments`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(
        self,
        peer: str,
        transaction_uid: str,
        references: Sequence[Reference],
        *,
        establishment: str,
    ) -> None:
        """Keep a request, in place of one of the same name; durable. Raises OverQuota."""
        now = datetime.now(UTC)
        with self._database.write() as connection:
            owner = establishment_row(connection, establishment)
            mine = sa.and_(_row.establishment_id == owner, _row.peer == peer)
            old = sa.or_(
                sa.and_(mine, _row.transaction_uid == transaction_uid),
                _row.asked_at < now - timedelta(seconds=KEPT_S),
            )
            connection.execute(sa.delete(schema.commitment).where(old))
            waiting = sa.select(sa.func.count()).select_from(schema.commitment).where(mine)
            if connection.execute(waiting).scalar_one() >= MOST_WAITING:
                raise OverQuota("Too many requests of this peer wait for their answer.")
            connection.execute(
                sa.insert(schema.commitment).values(
                    establishment_id=owner,
                    peer=peer,
                    transaction_uid=transaction_uid,
                    asked=[list(one) for one in references],
                    asked_at=now,
                    due_at=now,
                    attempt=0,
                )
            )

    def claim(self, askers: Collection[Asker], lease_s: float) -> Request | None:
        """Take what is due first for one of these, for so long; None when there is nothing."""
        now = datetime.now(UTC)
        first = (
            sa.select(schema.commitment, schema.establishment.c.name)
            .join(schema.establishment)
            .where(_row.due_at <= now, _asked_by(askers))
            .order_by(_row.due_at, _row.id)
            .limit(1)
        )
        with self._database.read() as connection:
            if connection.execute(first).one_or_none() is None:
                return None
        with self._database.write() as connection:
            free = first.with_for_update(of=schema.commitment, skip_locked=True)
            found = connection.execute(free).mappings().one_or_none()
            if found is None:
                return None
            attempt = found["attempt"] + 1
            held = sa.update(schema.commitment).where(_row.id == found["id"])
            until = now + timedelta(seconds=lease_s)
            connection.execute(held.values(due_at=until, attempt=attempt))
        references = tuple((str(one), str(other)) for one, other in found["asked"])
        return Request(
            found["id"], found["name"], found["peer"], found["transaction_uid"], references, attempt
        )

    def lapse(self, askers: Collection[Asker]) -> None:
        """Have what these asked be due at once: whoever held it, or put it off, is no more.

        Where somebody still holds it, its answer is given twice, which says the same.
        """
        with self._database.write() as connection:
            theirs = sa.update(schema.commitment).where(_asked_by(askers))
            connection.execute(theirs.values(due_at=datetime.now(UTC)))

    def answered(self, request: Request) -> None:
        """Forget a request that has its answer, unless it was asked anew or another has it."""
        with self._database.write() as connection:
            connection.execute(sa.delete(schema.commitment).where(_held(request)))

    def put_off(self, request: Request, again_in_s: float) -> None:
        """Try again later, where it is not too late by then."""
        due = datetime.now(UTC) + timedelta(seconds=again_in_s)
        with self._database.write() as connection:
            connection.execute(
                sa.update(schema.commitment).where(_held(request)).values(due_at=due)
            )
            late = _row.asked_at < due - timedelta(seconds=KEPT_S)
            connection.execute(sa.delete(schema.commitment).where(_held(request), late))


def _held(request: Request) -> sa.ColumnElement[bool]:
    return sa.and_(_row.id == request.id, _row.attempt == request.attempt)


def _asked_by(askers: Collection[Asker]) -> sa.ColumnElement[bool]:
    house = schema.establishment.c
    return sa.or_(
        sa.false(),
        *(
            sa.and_(
                _row.peer == title,
                _row.establishment_id
                == sa.select(house.id).where(house.name == establishment).scalar_subquery(),
            )
            for establishment, title in askers
        ),
    )
