"""Phones let in by a code: once, for a while, to take photographs; and ended at once."""

import logging
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import zxingcpp

from api.app import create_app
from api.doors import Doors
from api.ingest import Order, ingest
from api.policies import PHONE_MAY, POLICIES, Role
from api.settings import Settings, signing_key
from api.work import Workplace
from archive.catalog import Catalog
from archive.errors import NotAllowed
from archive.identity import PatientIdentity
from tests.api.conftest import Web, opened
from tests.api.test_lesions import NEW
from tests.api.uploads.client import PART, TUS, said
from tests.samples.photo import make_photo

pytestmark = pytest.mark.places

SAFE = "https://sansverre.example"


@pytest.fixture
def desk(settings: Settings) -> Iterator[Web]:
    """A contributor of the north, in front of a screen."""
    with opened(create_app(settings)) as web:
        token = Doors(signing_key(settings)).issue(Role.CONTRIBUTOR, "north", subject="desk")
        web.client.base_url = httpx.URL(SAFE)
        web.headers["authorization"] = f"Bearer {token}"
        yield web


@pytest.fixture
def phone(settings: Settings) -> Iterator[Web]:
    """A phone that nobody knows yet."""
    with opened(create_app(settings)) as web:
        web.client.base_url = httpx.URL(SAFE)
        web.headers["origin"] = SAFE
        yield web


def offer(desk: Web, **asked: Any) -> dict[str, Any]:
    answer = desk.post("/api/phones", json=asked)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def pair(phone: Web, offered: dict[str, Any], name: str = "iPhone") -> httpx.Response:
    key = offered["link"].partition("#key=")[2]
    return phone.post("/api/pair", json={"key": key, "name": name})


@pytest.mark.places(always=True)
def test_a_phone_comes_in_once_as_the_user_who_showed_the_code(desk: Web, phone: Web) -> None:
    offered = offer(desk)
    assert offered["link"].startswith(f"{SAFE}/pair#key=")
    assert offered["is_reachable"]
    (pending,) = desk.get("/api/phones").json()["phones"]
    assert (pending["id"], pending["entered_at"]) == (offered["id"], None)
    entered = pair(phone, offered)
    assert entered.status_code == 200
    assert "Secure" in entered.headers["set-cookie"]
    assert "SameSite=Strict" in entered.headers["set-cookie"]
    me = phone.get("/api/me").json()
    assert (me["role"], me["establishment"], me["phone"]) == ("contributor", "north", offered["id"])
    assert phone.post("/api/me/lock").json()["user"] == desk.post("/api/me/lock").json()["user"]
    (known,) = desk.get("/api/phones").json()["phones"]
    assert known["name"] == "iPhone"
    lasts = datetime.fromisoformat(known["ends_at"]) - datetime.now(UTC)
    assert timedelta(hours=11) < lasts <= timedelta(hours=12)
    again = pair(phone, offered)
    assert again.status_code == 401
    assert "set-cookie" not in again.headers


def test_the_code_is_the_link(desk: Web) -> None:
    offered = offer(desk)
    modules = np.array([[int(one) for one in row] for row in offered["modules"]], np.uint8)
    shown = np.pad(255 * (1 - modules), 4, constant_values=255).repeat(8, 0).repeat(8, 1)
    # OpenCV finds nothing in one of fifty such codes, whatever their size.
    assert [one.text for one in zxingcpp.read_barcodes(shown)] == [offered["link"]]


def test_a_phone_takes_photographs_and_nothing_else(desk: Web, phone: Web) -> None:
    pair(phone, offer(desk))
    for template, role in POLICIES.items():
        if role is Role.PUBLIC or template in PHONE_MAY:
            continue
        address = re.sub(r"\{\w+\}", "0", template.replace("{path}", "00282000"))
        assert phone.get(address).status_code in {403, 405}, template
    assert phone.get("/api/exams").status_code == 403
    assert phone.get("/api/body-sites").status_code == 200
    assert phone.post("/api/phones", json={}).status_code == 403
    assert set(POLICIES) >= PHONE_MAY


def test_an_ended_phone_is_a_stranger_at_once(desk: Web, phone: Web) -> None:
    offered = offer(desk)
    pair(phone, offered)
    assert phone.get("/api/body-sites").status_code == 200
    address = f"/api/phones/{offered['id']}"
    assert desk.request("DELETE", address).status_code == 204
    assert phone.get("/api/body-sites").status_code == 401
    assert phone.get("/healthz").status_code == 200
    assert desk.get("/api/phones").json()["phones"] == []
    assert desk.request("DELETE", address).status_code == 404


def test_a_phone_ends_its_own_pairing_and_no_other(desk: Web, phone: Web) -> None:
    other, own = offer(desk), offer(desk)
    pair(phone, own)
    assert phone.request("DELETE", f"/api/phones/{other['id']}").status_code == 403
    ended = phone.request("DELETE", f"/api/phones/{own['id']}")
    assert ended.status_code == 204
    assert 'sansverre=""' in ended.headers["set-cookie"]
    assert phone.get("/api/me").status_code == 401


