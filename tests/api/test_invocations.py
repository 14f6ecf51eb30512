"""IHE Invoke Image Display: who is sent where, and that nothing of anybody stays behind."""

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from urllib.parse import urlencode

import pytest

from api.app import create_app
from api.errors import BadInvocation, BadSettings, NotSignedIn
from api.invoke.invokers import Invoker, read_invokers, signature_of
from api.invoke.parameters import read_asked, read_parameters
from api.invoke.sealing import Seal
from api.policies import Role
from archive.cases.order import Numbered
from archive.invoked.asked import PatientNumber
from tests.api.conftest import Installation, Web, opened

ADDRESS = "/IHEInvokeImageDisplay"
SECRET = "s" * 32
FORM = {"content-type": "application/x-www-form-urlencoded"}
NUMBERS = {"north": "1", "south": "2"}


@pytest.fixture
def web(installation: Installation) -> Iterator[Web]:
    """A client of an installation in whose table the north's record system stands."""
    invokers = {"dpi": Invoker("dpi", "north", SECRET)}
    with opened(create_app(replace(installation.settings, invokers=invokers))) as client:
        yield client


def asked(**parameters: str) -> str:
    return f"{ADDRESS}?{urlencode(parameters)}"


def of_patient(where: str = "north") -> dict[str, str]:
    return {"requestType": "PATIENT", "patientID": f"{NUMBERS[where]}^^^registry"}


def signed(**parameters: str) -> dict[str, str]:
    soon = str(int(time.time()) + 300)
    known = {"invoker": "dpi", "user": "anne", "expires": soon, "nonce": token_hex(8)} | parameters
    return {**known, "signature": signature_of(known, SECRET)}


def secret_of(location: str, name: str) -> str:
    address, _, fragment = location.partition("#")
    assert address == "/opened"
    found, _, secret = fragment.partition("=")
    assert found == name
    return secret


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_strangers_request_is_sealed_and_looked_up_by_who_is_signed_in(
    web: Web,
    installation: Installation,
    method: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    if method == "GET":
        answer = web.get(asked(**of_patient()))
    else:
        answer = web.post(ADDRESS, content=urlencode(of_patient()), headers=FORM)
    assert (answer.status_code, answer.content) == (303, b"")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    sealed = secret_of(answer.headers["location"], "asked")
    assert "registry" not in answer.headers["location"]
    said = [one for one in caplog.records if not one.name.startswith("httpx")]
    assert "registry" not in " ".join(one.getMessage() for one in said)

    given = {"json": {"asked": sealed}}
    assert web.post("/api/invocations", **given).status_code == 401
    north = installation.bearer(Role.READER, "north")
    found = web.post("/api/invocations", headers=north, **given).json()
    assert [one["id"] for one in found["exams"]] == [installation.exams["north"]]
    assert found["patient"]["patient_id"] == "1"
    # Of what another house has, it is answered as of what is nowhere.
    south = installation.bearer(Role.READER, "south")
    assert web.post("/api/invocations", headers=south, **given).status_code == 404
    bad = {"json": {"asked": sealed[:-4] + "AAAA"}}
    assert web.post("/api/invocations", headers=north, **bad).status_code == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_signed_request_opens_once_the_images_that_it_names_and_no_others(
    web: Web, installation: Installation, method: str
) -> None:
    parameters = signed(**of_patient())

    def send() -> tuple[int, str]:
        if method == "GET":
            answer = web.get(asked(**parameters))
        else:
            answer = web.post(ADDRESS, content=urlencode(parameters), headers=FORM)
        return answer.status_code, answer.headers.get("location", "")

    status, location = send()
    assert status == 303
    assert send()[0] == 403
    given = {"json": {"key": secret_of(location, "key")}}
    shown = web.post("/api/invoked", **given).json()
    assert web.post("/api/invoked", **given).status_code == 401
    assert (shown["kept"], shown["missing"], shown["patient"]["patient_id"]) == (0, 0, "1")
    ((one,),) = [exam["images"] for exam in shown["exams"]]
    assert one["image"] == installation.images["north"]
    bearer = {"authorization": f"Bearer {one['token']}"}
    assert web.get(f"/api/images/{one['image']}", headers=bearer).status_code == 200
    assert web.get(f"/deepzoom/{one['image']}.dzi", headers=bearer).status_code == 200
    for closed in ("/api/exams", f"/api/images/{installation.images['south']}", "/api/cases"):
        assert web.get(closed, headers=bearer).status_code == 403


def test_whatever_is_wrong_with_a_signature_is_refused_alike(web: Web) -> None:
    good = signed(**of_patient())
    old = signed(**of_patient(), expires=str(int(time.time()) - 1))
    far = signed(**of_patient(), expires=str(int(time.time()) + 3600))
    told = {
        web.get(asked(**parameters)).text
        for parameters in (
            {**good, "signature": "0" * 64},
            {**good, "patientID": "2^^^registry"},
            {**good, "user": "bruno"},
            {**good, "more": "1"},
            signed(**of_patient(), invoker="nobody"),
            signed(**of_patient(), user=""),
            signed(**of_patient(), expires="soon"),
            old,
            far,
        )
    }
    assert len(told) == 1
    assert "refusée" in told.pop()
    assert web.get(asked(**good)).status_code == 303


def test_a_signed_request_learns_nothing_of_other_houses(web: Web) -> None:
    elsewhere = web.get(asked(**signed(**of_patient("south"))))
    nowhere = web.get(asked(**signed(requestType="PATIENT", patientID="99^^^registry")))
    assert (elsewhere.status_code, nowhere.status_code) == (404, 404)
    assert elsewhere.text == nowhere.text


def test_a_program_opens_for_its_user_if_it_may_hand_on(
    web: Web, installation: Installation
) -> None:
    where = asked(requestType="STUDY", accessionNumber="A1")
    reader = installation.bearer(Role.READER, "north")
    assert web.get(where, headers=reader).status_code == 403
    may = installation.bearer(Role.CONTRIBUTOR, "north")
    answer = web.get(where, headers=may)
    key = secret_of(answer.headers["location"], "key")
    # Neither key is good at the other door.
    assert web.post("/api/links", json={"key": key}).status_code == 401
    away = installation.bearer(Role.CONTRIBUTOR, "south")
    assert web.get(where, headers=away).status_code == 404


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({}, "requestType"),
        ({"requestType": "SERIES"}, "requestType"),
        ({"requestType": "PATIENT"}, "patientID"),
        ({"requestType": "PATIENT", "patientID": "^^^X"}, "patientID"),
        ({"requestType": "STUDY"}, "studyUID"),
        ({"requestType": "STUDY", "studyUID": "one"}, "studyUID"),
        ({**of_patient(), "mostRecentResults": "-1"}, "mostRecentResults"),
        ({**of_patient(), "lowerDateTime": "yesterday"}, "lowerDateTime"),
        ({**of_patient(), "lowerDateTime": "0001-01-01T00:00:00+14:00"}, "lowerDateTime"),
        ({**of_patient(), "patientID": "1\0^^^registry"}, "patientID"),
        ({**of_patient(), "modalitiesInStudy": "sm"}, "modalitiesInStudy"),
    ],
)
def test_what_is_missing_or_malformed_is_named_and_not_repeated(
    web: Web, parameters: dict[str, str], named: str
) -> None:
    answer = web.get(asked(**parameters))
    assert answer.status_code == 400
    assert f"<code>{named}</code>" in answer.text
    assert "yesterday" not in answer.text


