"""Reading aids over HTTP, found by the worker: what is kept, and what is never said."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image as Pictures

from api import aids, cli
from api.app import create_app
from api.doors import Bounds, Doors
from api.policies import Role
from api.sandbox import Limits
from api.settings import Settings, signing_key
from api.work import open_workplace, work_once
from dermato.ruler import VERSION
from tests.api.conftest import Web, opened
from tests.api.test_lesions import NEW, bearer, patient_key
from tests.dermato.made_lesions import Look, with_lesion
from tests.dermato.rulers import with_ruler
from tests.samples.photo import make_photo
from tests.samples.slide import small_svs

WHOSE = ("--patient-id", "1", "--establishment", "north")
SITE = ("--site", "70559009", "--side", "L", "--kind", "dermoscopy")


def taken(capsys: pytest.CaptureFixture[str], path: Path, *words: str) -> str:
    assert cli.main(["photo", str(path), *WHOSE, *SITE, *words, "--json"]) == 0
    return str(json.loads(capsys.readouterr().out)["image"])


def dermoscopy(folder: Path, seed: int) -> Path:
    return make_photo(folder / f"{seed}.jpg", kind="dermoscopy", seed=seed, width=640, height=480)


def moved(path: Path, turn_deg: float) -> tuple[Path, np.ndarray[Any, Any]]:
    """The same picture, turned about its middle and shifted; and how."""
    pixels = np.asarray(Pictures.open(path))
    matrix = cv2.getRotationMatrix2D((320, 240), turn_deg, 1.0)
    matrix[:, 2] += (12, -7)
    turned = cv2.warpAffine(pixels, matrix, (640, 480), borderMode=cv2.BORDER_REFLECT)
    other = path.with_name(f"moved-{path.name}")
    Pictures.fromarray(turned).save(other, quality=95)
    return other, matrix


def lesion_of(web: Web, headers: dict[str, str]) -> str:
    said = {**NEW, "patient": patient_key(web, headers)}
    return str(web.post("/api/lesions", json=said, headers=headers).json()["id"])


def work(settings: Settings) -> None:
    with open_workplace(settings) as place:
        while work_once(place):
            pass


def test_two_visits_are_aligned_by_a_worker(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = dermoscopy(tmp_path, 1)
    second, matrix = moved(first, 20)
    north, south = bearer(settings, "north"), bearer(settings, "south")
    overview = taken(capsys, dermoscopy(tmp_path, 3))
    with opened(create_app(settings)) as web:
        lesion = lesion_of(web, north)
        one, other, stranger = (
            taken(capsys, path, "--lesion", lesion)
            for path in (first, second, dermoscopy(tmp_path, 2))
        )
        address = f"/api/lesions/{lesion}/comparison"

        def compared(a: str, b: str) -> dict[str, Any]:
            asked = web.get(address, params={"first": a, "second": b}, headers=north)
            assert asked.status_code == 200
            return dict(asked.json())

        for pair in ((one, other), (stranger, other)):
            assert compared(*pair)["state"] == "waiting"
        work(settings)
        found = compared(one, other)
        assert (found["state"], found["aligned"], found["reason"]) == ("done", True, None)
        corners = np.array([[0, 0, 1], [639, 0, 1], [0, 479, 1], [639, 479, 1]]).T
        laid = np.array(found["matrix"]) @ corners
        assert np.abs(laid[:2] / laid[2] - matrix @ corners).max() < 2
        assert found["version"] == "2"

        cannot = compared(stranger, other)
        assert (cannot["state"], cannot["aligned"], cannot["matrix"]) == ("done", False, None)
        assert cannot["reason"] in {"too-few-in-common", "not-confirmed", "no-detail"}

        for pair in ((one, overview), (one, one), (one, "0" * 32)):
            params = {"first": pair[0], "second": pair[1]}
            assert web.get(address, params=params, headers=north).status_code == 404
        params = {"first": one, "second": other}
        assert web.get(address, params=params, headers=south).status_code == 404


def test_a_picture_that_cannot_be_read_is_answered_once(
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    north = bearer(settings, "north")
    taken(capsys, dermoscopy(tmp_path, 3))
    with opened(create_app(settings)) as web:
        lesion = lesion_of(web, north)
        one, other = (
            taken(capsys, dermoscopy(tmp_path, seed), "--lesion", lesion) for seed in (1, 2)
        )
        params = {"first": one, "second": other}
        web.get(f"/api/lesions/{lesion}/comparison", params=params, headers=north)
        # A child that gets no memory ends without an answer.
        monkeypatch.setattr(aids, "_LIMITS", Limits(memory_bytes=1 << 27))
        work(settings)
        asked = web.get(f"/api/lesions/{lesion}/comparison", params=params, headers=north)
        assert (asked.json()["state"], asked.json()["reason"]) == ("done", aids.NOT_READ)
        image = web.get(f"/api/images/{other}", headers=north).json()
        assert image["state"] == "published"


def test_a_ruler_gives_millimetres_and_nothing_else_does(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    skin = np.full((700, 1000, 3), (196, 160, 140), np.uint8)
    noise = np.random.default_rng(1).normal(0, 4, skin.shape)
    pixels = with_ruler(np.clip(skin + noise, 0, 255).astype(np.uint8), 12.5, 10, seed=3)
    ruled = tmp_path / "ruled.png"
    Pictures.fromarray(pixels).save(ruled)
    north, south = bearer(settings, "north"), bearer(settings, "south")
    reader = bearer(settings, "north", Role.READER)
    with_one = taken(capsys, ruled, "--kind", "overview")
    without = taken(capsys, dermoscopy(tmp_path, 1))
    stated = taken(capsys, dermoscopy(tmp_path, 2), "--mm-per-pixel", "0.02")
    ends = {"start": [100, 100], "end": [150, 100]}
    with opened(create_app(settings)) as web:

        def ruler(image: str) -> dict[str, Any]:
            asked = web.get(f"/api/images/{image}/ruler", headers=reader)
            assert asked.status_code == 200
            return dict(asked.json())

        def mark(image: str, **more: object) -> Any:
            said = {**ends, **more}
            return web.post(f"/api/images/{image}/measures", json=said, headers=north)

        # Beside a lesion a ruler was looked for when the picture was taken in.
        assert (ruler(with_one)["state"], ruler(without)["state"]) == ("waiting", "done")
        assert mark(with_one).status_code == 422
        work(settings)
        found = ruler(with_one)
        assert (found["state"], found["scale"]) == ("done", f"ruler {VERSION}")
        assert found["mm_per_pixel"] == pytest.approx(1 / 12.5, rel=0.01)
        assert 0 < found["uncertainty_mm"] < 0.01 * found["mm_per_pixel"]
        none = ruler(without)
        assert (none["mm_per_pixel"], none["reason"]) == (None, "no-ruler")
        known = ruler(stated)
        assert (known["state"], known["mm_per_pixel"], known["scale"]) == ("done", 0.02, "stated")

        refused = mark(without)
        assert refused.status_code == 422
        made = mark(with_one)
        assert made.status_code == 201
        assert made.json()["mm"] == pytest.approx(4, rel=0.01)
        assert made.json()["scale"] == f"ruler {VERSION}"
        rough = mark(stated, marking_px=20).json()
        assert rough["mm"] == pytest.approx(1)
        assert rough["uncertainty_mm"] == pytest.approx(20 * 2**0.5 * 0.02)
        assert mark(stated, end=[100, 100]).status_code == 422

        own = f"/api/images/{with_one}/measures"
        for address in (f"/api/images/{with_one}/ruler", f"{own}/{made.json()['id']}"):
            method = "DELETE" if "measures" in address else "GET"
            assert web.request(method, address, headers=south).status_code == 404
        assert web.post(own, json=ends, headers=reader).status_code == 403
        gone = f"{own}/{made.json()['id']}"
        assert web.request("DELETE", gone, headers=north).status_code == 204
        assert web.request("DELETE", gone, headers=north).status_code == 404


def test_a_diameter_is_proposed_and_kept_as_it_is_or_as_it_was_moved(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    skin = np.full((480, 640, 3), (196, 160, 140), np.uint8)
    made = with_lesion(skin, Look(200), seed=5)
    drawn = tmp_path / "drawn.png"
    Pictures.fromarray(made.pixels).save(drawn)
    bare = tmp_path / "bare.png"
    Pictures.fromarray(skin).save(bare)
    north, south = bearer(settings, "north"), bearer(settings, "south")
    reader = bearer(settings, "north", Role.READER)
    image = taken(capsys, drawn, "--mm-per-pixel", "0.05")
    without = taken(capsys, bare)
    with opened(create_app(settings)) as web:

        def proposal(of: str) -> dict[str, Any]:
            asked = web.get(f"/api/images/{of}/diameter", headers=reader)
            assert asked.status_code == 200
            return dict(asked.json())

        assert (proposal(image)["state"], proposal(without)["state"]) == ("waiting", "waiting")
        assert web.get(f"/api/images/{image}/diameter", headers=south).status_code == 404
        work(settings)
        none = proposal(without)
        assert (none["state"], none["start"], none["reason"]) == ("done", None, "not-clear")
        found = proposal(image)
        assert (found["state"], found["version"]) == ("done", "1")
        ends = {name: found[name] for name in ("start", "end", "marking_px")}
        kept = web.post(f"/api/images/{image}/measures", json=ends, headers=north).json()
        assert kept["mm"] == pytest.approx(0.05 * made.diameter_px, rel=0.02)
        assert abs(kept["mm"] - 0.05 * made.diameter_px) < 2 * kept["uncertainty_mm"]
        assert kept["proposed_by"] == "1"
        x, y = found["end"]
        moved_by_hand = {**ends, "end": [x + 3, y]}
        said = web.post(f"/api/images/{image}/measures", json=moved_by_hand, headers=north)
        assert said.json()["proposed_by"] is None


def test_measures_are_told_as_pixels_are_shown(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not by a link made before the picture became another patient's, nor of what is covered."""
    image = taken(capsys, dermoscopy(tmp_path, 1))
    doors = Doors(signing_key(settings))
    links = [
        {"authorization": f"Bearer {doors.issue(Role.READER, 'north', **whose)}"}
        for whose in (Bounds(image=image, incarnation=number) for number in (0, 1))
    ]
    reader = bearer(settings, "north", Role.READER)
    with opened(create_app(settings)) as web:
        for name in ("ruler", "diameter"):
            address = f"/api/images/{image}/{name}"
            told = [web.get(address, headers=one).status_code for one in (*links, reader)]
            assert told == [200, 404, 200]
            assert web.get(f"/api/images/{'0' * 32}/{name}", headers=reader).status_code == 404
        with open_workplace(settings) as place:
            place.catalog.attach(image, facts={"covered": "intimate"})
        asked = [f"/api/images/{image}/{name}" for name in ("ruler", "diameter")]
        assert [web.get(one, headers=reader).status_code for one in asked] == [403, 403]
        assert web.post(f"/api/images/{image}/uncover", headers=reader).status_code == 204
        assert [web.get(one, headers=reader).status_code for one in asked] == [200, 200]


