"""Sessions over HTTP: photographs sent by a phone, sorted, confirmed, published, signed."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest

from api.app import create_app
from api.doors import Role
from api.settings import Settings
from api.taking import take_once
from api.work import Workplace, work_once
from archive.record import Image, ImageState, ObjectRole
from tests.api.conftest import Web, opened
from tests.api.uploads.client import TUS, Client, said
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


@pytest.fixture
def phone(settings: Settings, place: Workplace) -> "Any":
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
    (located,) = header.ReferencedImageSequence
    assert located.ReferencedSOPInstanceUID == phone.header(far).SOPInstanceUID
    assert len(phone.image(near).objects_as(ObjectRole.PREVIEW)) == 1

    sign = f"/api/sessions/{session}/sign"
    by = {"name": "ESSAI^DERMATOLOGUE", "rpps": None}
    assert phone.web.post(sign, json=by).status_code == 403
    phone.sign_in("north", Role.PHYSICIAN)
    signed = phone.web.post(sign, json=by).json()
    assert (signed["state"], signed["signed_by"]) == ("signed", by)
