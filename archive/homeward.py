"""Images that a merge, taken back, left under another patient: seen by nobody until they moved."""

import sqlalchemy as sa

from archive import schema
from archive.errors import NotFound
from archive.move_schema import move


def is_at_home(image_id: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether the image that a row names stands under its own patient."""
    return ~sa.exists().where(
        move.c.image_id == image_id, move.c.done_at.is_(None), move.c.is_homeward
    )


IS_HERE = is_at_home(schema.image.c.id)
"""Whether an image stands under its own patient."""


AWAY = sa.select(move.c.image_id).where(move.c.done_at.is_(None), move.c.is_homeward)
"""The images that do not stand under their own patient yet: few, or none."""


def hide(connection: sa.Connection, image_id: str) -> None:
    """Let an image whose move was just asked be seen by nobody until that is done."""
    undone = sa.update(move).where(move.c.image_id == image_id, move.c.done_at.is_(None))
    connection.execute(undone.values(is_homeward=True))


def require_here(connection: sa.Connection, image_id: str) -> None:
    """Raise NotFound for an image that is on its way to its own patient."""
    away = sa.select(move.c.id).where(
        move.c.image_id == image_id, move.c.done_at.is_(None), move.c.is_homeward
    )
    if connection.scalar(away) is not None:
        raise NotFound("The image is on its way to its patient; look for it in a moment.")
