"""A place that tells one real Orthanc, and what that shows of it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from api.archives import RadiologyArchive
from api.sending import Turn, send_to
from api.settings import Settings
from api.work import Workplace, open_workplace
from archive import schema
from archive.capture import Capture
from archive.identity import PatientIdentity
from archive.lesion import Photograph
from archive.record import Image, ObjectRole, OutboxState, Sent
from archive.telling.rows import Telling
from dermato.ingest import ingest_photo
from tests.archive.correcting import correct, renumber
from tests.dermato.archived import received
from tests.orthanc import Orthanc
from tests.samples.photo import make_photo

HERE = "Hôpital A"
ANNE = PatientIdentity("1", "R", "FAUX^Anne", sex="F")


@contextmanager
def at(settings: Settings, empty_catalogue: Path, *known: RadiologyArchive) -> Iterator[Workplace]:
    """A place that tells these archives."""
    if not settings.data.exists():
        settings.data.mkdir(mode=0o700)
        shutil.copy(empty_catalogue, settings.data)
    with open_workplace(replace(settings, archives=known)) as place:
        yield place


@contextmanager
def telling(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, **rule: Any
) -> Iterator[Workplace]:
    """A place that tells Orthanc by DICOMweb."""
    known = RadiologyArchive(archive.dicomweb_url, HERE, **rule)
    with at(settings, empty_catalogue, known) as place:
        yield place


def photographed(
    place: Workplace,
    folder: Path,
    seed: int,
    patient: PatientIdentity = ANNE,
    seen: Capture | None = None,
    order: str = "A1",
) -> Image:
    """A published photograph; what `seen` states of it, if anything."""
    file = make_photo(folder / f"{seed}.jpg", width=96, height=64, seed=seed)
    image = received(place.catalog, place.storage, file, patient, HERE, order)
    if seen is not None:
        place.catalog.photographs.state(Photograph(image.id, seen), establishment=HERE)
    return ingest_photo(file, image, place.catalog, place.storage)


def due_now(place: Workplace) -> None:
    """What was put off is due, as if that time had passed."""
    with place.catalog._database.write() as connection:
        connection.execute(sa.update(schema.outbox).values(due_at=datetime.now(UTC)))


def send_once(place: Workplace) -> bool:
    """Tell each archive what is due first for it; False where there is nothing, or no archive."""
    # All have their turn, whatever came of the one before.
    turns = [send_to(place, to) for to in place.archives]
    return any(one is not Turn.IDLE for one in turns)


def all_sent(place: Workplace) -> None:
    while send_once(place):
        pass


def told(place: Workplace, image: Image) -> tuple[Telling, ...]:
    return place.catalog.outbox.of_images([image.id])[image.id]


def states(place: Workplace, image: Image) -> list[tuple[Sent, OutboxState]]:
    return [(one.kind, one.state) for one in told(place, image)]


def kept(archive: Orthanc, uid: str) -> list[dict[str, str]]:
    """What Orthanc says of every instance of that UID that it has."""
    found = archive.web.post("/tools/lookup", content=uid).json()
    return [
        archive.web.get(f"/instances/{one['ID']}/simplified-tags").json()
        for one in found
        if one["Type"] == "Instance"
    ]


def corrected(place: Workplace, before: PatientIdentity, after: PatientIdentity) -> None:
    assert before.issuer == after.issuer
    if before.patient_id != after.patient_id:
        renumber(place.catalog, before.patient_id, after.patient_id, after.issuer, HERE)
    correct(place.catalog, after, HERE)


def uid_of(image: Image) -> str:
    (one,) = image.objects_as(ObjectRole.PHOTO)
    return str(one.sop_instance_uid)
