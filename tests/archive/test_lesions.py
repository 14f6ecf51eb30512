"""Lesions and what is stated of photographs: whose they are, and what cannot be."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from archive.body_site import Side, site_of_code
from archive.capture import Capture, Dermoscopy, Immersion, Operator, Polarization, View
from archive.catalog import Catalog
from archive.database import Database
from archive.errors import InvalidCapture, InvalidSite, NotFound
from archive.identity import PatientIdentity
from archive.lesion import (
    Lesion,
    LesionEvent,
    LesionEventKind,
    LesionSaid,
    MapPosition,
    MapView,
    Photograph,
)
from archive.record import Image, ImageKind, ImageState, ObjectRole
from tests.archive.conftest import ELSEWHERE, HERE, digest, stored
from tests.archive.correcting import renumber

ANNE, BRUNO = PatientIdentity("1", "CHU", "DOE^ANNE"), PatientIdentity("2", "CHU")
FOREARM, FRONT = site_of_code("70559009"), site_of_code("68698007")
SAID = LesionSaid(FOREARM, Side.LEFT, "naevus", MapPosition(MapView.FRONT, 0.25, 0.5))
SEEN = LesionEvent(LesionEventKind.FIRST_SEEN, date(2025, 3, 1), "ESSAI^Dr")
CLOSE_UP = Capture(View.CLOSE_UP, FOREARM, Side.LEFT)


def photo(
    catalog: Catalog, name: str, patient: PatientIdentity = ANNE, establishment: str = HERE
) -> Image:
    return catalog.receive(
        establishment=establishment,
        kind=ImageKind.PHOTO,
        source_sha256=digest(name),
        plan="full",
        patient=patient,
    )


def lesion(catalog: Catalog, patient: PatientIdentity = ANNE, establishment: str = HERE) -> Lesion:
    photo(catalog, f"of {patient.patient_id} in {establishment}", patient, establishment)
    key = catalog.lesions.patient_key(patient, establishment=establishment)
    return catalog.lesions.create(key, SAID, SEEN, establishment=establishment)


def test_a_lesion_is_kept_with_its_history(catalog: Catalog) -> None:
    made = lesion(catalog)
    assert (made.number, made.tracking_id, made.status) == (1, "L1", LesionEventKind.FIRST_SEEN)
    assert (made.said, made.events) == (SAID, (SEEN,))
    for kind, on in (
        (LesionEventKind.EXCISED, date(2025, 9, 1)),
        (LesionEventKind.FOLLOWED, date(2025, 6, 1)),
    ):
        event = LesionEvent(kind, on)
        once = catalog.lesions.record(made.id, event, establishment=HERE)
        assert catalog.lesions.record(made.id, event, establishment=HERE) == once
    found = catalog.lesions.lesion(made.id, establishment=HERE)
    assert [one.on.month for one in found.events] == [3, 6, 9]
    assert found.status is LesionEventKind.EXCISED
    assert found.events[0].by == "ESSAI^Dr"


def test_the_tracking_uid_is_a_function(catalog: Catalog) -> None:
    first, second = lesion(catalog), lesion(catalog)
    assert (first.number, second.number) == (1, 2)
    others = [lesion(catalog, BRUNO), lesion(catalog, ANNE, ELSEWHERE)]
    assert len({one.tracking_uid for one in (first, second, *others)}) == 4
    assert first.tracking_uid == "2.25.282312669592728312530024913905257717573"


def test_a_corrected_number_frees_no_tracking_uid(catalog: Catalog) -> None:
    made = lesion(catalog)
    renumber(catalog, "1", "9", "CHU")
    photo(catalog, "of another")
    key = catalog.lesions.patient_key(ANNE, establishment=HERE)
    again = catalog.lesions.create(key, SAID, SEEN, establishment=HERE)
    assert again.number == 2
    assert again.tracking_uid != made.tracking_uid
    assert catalog.lesions.lesion(made.id, establishment=HERE).tracking_uid == made.tracking_uid


def test_another_establishment_learns_nothing(catalog: Catalog) -> None:
    made = lesion(catalog)
    image = photo(catalog, "one")
    catalog.photographs.state(Photograph(image.id, CLOSE_UP, made.id), establishment=HERE)
    lesions, photographs = catalog.lesions, catalog.photographs
    event = LesionEvent(LesionEventKind.HEALED, date(2025, 4, 1))
    for ask in (
        lambda key, where: lesions.lesion(made.id, establishment=where),
        lambda key, where: lesions.record(made.id, event, establishment=where),
        lambda key, where: lesions.of_patient(key, establishment=where),
        lambda key, where: lesions.create(key, SAID, SEEN, establishment=where),
        lambda key, where: photographs.of_lesion(made.id, establishment=where),
        lambda key, where: photographs.photograph(image.id, establishment=where),
    ):
        told = set()
        for key in (made.patient_key, "0" * 32):
            with pytest.raises(NotFound) as refused:
                ask(key, ELSEWHERE)
            told.add(str(refused.value))
        assert len(told) == 1
    assert lesions.of_patient(made.patient_key, establishment=HERE)[0].events == (SEEN,)
    theirs = lesion(catalog, ANNE, ELSEWHERE)
    with pytest.raises(NotFound):
        photographs.state(
            Photograph(photo(catalog, "two").id, CLOSE_UP, theirs.id), establishment=HERE
        )


@pytest.mark.parametrize(
    ("kind", "on", "says"),
    [
        (LesionEventKind.FIRST_SEEN, date(2025, 4, 1), "already"),
        (LesionEventKind.FOLLOWED, date(2025, 2, 28), "before"),
        (LesionEventKind.FOLLOWED, date.today() + timedelta(days=3), "yet to come"),  # noqa: DTZ011
        (LesionEventKind.EXCISED, date(2025, 8, 1), "excised already"),
    ],
)
def test_a_history_that_cannot_be_is_refused(
    catalog: Catalog, kind: LesionEventKind, on: date, says: str
) -> None:
    made = lesion(catalog)
    excised = LesionEvent(LesionEventKind.EXCISED, date(2025, 7, 1))
    catalog.lesions.record(made.id, excised, establishment=HERE)
    with pytest.raises(InvalidCapture, match=says):
        catalog.lesions.record(made.id, LesionEvent(kind, on), establishment=HERE)


def test_a_lesion_is_at_one_place() -> None:
    with pytest.raises(InvalidCapture, match="one side"):
        LesionSaid(FOREARM, Side.BOTH)
    with pytest.raises(InvalidSite):
        LesionSaid(FOREARM)
    with pytest.raises(InvalidCapture, match="body map"):
        MapPosition(MapView.FACE, 1.1, 0)
    assert LesionSaid(FRONT).side is Side.UNPAIRED


def test_what_is_stated_is_kept_whole(catalog: Catalog) -> None:
    made = lesion(catalog)
    far, before, now = (photo(catalog, name) for name in ("far", "before", "now"))
    state = catalog.photographs.state
    state(Photograph(far.id, Capture(View.OVERVIEW, FOREARM, Side.LEFT)), establishment=HERE)
    state(Photograph(before.id, CLOSE_UP, made.id), establishment=HERE)
    used = Dermoscopy(Polarization.POLARIZED, None, Immersion.WATER, 10, 5500)
    said = Photograph(
        now.id,
        Capture(View.DERMOSCOPY, FOREARM, Side.LEFT, used, 3, (0.01, 0.02), Operator("ESSAI^Dr")),
        made.id,
        far.id,
        before.id,
    )
    assert state(said, establishment=HERE) == said
    assert catalog.photographs.photograph(now.id, establishment=HERE) == said
    assert catalog.photographs.photograph(photo(catalog, "x").id, establishment=HERE) is None


def test_what_is_stated_may_change_until_it_is_built(catalog: Catalog) -> None:
    image = photo(catalog, "one")
    state = catalog.photographs.state
    state(Photograph(image.id, CLOSE_UP), establishment=HERE)
    other = Photograph(image.id, Capture(View.OVERVIEW, FRONT))
    state(other, establishment=HERE)
    catalog.advance(image.id, ImageState.OPENED)
    assert state(other, establishment=HERE) == other
    with pytest.raises(InvalidCapture, match="already"):
        state(Photograph(image.id, CLOSE_UP), establishment=HERE)


def test_links_lead_to_the_same_patient_and_lesion(catalog: Catalog) -> None:
    made, bruno = lesion(catalog), lesion(catalog, BRUNO)
    second = lesion(catalog)
    near, his, other = photo(catalog, "near"), photo(catalog, "his", BRUNO), photo(catalog, "other")
    state = catalog.photographs.state
    state(Photograph(near.id, CLOSE_UP, made.id), establishment=HERE)
    state(Photograph(his.id, CLOSE_UP, bruno.id), establishment=HERE)
    far = Capture(View.TOTAL_BODY, FRONT)
    for said, kind in (
        (Photograph(other.id, CLOSE_UP, bruno.id), NotFound),
        (Photograph(other.id, CLOSE_UP, "0" * 32), NotFound),
        (Photograph(other.id, CLOSE_UP, made.id, his.id), NotFound),
        (Photograph(other.id, CLOSE_UP, made.id, near.id), InvalidCapture),
        (Photograph(other.id, CLOSE_UP, second.id, None, near.id), InvalidCapture),
        (Photograph(other.id, CLOSE_UP, None, None, near.id), InvalidCapture),
        (Photograph(other.id, far, made.id), InvalidCapture),
    ):
        with pytest.raises(kind):
            state(said, establishment=HERE)
    assert catalog.photographs.photograph(other.id, establishment=HERE) is None


def test_a_slide_and_nobodys_photograph_have_no_view(catalog: Catalog) -> None:
    for kind, patient in ((ImageKind.SLIDE, ANNE), (ImageKind.PHOTO, None)):
        image = catalog.receive(
            establishment=HERE,
            kind=kind,
            source_sha256=digest(kind),
            plan="full",
            patient=patient,
        )
        with pytest.raises(InvalidCapture):
            catalog.photographs.state(Photograph(image.id, CLOSE_UP), establishment=HERE)


def test_photographs_of_a_lesion_come_in_the_order_they_were_taken(catalog: Catalog) -> None:
    made = lesion(catalog)
    for name, taken in (("b", "2025-05-01T10:00:00+02:00"), ("a", "2024-05-01T10:00:00")):
        image = photo(catalog, name)
        said = Photograph(image.id, CLOSE_UP, made.id)
        catalog.photographs.state(said, establishment=HERE)
        catalog.advance(image.id, ImageState.OPENED, facts={"acquired_at": taken})
    photo_without_time = photo(catalog, "c")
    said = Photograph(photo_without_time.id, CLOSE_UP, made.id)
    catalog.photographs.state(said, establishment=HERE)
    found = catalog.photographs.of_lesion(made.id, establishment=HERE)
    assert [one.taken_at.year for one in found[:2]] == [2024, 2025]
    assert found[2].taken_at == photo_without_time.created_at
    assert all(one.taken_at.tzinfo for one in found)


REFUSED_SQL = {
    "another patient's lesion": "UPDATE photograph SET lesion_id = (SELECT id FROM lesion WHERE"
    " patient_row <> photograph.patient_row)",
    "another patient": "UPDATE photograph SET patient_row = 2, lesion_id = NULL",
    "a lesion of a neighbour's patient": "UPDATE lesion SET establishment_id = 99",
    "light without a dermoscope": "UPDATE photograph SET polarization = 'POLARIZED'",
    "a lesion in an overview": "UPDATE photograph SET view = 'overview'",
    "a phototype of none": "UPDATE photograph SET phototype = 7",
    "a lesion on both sides": "UPDATE lesion SET side = 'B'",
    "half a position": "UPDATE lesion SET map_x = NULL",
    "a position beside the map": "UPDATE lesion SET map_x = 2",
    "first seen twice": "INSERT INTO lesion_event (lesion_id, kind, on_date, by_whom, recorded_at)"
    " SELECT id, 'first-seen', '2026-01-01', '', created_at FROM lesion",
    "an exam given to another patient": "UPDATE exam SET patient_row = 2 WHERE patient_row = 1",
}


@pytest.mark.parametrize("what", REFUSED_SQL)
def test_the_database_itself_keeps_what_is_true(url: str, what: str) -> None:
    with Catalog.open(url) as catalog:
        made = lesion(catalog)
        lesion(catalog, BRUNO)
        image = photo(catalog, "one")
        said = Photograph(image.id, CLOSE_UP, made.id)
        catalog.photographs.state(said, establishment=HERE)
        database = Database.open(url)
        with pytest.raises(IntegrityError), database.write() as connection:
            connection.exec_driver_sql(REFUSED_SQL[what])
        database.close()
        assert catalog.photographs.photograph(image.id, establishment=HERE) == said


def test_what_is_stated_stays_when_it_is_published(catalog: Catalog) -> None:
    image = photo(catalog, "one")
    said = Photograph(image.id, CLOSE_UP)
    catalog.photographs.state(said, establishment=HERE)
    catalog.advance(image.id, ImageState.OPENED)
    catalog.advance(image.id, ImageState.BUILT, add_objects=[stored(ObjectRole.PHOTO)])
    catalog.advance(image.id, ImageState.PUBLISHED)
    assert catalog.photographs.photograph(image.id, establishment=HERE) == said
    assert datetime.now(UTC) > image.created_at
