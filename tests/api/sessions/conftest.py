"""Whoever takes photographs for a visit over HTTP, and the workers behind."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest

from api.app import create_app
from api.settings import Settings
from api.taking import take_once
from api.work import Workplace, work_once
from archive.record import Image, ObjectRole
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

    def begin_to_sort(self, session: str, image: str, **half: Any) -> dict[str, Any]:
        address = f"/api/sessions/{session}/photographs/{image}/partial"
        answer = self.web.request("PUT", address, json=half)
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
