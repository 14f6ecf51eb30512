"""Sessions over HTTP: photographs sent by a phone, sorted, confirmed, published, signed."""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import zxingcpp
from PIL import Image as Picture

from api.app import create_app
from api.doors import Role
from api.settings import Settings
from api.taking import take_once
from api.work import Workplace, locked, look_once, work_once
from archive.errors import NotFound
from archive.identity import study_instance_uid
from archive.record import Image, ImageState, JobState, ObjectRole
from tests.api.conftest import Web, opened, small_file
from tests.api.uploads.client import TUS, Client, said
from tests.dermato.archived import errors_of
from tests.samples.photo import make_photo

ANNE = {
    "patient_id": "1",
    "issuer": "CHU",
    "name": "DOE^ANNE",
    "birth_date": "1970-01-31",
    "sex": "F",
}
CONFIRMED = {name: ANNE[name] for name in ("name", "birth_date", "sex")}
FOREARM = {"site": "70559009", "side": "L"}
OPERATOR = {"name": "ESSAI^INFIRMIERE", "rpps": None}


pytestmark = pytest.mark.places


@pytest.fixture
def phone(settings: Settings, place: Workplace) -> "Iterator[Phone]":
    with opened(create_app(settings)) as web:
        yield Phone(web, settings, place)


class Phone(Client):
    """Whoever takes photographs in the north, and the workers behind."""

    def __init__(self, web: Web, settings: Settings, place: Workplace) -> None:
        super().__init__(web, settings)
        self.place = place

    def begin(self, **more: Any) -> str:  # type: ignore[override]
        asked = {"patient": ANNE, "operator": OPERATOR, **more}
        answer = self.web.post("/api/sessions", json=asked)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def announce_picture(self, session: str, path: str, length: int) -> str:
        headers = {
            **TUS,
            "upload-length": str(length),
            "upload-metadata": said(session=session, path=path),
        }
        answer = self.web.post("/uploads", headers=headers)
        assert answer.status_code == 201, answer.text
        return str(answer.headers["location"])

    def shoot(self, session: str, data: bytes, path: str = "1.jpg") -> None:
        location = self.announce_picture(session, path, len(data))
        assert self.patch(location, 0, data).status_code == 204
        assert take_once(self.place)

    def see(self, session: str) -> dict[str, Any]:
        return dict(self.web.get(f"/api/sessions/{session}").json())

    def images(self, session: str) -> list[str]:
        return [one["image"] for one in self.see(session)["photographs"]]

    def sort(self, session: str, image: str, **capture: Any) -> dict[str, Any]:
        address = f"/api/sessions/{session}/photographs/{image}"
        answer = self.web.request("PUT", address, json={**FOREARM, **capture})
        assert answer.status_code == 200, answer.text
        (shown,) = [one for one in answer.json()["photographs"] if one["image"] == image]
        return dict(shown)

    def send(self, session: str, **wrong: Any) -> Any:
        return self.web.post(f"/api/sessions/{session}/send", json={**CONFIRMED, **wrong})

    def work(self) -> None:
        while work_once(self.place):
            pass

    def image(self, image: str) -> Image:
        return self.place.catalog.image(image, establishment="north")

    def header(self, image: str) -> pydicom.Dataset:
        (one,) = self.image(image).objects_as(ObjectRole.PHOTO)
        data = self.place.storage.read_range(one.key, 0, one.length_bytes)
        return pydicom.dcmread(BytesIO(data), stop_before_pixels=True)


def photo(folder: Path, seed: int = 1) -> bytes:
    return make_photo(folder / f"{seed}.jpg", seed=seed, width=640, height=480).read_bytes()


