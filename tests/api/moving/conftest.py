"""Photographs of a wrong patient, and what moves them to the right one."""

import io
from datetime import date
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from api.moving import move_once
from api.work import Workplace
from archive.body_site import Side, site_of_code
from archive.capture import Capture, View
from archive.identity import PatientIdentity
from archive.lesion import LesionEvent, LesionEventKind, LesionSaid, Photograph
from archive.move import Author, Destination
from archive.record import Image, ObjectRole
from dermato.ingest import ingest_photo
from tests.dermato.archived import received
from tests.samples.photo import make_photo

HERE, ELSEWHERE = "Hôpital A", "Hôpital B"
WRONG = PatientIdentity("1", "R", "FAUX^Anne", date(1950, 1, 2), "F")
RIGHT = PatientIdentity("2", "R", "JUSTE^Zoé", date(1980, 3, 4), "F")
FOREARM = site_of_code("70559009")
WHO = Author("subject", "DOCTEUR^Dr")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    return [make_photo(folder / f"{seed}.jpg", width=96, height=64, seed=seed) for seed in range(3)]


def seen(place: Workplace, patient: PatientIdentity) -> str:
    """A lesion of a known patient."""
    key = place.catalog.lesions.patient_key(patient, establishment=HERE)
    said = LesionSaid(FOREARM, Side.LEFT)
    first = LesionEvent(LesionEventKind.FIRST_SEEN, date(2025, 3, 1))
    return place.catalog.lesions.create(key, said, first, establishment=HERE).id


def photographed(
    place: Workplace,
    file: Path,
    view: View = View.CLOSE_UP,
    patient: PatientIdentity = WRONG,
    **links: str | None,
) -> Image:
    image = received(place.catalog, place.storage, file, patient)
    said = Photograph(image.id, Capture(view, FOREARM, Side.LEFT), **links)
    place.catalog.photographs.state(said, establishment=HERE)
    return ingest_photo(file, image, place.catalog, place.storage)


def moved(place: Workplace, images: list[str], to: Destination) -> list[Image]:
    place.catalog.moves.ask(images, to, WHO, establishment=HERE)
    assert move_once(place)
    return [place.catalog.image(one, establishment=HERE) for one in images]


def instance(place: Workplace, image: Image, role: ObjectRole = ObjectRole.PHOTO) -> bytes:
    one = image.objects_as(role)[0]
    return place.storage.read_range(one.key, 0, one.length_bytes)


def header(place: Workplace, image: Image, role: ObjectRole = ObjectRole.PHOTO) -> Dataset:
    return dcmread(io.BytesIO(instance(place, image, role)))


@pytest.fixture
def three(place: Workplace, pictures: list[Path]) -> tuple[Image, Image, Image]:
    """An overview of the wrong patient, a close-up located by it, and a later one of the same."""
    overview = photographed(place, pictures[0], View.OVERVIEW)
    lesion = seen(place, WRONG)
    first = photographed(place, pictures[1], lesion=lesion, overview=overview.id)
    last = photographed(place, pictures[2], lesion=lesion, overview=overview.id, earlier=first.id)
    return overview, first, last
