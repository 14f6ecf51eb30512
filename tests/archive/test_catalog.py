"""What the catalogue promises, on every database it runs on."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from archive.catalog import Catalog
from archive.errors import (
    DifferentPatient,
    InvalidIdentity,
    NotAllowed,
    NotFound,
    StorageFailure,
    TransitionRefused,
)
from archive.identity import PatientIdentity, study_instance_uid
from archive.record import Image, ImageKind, ImageState, ObjectRole
from tests.archive.conftest import ELSEWHERE, HERE, digest, published, received, refuse, stored
from tests.archive.correcting import correct, renumber

ANNE = PatientIdentity("1", "CHU", "DOE^ANNE", date(1970, 1, 31), "F")
BRUNO = PatientIdentity("2", "CHU", "ROE^BRUNO")


def receive(catalog: Catalog, patient: PatientIdentity | None = ANNE, **changed: Any) -> Image:
    said: dict[str, Any] = {
        "establishment": HERE,
        "kind": ImageKind.SLIDE,
        "source_sha256": digest("file"),
        "plan": "full",
    }
    return catalog.receive(patient=patient, **{**said, **changed})


def test_a_received_image_is_new_and_empty(catalog: Catalog) -> None:
    image = receive(catalog)
    assert (image.state, image.objects, dict(image.facts)) == (ImageState.RECEIVED, (), {})
    assert catalog.image(image.id, establishment=HERE) == image
    assert image.created_at.tzinfo is UTC


def test_receiving_again_gives_the_image_as_it_stands(catalog: Catalog) -> None:
    image = receive(catalog)
    catalog.advance(image.id, ImageState.OPENED, facts={"mpp_um": [0.25, 0.25]})
    again = receive(catalog, accession_number="A1")
    assert (again.id, again.state) == (image.id, ImageState.OPENED)


def test_another_plan_is_another_image_of_the_same_exam(catalog: Catalog) -> None:
    first, second = receive(catalog), receive(catalog, plan="source")
    assert first.id != second.id
    assert first.exam_id == second.exam_id


@pytest.mark.parametrize(("first", "second"), [(ANNE, BRUNO), (ANNE, None), (None, ANNE)])
def test_a_file_is_not_filed_under_two_patients(
    catalog: Catalog, first: PatientIdentity | None, second: PatientIdentity | None
) -> None:
    receive(catalog, first)
    with pytest.raises(DifferentPatient):
        receive(catalog, second)
    with pytest.raises(DifferentPatient):
        receive(catalog, second, plan="source")


def test_an_order_is_for_one_patient(catalog: Catalog) -> None:
    receive(catalog, ANNE, accession_number="A1")
    with pytest.raises(DifferentPatient):
        receive(catalog, BRUNO, source_sha256=digest("other"), accession_number="A1")


def test_images_of_one_order_share_its_exam(catalog: Catalog) -> None:
    first = receive(catalog, accession_number="A1", issuer="LAB")
    second = receive(catalog, accession_number=" A1 ", issuer="LAB", source_sha256=digest("other"))
    assert first.exam_id == second.exam_id
    exam = catalog.exam(first.exam_id, establishment=HERE, states=[ImageState.RECEIVED])
    assert exam.study_instance_uid == study_instance_uid(HERE, "LAB", "A1")
    assert (exam.accession_number, exam.issuer_of_accession_number) == ("A1", "LAB")
    assert exam.patient == ANNE
    assert {image.id for image in exam.images} == {first.id, second.id}


def test_another_establishment_has_its_own_image_and_patient(catalog: Catalog) -> None:
    here = receive(catalog, ANNE, accession_number="A1")
    there = receive(catalog, BRUNO, accession_number="A1", establishment=ELSEWHERE)
    assert here.id != there.id
    assert here.exam_id != there.exam_id
    renumber(catalog, "1", "2", "CHU")
    states = [ImageState.RECEIVED]
    assert catalog.exam(there.exam_id, establishment=None, states=states).patient == BRUNO


def test_a_foreign_image_is_answered_as_an_absent_one(catalog: Catalog) -> None:
    image = published(catalog)
    answers = []
    for image_id, exam_id in ((image.id, image.exam_id), ("0" * 32, "0" * 32)):
        with pytest.raises(NotFound) as absent:
            catalog.image(image_id, establishment=ELSEWHERE)
        answers.append(str(absent.value))
        with pytest.raises(NotFound) as absent:
            catalog.exam(exam_id, establishment=ELSEWHERE)
        answers.append(str(absent.value))
        with pytest.raises(NotFound) as absent:
            catalog.exams(establishment=ELSEWHERE, after=exam_id)
        answers.append(str(absent.value))
    assert answers[: len(answers) // 2] == answers[len(answers) // 2 :]
    assert catalog.exams(establishment=ELSEWHERE).exams == ()


def test_an_image_is_published_with_its_objects_and_facts(catalog: Catalog) -> None:
    image = receive(catalog)
    catalog.attach(image.id, [stored(ObjectRole.ORIGINAL)], facts={"scanner": "é", "n": 1})
    catalog.advance(image.id, ImageState.OPENED, facts={"n": 2})
    levels = [stored(level=1), stored(level=0)]
    catalog.advance(image.id, ImageState.BUILT, add_objects=levels)
    done = catalog.advance(image.id, ImageState.PUBLISHED, add_objects=[stored(ObjectRole.LABEL)])
    assert done.facts == {"scanner": "é", "n": 2}
    assert done.objects_as(ObjectRole.LEVEL) == (levels[1], levels[0])
    assert done.published_at is not None
    assert done.published_at.tzinfo is UTC
    assert catalog.image(image.id, establishment=HERE).objects == done.objects
    assert catalog.object_keys() == {one.key for one in done.objects}


def test_nothing_is_published_without_a_level(catalog: Catalog) -> None:
    image = receive(catalog)
    catalog.advance(image.id, ImageState.OPENED)
    catalog.advance(image.id, ImageState.BUILT, add_objects=[stored(ObjectRole.ORIGINAL)])
    with pytest.raises(TransitionRefused):
        catalog.advance(image.id, ImageState.PUBLISHED)
    photo = stored(ObjectRole.PHOTO)
    catalog.advance(image.id, ImageState.PUBLISHED, add_objects=[photo])
    with pytest.raises(TransitionRefused):
        catalog.remove_objects(image.id, ObjectRole.PHOTO)
    assert photo in catalog.image(image.id, establishment=HERE).objects


def test_a_refused_advance_adds_nothing(catalog: Catalog) -> None:
    image = receive(catalog)
    with pytest.raises(TransitionRefused):
        catalog.advance(image.id, ImageState.BUILT, facts={"a": 1}, add_objects=[stored()])
    with pytest.raises(TransitionRefused):
        catalog.advance(image.id, ImageState.REFUSED)
    assert catalog.image(image.id, establishment=HERE) == image


def test_an_object_is_recorded_once(catalog: Catalog) -> None:
    image, one = receive(catalog), stored()
    catalog.attach(image.id, [one])
    with pytest.raises(TransitionRefused):
        catalog.attach(image.id, [one])
    twice = [replace(stored(), sop_instance_uid="2.25.1") for _ in range(2)]
    with pytest.raises(TransitionRefused):
        catalog.attach(image.id, twice)
    assert catalog.image(image.id, establishment=HERE).objects == (one,)


def test_a_refused_image_may_be_tried_again(catalog: Catalog) -> None:
    image = receive(catalog)
    catalog.attach(image.id, [stored(ObjectRole.LABEL)])
    refuse(catalog, image.id, "The file is truncated.")
    refused = catalog.image(image.id, establishment=HERE)
    assert (refused.state, refused.reason) == (ImageState.REFUSED, "The file is truncated.")
    assert catalog.remove_objects(image.id, ObjectRole.LABEL) == refused.objects
    again = catalog.advance(image.id, ImageState.RECEIVED)
    assert (again.state, again.reason, again.objects) == (ImageState.RECEIVED, None, ())


def test_pages_give_every_published_exam_once_and_newest_first(catalog: Catalog) -> None:
    made = [published(catalog, str(number)).exam_id for number in range(7)]
    received(catalog, "unfinished")
    published(catalog, "foreign", ELSEWHERE)
    seen: list[str] = []
    after = None
    while True:
        page = catalog.exams(establishment=HERE, limit=3, after=after)
        seen += [exam.id for exam in page.exams]
        after = page.after
        if after is None:
            break
    assert seen == made[::-1]
    assert len(catalog.exams(establishment=None, limit=7).exams) == 7
    assert len(catalog.exams(establishment=None, states=list(ImageState)).exams) == 9


def test_an_exam_shows_only_the_images_asked_for(catalog: Catalog) -> None:
    shown = published(catalog)
    hidden = received(catalog, "other")
    assert catalog.exam(shown.exam_id, establishment=HERE).images == (shown,)
    with pytest.raises(NotFound):
        catalog.exam(hidden.exam_id, establishment=HERE)


def test_correcting_a_patient_changes_rows_only(catalog: Catalog) -> None:
    image = receive(catalog)
    states = [ImageState.RECEIVED]
    before = catalog.exam(image.exam_id, establishment=HERE, states=states)
    right = PatientIdentity("1", "CHU", "DOE^ANNA", None, "M")
    correct(catalog, right)
    after = catalog.exam(image.exam_id, establishment=HERE, states=states)
    assert after == replace(before, patient=right)
    assert receive(catalog, right).id == image.id


@pytest.mark.parametrize(
    "said",
    [
        {"accession_number": "1" * 17},
        {"issuer": "LAB"},
        {"establishment": " "},
        {"establishment": "a\\b"},
    ],
)
def test_what_dicom_cannot_carry_is_not_received(catalog: Catalog, said: dict[str, Any]) -> None:
    with pytest.raises(InvalidIdentity):
        receive(catalog, **said)
    assert catalog.exams(establishment=None, states=list(ImageState)).exams == ()


@pytest.mark.parametrize("said", [{"source_sha256": "abc"}, {"plan": ""}])
def test_a_digest_and_a_plan_are_needed(catalog: Catalog, said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"SHA-256|plan"):
        receive(catalog, **said)


def test_a_key_opens_once(catalog: Catalog) -> None:
    key = catalog.issue_key({"role": "reader"}, datetime.now(UTC) + timedelta(minutes=5))
    assert catalog.redeem_key(key) == {"role": "reader"}
    for used in (key, "unknown"):
        with pytest.raises(NotAllowed):
            catalog.redeem_key(used)


def test_a_key_expires(catalog: Catalog) -> None:
    key = catalog.issue_key({}, datetime.now(UTC) - timedelta(seconds=1))
    with pytest.raises(NotAllowed):
        catalog.redeem_key(key)


def test_no_key_lies_in_the_database(tmp_path: Path) -> None:
    with Catalog.open(f"sqlite:///{tmp_path / 'c.sqlite'}") as catalog:
        key = catalog.issue_key({}, datetime.now(UTC) + timedelta(minutes=5))
        files = [path.read_bytes() for path in tmp_path.iterdir()]
    assert not any(key.encode() in data for data in files)


def test_identifiers_are_opaque_and_fit_every_address(catalog: Catalog) -> None:
    ids = {received(catalog, str(number)).id for number in range(20)}
    assert len(ids) == 20
    assert all(len(one) == 32 and one.isalnum() and one.isascii() for one in ids)


def test_a_closed_door_is_named_without_values(tmp_path: Path) -> None:
    (tmp_path / "not-a-database").write_bytes(b"no" * 5000)
    for url in (
        f"sqlite:///{tmp_path / 'not-a-database'}",
        "sqlite://",
        "nonsense",
        "nosuchdialect:///x",
    ):
        with pytest.raises(StorageFailure):
            Catalog.open(url)


def test_the_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with Catalog.open(f"sqlite:///{folder / 'c.sqlite'}") as catalog:
        received(catalog)
        assert folder.stat().st_mode & 0o077 == 0
        assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
        catalog.check()


def test_a_wrong_key_waits_for_no_writer(catalog: Catalog) -> None:
    # Whoever waited would be told that the catalogue does not answer.
    with catalog._database.write(), pytest.raises(NotAllowed):
        catalog.redeem_key("x")


def test_only_refused_images_are_cleared(catalog: Catalog) -> None:
    kept, refused, other = (received(catalog, name) for name in ("kept", "refused", "other"))
    for image in (kept, refused, other):
        catalog.attach(image.id, [stored(ObjectRole.ORIGINAL)])
    for image in (refused, other):
        refuse(catalog, image.id, "damaged")
    keys = {
        image.id: catalog.image(image.id, establishment=HERE).objects[0].key
        for image in (refused, other)
    }
    assert catalog.clear_refused(kept.id) == ()
    assert catalog.clear_refused(refused.id) == (keys[refused.id],)
    assert catalog.clear_refused() == (keys[other.id],)
    assert catalog.clear_refused() == ()
    assert len(catalog.image(kept.id, establishment=None).objects) == 1


def test_an_original_is_kept_once_and_in_time(catalog: Catalog) -> None:
    image = received(catalog)
    first, second = stored(ObjectRole.ORIGINAL), stored(ObjectRole.ORIGINAL)
    assert catalog.keep_original(image.id, [first], facts={"n": 1}).objects == (first,)
    assert catalog.keep_original(image.id, [second], facts={"n": 2}).facts == {"n": 1}
    late = received(catalog, "late")
    catalog.advance(late.id, ImageState.OPENED)
    assert catalog.keep_original(late.id, [second], facts={}).objects == ()
