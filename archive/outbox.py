"""What the radiology archives of an establishment are to be told, as it becomes true.

A row is written in the transaction that makes it true: an object is published, or moved, or whose
it is changes. Rows of one image are sent in their order, so that no archive hears of a rejection
before the object.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from archive import reading, schema
from archive.record import Exam, Image, ImageKind, ObjectRole, OutboxState, Sent, StoredObject
from archive.telling.forms import uid_of
from archive.telling.queue import changed_row, new_row, tellings

_row, _remote = schema.outbox.c, schema.remote.c


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
            connection.execute(changed_row(one.id, state=OutboxState.SUPERSEDED, ended_at=now))
        last = one.told[-1] if one.told else None
        series = last.series_instance_uid if last else series_of.get(one.sop_instance_uid)
        if one.attempt == 0 or series is None:
            continue
        row = new_row(before.id, one.exam_id, one.sop_class_uid, one.sop_instance_uid, now)
        connection.execute(
            sa.insert(schema.outbox).values(
                remote_id=sa.select(_row.remote_id).where(_row.id == one.id).scalar_subquery(),
                kind=Sent.REJECTION,
                series_instance_uid=series,
                **(row | {"form": one.form, "told": [last.written()] if last else []}),
            )
        )
    published(connection, after)


def look_again(connection: sa.Connection, exam_id: str) -> None:
    """Have the archives told of an exam's objects once more, and asked how they show them."""
    ended = (OutboxState.ANSWERED, OutboxState.COMMITTED, OutboxState.READ_BACK)
    _ask_anew(connection, [exam_id], (*ended, OutboxState.WAITING))


def identity_changed(connection: sa.Connection, exam_ids: Collection[str]) -> None:
    """Have the archives learn that these exams are somebody else's, or of another name.

    To be called in the transaction that changes it, before or after that; as often as it changes.
    How each archive learns of it is its rule's, when its turn comes: what it was told is held
    against what is true then. Tasks are looked at anew too, as this may be what they waited for.
    """
    states = tuple(one for one in OutboxState if one is not OutboxState.SUPERSEDED)
    _ask_anew(connection, exam_ids, states)


def _ask_anew(
    connection: sa.Connection, exam_ids: Collection[str], states: Collection[OutboxState]
) -> None:
    """Let rows wait again; who holds one of them now learns at its end that it is asked anew."""
    now = datetime.now(UTC)
    rejection = schema.outbox.alias()
    asked = sa.update(schema.outbox).where(
        _row.exam_id.in_(list(exam_ids)),
        _row.kind == Sent.OBJECT,
        _row.state.in_(list(states)),
        # What was moved away since is told of no more.
        ~sa.exists().where(
            rejection.c.kind == Sent.REJECTION,
            rejection.c.remote_id == _row.remote_id,
            rejection.c.sop_instance_uid == _row.sop_instance_uid,
        ),
    )
    waiting = {"state": OutboxState.WAITING, "ended_at": None, "due_at": now, "asked_at": now}
    connection.execute(asked.values(revision=_row.revision + 1, **waiting))


def _insert(
    connection: sa.Connection, image_id: str, exam_id: str, objects: Iterable[StoredObject]
) -> None:
    now = datetime.now(UTC)
    exam = reading.exam_alone(connection, exam_id)
    remotes = connection.execute(
        sa.select(_remote.id, _remote.name)
        .select_from(schema.remote.join(schema.establishment))
        .where(schema.establishment.c.name == exam.establishment)
    ).all()
    rows = [
        {
            "remote_id": remote.id,
            "kind": Sent.OBJECT,
            **new_row(image_id, exam_id, str(one.sop_class_uid), str(one.sop_instance_uid), now),
            **as_known_there(connection, remote.id, remote.name, exam, str(one.sop_instance_uid)),
        }
        for remote in remotes
        for one in objects
    ]
    if rows:
        connection.execute(sa.insert(schema.outbox), rows)


def as_known_there(
    connection: sa.Connection, remote_id: int, remote: str, exam: Exam, uid: str
) -> dict[str, Any]:
    """By which UID, and as which incarnation, an archive is to know something new of an exam."""
    mine = sa.and_(_row.remote_id == remote_id, _row.exam_id == exam.id, _row.kind == Sent.OBJECT)
    number = connection.scalar(sa.select(sa.func.max(_row.incarnation)).where(mine)) or 0
    return {"incarnation": number, "sop_instance_uid": uid_of(uid, exam, remote, number)}
