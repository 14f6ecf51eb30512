"""Images move from the wrong patient to the right one: asked, prepared by a worker, done at once.

Until the one transaction of `complete`, nothing of a move is to be seen: images are under the
patient before, with all that was true of them there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from archive import outbox, reading, schema, schema_lesions
from archive.capture import LOCATING
from archive.database import Database
from archive.errors import DifferentPatient, InvalidCapture, NotFound, TransitionRefused
from archive.identity import (
    LO_CHARACTERS,
    SH_CHARACTERS,
    PatientIdentity,
    checked_name,
    checked_text,
    study_instance_uid,
)
from archive.jobs import Job, Wanted, call_off, enqueue, has_unfinished, require_lease
from archive.lesions import read_lesion
from archive.move import (
    Author,
    Correction,
    Destination,
    Moved,
    MovePlan,
    Moving,
    study_instance_uid_of_move,
)
from archive.reception import new_id, patient_row_of
from archive.record import Exam, Image, ImageState, StoredObject

MOVE = "move"
ATTEMPTS = 1000
"""A move is a promise: it is tried until it is done, or until it is asked for anew."""
MOVABLE = frozenset({ImageState.PUBLISHED, ImageState.REFUSED})

_move, _photo, _image, _exam = (
    schema.move.c,
    schema.photograph.c,
    schema.image.c,
    schema.exam.c,
)
_patient = schema.patient.c
_TRAITS = [_patient[one.name] for one in fields(PatientIdentity)]


class Moves:
    """The moves of a catalogue, reached as `catalog.moves`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def plan(
        self, image_ids: Sequence[str], to: Destination, *, establishment: str | None
    ) -> MovePlan:
        """What moving these images of one exam would change; changes nothing.

        Raises NotFound for what is none of this establishment's, TransitionRefused for images that
        are still being prepared or are this patient's already, DifferentPatient for an order of
        somebody else, InvalidCapture for a lesion that the image cannot show, InvalidIdentity.
        """
        with self._database.read() as connection:
            return _planned(connection, image_ids, to, establishment)[0]

    def ask(
        self,
        image_ids: Sequence[str],
        to: Destination,
        author: Author,
        *,
        establishment: str | None,
    ) -> Job:
        """Have the images moved by whichever process comes first; raises as `plan`.

        Moves of these images that were asked for before and are not done are called off.
        """
        by = checked_name("name of who moves it", author.name)
        with self._database.write() as connection:
            for image_id in image_ids:
                reading.image(connection, image_id, establishment, hold=True)
            _call_off(connection, image_ids)
            plan, exam = _planned(connection, image_ids, to, establishment)
            now = datetime.now(UTC)
            to_exam_id = plan.to_exam_id or _new_exam(connection, exam, plan, to)
            last = connection.scalar(
                sa.select(sa.func.max(_image.incarnation)).where(_image.id.in_(list(image_ids)))
            )
            act = new_id()
            connection.execute(
                sa.insert(schema.move),
                [
                    {
                        "act": act,
                        "image_id": image_id,
                        "from_exam_id": exam.id,
                        "to_exam_id": to_exam_id,
                        "incarnation": int(last or 0) + 1,
                        "lesion_id": to.lesion,
                        "dropped": {},
                        "subject": author.subject,
                        "by_whom": by,
                        "asked_at": now,
                    }
                    for image_id in image_ids
                ],
            )
            return enqueue(connection, image_ids[0], Wanted(MOVE, {"act": act}, ATTEMPTS))

    def act(self, act: str) -> tuple[Moving, ...]:
        """What is to be moved in one act; empty once that is done or called off."""
        undone = sa.select(schema.move).where(_move.act == act, _move.done_at.is_(None))
        with self._database.read() as connection:
            rows = connection.execute(undone.order_by(_move.id)).mappings().all()
            return tuple(
                Moving(
                    reading.image(connection, row["image_id"], None),
                    reading.exam_alone(connection, row["to_exam_id"]),
                    row["incarnation"],
                    _tracking(connection, row["lesion_id"]),
                )
                for row in rows
            )

    def complete(
        self,
        act: str,
        made: Mapping[str, Mapping[StoredObject, StoredObject]],
        series_of: Mapping[str, str],
        attempt: Job,
    ) -> tuple[str, ...]:
        """Move the images in one transaction, and give the keys of what is nobody's any more.

        `made` has, for each image, the object that takes the place of each; `series_of` the Series
        Instance UID of each SOP Instance UID before. Raises LeaseLost, and TransitionRefused where
        an image is no longer what was prepared.
        """
        with self._database.write() as connection:
            require_lease(connection, attempt, attempt.image_id)
            undone = sa.select(schema.move).where(_move.act == act, _move.done_at.is_(None))
            rows = connection.execute(undone.order_by(_move.id)).mappings().all()
            before = {
                row["image_id"]: reading.image(connection, row["image_id"], None, hold=True)
                for row in rows
            }
            for row in rows:
                _require_as_prepared(before[row["image_id"]], row, made)
            dropped = _take_up(connection, rows)
            for row in rows:
                image = before[row["image_id"]]
                _replace(connection, image, made[image.id])
                after = reading.image(connection, image.id, None)
                if image.state is ImageState.PUBLISHED:
                    outbox.moved(connection, image, after, series_of)
                connection.execute(
                    sa.update(schema.move)
                    .where(_move.id == row["id"])
                    .values(done_at=datetime.now(UTC), dropped=dropped[image.id])
                )
        return tuple(old.key for one in made.values() for old in one)

    def history(self, image_id: str, *, establishment: str | None) -> tuple[Moved, ...]:
        """The moves of an image, the first one first, that under way too; raises NotFound."""
        old, new = schema.exam.alias(), schema.exam.alias()
        query = (
            sa.select(schema.move, old.c.patient_row.label("old"), new.c.patient_row.label("new"))
            .select_from(
                schema.move.join(old, _move.from_exam_id == old.c.id).join(
                    new, _move.to_exam_id == new.c.id
                )
            )
            .where(_move.image_id == image_id)
            .order_by(_move.id)
        )
        with self._database.read() as connection:
            reading.image(connection, image_id, establishment)
            return tuple(
                Moved(
                    image_id=image_id,
                    before=_identity(connection, row["old"]),
                    after=_identity(connection, row["new"]),
                    to_exam_id=row["to_exam_id"],
                    dropped=row["dropped"],
                    subject=row["subject"],
                    by=row["by_whom"],
                    asked_at=row["asked_at"],
                    done_at=row["done_at"],
                )
                for row in connection.execute(query).mappings()
            )


