"""The rows by which instances are searched, written with the objects and ended with them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields

import sqlalchemy as sa

from archive import schema
from archive.described import Described, DescribedSeries
from archive.record import ImageState, StoredObject

_series, _instance, _image = schema.series.c, schema.instance.c, schema.image.c
_object = schema.stored_object.c

DESCRIBED_COLUMNS = [_instance[one.name] for one in fields(Described) if one.name != "series"]
_STORED_FIELDS = [one.name for one in fields(StoredObject) if one.name != "described"]


def add_objects(connection: sa.Connection, image_id: str, objects: Iterable[StoredObject]) -> None:
    """Write down new objects of an image, and what is known of those that are instances."""
    objects = tuple(objects)
    if not objects:
        return
    stored = [
        {"image_id": image_id, **{name: getattr(one, name) for name in _STORED_FIELDS}}
        for one in objects
    ]
    connection.execute(sa.insert(schema.stored_object), stored)
    add_rows(connection, image_id, objects)


def add_rows(connection: sa.Connection, image_id: str, objects: Iterable[StoredObject]) -> None:
    """Write down what is known of an image's objects, of those of which anything is."""
    exam_id = connection.scalar(sa.select(_image.exam_id).where(_image.id == image_id))
    rows = [
        {
            **{column.name: getattr(one.described, column.name) for column in DESCRIBED_COLUMNS},
            "key": one.key,
            "exam_id": exam_id,
            "series_id": _series_row(connection, str(exam_id), one.described.series),
            "image_id": image_id,
            "sop_class_uid": one.sop_class_uid,
            "sop_instance_uid": one.sop_instance_uid,
        }
        for one in objects
        if one.described is not None
    ]
    if rows:
        connection.execute(sa.insert(schema.instance), rows)


def without_rows(connection: sa.Connection, after: str, limit: int) -> Sequence[sa.RowMapping]:
    """Instances of published images of which nothing is written down, by key.

    Those that were stored by a version that wrote nothing down.
    """
    query = (
        sa.select(_object.key, _object.image_id, _object.length_bytes)
        .select_from(schema.stored_object.join(schema.image, _object.image_id == _image.id))
        .where(
            _image.state == ImageState.PUBLISHED,
            _object.sop_instance_uid.is_not(None),
            _object.key > after,
            ~sa.exists().where(_instance.key == _object.key),
        )
        .order_by(_object.key)
        .limit(limit)
    )
    return connection.execute(query).mappings().all()


def all_keys(connection: sa.Connection) -> frozenset[str]:
    """Every key of the store that something refers to."""
    reports = sa.select(schema.report.c.key).where(schema.report.c.key.is_not(None))
    return frozenset(connection.scalars(sa.union_all(sa.select(_object.key), reports)))


def forget_described(connection: sa.Connection, image_ids: Sequence[str]) -> None:
    """Delete what is known of the instances of images that change their exam."""
    gone = sa.delete(schema.instance).where(_instance.image_id.in_(image_ids))
    left = set(connection.scalars(gone.returning(_instance.series_id)))
    kept = sa.select(_instance.series_id).where(_instance.series_id.in_(left))
    empty = left - set(connection.scalars(kept))
    connection.execute(sa.delete(schema.series).where(_series.id.in_(empty)))


def _series_row(connection: sa.Connection, exam_id: str, told: DescribedSeries) -> int:
    mine = sa.select(_series.id).where(
        _series.exam_id == exam_id, _series.series_instance_uid == told.series_instance_uid
    )
    found = connection.scalar(mine)
    if found is None:
        new = sa.insert(schema.series).values(exam_id=exam_id, **asdict(told))
        found = connection.execute(new.returning(_series.id)).scalar_one()
    return int(found)
