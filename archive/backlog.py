"""What radiology archives lack of what is published, and what waits for a person.

An archive is told of what is published from the moment on at which it is known; what was published
before is put into its outbox by this, exactly once however often it is asked for.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from archive import reading, schema
from archive.database import Database
from archive.homeward import IS_HERE
from archive.move_schema import IS_CUT
from archive.outbox import as_known_there, takes_of
from archive.ownership import owned
from archive.record import ImageKind, ImageState, ObjectRole, OutboxState, Sent
from archive.telling.rows import new_row
from archive.telling.rules import NOT_TAKEN, Form

_row, _remote = schema.outbox.c, schema.remote.c
_image, _exam, _object = schema.image.c, schema.exam.c, schema.stored_object.c

AT_ONCE = 500
"""Rows of one transaction, so that others are not kept waiting."""


_DROPPED = sa.and_(_row.state == OutboxState.SUPERSEDED, _row.reason == NOT_TAKEN)


@dataclass(frozen=True, slots=True)
class Removed:
    """An archive that the table names no more: nothing is sent there, whatever waits."""

    establishment: str
    name: str
    is_collecting: bool
    """Whether what is published goes on being put into its outbox."""
    counts: Mapping[OutboxState, int]


class Backlog:
    """The backlog of a catalogue's outbox, reached as `catalog.backlog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def counts(self, establishment: str, remote: str) -> Mapping[OutboxState, int]:
        """How much stands in each state; of what is cut its parts, and not the whole beside."""
        count = sa.func.count()
        mine = _row.remote_id == _id_of(establishment, remote)
        query = sa.select(_row.state, count).where(mine).group_by(_row.state)
        with self._database.read() as connection:
            # Each by an index of its own, and no row is read.
            found = {row[0]: int(row[1]) for row in connection.execute(query)}
            cut = {row[0]: int(row[1]) for row in connection.execute(query.where(IS_CUT))}
        return {state: found.get(state, 0) - cut.get(state, 0) for state in OutboxState}

    def dropped(self, establishment: str, remote: str) -> int:
        """How much was not sent, as the archive's table takes its kind no more."""
        query = sa.select(sa.func.count()).where(
            _row.remote_id == _id_of(establishment, remote), _DROPPED, _row.parts == 0
        )
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def removed(
        self, stated: Collection[tuple[str, str]], *, establishment: str | None
    ) -> tuple[Removed, ...]:
        """The archives that no table names any more, and that collect or await something still.

        `stated` are the establishment and the name of those that one names.
        """
        query = owned(
            sa.select(schema.establishment.c.name, _remote.name, _remote.takes).select_from(
                schema.remote.join(schema.establishment)
            ),
            establishment,
        )
        with self._database.read() as connection:
            known = connection.execute(query.order_by(_remote.name, _remote.id)).all()
        found = (
            Removed(where, name, bool(takes_of(takes)), self.counts(where, name))
            for where, name, takes in known
            if (where, name) not in stated
        )
        return tuple(one for one in found if one.is_collecting or one.counts[OutboxState.WAITING])

    def lacking(self, establishment: str, remote: str) -> int:
        """How many published photographs that archive was never to be told of."""
        query = sa.select(sa.func.count()).select_from(_missing(establishment, remote).subquery())
        with self._database.read() as connection:
            return int(connection.execute(query).scalar_one())

    def is_seen(self, exam_id: str) -> bool:
        """Whether an exam has anything that is published."""
        query = sa.select(_image.id).where(
            _image.exam_id == exam_id, _image.state == ImageState.PUBLISHED, IS_HERE
        )
        with self._database.read() as connection:
            return connection.scalar(query.limit(1)) is not None

    def put_in(self, establishment: str, remote: str, each_s: float) -> int:
        """Put in what is lacking, the oldest first; gives how many that were.

        One falls due `each_s` after the other: what is published meanwhile need not wait for all.
        """
        begin, done = datetime.now(UTC), 0
        while True:
            with self._database.write() as connection:
                # Held, so that two who ask at once do not put the same in.
                held = sa.select(_remote.id).where(_remote.id == _id_of(establishment, remote))
                remote_id = connection.scalar(held.with_for_update())
                query = _missing(establishment, remote).order_by(_image.published_at, _object.id)
                found = connection.execute(query.limit(AT_ONCE)).all()
                rows = [
                    {
                        "remote_id": remote_id,
                        "kind": Sent.OBJECT,
                        **new_row(
                            one.image_id,
                            one.exam_id,
                            one.sop_class_uid,
                            one.sop_instance_uid,
                            begin,
                        ),
                        **as_known_there(
                            connection,
                            int(remote_id or 0),
                            remote,
                            reading.exam_alone(connection, one.exam_id),
                            Form.AS_IT_IS,
                            one.sop_instance_uid,
                        ),
                        "due_at": begin + timedelta(seconds=each_s * (done + number)),
                    }
                    for number, one in enumerate(found)
                ]
                if not rows:
                    return done
                connection.execute(sa.insert(schema.outbox), rows)
            done += len(rows)

    def ask_again(self, establishment: str, remote: str) -> int:
        """Have what waits for a person looked at once more, as somebody has seen to it.

        What was dropped too, as its kind may be taken again. Gives how much that was; what was
        taken back since is told of no more.
        """
        rejection = schema.outbox.alias()
        tasks = sa.update(schema.outbox).where(
            _row.remote_id == _id_of(establishment, remote),
            sa.or_(_row.state == OutboxState.TASK, _DROPPED),
            sa.or_(
                _row.kind == Sent.REJECTION,
                ~sa.exists().where(
                    rejection.c.kind == Sent.REJECTION,
                    rejection.c.remote_id == _row.remote_id,
                    rejection.c.sop_instance_uid == _row.sop_instance_uid,
                ),
            ),
        )
        waiting = {
            "state": OutboxState.WAITING,
            "ended_at": None,
            "due_at": datetime.now(UTC),
            # What is moved away before its turn was not dropped.
            "reason": sa.case((_DROPPED, sa.null()), else_=_row.reason),
        }
        with self._database.write() as connection:
            asked = connection.scalars(tasks.values(waiting).returning(_row.parts)).all()
        # What is cut is counted by its parts.
        return asked.count(0)


def _id_of(establishment: str, remote: str) -> sa.ScalarSelect[int]:
    known = sa.select(_remote.id).select_from(schema.remote.join(schema.establishment))
    named = known.where(schema.establishment.c.name == establishment, _remote.name == remote)
    return named.scalar_subquery()


def _missing(establishment: str, remote: str) -> sa.Select[tuple[str, str, str, str]]:
    """The instances of published photographs of which there is no row for that archive."""
    told = sa.exists().where(
        _row.image_id == _object.image_id,
        _row.remote_id == _id_of(establishment, remote),
        _row.kind == Sent.OBJECT,
        _row.form == Form.AS_IT_IS,
        _row.object_uid == _object.sop_instance_uid,
    )
    return (
        sa.select(_object.image_id, _image.exam_id, _object.sop_class_uid, _object.sop_instance_uid)
        .select_from(
            schema.stored_object.join(schema.image, _object.image_id == _image.id)
            .join(schema.exam, _image.exam_id == _exam.id)
            .join(schema.remote, _remote.establishment_id == _exam.establishment_id)
        )
        .where(
            _remote.id == _id_of(establishment, remote),
            _image.kind == ImageKind.PHOTO,
            _image.state == ImageState.PUBLISHED,
            _object.role == ObjectRole.PHOTO,
            ~told,
        )
    )
