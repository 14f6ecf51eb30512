"""From rows to records: images, exams and pages as the catalogue holds them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.errors import NotFound
from archive.homeward import AWAY, IS_HERE
from archive.identities.pointers import current_key
from archive.identity import PatientIdentity
from archive.ownership import owned
from archive.record import Exam, Image, ImageKind, ImageState, Page, StoredObject

_image, _exam, _object = schema.image.c, schema.exam.c, schema.stored_object.c
_patient, _establishment = schema.patient.c, schema.establishment.c

_OBJECT_COLUMNS = [
    _object[field.name] for field in fields(StoredObject) if field.name != "described"
]
_IMAGE_COLUMNS = [_image[field.name] for field in fields(Image) if field.name != "objects"]
_PATIENT_COLUMNS = [_patient[field.name] for field in fields(PatientIdentity)]
_EXAM_COLUMNS = [
    _exam.id,
    _establishment.name.label("establishment"),
    _exam.accession_number,
    _exam.issuer_of_accession_number,
    _exam.study_instance_uid,
    _exam.created_at,
    _patient.key.label("patient_key"),
    _exam.is_provisional,
]

_IS_SEEN = sa.and_(_image.kind != ImageKind.REPORT, IS_HERE)
"""Whether it is an image, under its own patient: reports are read as reports."""

MAY_BE_SEEN: sa.ColumnElement[bool] = sa.and_(
    sa.or_(
        sa.and_(_image.state == ImageState.PUBLISHED, _image.kind != ImageKind.REPORT),
        sa.and_(_image.kind == ImageKind.SLIDE, _image.state != ImageState.REFUSED),
    ),
    # Few or none, where what is looked at may be thousands.
    _image.id.not_in(AWAY),
)
"""What can be looked at: slides while they are prepared, photographs once they were sent."""

# The parts that never change are built once: SQLAlchemy spends longer on them than SQLite does.
_IMAGES = sa.select(*_IMAGE_COLUMNS)
_IMAGES_AND_OWNERS = _IMAGES.select_from(schema.image.join(schema.exam).join(schema.establishment))
_OBJECTS = sa.select(_object.image_id, *_OBJECT_COLUMNS).order_by(
    _object.role, _object.level, _object.id
)
_EXAMS = sa.select(
    *_EXAM_COLUMNS, *[column.label(f"patient__{column.name}") for column in _PATIENT_COLUMNS]
).select_from(
    schema.exam.join(schema.establishment).outerjoin(
        schema.patient, _exam.patient_row == _patient.id
    )
)


def image(
    connection: sa.Connection, image_id: str, establishment: str | None, *, hold: bool = False
) -> Image:
    """Read an image with its objects; `hold` keeps others from changing it until the end."""
    images = _IMAGES if establishment is None else _IMAGES_AND_OWNERS
    query = owned(images.where(_image.id == image_id), establishment)
    if hold:
        query = query.with_for_update(of=schema.image)
    found = _with_objects(connection, connection.execute(query).mappings().all())
    if not found:
        raise NotFound("There is no such image.")
    return found[0]


def exam(
    connection: sa.Connection,
    exam_id: str,
    establishment: str | None,
    states: Collection[ImageState],
) -> Exam:
    """Read an exam with its images in the given states."""
    query = _visible(_EXAMS, establishment, states).where(_exam.id == exam_id)
    found = _with_images(connection, connection.execute(query).mappings().all(), states)
    if not found:
        raise NotFound("There is no such exam.")
    return found[0]


def patient(connection: sa.Connection, key: str, establishment: str | None) -> PatientIdentity:
    """Read the patient whom addresses name by this key, or named before a merge."""
    key = current_key(connection, key)
    query = sa.select(*_PATIENT_COLUMNS).select_from(schema.patient.join(schema.establishment))
    found = connection.execute(owned(query.where(_patient.key == key), establishment))
    row = found.mappings().one_or_none()
    if row is None:
        raise NotFound("There is no such patient.")
    return PatientIdentity(**row)


def patient_of_study(
    connection: sa.Connection, establishment: str, is_study: sa.ColumnElement[bool]
) -> PatientIdentity | None:
    """The patient of an establishment's exam of a study; None for none, or no such exam."""
    query = sa.select(*_PATIENT_COLUMNS).select_from(
        schema.exam.join(schema.patient, _exam.patient_row == _patient.id).join(
            schema.establishment, _exam.establishment_id == _establishment.id
        )
    )
    found = connection.execute(owned(query.where(is_study), establishment))
    # All exams of an order are of one patient.
    row = found.mappings().first()
    return None if row is None else PatientIdentity(**row)


