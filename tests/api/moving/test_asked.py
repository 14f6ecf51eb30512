"""Moves asked for over HTTP and on the command line, and what links lead to after them."""

import json
from pathlib import Path
from typing import Any

import pytest

from api import cli
from api.app import create_app
from api.doors import Doors
from api.ingest import Order, ingest, receive
from api.moving import move_once
from api.policies import Role
from api.settings import Settings, signing_key
from api.work import Workplace
from archive.body_site import site_of_code
from archive.capture import Capture, View
from archive.lesion import Photograph
from archive.move import Destination
from archive.record import Image
from tests.api.conftest import opened
from tests.api.moving.conftest import ELSEWHERE, HERE, RIGHT, WRONG, moved, photographed


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
