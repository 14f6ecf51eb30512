"""Images move to another patient of their establishment, whole or not at all."""

import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydicom import dcmread
from pydicom.dataset import Dataset

from api import cli
from api.app import create_app
from api.doors import Doors, Role
from api.ingest import Order, ingest, receive
from api.moving import move_once
from api.settings import Settings, signing_key
from api.work import Workplace
from archive import schema
from archive.body_site import Side, site_of_code
from archive.capture import Capture, View
from archive.errors import DifferentPatient, NotFound, TransitionRefused
from archive.identity import PatientIdentity
from archive.lesion import LesionEvent, LesionEventKind, LesionSaid, Photograph
from archive.move import Author, Destination
from archive.record import Image, ImageState, JobState, ObjectRole
from archive.sessions import Opening
from archive.storage import Storage
from dermato.ingest import ingest_photo
from tests.api.conftest import opened, small_file
from tests.dermato.archived import errors_of, received
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


def test_it_is_listed_and_nothing_is_changed(
    place: Workplace, three: tuple[Image, Image, Image]
) -> None:
    overview, first, last = three
    plan = place.catalog.moves.plan([first.id], Destination(RIGHT), establishment=HERE)
    assert (plan.before, plan.after, plan.is_known, plan.to_exam_id) == (WRONG, RIGHT, False, None)
    (one,) = plan.corrections
    lesion = place.catalog.photographs.photograph(first.id, establishment=HERE)
    assert lesion is not None
    assert one.dropped == {
        "lesion": lesion.lesion,
        "overview": overview.id,
        "referred_by": [last.id],
    }
    assert place.catalog.image(first.id, establishment=HERE) == first
    assert not move_once(place)


def test_a_photograph_is_the_other_patient_s_in_every_way(
    place: Workplace, three: tuple[Image, Image, Image], tmp_path: Path
) -> None:
    overview, first, last = three
    before = header(place, first)
    (after,) = moved(place, [first.id], Destination(RIGHT))
    assert (after.incarnation, after.state) == (1, ImageState.PUBLISHED)
    exam = place.catalog.exam(after.exam_id, establishment=HERE)
    assert (exam.patient, exam.accession_number) == (RIGHT, None)
    old = place.catalog.exam(first.exam_id, establishment=HERE)
    assert [one.id for one in old.images] == [overview.id, last.id]

    now = header(place, after)
    assert errors_of(instance(place, after), tmp_path) == []
    assert (str(now.PatientName), now.PatientID) == ("JUSTE^Zoé", "2")
    assert (now.AccessionNumber, now.StudyInstanceUID) == ("", exam.study_instance_uid)
    assert now.PixelData == before.PixelData
    for uid in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        assert now[uid].value != before[uid].value
    assert now.file_meta.MediaStorageSOPInstanceUID == now.SOPInstanceUID
    assert "TrackingUID" in before
    assert not {"TrackingUID", "TrackingID", "ReferencedImageSequence"} & set(now.dir())
    assert b"FAUX" not in instance(place, after)
    (one,) = after.objects_as(ObjectRole.PHOTO)
    (was,) = first.objects_as(ObjectRole.PHOTO)
    assert one.sop_instance_uid == now.SOPInstanceUID
    assert one.pixel_sha256 == was.pixel_sha256
    with pytest.raises(NotFound):
        place.storage.size(was.key)
    for kept in three[::2]:
        assert place.catalog.image(kept.id, establishment=HERE) == kept
    said = place.catalog.photographs.photograph(last.id, establishment=HERE)
    assert said is not None
    assert (said.overview, said.earlier) == (overview.id, None)
    (told,) = place.catalog.moves.history(first.id, establishment=HERE)
    assert (told.before, told.after, told.by) == (WRONG, RIGHT, "DOCTEUR^Dr")
    assert told.done_at is not None
    assert told.dropped["referred_by"] == [last.id]


def test_it_may_show_a_lesion_of_the_right_patient(
    place: Workplace, three: tuple[Image, Image, Image], pictures: list[Path], tmp_path: Path
) -> None:
    place.catalog.receive(
        establishment=HERE,
        kind=three[0].kind,
        source_sha256="0" * 64,
        plan="full",
        patient=RIGHT,
    )
    lesion = seen(place, RIGHT)
    (after,) = moved(place, [three[1].id], Destination(RIGHT, lesion=lesion))
    known = place.catalog.lesions.lesion(lesion, establishment=HERE)
    assert header(place, after).TrackingUID == known.tracking_uid
    shown = place.catalog.photographs.of_lesion(lesion, establishment=HERE)
    assert [one.photograph.image_id for one in shown] == [after.id]
    to = Destination(WRONG, lesion=lesion)
    with pytest.raises(NotFound):
        place.catalog.moves.plan([after.id], to, establishment=HERE)