def exams_of_patient(
    connection: sa.Connection,
    key: str,
    establishment: str | None,
    states: Collection[ImageState],
) -> tuple[Exam, ...]:
    """Read a patient's exams with an image in the given states, newest first."""
    key = current_key(connection, key)
    query = _visible(_EXAMS, establishment, states).where(_patient.key == key)
    query = query.order_by(_exam.created_at.desc(), _exam.id.desc())
    return _with_images(connection, connection.execute(query).mappings().all(), states)


def exams_named(
    connection: sa.Connection,
    exam_ids: Collection[str],
    establishment: str | None,
    states: Collection[ImageState],
) -> tuple[Exam, ...]:
    """Read these exams where they have an image in the given states, newest first."""
    query = _visible(_EXAMS, establishment, states).where(_exam.id.in_(list(exam_ids)))
    query = query.order_by(_exam.created_at.desc(), _exam.id.desc())
    return _with_images(connection, connection.execute(query).mappings().all(), states)


def exam_alone(connection: sa.Connection, exam_id: str, establishment: str | None = None) -> Exam:
    """Read an exam without its images, of which it need not have any; raises NotFound."""
    query = owned(_EXAMS.where(_exam.id == exam_id), establishment)
    rows = connection.execute(query).mappings().all()
    if not rows:
        raise NotFound("There is no such exam.")
    return _with_images(connection, rows, ())[0]


def images(connection: sa.Connection, image_ids: Collection[str]) -> list[Image]:
    """Read images of which the caller knows that they may be seen; in no order."""
    query = _IMAGES.where(_image.id.in_(list(image_ids)))
    return _with_objects(connection, connection.execute(query).mappings().all())


def page(
    connection: sa.Connection,
    establishment: str | None,
    limit: int,
    after: str | None,
    states: Collection[ImageState],
) -> Page:
    """Read up to `limit` exams that follow the exam `after`."""
    query = _visible(_EXAMS, establishment, states)
    if after is not None:
        mark = sa.select(_exam.created_at, _exam.id).where(_exam.id == after)
        whose = schema.exam.join(schema.establishment)
        mark = owned(mark.select_from(whose), establishment)
        last = connection.execute(mark).one_or_none()
        if last is None:
            raise NotFound("There is no such page.")
        query = query.where(
            sa.tuple_(_exam.created_at, _exam.id)
            < sa.tuple_(
                sa.literal(last.created_at, schema.UtcDateTime), sa.literal(last.id, sa.String)
            )
        )
    # One more than asked for tells whether another page follows.
    query = query.order_by(_exam.created_at.desc(), _exam.id.desc()).limit(limit + 1)
    rows = connection.execute(query).mappings().all()
    exams = _with_images(connection, rows[:limit], states)
    return Page(exams, exams[-1].id if len(rows) > limit else None)


def _visible(
    query: sa.Select[Any], establishment: str | None, states: Collection[ImageState]
) -> sa.Select[Any]:
    query = owned(query, establishment)
    return query.where(
        sa.exists().where(_image.exam_id == _exam.id, _image.state.in_(list(states)), _IS_SEEN)
    )


def _with_images(
    connection: sa.Connection, rows: Sequence[sa.RowMapping], states: Collection[ImageState]
) -> tuple[Exam, ...]:
    query = _IMAGES.where(
        _image.exam_id.in_([row["id"] for row in rows]), _image.state.in_(list(states)), _IS_SEEN
    ).order_by(_image.created_at, _image.id)
    images: dict[str, list[Image]] = defaultdict(list)
    for one in _with_objects(connection, connection.execute(query).mappings().all()):
        images[one.exam_id].append(one)
    return tuple(
        Exam(
            **{column.name: row[column.name] for column in _EXAM_COLUMNS},
            patient=_patient_of(row),
            images=tuple(images[row["id"]]),
        )
        for row in rows
    )


def _patient_of(row: sa.RowMapping) -> PatientIdentity | None:
    if row["patient__patient_id"] is None:
        return None
    return PatientIdentity(
        **{column.name: row[f"patient__{column.name}"] for column in _PATIENT_COLUMNS}
    )


def _with_objects(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> list[Image]:
    query = _OBJECTS.where(_object.image_id.in_([row["id"] for row in rows]))
    objects: dict[str, list[StoredObject]] = defaultdict(list)
    for row in connection.execute(query).mappings() if rows else ():
        one = {column.name: row[column.name] for column in _OBJECT_COLUMNS}
        objects[row["image_id"]].append(StoredObject(**one))
    return [Image(**row, objects=tuple(objects[row["id"]])) for row in rows]
