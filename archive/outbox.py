"""What the radiology archives of an establishment are to be told, as it becomes true.

A row is written in the transaction that makes it true: an object is published, or moved, or whose
it is changes. Rows of one image are sent in their order, so that no archive hears of a rejection
before the object.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from archive import reading, schema
from archive.record import (
    GRADES,
    Exam,
    Image,
    ImageKind,
    ObjectRole,
    OutboxState,
    Sent,
    StoredObject,
)
from archive.telling.forms import CLASS_OF, known_as
from archive.telling.rows import changed_row, new_row, tellings
from archive.telling.rules import Form, Takes
from archive.telling.told import Told

_row, _remote = schema.outbox.c, schema.remote.c


def published(connection: sa.Connection, image: Image) -> None:
    """Have the archives of its establishment told of an image that is published now.

    Each gets what its rule takes: of slides that stay here a small picture, or a list of names.
    """
    now = datetime.now(UTC)
    exam = reading.exam_alone(connection, image.exam_id)
    remotes = connection.execute(
        sa.select(_remote.id, _remote.name, _remote.takes)
        .select_from(schema.remote.join(schema.establishment))
        .where(schema.establishment.c.name == exam.establishment)
    ).all()
    for remote in remotes:
        for form, one in told_of(image, takes_of(remote.takes)):
            uid = str(one.sop_instance_uid)
            row = new_row(image.id, exam.id, CLASS_OF.get(form, str(one.sop_class_uid)), uid, now)
            there = as_known_there(connection, remote.id, remote.name, exam, form, uid)
            connection.execute(
                sa.insert(schema.outbox).values(
                    {"remote_id": remote.id, "kind": Sent.OBJECT, **row, **there}
                )
            )


def takes_of(written: Sequence[str] | None) -> frozenset[Takes]:
    """What an archive is told of, as its row says."""
    return frozenset({Takes.PHOTOGRAPHS} if written is None else map(Takes, written))


def told_of(image: Image, takes: frozenset[Takes]) -> Iterator[tuple[Form, StoredObject]]:
    """What an archive gets of an image, and of which of our instances that is told."""
    if image.kind is ImageKind.REPORT:
        if Takes.REPORTS in takes:
            yield from ((Form.AS_IT_IS, one) for one in image.objects_as(ObjectRole.DOCUMENT))
        return
    is_photo = image.kind is ImageKind.PHOTO
    own = image.objects_as(ObjectRole.PHOTO if is_photo else ObjectRole.LEVEL)
    whole = Takes.PHOTOGRAPHS if is_photo else Takes.SLIDES
    if whole in takes:
        yield from ((Form.AS_IT_IS, one) for one in own)
    if Takes.THUMBNAILS in takes and not is_photo:
        yield from ((Form.THUMBNAIL, one) for one in own[:1])
    if Takes.MANIFESTS in takes:
        yield from ((Form.MANIFEST, one) for one in own[:1])


def taken_as(kind: ImageKind, form: Form) -> Takes:
    """As which kind of thing an archive gets an image in that form; the inverse of `told_of`."""
    if form is Form.THUMBNAIL:
        return Takes.THUMBNAILS
    if form is Form.MANIFEST:
        return Takes.MANIFESTS
    whole = {ImageKind.PHOTO: Takes.PHOTOGRAPHS, ImageKind.REPORT: Takes.REPORTS}
    return whole.get(kind, Takes.SLIDES)


def moved(
    connection: sa.Connection,
    before: Image,
    after: Image,
    series_of: Mapping[str, str],
) -> None:
    """Take back what archives were told of an image before it moved, and tell them of it anew.

    `series_of` has the Series Instance UID of each SOP Instance UID before.
    """
    taken_back(connection, before, series_of)
    published(connection, after)


def taken_back(connection: sa.Connection, before: Image, series_of: Mapping[str, str]) -> None:
    """Have archives hear that what they were told of an image counts no more; once, as `moved`."""
    now = datetime.now(UTC)
    rows = tellings(connection, [before.id])[before.id]
    # By a move before this one, or as another incarnation took its place.
    rejected = {(one.remote, one.sop_instance_uid) for one in rows if one.kind is Sent.REJECTION}
    for one in rows:
        if one.kind is not Sent.OBJECT or one.state is OutboxState.SUPERSEDED:
            continue
        if (one.remote, one.sop_instance_uid) in rejected:
            continue
        if one.state in {OutboxState.WAITING, OutboxState.TASK} or one.parts:
            # The lease stays: it tells for how long somebody may still be sending it.
            connection.execute(changed_row(one.id, state=OutboxState.SUPERSEDED, ended_at=now))
        last = one.told[-1] if one.told else None
        series = last.series_instance_uid if last else series_of.get(one.sop_instance_uid)
        # Under which identity it leaves is written before it does. What is cut leaves in parts.
        never_left = one.attempt == 0 or (one.state is OutboxState.TASK and not one.told)
        never_left = never_left or one.parts > 0
        if never_left or series is None:
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


def look_again(connection: sa.Connection, exam_id: str) -> None:
    """Have the archives told of an exam's objects once more, and asked how they show them."""
    _ask_anew(connection, [exam_id], (*GRADES, OutboxState.WAITING))


def identity_changed(connection: sa.Connection, exam_ids: Collection[str]) -> None:
    """Have the archives learn that these exams are somebody else's, or of another name.

    To be called in the transaction that changes it, before or after that; as often as it changes.
    How each archive learns of it is its rule's, when its turn comes: what it was told is held
    against what is true then. Tasks are looked at anew too, as this may be what they waited for.
    """
    states = tuple(one for one in OutboxState if one is not OutboxState.SUPERSEDED)
    _ask_anew(connection, exam_ids, states)


def ins_withdrawn(connection: sa.Connection, exam_ids: Collection[str]) -> None:
    """Let what is kept of what archives were told say that the INS told with it is untrue.

    To be called in the transaction that withdraws it, before another takes its place. Of the number
    itself nothing is kept: beside a birth date and place, even a short mark of it would name it.
    """
    query = sa.select(_row.id, _row.told).where(
        _row.exam_id.in_(list(exam_ids)), _row.kind == Sent.OBJECT
    )
    for row in connection.execute(query.order_by(_row.id).with_for_update()).all():
        told = [Told.read(one).once_withdrawn().written() for one in row.told]
        if told != row.told:
            connection.execute(changed_row(row.id, told=told))


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


def as_known_there(
    connection: sa.Connection, remote_id: int, remote: str, exam: Exam, form: Form, uid: str
) -> dict[str, Any]:
    """By which UID, and as which incarnation, an archive is to know something new of an exam."""
    mine = sa.and_(_row.remote_id == remote_id, _row.exam_id == exam.id, _row.kind == Sent.OBJECT)
    number = connection.scalar(sa.select(sa.func.max(_row.incarnation)).where(mine)) or 0
    known = known_as(form, uid, exam, remote, number)
    return {"form": form, "incarnation": number, "sop_instance_uid": known}