def _planned(
    connection: sa.Connection,
    image_ids: Sequence[str],
    to: Destination,
    establishment: str | None,
) -> tuple[MovePlan, Exam]:
    images = [reading.image(connection, one, establishment) for one in image_ids]
    if not images or len({one.exam_id for one in images}) != 1:
        raise NotFound("There are no such images of one exam.")
    if any(one.state not in MOVABLE for one in images) or _is_worked_on(connection, images):
        raise TransitionRefused("An image is still being prepared; move it once that is done.")
    exam = reading.exam_alone(connection, images[0].exam_id)
    patient, patient_row = _patient_of(connection, exam, to)
    if exam.patient is not None and _is_same(exam.patient, patient):
        raise TransitionRefused("The images are this patient's already.")
    _require_lesion(connection, images, to, patient_row)
    plan = MovePlan(
        corrections=tuple(_correction(connection, one, image_ids) for one in images),
        exam_id=exam.id,
        before=exam.patient,
        after=patient,
        is_known=patient_row is not None,
        to_exam_id=_exam_there(connection, exam, images, patient, patient_row, to),
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
    owner = connection.scalar(sa.select(_exam.establishment_id).where(_exam.id == exam.id))
    if to.key is not None:
        row = connection.scalar(
            sa.select(_patient.id).where(_patient.key == to.key, _patient.establishment_id == owner)
        )
    else:
        row = patient_row_of(connection, int(owner or 0), to.patient)
    known = _identity(connection, row)
    if known is not None:
        return known, row
    if to.patient is None:
        raise NotFound("There is no such patient.")
    return to.patient, None


def _identity(connection: sa.Connection, patient_row: int | None) -> PatientIdentity | None:
    found = connection.execute(sa.select(*_TRAITS).where(_patient.id == patient_row))
    row = found.mappings().one_or_none()
    return None if row is None else PatientIdentity(**row)


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
        outbox.tellings(connection, [image.id])[image.id],
        _left(connection, image.id),
        _links(connection, image.id, together),
    )


def _links(connection: sa.Connection, image_id: str, together: Sequence[str]) -> dict[str, Any]:
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
    return {name: value for name, value in found.items() if value}


def _left(connection: sa.Connection, image_id: str) -> tuple[datetime, ...]:
    gone, departure = schema.departed_image.c, schema.departure.c
    when = (
        sa.select(departure.at)
        .select_from(schema.departed_image.join(schema.departure))
        .where(gone.image_id == image_id)
    )
    return tuple(connection.scalars(when.order_by(departure.at)))


def _exam_there(
    connection: sa.Connection,
    exam: Exam,
    images: Sequence[Image],
    patient: PatientIdentity,
    patient_row: int | None,
    to: Destination,
) -> str | None:
    """The exam that the images join; raises DifferentPatient for an order of somebody else."""
    number, _ = _order(to)
    if not number and patient_row is not None:
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
    owner = sa.select(_exam.establishment_id).where(_exam.id == exam.id).scalar_subquery()
    there = connection.execute(
        sa.select(_exam.id, _exam.patient_row).where(
            _exam.establishment_id == owner,
            _exam.study_instance_uid == _study(exam, patient, to),
        )
    ).one_or_none()
    if there is None:
        return None
    if there.patient_row != patient_row:
        raise DifferentPatient(
            "This accession number is already used here for another patient, or for none; "
            "check the number and the patient."
        )
    return str(there.id)


def _order(to: Destination) -> tuple[str | None, str | None]:
    number = checked_text("accession number", to.accession_number or "", SH_CHARACTERS)
    issuer = checked_text("issuer of the accession number", to.issuer or "", LO_CHARACTERS)
    return number or None, issuer if number and issuer else None