def test_a_visit_from_the_first_picture_to_the_signature(phone: Phone, tmp_path: Path) -> None:
    session = phone.begin()
    for seed in (1, 2):
        phone.shoot(session, photo(tmp_path, seed), f"{seed}.jpg")
    begun = phone.see(session)
    assert (begun["state"], begun["is_provisional"], begun["arrivals"]) == ("open", True, [])
    assert [one["checks"]["state"] for one in begun["photographs"]] == ["waiting"] * 2
    assert {one["state"] for one in begun["photographs"]} == {"received"}

    assert phone.web.get("/api/exams").json()["exams"] == [], "it is no record yet"
    assert phone.web.get(f"/api/exams/{begun['exam']}").json()["images"] == []
    phone.work()
    far, near = phone.images(session)
    looked = phone.see(session)["photographs"]
    assert [one["checks"]["state"] for one in looked] == ["done"] * 2
    assert phone.web.get(looked[0]["thumbnail"]).status_code == 200
    assert phone.image(far).state is ImageState.RECEIVED, "nothing is built before it is sent"

    key = begun["patient"]["key"]
    lesion = phone.web.post(
        "/api/lesions", json={**FOREARM, "patient": key, "first_seen": "2025-03-01"}
    ).json()["id"]
    phone.sort(session, far, view="overview")
    pins = [{"lesion": lesion, "x": 0.25, "y": 0.5}]
    pinned = phone.web.request(
        "PUT", f"/api/sessions/{session}/photographs/{far}/pins", json=pins
    ).json()
    assert pinned["photographs"][0]["pins"] == pins
    sorted_ = phone.sort(session, near, view="dermoscopy", lesion=lesion, kept_despite=True)
    assert (sorted_["overview"], sorted_["earlier"]) == (far, None)
    assert (sorted_["kept_despite"], sorted_["operator"]) == (True, OPERATOR)

    sent = phone.send(session)
    assert (sent.status_code, sent.json()["state"]) == (200, "sent")
    phone.work()
    shown = phone.see(session)
    assert {one["state"] for one in shown["photographs"]} == {"published"}
    header = phone.header(near)
    assert header.PatientName == "DOE^ANNE"
    assert header.OperatorsName == "ESSAI^INFIRMIERE"
    assert header.AccessionNumber == shown["accession_number"]
    assert header.TrackingID == "L1"
    (exam,) = phone.web.get("/api/exams").json()["exams"]
    assert (len(exam["images"]), exam["is_provisional"]) == (2, True)
    (located,) = header.ReferencedImageSequence
    assert located.ReferencedSOPInstanceUID == phone.header(far).SOPInstanceUID
    assert len(phone.image(near).objects_as(ObjectRole.PREVIEW)) == 1

    sign = f"/api/sessions/{session}/sign"
    by = {"name": "ESSAI^DERMATOLOGUE", "rpps": None}
    assert phone.web.post(sign, json=by).status_code == 403
    phone.sign_in("north", Role.PHYSICIAN)
    signed = phone.web.post(sign, json=by).json()
    assert (signed["state"], signed["signed_by"]) == ("signed", by)


def test_a_picture_taken_back_is_gone_with_its_objects(phone: Phone, tmp_path: Path) -> None:
    session = phone.begin()
    phone.shoot(session, photo(tmp_path))
    phone.work()
    (image,) = phone.images(session)
    keys = [one.key for one in phone.image(image).objects]
    assert len(keys) == 2, "what came, and a small one"
    address = f"/api/sessions/{session}/photographs/{image}"
    assert phone.web.request("DELETE", address).status_code == 204
    assert phone.web.request("DELETE", address).status_code == 404
    assert phone.web.get(f"/api/images/{image}").status_code == 404
    for key in keys:
        with pytest.raises(NotFound):
            phone.place.storage.size(key)
    assert list(phone.place.incoming.iterdir()) == []
    # The same file again is a picture again.
    phone.shoot(session, photo(tmp_path))
    assert len(phone.images(session)) == 1


def test_what_is_wrong_with_a_picture_is_told_before_it_is_sent(
    phone: Phone, tmp_path: Path
) -> None:
    session = phone.begin()
    make_photo(tmp_path / "small.jpg", width=200, height=150)
    phone.shoot(session, (tmp_path / "small.jpg").read_bytes(), "small.jpg")
    phone.shoot(session, b"\xff\xd8\xff\xe0 no picture", "damaged.jpg")
    phone.work()
    small, damaged = phone.see(session)["photographs"]
    assert small["checks"]["version"]
    assert "too-small" in {one["kind"] for one in small["checks"]["found"]}
    assert (damaged["state"], damaged["checks"]["state"]) == ("refused", "missed")
    assert damaged["reason"]
    assert phone.image(damaged["image"]).objects == ()
    phone.sort(session, small["image"], view="close-up", kept_despite=True)
    refused = phone.send(session)
    assert refused.status_code == 409
    assert refused.json()["refused"] == [damaged["image"]]
    address = f"/api/sessions/{session}/photographs/{damaged['image']}"
    assert phone.web.request("DELETE", address).status_code == 204
    assert phone.send(session).status_code == 200


