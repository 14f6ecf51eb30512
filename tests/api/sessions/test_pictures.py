"""Photographs of a session over HTTP: sent by a phone, checked, taken back, split, handed over."""

import hashlib
import os
import subprocess
import sys
from contextlib import ExitStack
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zxingcpp
from PIL import Image as Picture

from api.desk import locked
from api.policies import Role
from api.taking import take_once
from api.work import look_once, work_once
from archive.errors import NotFound
from archive.record import ImageState, JobState, ObjectRole
from tests.api.conftest import small_file
from tests.api.holding import await_held, held_at
from tests.api.holding.sitecustomize import OF_A_WORKER
from tests.api.sessions.conftest import ANNE, FOREARM, Phone, photo
from tests.api.test_lesions import bearer
from tests.api.uploads.client import TUS, said
from tests.samples.photo import make_photo
from tests.samples.portrait import portrait

pytestmark = pytest.mark.places

FOREHEAD = "68698007"


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


def test_a_face_is_told_of_but_where_the_head_is_photographed(phone: Phone) -> None:
    session = phone.begin()
    written = BytesIO()
    Picture.fromarray(portrait()).save(written, "JPEG", quality=95)
    phone.shoot(session, written.getvalue())
    phone.work()

    def told(shown: dict[str, Any]) -> set[str]:
        return {one["kind"] for one in shown["checks"]["found"]}

    (shot,) = phone.see(session)["photographs"]
    assert "face" in told(shot)
    assert "face" not in told(phone.begin_to_sort(session, shot["image"], site=FOREHEAD))
    assert "face" in told(phone.sort(session, shot["image"], view="close-up"))
    head = phone.sort(session, shot["image"], view="close-up", site=FOREHEAD, side=None)
    assert "face" not in told(head)


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


def test_a_killed_worker_leaves_nothing_of_what_was_sent(phone: Phone, tmp_path: Path) -> None:
    session = phone.begin()
    for seed in range(2):
        phone.shoot(session, photo(tmp_path, seed), f"{seed}.jpg")
    for image in phone.images(session):
        phone.sort(session, image, view="close-up")
    assert phone.send(session).status_code == 200
    published = []
    for step in OF_A_WORKER:
        mark = tmp_path / "mark"
        worker = subprocess.Popen(
            [sys.executable, "-m", "api.worker", str(os.getpid())],
            stderr=subprocess.DEVNULL,
            env=held_at(step, mark),
        )
        await_held(worker, mark)
        worker.kill()
        worker.wait()
        shown = phone.see(session)["photographs"]
        published.append(sum(one["state"] == "published" for one in shown))
    assert published == [0, 1]
    phone.work()
    assert {one["state"] for one in phone.see(session)["photographs"]} == {"published"}
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


def test_an_upload_that_never_ends_is_abandoned_and_comes_anew_if_it_may(
    phone: Phone, tmp_path: Path
) -> None:
    """A colleague lets a visit go on; the phone finds that out, and loses nothing by it."""
    session, data = phone.begin(), photo(tmp_path, 7)
    phone.shoot(session, photo(tmp_path, 8), "here.jpg")
    (image,) = phone.images(session)
    phone.sort(session, image, view="overview")
    location = phone.announce_picture(session, "there.jpg", len(data))
    assert phone.patch(location, 0, data[:5000]).status_code == 204
    refused = phone.send(session)
    assert refused.status_code == 409
    assert [f"/uploads/{one}" for one in refused.json()["arriving"]] == [location]
    # Not for others, for whom it does not exist, nor for who may only look.
    for establishment, role, status in (
        ("south", Role.CONTRIBUTOR, 404),
        ("north", Role.READER, 403),
    ):
        other = phone.web.request(
            "DELETE", location, headers={**TUS, **bearer(phone.settings, establishment, role)}
        )
        assert other.status_code == status
    colleague = {**TUS, **bearer(phone.settings, "north")}
    assert phone.web.request("DELETE", location, headers=colleague).status_code == 204
    assert phone.see(session)["arrivals"] == []
    # Back before the visit is sent: what it had begun is unknown, and begun anew it arrives.
    assert phone.patch(location, 5000, data[5000:]).status_code == 404
    phone.shoot(session, data, "there.jpg")
    assert len(phone.images(session)) == 2
    late = phone.announce_picture(session, "late.jpg", len(data))
    assert phone.web.request("DELETE", late, headers=colleague).status_code == 204
    for one in phone.images(session):
        phone.sort(session, one, view="overview")
    assert phone.send(session).status_code == 200
    # Back afterwards: it is told that the visit takes no more, and keeps the picture.
    headers = {
        **TUS,
        "upload-length": str(len(data)),
        "upload-metadata": said(session=session, path="late.jpg"),
    }
    assert phone.web.post("/uploads", headers=headers).status_code == 409
