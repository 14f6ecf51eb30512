"""Lesions over HTTP: made, followed, shown in the order of time, and nobody else's."""

from pathlib import Path
from typing import Any

from api import cli
from api.app import create_app
from api.doors import Doors
from api.policies import Role
from api.settings import Settings, signing_key
from tests.api.conftest import Web, opened
from tests.samples.photo import make_photo

NEW = {
    "site": "70559009",
    "side": "L",
    "label": "naevus",
    "position": {"view": "front", "x": 0.25, "y": 0.5},
    "first_seen": "2025-03-01",
    "by": "ESSAI^Dr",
}


def bearer(
    settings: Settings, establishment: str | None, role: Role = Role.CONTRIBUTOR
) -> dict[str, str]:
    token = Doors(signing_key(settings)).issue(role, establishment)
    return {"authorization": f"Bearer {token}"}


def taken(folder: Path, seed: int, *words: str) -> None:
    picture = make_photo(folder / f"{seed}.jpg", seed=seed, width=96, height=64)
    patient = ("--patient-id", "1", "--establishment", "north")
    assert cli.main(["photo", str(picture), *patient, *words]) == 0


def patient_key(web: Web, headers: dict[str, str]) -> str:
    exams: list[dict[str, Any]] = web.get("/api/exams", headers=headers).json()["exams"]
    (key,) = {exam["patient_key"] for exam in exams}
    return str(key)


def test_a_lesion_from_first_sight_to_excision(settings: Settings, tmp_path: Path) -> None:
    taken(tmp_path, 1, "--site", "70559009", "--side", "L", "--kind", "overview")
    north, south = (bearer(settings, name) for name in ("north", "south"))
    with opened(create_app(settings)) as web:
        key = patient_key(web, north)
        address, new = f"/api/patients/{key}/lesions", {**NEW, "patient": key}
        made = web.post("/api/lesions", json=new, headers=north)
        assert made.status_code == 201
        lesion = made.json()
        assert (lesion["tracking_id"], lesion["status"]) == ("L1", "first-seen")
        assert lesion["site"]["fr"] == "Face antérieure de l’avant-bras"
        assert lesion["position"] == NEW["position"]
        assert web.get(address, headers=north).json() == {"lesions": [lesion]}

        own = f"/api/lesions/{lesion['id']}"
        for seed, kind in ((2, "close-up"), (3, "dermoscopy")):
            how = ("--site", "70559009", "--side", "L", "--kind", kind, "--lesion", "L1")
            taken(tmp_path, seed, *how)
        shown = web.get(f"{own}/photographs", headers=north).json()["photographs"]
        assert [one["view"] for one in shown] in (
            ["close-up", "dermoscopy"],
            ["dermoscopy", "close-up"],
        )
        assert [one["taken_at"] for one in shown] == sorted(one["taken_at"] for one in shown)
        assert {one["state"] for one in shown} == {"published"}
        assert web.get(shown[0]["thumbnail"], headers=north).status_code == 200

        event = {"kind": "excised", "on": "2025-09-01", "by": ""}
        assert web.post(f"{own}/history", json=event, headers=north).status_code == 201
        assert web.post(f"{own}/history", json=event, headers=north).json()["history"][1] == event
        assert web.get(own, headers=north).json()["status"] == "excised"

        missing = f"/api/lesions/{'0' * 32}"
        for theirs, none in (
            (own, missing),
            (f"{own}/photographs", f"{missing}/photographs"),
            (address, f"/api/patients/{'0' * 32}/lesions"),
        ):
            answers = [web.get(one, headers=south) for one in (theirs, none)]
            assert [one.status_code for one in answers] == [404, 404]
            assert answers[0].content == answers[1].content
        assert web.post("/api/lesions", json=new, headers=south).status_code == 404
        assert web.post(f"{own}/history", json=event, headers=south).status_code == 404


WRONG: tuple[dict[str, object], ...] = (
    {"side": None},
    {"side": "B"},
    {"site": "12345"},
    {"site": "68698007"},
    {"first_seen": "2999-01-01"},
    {"position": {"view": "front", "x": 2, "y": 0}},
    {"label": "a\\b"},
)


def test_what_cannot_be_is_refused(settings: Settings, tmp_path: Path) -> None:
    taken(tmp_path, 1, "--site", "nez")
    north = bearer(settings, "north")
    with opened(create_app(settings)) as web:
        key = patient_key(web, north)
        for wrong in WRONG:
            said = {**NEW, "patient": key, **wrong}
            answer = web.post("/api/lesions", json=said, headers=north)
            assert answer.status_code == 422, wrong
        address = f"/api/patients/{key}/lesions"
        assert web.get(address, headers=north).json() == {"lesions": []}


def test_a_picture_of_an_intimate_region_is_told_to_be_covered(
    settings: Settings, tmp_path: Path
) -> None:
    site = ("--site", "22180002", "--side", "L", "--kind", "close-up")
    taken(tmp_path, 1, *site, "--lesion", "new")
    north = bearer(settings, "north")
    with opened(create_app(settings)) as web:
        address = f"/api/patients/{patient_key(web, north)}/lesions"
        (lesion,) = web.get(address, headers=north).json()["lesions"]
        assert (lesion["photographs"], lesion["latest"]["covered"]) == (1, "intimate")
        shown = web.get(f"/api/lesions/{lesion['id']}/photographs", headers=north).json()
        assert [one["covered"] for one in shown["photographs"]] == ["intimate"]


def test_readers_write_nothing(settings: Settings) -> None:
    headers = bearer(settings, "north", Role.READER)
    with opened(create_app(settings)) as web:
        for address in ("/api/lesions", "/api/lesions/0/history"):
            assert web.post(address, json=NEW, headers=headers).status_code == 403


def test_body_sites_are_found_by_what_is_typed(reader: Web) -> None:
    assert len(reader.get("/api/body-sites").json()["sites"]) == 207
    first, *_ = reader.get("/api/body-sites", params={"q": "nombr"}).json()["sites"]
    assert (first["fr"], first["paired"]) == ("Ombilic", False)