def test_what_is_found_damaged_after_sending_is_refused_once(phone: Phone, tmp_path: Path) -> None:
    session = phone.begin()
    phone.shoot(session, b"\xff\xd8\xff\xe0 no picture", "damaged.jpg")
    (image,) = phone.images(session)
    phone.sort(session, image, view="close-up")
    assert phone.send(session).status_code == 200
    phone.work()
    assert phone.image(image).state is ImageState.REFUSED
    counts = phone.place.catalog.jobs.counts()
    assert (counts[JobState.WAITING], counts[JobState.LEASED]) == (0, 0)


def test_a_picture_that_came_otherwise_than_it_was_sent_begins_anew(
    phone: Phone, tmp_path: Path
) -> None:
    session, data = phone.begin(), photo(tmp_path)
    digest = hashlib.sha256(data).hexdigest()

    def announce() -> str:
        metadata = said(session=session, path="1.jpg", sha256=digest)
        headers = {**TUS, "upload-length": str(len(data)), "upload-metadata": metadata}
        return str(phone.web.post("/uploads", headers=headers).headers["location"])

    first = announce()
    assert announce() == first
    assert phone.patch(first, 0, data[:-1] + b"x").status_code == 204
    (damaged,) = phone.see(session)["arrivals"]
    assert (damaged["state"], damaged["reason"]["code"]) == ("refused", "digest")
    again = announce()
    assert again != first
    assert phone.patch(again, 0, data).status_code == 204
    assert take_once(phone.place)
    seen = phone.see(session)
    assert (len(seen["photographs"]), seen["arrivals"]) == (1, [])


def test_only_this_visits_photographs_are_in_it(phone: Phone, tmp_path: Path) -> None:
    before = phone.begin()
    phone.shoot(before, photo(tmp_path, 1))
    session = phone.begin()
    phone.shoot(session, photo(tmp_path, 1), "again.jpg")
    phone.shoot(session, small_file(tmp_path).read_bytes(), "slide.svs")
    other = phone.begin(patient={**ANNE, "patient_id": "2", "name": "DOE^BRUNO"})
    phone.shoot(other, photo(tmp_path, 1))
    seen = phone.see(session)
    assert seen["photographs"] == []
    again, slide = seen["arrivals"]
    assert (again["state"], again["exam"]) == ("taken", phone.see(before)["exam"])
    assert (slide["state"], slide["reason"]["code"]) == ("refused", "unreadable")
    (theirs,) = phone.see(other)["arrivals"]
    assert (theirs["state"], theirs["reason"]["code"]) == ("unassigned", "identity")
    assert (theirs["image"], theirs["exam"]) == (None, None)
    assert phone.send(other, name="DOE^BRUNO").json()["unassigned"] == [theirs["upload"]]
    give_up = phone.web.request("DELETE", f"/uploads/{theirs['upload']}", headers=TUS)
    assert give_up.status_code == 204
    assert phone.see(other)["arrivals"] == []


def test_the_patient_who_is_confirmed_is_the_sessions(phone: Phone, tmp_path: Path) -> None:
    session = phone.begin()
    phone.shoot(session, photo(tmp_path))
    (image,) = phone.images(session)
    unsorted = phone.send(session)
    assert (unsorted.status_code, unsorted.json()["unstated"]) == (409, [image])
    phone.sort(session, image, view="total-body", side=None, site="39937001")
    for wrong in ({"name": "DOE^ANNA"}, {"birth_date": "1970-01-30"}, {"sex": "M"}):
        answer = phone.send(session, **wrong)
        assert answer.status_code == 409
        assert "DOE" not in answer.text
    coming = phone.announce_picture(session, "late.jpg", 10)
    late = phone.send(session)
    assert (late.status_code, late.json()["arriving"]) == (409, [coming.rpartition("/")[2]])
    assert phone.web.request("DELETE", coming, headers=TUS).status_code == 204
    assert phone.send(session).json()["state"] == "sent"
    assert phone.send(session).json()["state"] == "sent"
    headers = {**TUS, "upload-length": "9", "upload-metadata": said(session=session, path="x")}
    assert phone.web.post("/uploads", headers=headers).status_code == 409


