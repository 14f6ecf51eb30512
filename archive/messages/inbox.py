"""What other systems sent, kept before it is answered, and the answer with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from hashlib import sha256

import sqlalchemy as sa

from archive import schema
from archive.database import Database, leave_no_copy
from archive.errors import NotFound
from archive.messages.named import mark_of, named_in
from archive.messages.schema import message, message_named
from archive.ownership import owned
from archive.reception import establishment_row

_message, _named = message.c, message_named.c


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message as it came in: from whom, under which number, what it is about, and its bytes.

    `body` is what it says without its header, by which a repetition is known.
    """

    sender: str
    control_id: str
    kind: str
    payload: bytes = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Kept:
    """A message that is kept.

    `answer` is what was answered, and None before; `is_reused` tells that its number is also that
    of another message, which came earlier.
    """

    id: int
    answer: bytes | None = field(repr=False)
    is_reused: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """A message in a list: nothing of what it says."""

    id: int
    sender: str
    control_id: str
    kind: str
    received_at: datetime
    code: str | None
    """What was answered, as AA; None where nothing was yet."""


_LISTED = sa.select(*(_message[one.name] for one in fields(Listed)))


class Inbox:
    """The messages of a catalogue, reached as `catalog.inbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, establishment: str, arrived: Arrived) -> Kept:
        """Keep a message before anything is done for it, or find it as it was kept before."""
        digest = sha256(arrived.body).hexdigest()
        # A large message takes seconds to look through; nobody waits to write meanwhile.
        marks = sorted(named_in(arrived.payload))
        with self._database.write() as connection:
            owner = establishment_row(connection, establishment)
            same_number = sa.select(_message.id, _message.answer, _message.body_sha256).where(
                _message.establishment_id == owner,
                _message.sender == arrived.sender,
                _message.control_id == arrived.control_id,
            )
            known = connection.execute(same_number.order_by(_message.id)).all()
            for row in known:
                if row.body_sha256 == digest:
                    return Kept(row.id, row.answer, is_reused=row.id != known[0].id)
            new = sa.insert(message).values(
                establishment_id=owner,
                sender=arrived.sender,
                control_id=arrived.control_id,
                body_sha256=digest,
                kind=arrived.kind,
                received_at=datetime.now(UTC),
                payload=arrived.payload,
            )
            made = connection.execute(new.returning(_message.id)).scalar_one()
            for mark in marks:
                connection.execute(sa.insert(message_named).values(message_id=made, mark=mark))
            return Kept(int(made), None, is_reused=bool(known))

    def answered(self, message_id: int, code: str, answer: bytes) -> None:
        """Write down what is about to be answered, so that a repetition gets the same."""
        done = sa.update(message).where(_message.id == message_id)
        with self._database.write() as connection:
            connection.execute(done.values(code=code, answer=answer))

    def forget(self, before: datetime) -> int:
        """Delete what came before then; gives how many."""
        with self._database.write() as connection:
            old = sa.select(_message.id).where(_message.received_at < before)
            connection.execute(sa.delete(message_named).where(_named.message_id.in_(old)))
            gone = sa.delete(message).where(_message.received_at < before)
            return connection.execute(gone).rowcount

    def listed(
        self, *, establishment: str | None, limit: int = 100, before: int | None = None
    ) -> tuple[Listed, ...]:
        """The newest messages first; `before` is the id of the last one that is known."""
        query = _LISTED.select_from(message.join(schema.establishment))
        if before is not None:
            query = query.where(_message.id < before)
        query = owned(query, establishment).order_by(_message.id.desc()).limit(limit)
        with self._database.read() as connection:
            return tuple(Listed(**row) for row in connection.execute(query).mappings())

    def payload(self, message_id: int, *, establishment: str | None) -> bytes:
        """What a message says, as it came; raises NotFound, also where it may not be kept."""
        query = sa.select(_message.payload).select_from(message.join(schema.establishment))
        with self._database.read() as connection:
            found = connection.scalar(owned(query.where(_message.id == message_id), establishment))
        if found is None:
            raise NotFound("There is no such message.")
        return bytes(found)


def blank(connection: sa.Connection, establishment_id: int, ins: str) -> None:
    """Take away what every kept message of an establishment says that names this INS."""
    holding = sa.select(_named.message_id).join(message, _message.id == _named.message_id)
    holding = holding.where(
        _named.mark == mark_of(ins), _message.establishment_id == establishment_id
    )
    ids = list(connection.scalars(holding))
    for some in _batched(ids):
        leave_no_copy(connection)
        gone = sa.update(message).where(_message.id.in_(some))
        connection.execute(gone.values(payload=None))
        connection.execute(sa.delete(message_named).where(_named.message_id.in_(some)))


def _batched(ids: Sequence[int], size: int = 500) -> Iterator[Sequence[int]]:
    return (ids[at : at + size] for at in range(0, len(ids), size))
