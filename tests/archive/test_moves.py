"""Moves and what archives are told of them, as the catalogue keeps them; on every database."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from archive.catalog import Catalog
from archive.deposits import Outcome
from archive.errors import NotFound, TransitionRefused
from archive.identity import PatientIdentity
from archive.jobs import Job
from archive.move import Author, Destination
from archive.reading_aids import Comparison, RulerReading
from archive.record import (
    Assignment,
    FileState,
    Image,
    ImageKind,
    ImageState,
    ObjectRole,
    OutboxState,
    Sent,
    StoredObject,
)
from archive.session import Confirmed
from archive.sessions import Opening
from archive.telling.rows import Ending, Telling
from tests.archive.conftest import HERE, digest, stored
from tests.archive.sessions import BUILD, OVERVIEW, ROOM, shot, stated
from tests.archive.test_lesions import ANNE, BRUNO, lesion
from tests.archive.test_reading_aids import shown

WHO = Author("subject")
REMOTE = "pacs"


def slide(catalog: Catalog, name: str, patient: PatientIdentity = ANNE) -> Image:
    image = catalog.receive(
        establishment=HERE,
        kind=ImageKind.SLIDE,
        source_sha256=digest(name),
        plan="full",
        patient=patient,
        accession_number=f"S{patient.patient_id}",
    )
    return publish(catalog, image, ObjectRole.LEVEL)


def instance(role: ObjectRole, uid: str) -> StoredObject:
    return replace(stored(role), sop_class_uid="1.2", sop_instance_uid=uid)


def publish(catalog: Catalog, image: Image, role: ObjectRole = ObjectRole.PHOTO) -> Image:
    catalog.advance(image.id, ImageState.OPENED)
    made = [instance(role, f"1.{int(image.id, 16)}")]
    catalog.advance(image.id, ImageState.BUILT, add_objects=made)
    return catalog.advance(image.id, ImageState.PUBLISHED)


def asked(catalog: Catalog, images: list[str], to: PatientIdentity, **more: Any) -> None:
    catalog.moves.ask(images, Destination(to, **more), WHO, establishment=HERE)


def done(catalog: Catalog) -> tuple[str, ...]:
    """What a worker does of the move that is due, but for writing the instances."""
    job = catalog.jobs.claim("w", 60, kinds=("move",))
    assert job is not None
    gone = carried_out(catalog, job)
    catalog.jobs.finish(job)
    return gone


def carried_out(catalog: Catalog, job: Job) -> tuple[str, ...]:
    made: dict[str, dict[StoredObject, StoredObject]] = {}
    series = {}
    for one in catalog.moves.act(job.payload["act"]):
        own = made[one.image.id] = {}
        for old in one.image.objects:
            if old.sop_instance_uid is not None:
                own[old] = instance(old.role, f"{old.sop_instance_uid}.{one.incarnation}")
                own[old] = replace(own[old], level=old.level)
                series[old.sop_instance_uid] = "1.3"
    return catalog.moves.complete(job.payload["act"], made, series, job)


def together(*calls: Callable[[], object]) -> list[object]:
    """What each of the calls gives or raises, all at once."""

    def tried(call: Callable[[], object]) -> object:
        try:
            return call()
        except (TransitionRefused, NotFound) as error:
            return error

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(tried, calls))


def test_what_ends_is_listed_and_what_stays_is_right(catalog: Catalog) -> None:
    of = lesion(catalog)
    one, other = (shown(catalog, name, of) for name in ("one", "other"))
    aids = catalog.aids
    aids.ask_comparison(of.id, one.id, other.id, establishment=HERE)
    aids.keep_comparison(Comparison(one.id, other.id, "1", reason="few"))
    aids.ask_ruler(one.id, establishment=HERE)
    aids.keep_ruler(RulerReading(one.id, "1", 0.05, 0.0001, 12.0, 40))
    asked(catalog, [one.id], BRUNO)
    done(catalog)
    assert [i.photograph.image_id for i in catalog.photographs.of_lesions([of.id])[of.id]] == [
        other.id
    ]
    with pytest.raises(NotFound):
        aids.ask_comparison(of.id, one.id, other.id, establishment=HERE)
    # The scale is of the pixels, which are the same.
    read = aids.ask_ruler(one.id, establishment=HERE)
    assert read is not None
    assert read.mm_per_pixel == 0.05
    asked(catalog, [one.id], ANNE, lesion=of.id)
    done(catalog)
    anew = aids.ask_comparison(of.id, one.id, other.id, establishment=HERE)
    assert anew == Comparison(one.id, other.id)


def test_the_biopsy_ends_with_its_last_slide(catalog: Catalog) -> None:
    of = lesion(catalog)
    first, last = slide(catalog, "first"), slide(catalog, "last")
    photo = catalog.receive(
        establishment=HERE,
        kind=ImageKind.PHOTO,
        source_sha256=digest("beside"),
        plan="full",
        patient=ANNE,
        accession_number="S1",
    )
    publish(catalog, photo)
    catalog.biopsies.link(of.id, first.exam_id, establishment=HERE)

    def ends(*images: str) -> list[Any]:
        plan = catalog.moves.plan(images, Destination(BRUNO), establishment=HERE)
        return [one.dropped.get("biopsies") for one in plan.corrections]

    assert ends(first.id) == [None]
    assert ends(first.id, photo.id, last.id) == [[of.id], None, [of.id]]
    asked(catalog, [first.id], BRUNO)
    done(catalog)
    assert catalog.biopsies.of([of.id])[of.id] == (last.exam_id,)
    assert ends(photo.id) == [None]
    assert ends(last.id) == [[of.id]]
    asked(catalog, [last.id], BRUNO)
    done(catalog)
    # Its photograph is there, and is no biopsy.
    assert catalog.biopsies.of([of.id])[of.id] == ()
    (move,) = catalog.moves.history(last.id, establishment=HERE)
    assert move.dropped["biopsies"] == [of.id]


def told(catalog: Catalog, state: OutboxState = OutboxState.READ_BACK) -> list[Telling]:
    found = []
    while telling := catalog.outbox.claim("w", HERE, REMOTE, 60):
        catalog.outbox.end(telling, Ending(state))
        found.append(telling)
    return found


def test_an_order_that_comes_late_tells_nothing_of_what_was_moved(catalog: Catalog) -> None:
    catalog.outbox.know(HERE, REMOTE)
    session = catalog.sessions.open(HERE, Opening(ANNE))
    images = [shot(catalog, session, name) for name in ("one", "two")]
    for image in images:
        stated(catalog, session, image, OVERVIEW)
        publish(catalog, image)
    confirmed = Confirmed(ANNE.name, ANNE.birth_date, ANNE.sex)
    catalog.sessions.send(session.id, confirmed, BUILD, establishment=HERE)
    while job := catalog.jobs.claim("w", 60, kinds=("check", "build")):
        catalog.jobs.finish(job)
    assert len(told(catalog)) == 2
    moved, stays = images
    asked(catalog, [moved.id], BRUNO)
    done(catalog)
    assert [(one.image_id, one.kind) for one in told(catalog)] == [
        (moved.id, Sent.REJECTION),
        (moved.id, Sent.OBJECT),
    ]
    catalog.sessions.reconcile(session.id, "A1", None, establishment=HERE)
    assert [one.image_id for one in told(catalog)] == [stays.id]


def test_a_deposit_shows_nothing_of_what_became_another_patients(catalog: Catalog) -> None:
    deposit = catalog.deposits.open(HERE, Assignment(ANNE))
    upload = catalog.uploads.announce(deposit.id, "a.svs", 10, None, ROOM, establishment=HERE)
    catalog.uploads.grew(upload.id, 10, 3600)
    catalog.deposits.close(deposit.id, (), establishment=HERE)
    claimed = catalog.deposits.claim("w", 60)
    assert claimed is not None
    image = slide(catalog, "a")
    catalog.deposits.settle(claimed, Outcome(upload, FileState.TAKEN, image_id=image.id))
    catalog.deposits.release(claimed)

    def shown() -> str | None:
        (file,) = catalog.deposits.deposit(deposit.id, establishment=HERE).files
        assert file.state is FileState.TAKEN
        return file.image_id

    assert shown() == image.id
    for patient, told in ((BRUNO, None), (ANNE, image.id)):
        asked(catalog, [image.id], patient)
        done(catalog)
        assert shown() == told
        # Who sent it still learns that it came.
        assert catalog.uploads.upload(upload.id, establishment=HERE).image_id == image.id


def test_who_asks_at_once_gets_one_answer(catalog: Catalog) -> None:
    of = lesion(catalog)
    one, other = (shown(catalog, name, of) for name in ("one", "other"))
    aids = catalog.aids
    compare = lambda: aids.ask_comparison(of.id, one.id, other.id, establishment=HERE)  # noqa: E731
    assert together(*[compare] * 6) == [Comparison(one.id, other.id)] * 6
    read = lambda: aids.ask_ruler(one.id, establishment=HERE)  # noqa: E731
    assert together(*[read] * 6) == [RulerReading(one.id)] * 6


def test_one_order_is_given_to_one_visit(catalog: Catalog) -> None:
    sessions = [catalog.sessions.open(HERE, Opening(ANNE)) for _ in range(4)]
    for session in sessions:
        publish(catalog, shot(catalog, session, session.id))

    def reconcile(session: str) -> Callable[[], object]:
        return lambda: catalog.sessions.reconcile(session, "A1", None, establishment=HERE)

    found = together(*(reconcile(one.id) for one in sessions))
    assert sum(isinstance(one, TransitionRefused) for one in found) == 3
    # Whoever brings pictures for it finds the one.
    assert catalog.patient_of_order(HERE, "A1") == ANNE


def test_moves_to_one_new_order_find_one_exam(catalog: Catalog) -> None:
    new = PatientIdentity("9", "CHU", "DOE^NEUF", date(1990, 1, 1))
    images = []
    for name in ("a", "b", "c", "d"):
        session = catalog.sessions.open(HERE, Opening(ANNE))
        images.append(publish(catalog, shot(catalog, session, name)))
    while job := catalog.jobs.claim("w", 60, kinds=("check",)):
        catalog.jobs.finish(job)

    def ask(image: str) -> Callable[[], object]:
        return lambda: asked(catalog, [image], new, accession_number="B7")

    assert together(*(ask(one.id) for one in images)) == [None] * 4
    for _ in images:
        done(catalog)
    assert len({catalog.image(one.id, establishment=HERE).exam_id for one in images}) == 1
