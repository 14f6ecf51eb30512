"""What the radiology archives of an establishment are to be told, kept until they were.

A row is written in the transaction that makes it true: an object is published, or moved. Rows of
one image are sent in their order, so that no archive hears of a rejection before the object.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from archive import reading, schema
from archive.database import Database
from archive.errors import LeaseLost
from archive.ownership import owned
from archive.reception import establishment_row
from archive.record import (
    Exam,
    Image,
    ImageKind,
    ObjectRole,
    OutboxState,
    Sent,
    StoredObject,
)

_row, _remote, _exam = schema.outbox.c, schema.remote.c, schema.exam.c
_WAITING = _row.state == OutboxState.WAITING


@dataclass(frozen=True, slots=True)
class Telling:
    """One thing that one archive is to be told; `attempt` is the fence that a later claim raises.

    `exam_id` is the exam under which the archive knows the instance: that of the patient before,
    for a rejection, which also names the series. `coerced` are keywords of what the archive keeps
    otherwise than it was sent; None as long as it was not compared.
    """

    id: int
    remote: str
    image_id: str
    exam_id: str
    kind: Sent
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str | None
    state: OutboxState
    attempt: int
    reason: str | None
    created_at: datetime
    coerced: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """How far an archive has been told; `coerced` are keywords of what it keeps otherwise."""

    state: OutboxState
    reason: str | None = None
    coerced: tuple[str, ...] = ()


_ROWS = sa.select(
    _remote.name.label("remote"),
    *(_row[one.name] for one in fields(Telling) if one.name != "remote"),
).select_from(schema.outbox.join(schema.remote))


class Outbox:
    """The outbox of a catalogue, reached as `catalog.outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def know(self, establishment: str, remote: str) -> None:
        """From now on that archive is told of what the establishment publishes."""
        known = (
            sa.select(_remote.id)
            .select_from(schema.remote.join(schema.establishment))
            .where(schema.establishment.c.name == establishment, _remote.name == remote)
        )
        with self._database.read() as connection:
            if connection.scalar(known) is not None:
                return
        with self._database.write() as connection:
            owner = establishment_row(connection, establishment)
            if connection.scalar(known) is None:
                new = sa.insert(schema.remote).values(establishment_id=owner, name=remote)
                connection.execute(new)

    def claim(self, worker: str, remote: str, lease_s: float) -> Telling | None:
        """Take what is due first for that archive; None when there is nothing."""
        now = datetime.now(UTC)
        earlier = schema.outbox.alias()
        due = sa.and_(
            _WAITING,
            _remote.name == remote,
            _row.due_at <= now,
            sa.or_(_row.lease_until.is_(None), _row.lease_until <= now),
            # What was superseded may still be on its way out, as long as somebody holds it.
            ~sa.exists().where(
                earlier.c.remote_id == _row.remote_id,
                earlier.c.image_id == _row.image_id,
                earlier.c.id < _row.id,
                sa.or_(earlier.c.state == OutboxState.WAITING, earlier.c.lease_until > now),
            ),
        )
        first = _ROWS.where(due).order_by(_row.due_at, _row.id).limit(1)
        with self._database.read() as connection:
            if connection.execute(first).one_or_none() is None:
                return None
        with self._database.write() as connection:
            free = first.with_for_update(of=schema.outbox, skip_locked=True)
            found = connection.execute(free).mappings().one_or_none()
            if found is None:
                return None
            telling = Telling(**{**found, "attempt": found["attempt"] + 1})
            connection.execute(
                _change(
                    telling.id,
                    attempt=telling.attempt,
                    worker=worker,
                    lease_until=now + timedelta(seconds=lease_s),
                )
            )
            return telling

    def end(self, telling: Telling, ending: Ending) -> None:
        """Record how far the archive has been told; raises LeaseLost."""
        self._release(
            telling,
            state=ending.state,
            reason=ending.reason,
            coerced=list(ending.coerced),
            ended_at=datetime.now(UTC),
        )

    def put_off(self, telling: Telling, again_in_s: float, reason: str) -> None:
        """Try again later; raises LeaseLost."""
        due = datetime.now(UTC) + timedelta(seconds=again_in_s)
        self._release(telling, due_at=due, reason=reason)

    def _release(self, telling: Telling, **values: Any) -> None:
        held = sa.and_(_row.id == telling.id, _row.attempt == telling.attempt)
        freed = sa.update(schema.outbox).where(held).values(lease_until=None, worker=None)
        with self._database.write() as connection:
            connection.execute(freed)
            # What was superseded meanwhile stays so.
            changed = sa.update(schema.outbox).where(held, _WAITING).values(**values)
            is_ours = connection.execute(changed).rowcount == 1
        if not is_ours:
            raise LeaseLost("This was taken over by another worker, or moved; leave it.")

    def holders(self) -> frozenset[str]:
        """The workers that hold a lease."""
        held = sa.select(_row.worker).where(_row.lease_until.is_not(None)).distinct()
        with self._database.read() as connection:
            return frozenset(str(worker) for worker in connection.scalars(held))

    def lapse(self, worker: str) -> None:
        """Let the leases of a worker that is known to be dead run out at once."""
        ended = sa.update(schema.outbox).where(_row.worker == worker)
        with self._database.write() as connection:
            connection.execute(ended.values(lease_until=None, worker=None))

    def context(self, telling: Telling) -> tuple[Exam, StoredObject | None]:
        """The exam under which the archive knows the instance, and its object while it is ours."""
        with self._database.read() as connection:
            exam = reading.exam_alone(connection, telling.exam_id)
            image = reading.image(connection, telling.image_id, None)
        found = (one for one in image.objects if one.sop_instance_uid == telling.sop_instance_uid)
        return exam, next(found, None)

    def of_images(self, image_ids: Collection[str]) -> Mapping[str, tuple[Telling, ...]]:
        """What was and is to be told of each image, in order."""
        with self._database.read() as connection:
            return tellings(connection, image_ids)

    def listed(
        self, states: Collection[OutboxState], *, establishment: str | None, limit: int = 200
    ) -> tuple[Telling, ...]:
        """What stands in these states, the oldest first."""
        rows = _ROWS.join(
            schema.establishment, _remote.establishment_id == schema.establishment.c.id
        ).where(_row.state.in_(list(states)))
        query = owned(rows, establishment).order_by(_row.id).limit(limit)
        with self._database.read() as connection:
            return tuple(Telling(**one) for one in connection.execute(query).mappings())


def tellings(
    connection: sa.Connection, image_ids: Collection[str]
) -> dict[str, tuple[Telling, ...]]:
    """As `Outbox.of_images`, within a transaction."""
    query = _ROWS.where(_row.image_id.in_(list(image_ids))).order_by(_row.id)
    rows = [Telling(**one) for one in connection.execute(query).mappings()]
    return {id_: tuple(one for one in rows if one.image_id == id_) for id_ in image_ids}


def published(connection: sa.Connection, image: Image) -> None:
    """Have the archives of its establishment told of a photograph that is published now."""
    # Slides stay here: an archive gets what it can carry.
    if image.kind is ImageKind.PHOTO:
        _insert(connection, image.id, image.exam_id, image.objects_as(ObjectRole.PHOTO))


def moved(
    connection: sa.Connection,
    before: Image,
    after: Image,
    series_of: Mapping[str, str],
) -> None:
    """Take back what archives were told of an image before it moved, and tell them of it anew.

    `series_of` has the Series Instance UID of each SOP Instance UID before.
    """
    now = datetime.now(UTC)
    for one in tellings(connection, [before.id])[before.id]:
        if one.kind is not Sent.OBJECT or one.state is OutboxState.SUPERSEDED:
            continue
        if one.state is OutboxState.WAITING:
            # The lease stays: it tells for how long somebody may still be sending it.
            connection.execute(_change(one.id, state=OutboxState.SUPERSEDED, ended_at=now))
        if one.attempt == 0 or one.sop_instance_uid not in series_of:
            continue
        connection.execute(
            sa.insert(schema.outbox).values(
                remote_id=sa.select(_row.remote_id).where(_row.id == one.id).scalar_subquery(),
                kind=Sent.REJECTION,
                series_instance_uid=series_of[one.sop_instance_uid],
                **new_row(before.id, one.exam_id, one.sop_class_uid, one.sop_instance_uid, now),
            )
        )
    published(connection, after)


def look_again(connection: sa.Connection, exam_id: str) -> None:
    """Have the archives told of an exam's objects once more, and asked how they show them."""
    rejection = schema.outbox.alias()
    told = sa.update(schema.outbox).where(
        _row.exam_id == exam_id,
        _row.kind == Sent.OBJECT,
        _row.state.in_([OutboxState.ANSWERED, OutboxState.READ_BACK]),
        # What was moved away since is told of no more.
        ~sa.exists().where(
            rejection.c.kind == Sent.REJECTION,
            rejection.c.remote_id == _row.remote_id,
            rejection.c.sop_instance_uid == _row.sop_instance_uid,
        ),
    )
    connection.execute(
        told.values(state=OutboxState.WAITING, ended_at=None, due_at=datetime.now(UTC))
    )


def _insert(
    connection: sa.Connection, image_id: str, exam_id: str, objects: Iterable[StoredObject]
) -> None:
    now = datetime.now(UTC)
    remotes = connection.scalars(
        sa.select(_remote.id)
        .select_from(
            schema.remote.join(schema.exam, _remote.establishment_id == _exam.establishment_id)
        )
        .where(_exam.id == exam_id)
    ).all()
    rows = [
        {
            "remote_id": remote,
            "kind": Sent.OBJECT,
            **new_row(image_id, exam_id, str(one.sop_class_uid), str(one.sop_instance_uid), now),
        }
        for remote in remotes
        for one in objects
    ]
    if rows:
        connection.execute(sa.insert(schema.outbox), rows)


def new_row(
    image_id: str, exam_id: str, sop_class_uid: str, sop_instance_uid: str, now: datetime
) -> dict[str, Any]:
    """What a row says that waits from `now` on, but for its archive and its kind."""
    return {
        "image_id": image_id,
        "exam_id": exam_id,
        "sop_class_uid": sop_class_uid,
        "sop_instance_uid": sop_instance_uid,
        "state": OutboxState.WAITING,
        "attempt": 0,
        "due_at": now,
        "created_at": now,
    }


def _change(row: int, **values: Any) -> sa.Update:
    return sa.update(schema.outbox).where(_row.id == row).values(**values)