def test_a_form_of_another_kind_or_length_is_refused(web: Web) -> None:
    assert web.post(ADDRESS, json=of_patient()).status_code == 400
    long = urlencode({**of_patient(), "more": "x" * 20_000})
    assert web.post(ADDRESS, content=long, headers=FORM).status_code == 400
    many = "&".join(["a=1"] * 200)
    assert web.get(f"{ADDRESS}?{many}").status_code == 400
    assert web.head(asked(**of_patient())).status_code == 405


def test_parameters_are_read_as_the_profile_and_its_users_write_them() -> None:
    pairs = [
        ("requesttype", "study"),
        ("studyUID", "1.2.3, 1.2.4"),
        ("Accessionnumber", "1.2.250.99.A1"),
        ("idCDA", "unknown here"),
        ("patientID", "1^^^NORD&1.2.250&ISO^PI~2^^^&1.2.3&ISO^INS"),
        ("keyImagesOnly", "true"),
    ]
    found = read_asked(read_parameters(pairs))
    assert found.studies == ("1.2.3", "1.2.4")
    assert found.orders == ()
    assert found.patient == (PatientNumber("1", "NORD", "1.2.250"), PatientNumber("2", "", "1.2.3"))
    assert found.key_images_only
    orders = read_asked({"requestType": "STUDY", "accessionNumber": "A1^LABO,A2"}).orders
    assert orders == (Numbered("A1", "LABO"), Numbered("A2"))
    bounds = read_asked(
        {
            **of_patient(),
            "lowerDateTime": "2026-03-01",
            "upperDateTime": "2026-03-02T10:00:00 01:00",
            "mostRecentResults": "2",
            "modalitiesInStudy": "SM,XC",
        }
    ).bounds
    assert bounds.lower is not None
    assert bounds.upper is not None
    assert bounds.lower.isoformat() == "2026-03-01T00:00:00+00:00"
    assert bounds.upper.isoformat() == "2026-03-02T09:00:00+00:00"
    assert (bounds.most_recent, bounds.modalities) == (2, ("SM", "XC"))
    with pytest.raises(BadInvocation):
        read_parameters([("patientID", "1"), ("PATIENTID", "2")])


def test_what_is_sealed_opens_here_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    seal = Seal(b"k" * 32)
    closed = seal.close({"patientID": "1^^^NORD"})
    assert seal.open(closed) == {"patientID": "1^^^NORD"}
    for other in (closed[:-2], "x", "é", ""):
        with pytest.raises(NotSignedIn):
            seal.open(other)
    with pytest.raises(NotSignedIn):
        Seal(b"o" * 32).open(closed)
    later = time.time() + 601
    monkeypatch.setattr("cryptography.fernet.time.time", lambda: later)
    with pytest.raises(NotSignedIn):
        seal.open(closed)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("invokers = 1", r"must hold tables"),
        ("[invokers", "is no TOML"),
        ("[invokers.DPI]\nestablishment='A'\nsecret='x'", "small letters"),
        ("[invokers.dpi]\nestablishment='A'", "both and nothing else"),
        ("[invokers.dpi]\nestablishment='A'\nsecret=1", "are texts"),
        ("[invokers.dpi]\nestablishment='A'\nsecret='short'", "shorter than 32"),
    ],
)
def test_what_is_wrong_with_the_table_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "invokers.toml"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(BadSettings, match=said):
        read_invokers(file)


def test_a_table_of_secrets_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "invokers.toml"
    file.write_text(f"[invokers.dpi]\nestablishment = 'A'\nsecret = '{SECRET}'\n")
    file.chmod(0o644)
    with pytest.raises(BadSettings, match="chmod 600"):
        read_invokers(file)
    file.chmod(0o600)
    assert read_invokers(file) == {"dpi": Invoker("dpi", "A", SECRET)}
    assert SECRET not in repr(read_invokers(file))
    assert read_invokers(None) == {}
    with pytest.raises(BadSettings, match="cannot be read"):
        read_invokers(tmp_path / "none.toml")
