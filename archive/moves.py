"""Images move from the wrong patient to the right one: asked, prepared by a worker, done at once.

Until the one transaction of `complete`, nothing of a move is to be seen: images are under the
patient before, with all that was true of them there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from archive import outbox, reading, schema
from archive.database import Database
from archive.errors import TransitionRefused
from archive.identities.issuers import named
from archive.identities.pointers import forget_image_homes
from archive.identity import checked_name
from archive.instance_rows import add_objects, forget_described
from archive.jobs import Job, Wanted, call_off, enqueue, require_lease
from archive.lesion_schema import biopsy
from archive.lesions import read_lesion
from archive.move import Author, Destination, Moved, MovePlan, Moving
from archive.move_plans import MOVABLE, identity_of, links_of, owner_of, planned, study_of
from archive.reception import (
    establishment_row,
    exam_row,
    new_id,
    new_patient,
    patient_row_of,
    remember_number,
)
from archive.record import Exam, Image, ImageState, StoredObject
from archive.reports.publishing import follow

MOVE = "move"
ATTEMPTS = 1000
"""A move is a promise: it is tried until it is done, or until it is asked for anew."""

_move, _photo, _image, _exam = (
    schema.move.c,
    schema.photograph.c,
    schema.image.c,
    schema.exam.c,
)


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
            to = _as_kept(connection, image_ids, to, establishment)
            return planned(connection, image_ids, to, establishment)[0]

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
        with self._database.write() as connection:
            to = _as_kept(connection, image_ids, to, establishment)
            return ask(connection, image_ids, to, author, establishment=establishment)

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
            follow(connection, list(before))
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
                    before=identity_of(connection, row["old"]),
                    after=identity_of(connection, row["new"]),
                    to_exam_id=row["to_exam_id"],
                    dropped=row["dropped"],
                    subject=row["subject"],
                    by=row["by_whom"],
                    asked_at=row["asked_at"],
                    done_at=row["done_at"],
                )
                for row in connection.execute(query).mappings()
            )


def ask(
    connection: sa.Connection,
    image_ids: Sequence[str],
    to: Destination,
    author: Author,
    *,
    establishment: str | None,
) -> Job:
    """Ask for a move in the caller's transaction, as `Moves.ask` does."""
    by = checked_name("name of who moves it", author.name)
    _hold(connection, image_ids, establishment)
    _call_off(connection, image_ids)
    plan, exam = planned(connection, image_ids, to, establishment)
    now = datetime.now(UTC)
    to_exam_id = plan.to_exam_id or _new_exam(connection, exam, plan, to)
    forget_image_homes(connection, image_ids)
    if plan.to_exam_id is None or to.accession_number:
        owner = owner_of(connection, exam)
        for one in image_ids:
            remember_number(connection, to_exam_id, owner, to.patient, one)
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


def _as_kept(
    connection: sa.Connection, image_ids: Sequence[str], to: Destination, establishment: str | None
) -> Destination:
    """Where a person sends images, by the number's issuer as it is kept here."""
    if to.patient is None or not image_ids:
        return to
    image = reading.image(connection, image_ids[0], establishment)
    owner = owner_of(connection, reading.exam_alone(connection, image.exam_id))
    return replace(to, patient=named(connection, owner, to.patient))


def _hold(connection: sa.Connection, image_ids: Sequence[str], establishment: str | None) -> None:
    """Keep others from changing the images, and from making the exam that they come to."""
    for image_id in image_ids[:1]:
        image = reading.image(connection, image_id, establishment)
        establishment_row(connection, reading.exam_alone(connection, image.exam_id).establishment)
    # Always in one order, so that two who ask at once do not wait for one another.
    for image_id in sorted(image_ids):
        reading.image(connection, image_id, establishment, hold=True)


def _new_exam(connection: sa.Connection, exam: Exam, plan: MovePlan, to: Destination) -> str:
    """An exam of the right patient for what was done in the wrong one's, on the same day."""
    owner = owner_of(connection, exam)
    row = patient_row_of(connection, owner, plan.after)
    if row is None:
        row = new_patient(connection, owner, plan.after)
    return exam_row(connection, owner, row, study_of(exam, plan.after, to), exam.created_at)


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
        or image.id not in made
        or not set(made[image.id]) <= set(image.objects)
        # Of a slide that another sends, a level may have come meanwhile.
        or not {one for one in image.objects if one.sop_instance_uid} <= set(made[image.id])
    ):
        raise TransitionRefused("The image has changed since its move was prepared; ask again.")


def _take_up(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> dict[str, dict[str, Any]]:
    """Let images, and what is stated of them, change exam and patient; gives what had to end."""
    ids = [row["image_id"] for row in rows]
    dropped = {one: links_of(connection, one, ids) for one in ids}
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
    forget_described(connection, ids)
    for row in rows:
        there = sa.update(schema.image).where(_image.id == row["image_id"])
        connection.execute(there.values(exam_id=row["to_exam_id"], incarnation=row["incarnation"]))
    for row in rows:
        # A lesion's biopsy is not what is no longer there.
        unlinked = sa.delete(biopsy).where(
            biopsy.c.exam_id == row["from_exam_id"],
            biopsy.c.lesion_id.in_(dropped[row["image_id"]].get("biopsies", ())),
        )
        connection.execute(unlinked)
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
    if made:
        # First, as a published image is never without its pixels.
        add_objects(connection, image.id, made.values())
        gone = schema.stored_object.c.key.in_([old.key for old in made])
        connection.execute(sa.delete(schema.stored_object).where(gone))