def test_consent_never_blocks_care(phone: Phone) -> None:
    session = phone.begin()
    address = f"/api/sessions/{session}/consents"
    for purpose, answer, open_now in (
        ("care", "unable", [True, False, False]),
        ("teaching", "given", [True, True, False]),
        ("research", "refused", [True, True, False]),
        ("teaching", "withdrawn", [True, False, False]),
    ):
        asked = {"purpose": purpose, "answer": answer, "by": "parents"}
        told = phone.web.post(address, json=asked)
        assert told.status_code == 201
        uses = told.json()["uses"]
        assert [uses[one] for one in ("care", "teaching", "research")] == open_now
    last = phone.see(session)["consents"]
    assert {one["purpose"]: one["answer"] for one in last} == {
        "care": "unable",
        "teaching": "withdrawn",
        "research": "refused",
    }
    wrong = {"purpose": "sale", "answer": "given", "by": "patient"}
    assert phone.web.post(address, json=wrong).status_code == 422


def test_sessions_are_found_by_day_and_state(phone: Phone) -> None:
    first, second = phone.begin(), phone.begin()
    today = datetime.now().astimezone().date()
    found = phone.web.get(f"/api/sessions?day={today}&state=open").json()["sessions"]
    assert [one["id"] for one in found] == [second, first]
    assert found[0]["count"] == found[0]["arriving"] == 0
    yesterday = today - timedelta(days=1)
    for query in (f"day={yesterday}", "state=sent"):
        assert phone.web.get(f"/api/sessions?{query}").json() == {"sessions": []}
    for wrong in ("day=0001-01-01", "day=9999-12-31", "state=lost"):
        assert phone.web.get(f"/api/sessions?{wrong}").status_code == 422
    phone.sign_in("south")
    assert phone.web.get("/api/sessions").json() == {"sessions": []}
    assert phone.web.get(f"/api/sessions/{first}").status_code == 404


def test_an_order_is_given_to_a_visit_that_had_none(phone: Phone, tmp_path: Path) -> None:
    session = phone.begin()
    phone.shoot(session, photo(tmp_path))
    (image,) = phone.images(session)
    phone.sort(session, image, view="close-up")
    address = f"/api/sessions/{session}/encounter"
    told = phone.web.request("PUT", address, json={"accession": "A1"}).json()
    assert (told["accession_number"], told["is_provisional"]) == ("A1", False)
    phone.send(session)
    phone.work()
    header = phone.header(image)
    assert header.AccessionNumber == "A1"
    # The order's study, as any other way in would have it, in a file that is in order.
    assert header.StudyInstanceUID == study_instance_uid("north", None, "A1")
    (stored,) = phone.image(image).objects_as(ObjectRole.PHOTO)
    data = phone.place.storage.read_range(stored.key, 0, stored.length_bytes)
    assert errors_of(data, tmp_path) == []
    again = phone.web.request("PUT", address, json={"accession": "A2"})
    assert again.status_code == 409


def test_readers_look_and_change_nothing(phone: Phone) -> None:
    session = phone.begin()
    phone.sign_in("north", Role.READER)
    assert phone.see(session)["id"] == session
    one = f"/api/sessions/{session}/photographs/0"
    for method, address in (
        ("POST", "/api/sessions"),
        ("POST", f"/api/sessions/{session}/send"),
        ("POST", f"/api/sessions/{session}/consents"),
        ("PUT", f"/api/sessions/{session}/encounter"),
        ("PUT", one),
        ("DELETE", one),
        ("PUT", f"{one}/pins"),
    ):
        assert phone.web.request(method, address, json={}).status_code == 403