def test_a_code_that_was_taken_back_lets_nobody_in(desk: Web, phone: Web) -> None:
    offered = offer(desk)
    desk.request("DELETE", f"/api/phones/{offered['id']}")
    assert pair(phone, offered).status_code == 401


def test_nobody_sees_or_ends_the_phones_of_another(
    desk: Web, phone: Web, settings: Settings
) -> None:
    offered = offer(desk)
    doors = Doors(signing_key(settings))
    for token in (
        doors.issue(Role.CONTRIBUTOR, "north"),
        doors.issue(Role.OPERATOR, "south"),
        doors.issue(Role.CONTRIBUTOR, "south", subject="desk"),
    ):
        headers = {"authorization": f"Bearer {token}"}
        assert phone.get("/api/phones", headers=headers).json()["phones"] == []
        ended = phone.request("DELETE", f"/api/phones/{offered['id']}", headers=headers)
        assert ended.status_code == 404
    operator = {"authorization": f"Bearer {doors.issue(Role.OPERATOR, 'north')}"}
    assert len(phone.get("/api/phones", headers=operator).json()["phones"]) == 1
    assert pair(phone, offered).status_code == 200


def test_keys_of_other_kinds_let_no_phone_in(desk: Web, phone: Web, settings: Settings) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=1)
    with Catalog.open(settings.database_url) as catalog:
        keys = [
            catalog.issue_key({"role": "operator", "establishment": None}, soon),
            catalog.issue_key({"establishment": "north", "image": "x", "lasts_s": 60}, soon),
            catalog.issue_key({"phone": "x" * 32}, soon),
            "no key at all",
        ]
    for key in keys:
        assert phone.post("/api/pair", json={"key": key, "name": "x"}).status_code == 401
    key = offer(desk)["link"].partition("#key=")[2]
    assert phone.get("/enter", params={"key": key}).status_code == 401
    assert phone.post("/api/links", json={"key": key}).status_code == 401


def test_nothing_is_let_in_over_plain_http(desk: Web, phone: Web) -> None:
    offered = offer(desk)
    for web in (desk, phone):
        web.client.base_url = httpx.URL("http://sansverre.example")
    assert desk.post("/api/phones", json={}).status_code == 403
    assert pair(phone, offered).status_code == 403
    # The key was not spent by who asked in the clear.
    phone.client.base_url = httpx.URL(SAFE)
    assert pair(phone, offered).status_code == 200


def test_on_the_machine_itself_the_page_is_told_that_no_phone_comes_there(desk: Web) -> None:
    desk.client.base_url = httpx.URL("http://127.0.0.1:8000")
    assert not offer(desk)["is_reachable"]


def begun(desk: Web, patient_id: str = "7") -> dict[str, Any]:
    patient = {"patient_id": patient_id, "issuer": "registry", "name": "SPECIMEN^ONE"}
    answer = desk.post("/api/sessions", json={"patient": patient})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def begin_session(desk: Web) -> str:
    return str(begun(desk)["id"])


def announced(phone: Web, **said_of: str) -> int:
    headers = {**TUS, "upload-length": "9", "upload-metadata": said(path="a", **said_of)}
    return phone.post("/uploads", headers=headers).status_code


def test_a_phone_for_one_session_opens_no_other(desk: Web, phone: Web) -> None:
    own, other = begin_session(desk), begin_session(desk)
    pair(phone, offer(desk, session=own))
    assert phone.get("/api/me").json()["session"] == own
    assert phone.get(f"/api/sessions/{own}").status_code == 200
    assert phone.get(f"/api/sessions/{other}").status_code == 403
    assert phone.get("/api/sessions").status_code == 403
    assert phone.post("/api/sessions", json={}).status_code == 403
    assert announced(phone, session=own) == 201
    assert announced(phone, session=other) == 403


@dataclass(frozen=True)
class Visit:
    """A patient's visit with a photograph, a lesion, and a file that is on its way."""

    session: str
    patient: str
    image: str
    lesion: str
    upload: str

    def addresses(self) -> dict[str, str]:
        return {
            f"/api/images/{self.image}": "GET",
            f"/images/{self.image}/thumbnail": "GET",
            f"/deepzoom/{self.image}.dzi": "GET",
            f"/deepzoom/{self.image}_files/0/0_0.jpeg": "GET",
            f"/iiif/3/{self.image}/full/64,/0/default.jpg": "GET",
            f"/api/patients/{self.patient}/lesions": "GET",
            f"/api/lesions/{self.lesion}": "GET",
            f"/api/lesions/{self.lesion}/photographs": "GET",
            self.upload: "HEAD",
        }


