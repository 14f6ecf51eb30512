"""The queue of what archives are to be told: claimed by whoever sends, ended, or put off."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from archive import reading, schema
from archive.concatenation import Part
from archive.database import Database
from archive.errors import LeaseLost, NotFound
from archive.homeward import is_at_home
from archive.ownership import owned
from archive.reception import establishment_row
from archive.record import GRADES, Exam, Image, OutboxState, Sent
from archive.telling.anew import reincarnated
from archive.telling.forms import CLASS_OF, KnownAs
from archive.telling.parts import is_part_of, part_rows
from archive.telling.rows import (
    LET_GO,
    ROWS,
    Ending,
    Telling,
    changed_row,
    new_row,
    read_row,
    rows_of,
    tellings,
)
from archive.telling.rules import Form, Takes
from archive.telling.told import Told

_row, _remote = schema.outbox.c, schema.remote.c
_WAITING = _row.state == OutboxState.WAITING
_TAKEN_OVER = "This was taken over by another worker, or moved; leave it."


class Outbox:
    """The outbox of a catalogue, reached as `catalog.outbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def know(
        self,
        establishment: str,
        remote: str,
        takes: frozenset[Takes] = frozenset({Takes.PHOTOGRAPHS}),
    ) -> None:
        """From now on that archive is told of these kinds of what the establishment publishes.

        An archive is one establishment's: what others publish, it is told of no more, and what
        waits of theirs goes on waiting.
        """
        kinds = sorted(takes)
        of_name = (
            sa.select(_remote.id, _remote.takes, schema.establishment.c.name)
            .select_from(schema.remote.join(schema.establishment))
            .where(_remote.name == remote)
        )
        with self._database.read() as connection:
            rows = connection.execute(of_name).all()
            should = {one.id: kinds if one.name == establishment else [] for one in rows}
            is_known = establishment in {one.name for one in rows}
            if is_known and all(one.takes == should[one.id] for one in rows):
                return
        with self._database.write() as connection:
            owner = establishment_row(connection, establishment)
            rows = connection.execute(of_name).all()
            for one in rows:
                kept = kinds if one.name == establishment else []
                changed = sa.update(schema.remote).where(_remote.id == one.id)
                connection.execute(changed.values(takes=kept))
            if establishment not in {one.name for one in rows}:
                new = sa.insert(schema.remote).values(establishment_id=owner, name=remote)
                connection.execute(new.values(takes=kinds))

    def claim(self, worker: str, establishment: str, remote: str, lease_s: float) -> Telling | None:
        """Take what is due first for that archive of that establishment; None for nothing.

        An archive may have been another establishment's: what waits of that one is not for it.
        """
        now = datetime.now(UTC)
        earlier, part = schema.outbox.alias(), schema.outbox.alias()
        is_open = part.c.state.in_([OutboxState.WAITING, OutboxState.TASK])
        owners = schema.establishment.c
        owner = sa.select(owners.id).where(owners.name == establishment).scalar_subquery()
        due = sa.and_(
            _WAITING,
            _remote.name == remote,
            _remote.establishment_id == owner,
            _row.due_at <= now,
            sa.or_(_row.lease_until.is_(None), _row.lease_until <= now),
            # What goes home is told of under its own patient, once it is there.
            sa.or_(_row.kind == Sent.REJECTION, is_at_home(_row.image_id)),
            # What was superseded may still be on its way out, as long as somebody holds it.
            ~sa.exists().where(
                earlier.c.remote_id == _row.remote_id,
                earlier.c.image_id == _row.image_id,
                earlier.c.id < _row.id,
                # It waits for its parts, which are told meanwhile.
                earlier.c.parts == 0,
                sa.or_(earlier.c.state == OutboxState.WAITING, earlier.c.lease_until > now),
            ),
            # What is cut ends behind its parts.
            sa.or_(_row.parts == 0, ~sa.exists().where(is_part_of(schema.outbox, part), is_open)),
        )
        first = ROWS.where(due).order_by(_row.due_at, _row.id).limit(1)
        with self._database.read() as connection:
            if connection.execute(first).one_or_none() is None:
                return None
        with self._database.write() as connection:
            free = first.with_for_update(of=schema.outbox, skip_locked=True)
            found = connection.execute(free).mappings().one_or_none()
            if found is None:
                return None
            taken = read_row({**found, "attempt": found["attempt"] + 1})
            connection.execute(
                changed_row(
                    taken.id,
                    attempt=taken.attempt,
                    worker=worker,
                    lease_until=now + timedelta(seconds=lease_s),
                )
            )
            return taken

    def renew(self, telling: Telling, lease_s: float) -> None:
        """Hold it for longer, while it moves; raises LeaseLost."""
        self._change(telling, {"lease_until": datetime.now(UTC) + timedelta(seconds=lease_s)})

    def leaving(self, telling: Telling, told: Told) -> Telling:
        """Record under which identity it leaves, before it does; raises LeaseLost.

        Also where it was asked anew, as that may be its identity no more.
        """
        if told in telling.told:
            return telling
        left = replace(telling, told=(*telling.told, told))
        told_so = {"told": [one.written() for one in left.told]}
        self._change(telling, told_so, only=_row.revision == telling.revision)
        return left

    def end(self, telling: Telling, ending: Ending, now: Told | None = None) -> None:
        """Record how far the archive has been told, and what alone it shows now; raises LeaseLost.

        What was asked anew meanwhile waits on.
        """
        ended = {
            "state": ending.state,
            "reason": ending.reason,
            "coerced": list(ending.coerced),
            "ended_at": datetime.now(UTC),
        }
        shown = {} if now is None else {"told": [now.written()]}
        self._change(telling, LET_GO, ended | shown)

    def put_off(self, telling: Telling, again_in_s: float, reason: str) -> None:
        """Try again later; raises LeaseLost. What was asked anew meanwhile is due at once."""
        due = datetime.now(UTC) + timedelta(seconds=again_in_s)
        self._change(telling, {**LET_GO, "reason": reason}, {"due_at": due})

    def reincarnate(self, telling: Telling, known_as: KnownAs) -> None:
        """Have it rejected, and told of anew under the UID that `known_as` gives of our object's.

        What is still to leave of that exam is told of so too, as it is of one study there. Raises
        LeaseLost.
        """
        with self._database.write() as connection:
            if not reincarnated(connection, telling, known_as):
                raise LeaseLost(_TAKEN_OVER)

    def cut(self, telling: Telling, parts: Sequence[Part], known_as: KnownAs) -> None:
        """Have it told by rows of its parts; it ends once those have. Raises LeaseLost."""
        rows = part_rows(telling, parts, known_as)
        cut = {**LET_GO, "parts": len(parts), "reason": None}

        def tell(connection: sa.Connection) -> None:
            # One by one, as a statement of all could have more values than a database takes.
            for row in rows:
                connection.execute(sa.insert(schema.outbox).values(row))

        self._change(telling, cut, then=tell)

    def reached(self, telling: Telling) -> frozenset[OutboxState]:
        """How far the archive has been told of the parts of what is cut, but for dropped ones."""
        part, whole = schema.outbox.alias(), schema.outbox
        query = (
            sa.select(part.c.state)
            .select_from(whole.join(part, is_part_of(whole, part)))
            .where(whole.c.id == telling.id, part.c.state != OutboxState.SUPERSEDED)
        )
        with self._database.read() as connection:
            return frozenset(connection.scalars(query))

    def fall_back(self, telling: Telling, reason: str, form: Form, uid: str) -> None:
        """End it as a task, and tell of it in another form, as `uid`, instead; raises LeaseLost.

        Once: what is told of in that form already is not told of anew.
        """
        now = datetime.now(UTC)
        ended = {"state": OutboxState.TASK, "reason": reason, "ended_at": now}
        here = schema.outbox.alias()
        remote_id = sa.select(here.c.remote_id).where(here.c.id == telling.id).scalar_subquery()
        instead = {
            **new_row(telling.image_id, telling.exam_id, CLASS_OF[form], uid, now),
            "incarnation": telling.incarnation,
            "remote_id": remote_id,
            "kind": Sent.OBJECT,
            "form": form,
            "object_uid": telling.object_uid,
        }
        there = sa.select(_row.id).where(
            _row.remote_id == remote_id,
            _row.image_id == telling.image_id,
            _row.kind == Sent.OBJECT,
            _row.form == form,
            _row.object_uid == telling.object_uid,
        )

        def tell(connection: sa.Connection) -> None:
            if connection.execute(there).first() is None:
                connection.execute(sa.insert(schema.outbox).values(instead))

        self._change(telling, LET_GO, ended, tell)

    def _change(
        self,
        telling: Telling,
        values: Mapping[str, Any],
        unless_asked_anew: Mapping[str, Any] | None = None,
        then: Callable[[sa.Connection], None] | None = None,
        only: sa.ColumnElement[bool] = _WAITING,
    ) -> None:
        held = _row.attempt == telling.attempt
        with self._database.write() as connection:
            changed = changed_row(telling.id, **values).where(held, _WAITING, only)
            is_ours = connection.execute(changed).rowcount == 1
            if not is_ours:
                # What was superseded meanwhile stays so.
                connection.execute(changed_row(telling.id, **LET_GO).where(held))
            elif unless_asked_anew:
                same = _row.revision == telling.revision
                connection.execute(changed_row(telling.id, **unless_asked_anew).where(same))
            if is_ours and then is not None:
                then(connection)
        if not is_ours:
            raise LeaseLost(_TAKEN_OVER)

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

    def context(self, telling: Telling) -> tuple[Exam, Image]:
        """The exam and the image as they are today; the exam as it was told, for a rejection."""
        with self._database.read() as connection:
            exam = reading.exam_alone(connection, telling.exam_id)
            image = reading.image(connection, telling.image_id, None)
        if telling.kind is Sent.REJECTION and telling.told:
            exam = telling.told[-1].as_exam(exam)
        return exam, image

    def has_left(self, telling: Telling) -> bool:
        """Whether that archive may have it, in this incarnation or in one before."""
        query = sa.select(_row.id).where(
            _row.remote_id
            == sa.select(_row.remote_id).where(_row.id == telling.id).scalar_subquery(),
            _row.image_id == telling.image_id,
            _row.form == telling.form,
            _row.object_uid == telling.object_uid,
            _row.kind == Sent.OBJECT,
            sa.func.json_array_length(_row.told) > 0,
        )
        with self._database.read() as connection:
            return connection.scalar(query.limit(1)) is not None

    def shares_number(self, telling: Telling) -> bool:
        """Whether that archive was told of another patient of the same number, by another issuer.

        Most archives ignore who gave a number, and would show both as one patient.
        """
        exam, patient = schema.exam, schema.patient
        other_exam, other = schema.exam.alias(), schema.patient.alias()
        query = (
            sa.select(_row.id)
            .select_from(
                exam.join(patient, exam.c.patient_row == patient.c.id)
                .join(
                    other,
                    sa.and_(
                        other.c.establishment_id == patient.c.establishment_id,
                        other.c.patient_id == patient.c.patient_id,
                        other.c.issuer != patient.c.issuer,
                    ),
                )
                .join(other_exam, other_exam.c.patient_row == other.c.id)
                .join(schema.outbox, _row.exam_id == other_exam.c.id)
                .join(schema.remote, _row.remote_id == _remote.id)
            )
            .where(
                exam.c.id == telling.exam_id,
                _remote.name == telling.remote,
                _row.kind == Sent.OBJECT,
                _row.attempt > 0,
                _row.state != OutboxState.SUPERSEDED,
                # A task may be of what the archive has, or of what never left.
                sa.or_(_row.state != OutboxState.TASK, sa.func.json_array_length(_row.told) > 0),
            )
            .limit(1)
        )
        with self._database.read() as connection:
            return connection.scalar(query) is not None

    def of_images(self, image_ids: Collection[str]) -> Mapping[str, tuple[Telling, ...]]:
        """What was and is to be told of each image, in order."""
        with self._database.read() as connection:
            return tellings(connection, image_ids)

    def listed(
        self,
        states: Collection[OutboxState],
        *,
        establishment: str | None,
        remote: str | None = None,
        after: int = 0,
        limit: int = 200,
    ) -> tuple[Telling, ...]:
        """What stands in these states, of one archive or of all: the oldest first, after a row.

        Of what is cut its parts, and not the whole beside them.
        """
        query = rows_of(states, establishment, remote).where(_row.id > after).order_by(_row.id)
        return self._found(query.limit(limit))

    def sent(
        self, remote: str, *, establishment: str | None, before: int | None = None, limit: int = 200
    ) -> tuple[Telling, ...]:
        """What an archive was told and has: the latest first, before a row."""
        query = rows_of(GRADES, establishment, remote).order_by(_row.id.desc()).limit(limit)
        return self._found(query if before is None else query.where(_row.id < before))

    def _found(self, rows: sa.Select[Any]) -> tuple[Telling, ...]:
        with self._database.read() as connection:
            return tuple(read_row(dict(one)) for one in connection.execute(rows).mappings())

    def numbers(self, exam_ids: Collection[str]) -> Mapping[str, str]:
        """The accession numbers of those of these exams that an order gave one, by exam."""
        exam = schema.exam.c
        query = sa.select(exam.id, exam.accession_number).where(
            exam.id.in_(set(exam_ids)), exam.accession_number.is_not(None), ~exam.is_provisional
        )
        with self._database.read() as connection:
            return {one.id: one.accession_number for one in connection.execute(query)}

    def ask_again(self, row: int, *, establishment: str | None) -> None:
        """Have one thing looked at once more that waits for a person, or for its next turn.

        Raises NotFound for what is none of this establishment's, or waits for nobody.
        """
        now = datetime.now(UTC)
        rejected = schema.outbox.alias()
        taken_back = sa.exists().where(
            rejected.c.kind == Sent.REJECTION,
            rejected.c.remote_id == _row.remote_id,
            rejected.c.sop_instance_uid == _row.sop_instance_uid,
        )
        mine = owned(
            sa.select(_remote.id).select_from(schema.remote.join(schema.establishment)),
            establishment,
        )
        again = changed_row(row, state=OutboxState.WAITING, ended_at=None, due_at=now).where(
            _row.state.in_([OutboxState.TASK, OutboxState.WAITING]),
            _row.remote_id.in_(mine),
            sa.or_(_row.kind == Sent.REJECTION, ~taken_back),
        )
        with self._database.write() as connection:
            if connection.execute(again).rowcount != 1:
                raise NotFound("There is nothing of that kind to be asked again.")