def test_a_whole_exam_keeps_what_is_within_it(
    place: Workplace, three: tuple[Image, Image, Image], tmp_path: Path
) -> None:
    overview, first, last = moved(place, [one.id for one in three], Destination(RIGHT))
    assert len({overview.exam_id, first.exam_id, last.exam_id}) == 1
    with pytest.raises(NotFound):
        place.catalog.exam(three[0].exam_id, establishment=HERE)
    (reference,) = header(place, last).ReferencedImageSequence
    assert reference.ReferencedSOPInstanceUID == header(place, overview).SOPInstanceUID
    assert errors_of(instance(place, last), tmp_path) == []
    said = place.catalog.photographs.photograph(last.id, establishment=HERE)
    assert said is not None
    assert (said.overview, said.earlier, said.lesion) == (overview.id, None, None)


def test_back_again_is_the_exam_it_came_from_and_new_uids(
    place: Workplace, three: tuple[Image, Image, Image]
) -> None:
    first = three[1]
    (there,) = moved(place, [first.id], Destination(RIGHT))
    (back,) = moved(place, [first.id], Destination(WRONG))
    assert (back.exam_id, back.incarnation) == (first.exam_id, 2)
    uids = {str(header(place, one).SOPInstanceUID) for one in (back,)}
    uids |= {str(one.objects_as(ObjectRole.PHOTO)[0].sop_instance_uid) for one in (first, there)}
    assert len(uids) == 3


def test_the_same_file_is_the_right_patient_s_from_then_on(
    place: Workplace, pictures: list[Path]
) -> None:
    taken = ingest(place, pictures[0], Order(HERE, WRONG))
    image = place.catalog.image(taken.image, establishment=HERE)
    with pytest.raises(DifferentPatient) as refused:
        receive(place, pictures[0], Order(HERE, RIGHT))
    assert refused.value.image_id == image.id
    other = receive(place, pictures[0], Order(ELSEWHERE, RIGHT))
    assert other.id != image.id
    (after,) = moved(place, [image.id], Destination(RIGHT))
    assert receive(place, pictures[0], Order(HERE, RIGHT)).id == after.id
    with pytest.raises(DifferentPatient):
        receive(place, pictures[0], Order(HERE, WRONG))


def test_a_slide_moves_with_every_level(place: Workplace, tmp_path: Path) -> None:
    file = small_file(tmp_path)
    taken = ingest(place, file, Order(HERE, WRONG, "A1"))
    before = place.catalog.image(taken.image, establishment=HERE)
    (after,) = moved(place, [taken.image], Destination(RIGHT, accession_number="B7"))
    assert place.catalog.exam(after.exam_id, establishment=HERE).accession_number == "B7"
    levels = after.objects_as(ObjectRole.LEVEL)
    assert len(levels) == len(before.objects_as(ObjectRole.LEVEL)) > 1
    for one in levels:
        data = place.storage.read_range(one.key, 0, one.length_bytes)
        told = dcmread(io.BytesIO(data))
        assert (told.PatientID, told.SOPInstanceUID) == ("2", one.sop_instance_uid)
        assert errors_of(data, tmp_path) == []
    assert (
        len(
            {dcm.pixel_sha256 for dcm in levels}
            ^ {one.pixel_sha256 for one in before.objects_as(ObjectRole.LEVEL)}
        )
        == 0
    )
    verified = ingest(place, file, Order(HERE, RIGHT, "B7", verify=True))
    assert verified.image == after.id
    assert verified.verified is not None


