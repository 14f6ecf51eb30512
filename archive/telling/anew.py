"""What an archive is told of anew under other UIDs, as the number that it was told is untrue."""

from datetime import UTC, datetime

import sqlalchemy as sa

from archive import schema
from archive.concatenation import Part
from archive.record import OutboxState, Sent
from archive.telling.forms import KnownAs
from archive.telling.rows import LET_GO, Telling, changed_row, new_row

_row = schema.outbox.c


def reincarnated(connection: sa.Connection, telling: Telling, known_as: KnownAs) -> bool:
    """As `Outbox.reincarnate`, within a transaction; False where another holds the row by now."""
    now, number = datetime.now(UTC), telling.incarnation + 1
    last = telling.told[-1]
    ended = {"state": OutboxState.SUPERSEDED, "ended_at": now, **LET_GO}
    mine = changed_row(telling.id, **ended).where(
        _row.attempt == telling.attempt, _row.state == OutboxState.WAITING
    )
    remote_id = connection.scalar(mine.returning(_row.remote_id))
    if remote_id is None:
        return False
    named = (telling.image_id, telling.exam_id, telling.sop_class_uid)
    same = {"remote_id": remote_id, "form": telling.form}
    rejected = {
        **new_row(*named, telling.sop_instance_uid, now),
        "kind": Sent.REJECTION,
        "series_instance_uid": last.series_instance_uid,
        "told": [last.written()],
    }
    uid = known_as(telling.form, telling.object_uid, telling.part)
    anew = {
        **new_row(*named, uid, now),
        "kind": Sent.OBJECT,
        "object_uid": telling.object_uid,
        "incarnation": number,
        "part": telling.part.written() if telling.part else None,
    }
    for row in (rejected, anew):
        connection.execute(sa.insert(schema.outbox).values(row | same))
    _take_along(connection, telling, int(remote_id), known_as)
    return True


def _take_along(
    connection: sa.Connection, telling: Telling, remote_id: int, known_as: KnownAs
) -> None:
    """What is still to leave of the exam becomes that incarnation too."""
    number = telling.incarnation + 1
    others = sa.select(_row.id, _row.form, _row.object_uid, _row.part, _row.told).where(
        _row.exam_id == telling.exam_id,
        _row.kind == Sent.OBJECT,
        _row.incarnation < number,
        _row.state.in_([OutboxState.WAITING, OutboxState.TASK]),
        _row.remote_id == remote_id,
    )
    for one in connection.execute(others.with_for_update()).all():
        if one.told:
            continue
        uid = known_as(one.form, one.object_uid, Part.read(one.part) if one.part else None)
        becomes = {"incarnation": number, "sop_instance_uid": uid, **LET_GO}
        # Who was about to send it under the UID before learns that it is not theirs.
        fence = sa.case((_row.attempt > 0, _row.attempt + 1), else_=0)
        connection.execute(changed_row(one.id, attempt=fence, **becomes))
