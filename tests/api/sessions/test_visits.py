"""Sessions over HTTP: begun, confirmed, consented to, published, signed."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from api.policies import Role
from archive.identity import study_instance_uid
from archive.record import ImageState, ObjectRole
from tests.api.sessions.conftest import FOREARM, OPERATOR, Phone, photo
from tests.api.uploads.client import TUS, said
from tests.dermato.archived import errors_of

pytestmark = pytest.mark.places


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
        assert phone.web.get(f"/api/sessions?{query}").json() == {"sessions": [], "next": None}
    for wrong in ("day=0001-01-01", "day=9999-12-31", "state=lost"):
        assert phone.web.get(f"/api/sessions?{wrong}").status_code == 422
    phone.sign_in("south")
    assert phone.web.get("/api/sessions").json() == {"sessions": [], "next": None}
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
        ("PUT", f"{one}/partial"),
    ):
        assert phone.web.request(method, address, json={}).status_code == 403