def _study(exam: Exam, patient: PatientIdentity, to: Destination) -> str:
    number, issuer = _order(to)
    if number is not None:
        return study_instance_uid(exam.establishment, issuer, number)
    return study_instance_uid_of_move(exam.establishment, patient, exam.study_instance_uid)


def _new_exam(connection: sa.Connection, exam: Exam, plan: MovePlan, to: Destination) -> str:
    """An exam of the right patient for what was done in the wrong one's, on the same day."""
    owner = connection.scalar(sa.select(_exam.establishment_id).where(_exam.id == exam.id))
    row = patient_row_of(connection, int(owner or 0), plan.after)
    if row is None:
        new = sa.insert(schema.patient).values(
            establishment_id=owner, key=new_id(), **asdict(plan.after)
        )
        row = connection.execute(new.returning(_patient.id)).scalar_one()
    number, issuer = _order(to)
    made = sa.insert(schema.exam).values(
        id=new_id(),
        establishment_id=owner,
        patient_row=row,
        accession_number=number,
        issuer_of_accession_number=issuer,
        study_instance_uid=_study(exam, plan.after, to),
        created_at=exam.created_at,
    )
    return str(connection.execute(made.returning(_exam.id)).scalar_one())


def _call_off(connection: sa.Connection, image_ids: Sequence[str]) -> None:
    acts = sa.select(_move.act).where(_move.image_id.in_(list(image_ids)), _move.done_at.is_(None))
    undone = (_move.act.in_(acts), _move.done_at.is_(None))
    others = connection.scalars(sa.select(_move.image_id).where(*undone)).all()
    call_off(connection, MOVE, others)
    connection.execute(sa.delete(schema.move).where(*undone))


def _tracking(connection: sa.Connection, lesion_id: str | None) -> tuple[str, str] | None:
    if lesion_id is None:
        return None
    lesion = read_lesion(connection, lesion_id, None)
    return lesion.tracking_id, lesion.tracking_uid


def _require_as_prepared(
    image: Image, row: sa.RowMapping, made: Mapping[str, Mapping[StoredObject, StoredObject]]
) -> None:
    if (
        image.exam_id != row["from_exam_id"]
        or image.incarnation >= row["incarnation"]
        or image.state not in MOVABLE
        or not set(made.get(image.id, ())) <= set(image.objects)
        or image.id not in made
    ):
        raise TransitionRefused("The image has changed since its move was prepared; ask again.")


def _take_up(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> dict[str, dict[str, Any]]:
    """Let images, and what is stated of them, change exam and patient; gives what had to end."""
    ids = [row["image_id"] for row in rows]
    dropped = {one: _links(connection, one, ids) for one in ids}
    said = (
        connection.execute(sa.select(schema.photograph).where(_photo.image_id.in_(ids)))
        .mappings()
        .all()
    )
    # Links are pairs with the patient: all of them end before any patient changes.
    for column in (_photo.overview_id, _photo.earlier_id):
        ended = sa.update(schema.photograph).where(
            sa.or_(column.in_(ids), _photo.image_id.in_(ids))
        )
        connection.execute(ended.values({column.name: None}))
    for table in (schema.pin, schema.picture, schema.photograph):
        connection.execute(sa.delete(table).where(table.c.image_id.in_(ids)))
    for row in rows:
        there = sa.update(schema.image).where(_image.id == row["image_id"])
        connection.execute(there.values(exam_id=row["to_exam_id"], incarnation=row["incarnation"]))
    for exam_id in {row["from_exam_id"] for row in rows}:
        # A lesion's biopsy is not what is no longer there.
        empty = ~sa.exists().where(_image.exam_id == exam_id)
        of_exam = sa.delete(schema_lesions.biopsy)
        connection.execute(of_exam.where(schema_lesions.biopsy.c.exam_id == exam_id, empty))
    by_image = {row["image_id"]: row for row in rows}
    for one in said:
        row = by_image[one["image_id"]]
        owner = sa.select(_exam.patient_row).where(_exam.id == row["to_exam_id"])
        kept = {
            "exam_id": row["to_exam_id"],
            "patient_row": connection.scalar(owner),
            "lesion_id": row["lesion_id"],
            "overview_id": None,
            "earlier_id": None,
        }
        connection.execute(sa.insert(schema.photograph).values({**one, **kept}))
    for one in said:
        if one["overview_id"] in by_image:
            located = sa.update(schema.photograph).where(_photo.image_id == one["image_id"])
            connection.execute(located.values(overview_id=one["overview_id"]))
    return dropped


def _replace(
    connection: sa.Connection, image: Image, made: Mapping[StoredObject, StoredObject]
) -> None:
    new = [{"image_id": image.id, **asdict(one)} for one in made.values()]
    if new:
        # First, as a published image is never without its pixels.
        connection.execute(sa.insert(schema.stored_object), new)
        gone = schema.stored_object.c.key.in_([old.key for old in made])
        connection.execute(sa.delete(schema.stored_object).where(gone))
