"""The published pictures of a patient over all visits, with what is stated of each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from archive import reading, schema
from archive.database import Database
from archive.identity import PatientIdentity
from archive.lesion import Photograph
from archive.photographs import stated_of, taken_at
from archive.record import Image, ImageState

PUBLISHED = (ImageState.PUBLISHED,)


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture with what is stated of it; `lesion` is the number of the one it shows."""

    image: Image
    taken_at: datetime
    photograph: Photograph | None
    lesion: int | None


@dataclass(frozen=True, slots=True)
class Album:
    """Pictures of one patient, the latest first."""

    patient: PatientIdentity
    shown: tuple[Shown, ...]


class Gallery:
    """Published pictures, reached as `catalog.gallery`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_patient(self, patient_key: str, *, establishment: str | None) -> Album:
        """All pictures of a patient; raises NotFound."""
        with self._database.read() as connection:
            patient = reading.patient(connection, patient_key, establishment)
            exams = reading.exams_of_patient(connection, patient_key, establishment, PUBLISHED)
            found = _shown(connection, [image for exam in exams for image in exam.images])
        latest = sorted(found, key=lambda one: (one.taken_at, one.image.id), reverse=True)
        return Album(patient, tuple(latest))

    def of_images(self, image_ids: Sequence[str]) -> tuple[Shown, ...]:
        """These pictures in this order, for a caller of whom it is known that they may be seen."""
        with self._database.read() as connection:
            found = _shown(connection, reading.images(connection, image_ids))
        by_id = {one.image.id: one for one in found}
        return tuple(by_id[one] for one in image_ids if one in by_id)


def _shown(connection: sa.Connection, images: Collection[Image]) -> list[Shown]:
    said = stated_of(connection, [one.id for one in images])
    lesion = schema.lesion.c
    named = [one.lesion for one in said.values() if one.lesion is not None]
    rows = connection.execute(sa.select(lesion.id, lesion.number).where(lesion.id.in_(named)))
    numbers: dict[str | None, int] = {row.id: row.number for row in rows}
    found = []
    for one in images:
        stated = said.get(one.id)
        number = numbers.get(stated.lesion) if stated else None
        found.append(Shown(one, taken_at(one.facts, one.created_at), stated, number))
    return found