def test_a_killed_worker_leaves_nothing_of_what_was_sent(phone: Phone, tmp_path: Path) -> None:
    session = phone.begin()
    for seed in range(2):
        phone.shoot(session, photo(tmp_path, seed), f"{seed}.jpg")
    for image in phone.images(session):
        phone.sort(session, image, view="close-up")
    assert phone.send(session).status_code == 200
    published: set[str] = set()
    for _ in range(20):
        worker = subprocess.Popen(
            [sys.executable, "-m", "api.worker", str(os.getpid())], stderr=subprocess.DEVNULL
        )
        until = len(published) + 1
        while len(published) < until and worker.poll() is None:
            shown = phone.see(session)["photographs"]
            published = {one["image"] for one in shown if one["state"] == "published"}
            until = min(until, len(shown))
            time.sleep(0.02)
        worker.kill()
        worker.wait()
        if len(published) == 2:
            break
    assert {one["state"] for one in phone.see(session)["photographs"]} == {"published"}
    phone.work()
    for image in phone.images(session):
        kept = phone.image(image).objects
        assert sorted(one.role for one in kept) == [ObjectRole.PHOTO, ObjectRole.PREVIEW]
    assert phone.send(session).json()["state"] == "sent"
    assert not work_once(phone.place), "nothing is left to be done"


def test_a_cameras_card_is_split_at_the_codes_between(phone: Phone, tmp_path: Path) -> None:
    session = phone.begin()
    key = phone.see(session)["patient"]["key"]
    new = {**FOREARM, "patient": key, "first_seen": "2025-03-01"}
    lesion = phone.web.post("/api/lesions", json=new).json()["id"]
    card = [("1", 1), (None, 2), ("L1", 3), (None, 4), ("another", 5), (None, 6)]
    for code, seed in card:
        make_photo(tmp_path / "card.jpg", seed=seed, width=640, height=480, gps=False)
        if code is not None:
            write_code(tmp_path / "card.jpg", code)
        phone.shoot(session, (tmp_path / "card.jpg").read_bytes(), f"{seed}.jpg")
    address = f"/api/sessions/{session}/split"
    assert phone.web.get(address).json()["state"] == "waiting"
    phone.work()
    proposed = phone.web.get(address).json()
    images = phone.images(session)
    assert proposed["state"] == "done"
    assert [
        (one["code_image"], one["codes"], one["is_patient"], one["lesion"], one["photographs"])
        for one in proposed["groups"]
    ] == [
        (images[0], ["1"], True, None, [images[1]]),
        (images[2], ["L1"], False, lesion, [images[3]]),
        (images[4], ["another"], False, None, [images[5]]),
    ]
    other = phone.begin(patient={**ANNE, "patient_id": "2", "name": "DOE^BRUNO"})
    handed = {"to": other, "images": [images[5]]}
    address = f"/api/sessions/{session}/hand-over"
    assert phone.web.post(address, json=handed).json()["id"] == other
    assert phone.images(other) == [images[5]]
    assert phone.see(other)["arrivals"] == phone.see(session)["arrivals"] == []
    phone.sort(other, images[5], view="close-up")
    assert phone.send(other, name="DOE^BRUNO").status_code == 200
    phone.work()
    assert phone.header(images[5]).PatientName == "DOE^BRUNO"


def write_code(path: Path, text: str) -> None:
    """Lay a label with a code on a photograph, keeping what its camera says."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode).to_image(scale=6)
    with Picture.open(path) as picture:
        picture.paste(Picture.fromarray(np.asarray(code)), (150, 120))
        picture.save(path, quality=92, exif=picture.getexif())


def test_pictures_wait_for_no_slide(phone: Phone, tmp_path: Path) -> None:
    """As many slides are being built as may be at once."""
    session = phone.begin()
    phone.shoot(session, photo(tmp_path))
    with ExitStack() as building:
        for turn in phone.place.turns:
            building.enter_context(locked(turn))
        assert not work_once(phone.place)
        assert look_once(phone.place)
        (image,) = phone.images(session)
        assert phone.see(session)["photographs"][0]["checks"]["state"] == "done"
        phone.sort(session, image, view="close-up")
        assert phone.send(session).status_code == 200
        assert look_once(phone.place)
        assert not look_once(phone.place)
    assert phone.image(image).state is ImageState.PUBLISHED
