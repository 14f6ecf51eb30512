"""The overviews that lead to a lesion: where it, and others of the patient, are marked in them."""

from collections import defaultdict
from dataclasses import dataclass

import sqlalchemy as sa

from archive import schema
from archive.homeward import IS_HERE
from archive.record import ImageState

_pin, _photo, _image, _lesion = (
    schema.pin.c,
    schema.photograph.c,
    schema.image.c,
    schema.lesion.c,
)


@dataclass(frozen=True, slots=True)
class Marked:
    """A lesion marked in an overview, in fractions of its width and height."""

    lesion: str
    number: int
    x: float
    y: float


def marked_with(connection: sa.Connection, lesion_id: str) -> dict[str, tuple[Marked, ...]]:
    """What is marked in each published overview that has this lesion, or that locates it.

    All of it is the patient's: the database keeps a pin, its lesion and its overview with one.
    """
    leads = sa.union(
        sa.select(_pin.image_id).where(_pin.lesion_id == lesion_id),
        sa.select(_photo.overview_id).where(
            _photo.lesion_id == lesion_id, _photo.overview_id.is_not(None)
        ),
    ).subquery()
    query = (
        sa.select(_image.id, _lesion.id.label("lesion"), _lesion.number, _pin.x, _pin.y)
        .select_from(
            schema.image.outerjoin(schema.pin, _pin.image_id == _image.id).outerjoin(
                schema.lesion, _pin.lesion_id == _lesion.id
            )
        )
        .where(_image.id.in_(sa.select(leads)), _image.state == ImageState.PUBLISHED, IS_HERE)
        .order_by(_image.id, _lesion.number)
    )
    found: dict[str, tuple[Marked, ...]] = defaultdict(tuple)
    for row in connection.execute(query):
        own = () if row.lesion is None else (Marked(row.lesion, row.number, row.x, row.y),)
        found[row.id] += own
    return dict(found)