def test_a_lesions_biopsy_is_an_exam_of_the_same_patient(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    north, south = bearer(settings, "north"), bearer(settings, "south")
    taken(capsys, dermoscopy(tmp_path, 1))
    slide = small_svs(tmp_path / "slide.svs", 500, 400, 240, seed=7)
    for whose, accession in (("1", "B1"), ("2", "B2")):
        command = ["ingest", str(slide), "--patient-id", whose, "--establishment", "north"]
        if whose == "2":
            slide = small_svs(tmp_path / "other.svs", 500, 400, 240, seed=8)
            command[1] = str(slide)
        assert cli.main([*command, "--accession", accession]) == 0
    with opened(create_app(settings)) as web:
        exams = web.get("/api/exams", headers=north).json()["exams"]
        found = {exam["accession_number"]: exam for exam in exams}
        key = found["B1"]["patient_key"]
        said = {**NEW, "patient": key}
        lesion = web.post("/api/lesions", json=said, headers=north).json()
        assert lesion["biopsies"] == []
        address = f"/api/lesions/{lesion['id']}/biopsies"
        mine = {"exam": found["B1"]["id"]}
        for _ in range(2):
            linked = web.post(address, json=mine, headers=north)
            assert (linked.status_code, linked.json()["biopsies"]) == (201, [mine["exam"]])
        listed = web.get(f"/api/patients/{key}/lesions", headers=north).json()["lesions"]
        assert listed == [linked.json()]

        # The exam of photographs has no slide; the others are not this patient's, or not known.
        (photographs,) = (exam for exam in exams if exam["accession_number"] is None)
        refused = [
            web.post(address, json={"exam": exam}, headers=north)
            for exam in (photographs["id"], found["B2"]["id"], "0" * 32)
        ]
        assert [one.status_code for one in refused] == [422, 404, 404]
        assert refused[1].content == refused[2].content
        assert web.post(address, json=mine, headers=south).status_code == 404
        gone = web.request("DELETE", f"{address}/{mine['exam']}", headers=north)
        assert (gone.status_code, gone.json()["biopsies"]) == (200, [])

        whose = web.get(f"/api/patients/{key}", headers=north).json()
        assert whose["patient"]["patient_id"] == "1"
        assert {exam["id"] for exam in whose["exams"]} == {mine["exam"], photographs["id"]}
        assert web.get(f"/api/patients/{key}", headers=south).status_code == 404