@pytest.mark.parametrize(
    ("to", "error"),
    [
        (Destination(WRONG), TransitionRefused),
        (Destination(key="0" * 32), NotFound),
        (Destination(RIGHT, accession_number="A1"), DifferentPatient),
        (Destination(RIGHT, lesion="0" * 32), NotFound),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(
    place: Workplace, pictures: list[Path], to: Destination, error: type[Exception]
) -> None:
    image = photographed(place, pictures[0])
    with pytest.raises(error):
        place.catalog.moves.ask([image.id], to, WHO, establishment=HERE)
    with pytest.raises(NotFound):
        place.catalog.moves.plan([image.id], Destination(RIGHT), establishment=ELSEWHERE)
    assert not move_once(place)


def test_one_that_is_still_being_prepared_waits(place: Workplace, pictures: list[Path]) -> None:
    image = receive(place, pictures[0], Order(HERE, WRONG))
    with pytest.raises(TransitionRefused):
        place.catalog.moves.plan([image.id], Destination(RIGHT), establishment=HERE)


def test_asked_for_anew_the_last_word_counts(place: Workplace, pictures: list[Path]) -> None:
    image = photographed(place, pictures[0])
    other = replace(RIGHT, patient_id="3")
    place.catalog.moves.ask([image.id], Destination(other), WHO, establishment=HERE)
    (after,) = moved(place, [image.id], Destination(RIGHT))
    assert place.catalog.exam(after.exam_id, establishment=HERE).patient == RIGHT
    assert not move_once(place)
    assert len(place.catalog.moves.history(image.id, establishment=HERE)) == 1


def test_what_changed_while_it_was_prepared_is_prepared_again(
    place: Workplace, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = photographed(place, pictures[0])
    moves = place.catalog.moves
    job = moves.ask([image.id], Destination(RIGHT), WHO, establishment=HERE)
    (kept,) = image.objects_as(ObjectRole.PHOTO)
    (moving,) = moves.act(str(job.payload["act"]))
    # As it was before its instance was written anew, elsewhere in the store.
    key = place.storage.put_bytes(instance(place, image))
    before = replace(image, objects=(replace(kept, key=key),))
    with monkeypatch.context() as patch:
        patch.setattr(type(moves), "act", lambda *_: (replace(moving, image=before),))
        assert move_once(place)
    assert place.catalog.image(image.id, establishment=HERE) == image
    assert place.catalog.jobs.job(job.id).state is JobState.WAITING
    place.catalog.jobs.enqueue(job.kind, image.id, {})
    assert move_once(place)
    assert place.catalog.image(image.id, establishment=HERE).incarnation == 1


class Dies(Exception):
    """A process is killed: nothing of it runs on."""


@pytest.mark.parametrize("at", ["put", "complete", "delete", "finish"])
def test_killed_anywhere_it_is_whole_or_not_begun_and_ends_well(
    place: Workplace,
    three: tuple[Image, Image, Image],
    at: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = [one.id for one in three]
    place.catalog.moves.ask(ids, Destination(RIGHT), WHO, establishment=HERE)
    owner: Any = {
        "put": Storage,
        "complete": type(place.catalog.moves),
        "delete": Storage,
        "finish": type(place.catalog.jobs),
    }[at]
    real, calls = getattr(owner, at), []

    def dying(*words: Any, **more: Any) -> Any:
        calls.append(words)
        if at == "put" and len(calls) == 1:
            return real(*words, **more)
        raise Dies

    with monkeypatch.context() as patch:
        # What a killed process would have tidied up stays.
        patch.setattr(Storage, "delete", lambda *_: None)
        patch.setattr(owner, at, dying)
        with pytest.raises(Dies):
            move_once(place)
    now = [place.catalog.image(one, establishment=HERE) for one in ids]
    is_done = at in {"delete", "finish"}
    assert [one.incarnation for one in now] == [int(is_done)] * 3
    if not is_done:
        assert now == list(three)
    # The lease of the dead runs out.
    place.catalog.jobs.lapse(place.worker)
    assert move_once(place)
    assert not move_once(place)
    after = [place.catalog.image(one, establishment=HERE) for one in ids]
    assert {header(place, one).PatientID for one in after} == {"2"}
    left = place.storage.sweep(place.catalog.object_keys(), -1)
    assert left


def test_over_http_it_is_listed_then_done(
    place: Workplace, settings: Settings, three: tuple[Image, Image, Image]
) -> None:
    overview, first, last = three
    who = {"patient_id": "2", "issuer": "R", "name": "JUSTE^Zoé", "birth_date": "1980-03-04"}
    asked: dict[str, Any] = {"patient": who, "by": "DOCTEUR^Dr"}
    with opened(create_app(settings)) as web:
        doors = Doors(signing_key(settings))

        def become(role: Role, establishment: str) -> None:
            web.headers["authorization"] = f"Bearer {doors.issue(role, establishment)}"

        become(Role.READER, HERE)
        assert web.post(f"/api/images/{first.id}/move", json=asked).status_code == 403
        become(Role.CONTRIBUTOR, ELSEWHERE)
        assert web.post(f"/api/images/{first.id}/move", json=asked).status_code == 404
        assert web.get(f"/api/images/{first.id}/moves").status_code == 404
        become(Role.CONTRIBUTOR, HERE)
        listed = web.post(f"/api/images/{first.id}/move", json=asked)
        assert listed.status_code == 200
        told = listed.json()
        assert (told["asked"], told["known"], told["before"]["name"]) == (False, False, WRONG.name)
        assert told["images"][0]["ends"]["referred_by"] == [last.id]
        assert not move_once(place)

        done = web.post(f"/api/images/{first.id}/move", json={**asked, "confirm": True})
        assert (done.status_code, done.json()["asked"]) == (202, True)
        (waiting,) = web.get(f"/api/images/{first.id}/moves").json()["moves"]
        assert (waiting["done_at"], waiting["by"]) == (None, "DOCTEUR^Dr")
        assert web.get(f"/api/images/{first.id}").json()["patient"]["name"] == WRONG.name
        assert move_once(place)
        assert web.get(f"/api/images/{first.id}").json()["patient"]["name"] == RIGHT.name
        assert web.get(f"/images/{first.id}/thumbnail").status_code == 200

        whole = web.post(f"/api/exams/{overview.exam_id}/move", json={**asked, "confirm": True})
        assert {one["image"] for one in whole.json()["images"]} == {overview.id, last.id}
        assert move_once(place)
        assert web.get(f"/api/exams/{overview.exam_id}").status_code == 404
        wrong = web.post(f"/api/images/{first.id}/move", json=asked)
        assert wrong.status_code == 409


def test_on_the_command_line(
    place: Workplace, pictures: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    image = photographed(place, pictures[0])
    words = ["move", image.id, "--patient-id", "2", "--issuer", "R", "--establishment", HERE]
    assert cli.main(words) == 0
    assert "would move" in capsys.readouterr().out
    assert place.catalog.image(image.id, establishment=HERE) == image
    assert cli.main([*words, "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["moved"] is True
    assert place.catalog.image(image.id, establishment=HERE).incarnation == 1
    assert cli.main(words) == 1
    assert capsys.readouterr().err == ("sansverre: The images are this patient's already.\n")


def test_a_link_ends_with_the_patient_it_was_made_for(
    place: Workplace, settings: Settings, pictures: list[Path]
) -> None:
    image = photographed(place, pictures[0])
    with opened(create_app(settings)) as web:
        token = Doors(signing_key(settings)).issue(Role.CONTRIBUTOR, HERE)
        signed_in = {"authorization": f"Bearer {token}"}

        def linked() -> dict[str, str]:
            made = web.post(f"/api/images/{image.id}/links", headers=signed_in).json()
            key = {"key": made["link"].partition("#key=")[2]}
            return {"authorization": f"Bearer {web.post('/api/links', json=key).json()['token']}"}

        before = linked()
        assert web.get(f"/api/images/{image.id}", headers=before).status_code == 200
        moved(place, [image.id], Destination(RIGHT))
        assert web.get(f"/api/images/{image.id}", headers=before).status_code == 404
        assert web.get(f"/deepzoom/{image.id}.dzi", headers=before).status_code == 404
        assert web.get(f"/deepzoom/{image.id}.dzi", headers=linked()).status_code == 200


@pytest.mark.places
def test_what_a_visit_knew_of_a_picture_ends_with_the_move(
    place: Workplace, three: tuple[Image, Image, Image]
) -> None:
    overview, first, _ = three
    visit = place.catalog.sessions.open(HERE, Opening(WRONG, accession_number="A1"))
    known = place.catalog.photographs.photograph(first.id, establishment=HERE)
    assert known is not None
    pin = {"image_id": overview.id, "lesion_id": known.lesion, "x": 0.5, "y": 0.5}
    patient_row = sa.select(schema.exam.c.patient_row).where(schema.exam.c.id == overview.exam_id)
    with place.catalog._database.write() as connection:
        row = connection.scalar(patient_row)
        connection.execute(sa.insert(schema.pin).values(**pin, patient_row=row))
        connection.execute(
            sa.insert(schema.picture).values(
                image_id=overview.id,
                exam_id=overview.exam_id,
                session_id=visit.id,
                kept_despite=False,
            )
        )
    to = Destination(RIGHT)
    (one,) = place.catalog.moves.plan([overview.id], to, establishment=HERE).corrections
    assert (one.dropped["pins"], one.dropped["session"]) == ([known.lesion], visit.id)
    (after,) = moved(place, [overview.id], to)
    assert place.catalog.exam(after.exam_id, establishment=HERE).patient == RIGHT
    left = place.catalog.sessions.session(visit.id, establishment=HERE)
    assert left.pictures == ()
    (told,) = place.catalog.moves.history(overview.id, establishment=HERE)
    assert told.dropped["session"] == visit.id


def test_no_link_leads_to_a_face_or_to_a_picture_that_was_not_sent(
    settings: Settings, place: Workplace, pictures: list[Path]
) -> None:
    order = Order(HERE, WRONG, "A1")
    unsent, face = receive(place, pictures[0], order), receive(place, pictures[1], order)
    said = Photograph(face.id, Capture(View.OVERVIEW, site_of_code("73897004")))
    place.catalog.photographs.state(said, establishment=HERE)
    ingest(place, pictures[1], order)
    token = Doors(signing_key(settings)).issue(Role.CONTRIBUTOR, HERE)
    with opened(create_app(settings)) as web:
        for image, reason in ((unsent.id, "unpublished"), (face.id, "recognizable")):
            address = f"/api/images/{image}/links"
            told = web.post(address, headers={"authorization": f"Bearer {token}"})
            assert (told.status_code, told.json()["reason"]) == (409, reason)