def visited(desk: Web, place: Workplace, folder: Path, number: int) -> Visit:
    session = begun(desk, str(number))
    patient = session["patient"]["key"]
    file = make_photo(folder / f"{number}.jpg", seed=number, width=96, height=64)
    whose = PatientIdentity(str(number), "registry", "SPECIMEN^ONE")
    taken = ingest(place, file, Order("north", whose))
    lesion = desk.post("/api/lesions", json={**NEW, "patient": patient}).json()["id"]
    headers = {**TUS, "upload-length": "9"}
    headers["upload-metadata"] = said(path="a", session=session["id"])
    upload = desk.post("/uploads", headers=headers).headers["location"]
    return Visit(session["id"], patient, taken.image, lesion, upload)


def test_a_phone_for_one_session_reaches_its_patient_and_nobody_else(
    desk: Web, phone: Web, place: Workplace, tmp_path: Path
) -> None:
    own, other = (visited(desk, place, tmp_path, number) for number in (1, 2))
    pair(phone, offer(desk, session=own.session))
    for address, method in own.addresses().items():
        assert phone.request(method, address, headers=TUS).status_code == 200, address
    nothing = Visit(*5 * ("0" * 32,))
    nothing = replace(nothing, upload=f"/uploads/{nothing.upload}")
    for address, method in (other.addresses() | nothing.addresses()).items():
        assert phone.request(method, address, headers=TUS).status_code == 404, address
    new = {**NEW, "patient": other.patient}
    assert phone.post("/api/lesions", json=new).status_code == 404
    assert phone.post("/api/lesions", json={**NEW, "patient": own.patient}).status_code == 201
    part = {**PART, "upload-offset": "0"}
    assert phone.request("PATCH", other.upload, headers=part, content=b"x").status_code == 404
    assert phone.request("DELETE", other.upload, headers=TUS).status_code == 404
    # One that is let in for all sessions of the establishment goes on seeing both.
    desk_phone = offer(desk)
    pair(phone, desk_phone)
    for address, method in other.addresses().items():
        assert phone.request(method, address, headers=TUS).status_code == 200, address


def test_what_a_phone_is_shown_does_not_stay_on_it(
    desk: Web, phone: Web, place: Workplace, tmp_path: Path
) -> None:
    visit = visited(desk, place, tmp_path, 1)
    pair(phone, offer(desk, session=visit.session))
    for address in (
        f"/images/{visit.image}/thumbnail",
        f"/deepzoom/{visit.image}_files/0/0_0.jpeg",
        f"/iiif/3/{visit.image}/full/64,/0/default.jpg",
    ):
        assert "immutable" in desk.get(address).headers["cache-control"]
        assert phone.get(address).headers["cache-control"] == "no-store"


def test_a_phone_sends_to_sessions_and_to_no_deposit(desk: Web, phone: Web) -> None:
    session = begin_session(desk)
    deposit = desk.post("/api/deposits", json={}).json()["id"]
    pair(phone, offer(desk))
    assert announced(phone, session=session) == 201
    assert announced(phone, deposit=deposit) == 403
    assert announced(phone, deposit=deposit, session="") == 403


def test_no_code_is_shown_for_a_session_of_another_establishment(
    desk: Web, phone: Web, settings: Settings
) -> None:
    session = begin_session(desk)
    token = Doors(signing_key(settings)).issue(Role.CONTRIBUTOR, "south")
    headers = {"authorization": f"Bearer {token}"}
    asked = phone.post("/api/phones", json={"session": session}, headers=headers)
    assert asked.status_code == 404


@pytest.mark.parametrize("name", ["", "x" * 65, "a\nb"])
def test_a_phone_s_name_is_words(desk: Web, phone: Web, name: str) -> None:
    assert pair(phone, offer(desk), name).status_code == 422


def test_of_two_phones_with_one_code_one_comes_in(settings: Settings) -> None:
    with Catalog.open(settings.database_url) as catalog:
        ends_at = datetime.now(UTC) + timedelta(hours=1)
        offered = catalog.phones.offer("north", "desk", ends_at)

        def entered(name: str) -> bool:
            try:
                catalog.phones.enter(offered.id, name)
            except NotAllowed:
                return False
            return True

        with ThreadPoolExecutor(4) as phones:
            assert sum(phones.map(entered, "abcd")) == 1


def test_a_pairing_ends_with_its_time(settings: Settings) -> None:
    with Catalog.open(settings.database_url) as catalog:
        late = datetime.now(UTC) - timedelta(seconds=1)
        offered = catalog.phones.offer("north", "desk", late)
        assert not catalog.phones.is_paired(offered.id)
        assert catalog.phones.of("desk", establishment="north") == ()
        with pytest.raises(NotAllowed):
            catalog.phones.enter(offered.id, "x")


def test_no_secret_is_logged(desk: Web, phone: Web, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    offered = offer(desk)
    key = offered["link"].partition("#key=")[2]
    pair(phone, offered)
    pair(phone, offered)
    assert key not in caplog.text
    assert "?" not in offered["link"]
