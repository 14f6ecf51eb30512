"""What may be asked of workers about photographs: of those in the archive, so much at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.errors import InvalidCapture, NotFound
from archive.homeward import IS_HERE
from archive.ownership import owned
from archive.record import ImageKind, ImageState

WAITING_AT_ONCE = 16
"""Of each kind of question of one establishment: a worker takes seconds for each."""
WAITING_S = 600.0


def has_room(connection: sa.Connection, asked_of: sa.Column[Any], image_id: str) -> bool:
    """Whether the image's establishment may ask for more: what it wants keeps others waiting."""
    asked = asked_of.table.c
    owner = (
        sa.select(schema.exam.c.establishment_id)
        .select_from(schema.image.join(schema.exam))
        .where(schema.image.c.id == image_id)
        .scalar_subquery()
    )
    # What was given up stays unanswered until somebody asks again; it stands in nobody's way.
    lately = datetime.now(UTC) - timedelta(seconds=WAITING_S)
    waiting = (
        sa.select(sa.func.count())
        .select_from(
            asked_of.table.join(schema.image, asked_of == schema.image.c.id).join(schema.exam)
        )
        .where(
            asked.done_at.is_(None),
            asked.asked_at > lately,
            schema.exam.c.establishment_id == owner,
        )
    )
    return (connection.scalar(waiting) or 0) < WAITING_AT_ONCE


def require_photograph(connection: sa.Connection, image_id: str, establishment: str | None) -> None:
    """Raise NotFound, and InvalidCapture for what is no published photograph."""
    query = (
        sa.select(schema.image.c.kind, schema.image.c.state)
        .select_from(schema.image.join(schema.exam).join(schema.establishment))
        .where(schema.image.c.id == image_id, IS_HERE)
    )
    found = connection.execute(owned(query, establishment)).one_or_none()
    if found is None:
        raise NotFound("There is no such image.")
    if found.kind is not ImageKind.PHOTO or found.state is not ImageState.PUBLISHED:
        raise InvalidCapture("The image is no photograph in the archive; only these are measured.")
