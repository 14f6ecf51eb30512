"""The rows of what an archive gets in parts: one of the whole, and one of each part."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.concatenation import Part
from archive.record import Sent
from archive.telling.forms import KnownAs
from archive.telling.rows import Telling, new_row

_row = schema.outbox.c


def is_part_of(whole: sa.FromClause, part: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether one row tells a part of what another one is of."""
    return sa.and_(
        part.c.image_id == whole.c.image_id,
        part.c.remote_id == whole.c.remote_id,
        part.c.kind == Sent.OBJECT,
        part.c.object_uid == whole.c.object_uid,
        part.c.form == whole.c.form,
        part.c.part.is_not(sa.null()),
    )


def part_rows(telling: Telling, parts: Sequence[Part], known_as: KnownAs) -> list[dict[str, Any]]:
    """The rows that tell the parts of what one was to tell whole."""
    now = datetime.now(UTC)
    remote_id = sa.select(_row.remote_id).where(_row.id == telling.id).scalar_subquery()
    return [
        {
            **new_row(
                telling.image_id,
                telling.exam_id,
                telling.sop_class_uid,
                known_as(telling.form, telling.object_uid, one),
                now,
            ),
            "remote_id": remote_id,
            "kind": telling.kind,
            "object_uid": telling.object_uid,
            "form": telling.form,
            "incarnation": telling.incarnation,
            "part": one.written(),
        }
        for one in parts
    ]
