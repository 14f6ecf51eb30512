"""What a move to another patient would change: read, and held against what can be."""

from collections.abc import Collection, Sequence
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from archive import reading, schema
from archive.capture import LOCATING
from archive.errors import DifferentPatient, InvalidCapture, NotFound, TransitionRefused
from archive.identities.pointers import current_key
from archive.identity import PatientIdentity
from archive.jobs import has_unfinished
from archive.lesion_schema import biopsy
from archive.move import Correction, Destination, Left, MovePlan, study_instance_uid_of_move
from archive.reception import Study, checked_order, is_study, patient_row_of, study_of_order
from archive.record import Exam, Image, ImageKind, ImageState
from archive.telling.rows import tellings

MOVABLE = frozenset({ImageState.PUBLISHED, ImageState.REFUSED})

_move, _photo, _exam, _patient = (
    schema.move.c,
    schema.photograph.c,
    schema.exam.c,
    schema.patient.c,
)
_TRAITS = [_patient[one.name] for one in fields(PatientIdentity)]


def planned(
    connection: sa.Connection,
    image_ids: Sequence[str],
    to: Destination,
    establishment: str | None,
) -> tuple[MovePlan, Exam]:
    """What moving images of one exam would change, and that exam; raises as `Moves.plan`."""
    images = [reading.image(connection, one, establishment) for one in image_ids]
    if not images or len({one.exam_id for one in images}) != 1:
        raise NotFound("There are no such images of one exam.")
    if any(one.state not in MOVABLE for one in images) or _is_worked_on(connection, images):
        raise TransitionRefused("An image is still being prepared; move it once that is done.")
    exam = reading.exam_alone(connection, images[0].exam_id)
    patient, patient_row = _patient_of(connection, exam, to)
    to_exam_id = _exam_there(connection, exam, images, patient, patient_row, to)
    is_same = exam.patient is not None and _is_same(exam.patient, patient)
    # Of the same patient, they may still be of another order.
    if is_same and (not to.accession_number or to_exam_id == exam.id):
        raise TransitionRefused("The images are this patient's already.")
    _require_lesion(connection, images, to, patient_row)
    plan = MovePlan(
        corrections=tuple(_correction(connection, one, image_ids) for one in images),
        exam_id=exam.id,
        before=exam.patient,
        after=patient,
        is_known=patient_row is not None,
        to_exam_id=to_exam_id,
    )
    return plan, exam


def _is_worked_on(connection: sa.Connection, images: Sequence[Image]) -> bool:
    """Whether anything but a move is under way, which asking anew would call off."""
    moving = sa.select(_move.image_id).where(_move.done_at.is_(None))
    free = [
        one.id
        for one in images
        if connection.scalar(moving.where(_move.image_id == one.id)) is None
    ]
    return has_unfinished(connection, free)


def _patient_of(
    connection: sa.Connection, exam: Exam, to: Destination
) -> tuple[PatientIdentity, int | None]:
    owner = owner_of(connection, exam)
    if to.key is not None:
        row = connection.scalar(
            sa.select(_patient.id).where(
                _patient.key == current_key(connection, to.key), _patient.establishment_id == owner
            )
        )
    else:
        row = patient_row_of(connection, owner, to.patient)
    known = identity_of(connection, row)
    if known is not None:
        return known, row
    if to.patient is None:
        raise NotFound("There is no such patient.")
    return to.patient, None


def identity_of(connection: sa.Connection, patient_row: int | None) -> PatientIdentity | None:
    """A patient as the catalogue knows them, by their row."""
    found = connection.execute(sa.select(*_TRAITS).where(_patient.id == patient_row))
    row = found.mappings().one_or_none()
    return None if row is None else PatientIdentity(**row)


def identities_of(
    connection: sa.Connection, patient_rows: Collection[int]
) -> dict[int, PatientIdentity]:
    """Patients as the catalogue knows them, by their rows."""
    query = sa.select(_patient.id.label("row"), *_TRAITS).where(_patient.id.in_(patient_rows))
    found = connection.execute(query).mappings() if patient_rows else ()
    return {
        row["row"]: PatientIdentity(**{name: row[name] for name in row if name != "row"})
        for row in found
    }


def _is_same(one: PatientIdentity, other: PatientIdentity) -> bool:
    return (one.issuer, one.patient_id) == (other.issuer, other.patient_id)


def _require_lesion(
    connection: sa.Connection,
    images: Sequence[Image],
    to: Destination,
    patient_row: int | None,
) -> None:
    if to.lesion is None:
        return
    lesion = schema.lesion.c
    owner = connection.scalar(sa.select(lesion.patient_row).where(lesion.id == to.lesion))
    if owner is None or owner != patient_row:
        raise NotFound("This patient has no such lesion.")
    view = connection.scalar(sa.select(_photo.view).where(_photo.image_id == images[0].id))
    if len(images) != 1 or view is None or view in LOCATING:
        raise InvalidCapture(
            "A lesion is shown by one close-up or dermoscopy; move that alone, or name no lesion."
        )


def _correction(connection: sa.Connection, image: Image, together: Sequence[str]) -> Correction:
    return Correction(
        image.id,
        image.kind,
        tellings(connection, [image.id])[image.id],
        _left(connection, image.id),
        links_of(connection, image.id, together),
    )


def links_of(connection: sa.Connection, image_id: str, together: Sequence[str]) -> dict[str, Any]:
    """The links of an image that end with the move; an overview that comes along stays one."""
    own = sa.select(_photo.lesion_id, _photo.overview_id, _photo.earlier_id)
    row = connection.execute(own.where(_photo.image_id == image_id)).one_or_none()
    found: dict[str, Any] = {}
    if row is not None:
        overview = None if row.overview_id in together else row.overview_id
        found = {"lesion": row.lesion_id, "overview": overview, "earlier": row.earlier_id}
    others = sa.select(_photo.image_id).where(
        sa.or_(_photo.overview_id == image_id, _photo.earlier_id == image_id),
        _photo.image_id.not_in(list(together)),
    )
    pinned, session = schema.pin.c, schema.picture.c
    pins = sa.select(pinned.lesion_id).where(pinned.image_id == image_id)
    found["referred_by"] = sorted(connection.scalars(others))
    found["pins"] = sorted(connection.scalars(pins))
    found["session"] = connection.scalar(
        sa.select(session.session_id).where(session.image_id == image_id)
    )
    found["biopsies"] = _biopsies(connection, image_id, together)
    return {name: value for name, value in found.items() if value}


def _biopsies(connection: sa.Connection, image_id: str, together: Sequence[str]) -> list[str]:
    """The lesions whose biopsy is this slide's exam, where no slide of it stays."""
    image, stays = schema.image.alias(), schema.image.alias()
    linked = (
        sa.select(biopsy.c.lesion_id)
        .select_from(biopsy.join(image, biopsy.c.exam_id == image.c.exam_id))
        .where(image.c.id == image_id, image.c.kind == ImageKind.SLIDE)
        .where(
            ~sa.exists().where(
                stays.c.exam_id == image.c.exam_id,
                stays.c.kind == ImageKind.SLIDE,
                stays.c.id.not_in(list(together)),
            )
        )
    )
    return sorted(connection.scalars(linked))


def _left(connection: sa.Connection, image_id: str) -> tuple[Left, ...]:
    gone, departure = schema.departed_image.c, schema.departure.c
    when = (
        sa.select(departure.at, departure.way)
        .select_from(schema.departed_image.join(schema.departure))
        .where(gone.image_id == image_id)
    )
    rows = connection.execute(when.order_by(departure.at, departure.id))
    return tuple(Left(row.at, row.way) for row in rows)


def _exam_there(
    connection: sa.Connection,
    exam: Exam,
    images: Sequence[Image],
    patient: PatientIdentity,
    patient_row: int | None,
    to: Destination,
) -> str | None:
    """The exam that the images join; raises DifferentPatient for an order of somebody else."""
    if not to.accession_number and patient_row is not None:
        # Back to where they came from, when a move is undone.
        came = (
            sa.select(_move.from_exam_id)
            .select_from(schema.move.join(schema.exam, _move.from_exam_id == _exam.id))
            .where(
                _move.image_id.in_([one.id for one in images]),
                _move.to_exam_id == exam.id,
                _move.done_at.is_not(None),
                _exam.patient_row == patient_row,
            )
        )
        if back := connection.scalar(came.order_by(_move.id.desc()).limit(1)):
            return str(back)
    there = connection.execute(
        sa.select(_exam.id, _exam.patient_row).where(
            _exam.establishment_id == owner_of(connection, exam),
            is_study(study_of(exam, patient, to)),
        )
    ).first()
    if there is None:
        return None
    if there.patient_row != patient_row:
        raise DifferentPatient(
            "This accession number is already used here for another patient, or for none; "
            "check the number and the patient."
        )
    return str(there.id)


def study_of(exam: Exam, patient: PatientIdentity, to: Destination) -> Study:
    """The study that images of an exam come to: the order's, or one of the move's own."""
    if to.accession_number:
        number, issuer = checked_order(to.accession_number, to.issuer)
        return study_of_order(exam.establishment, issuer, number)
    return Study(study_instance_uid_of_move(exam.establishment, patient, exam.study_instance_uid))


def owner_of(connection: sa.Connection, exam: Exam) -> int:
    """The row of the establishment that an exam is of."""
    owner = sa.select(_exam.establishment_id).where(_exam.id == exam.id)
    return int(connection.execute(owner).scalar_one())
