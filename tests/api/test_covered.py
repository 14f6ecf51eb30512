"""Intimate and recognisable pictures: no small picture, opened on purpose, kept in by a rule."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api import cli
from api.app import create_app
from api.covered import cover_of
from api.doors import Bounds, Doors
from api.policies import Role
from api.settings import Settings, signing_key
from api.work import Workplace
from archive.body_site import Side, site_of_code
from archive.capture import Capture, Cover, View
from archive.errors import MayNotLeave
from archive.jobs import Wanted
from archive.leaving import Leaving, Obstacle, Way
from archive.lesion import Photograph
from archive.query import Query
from archive.record import Image, ImageState
from archive.session import Answer, Consent, Giver, Purpose
from archive.sessions import Opening
from dermato.ingest import ingest_photo
from tests.api.conftest import opened
from tests.dermato.archived import PATIENT, received
from tests.samples.photo import make_photo

HERE = "Hôpital A"
FOREARM, FACE, SCROTUM, NIPPLE = "70559009", "73897004", "81992007", "54468004"
PERINEUM = "48014002"


@pytest.mark.parametrize(
    ("site", "side", "view", "cover"),
    [
        (FOREARM, Side.LEFT, View.CLOSE_UP, None),
        (FACE, None, View.OVERVIEW, Cover.RECOGNIZABLE),
        (FACE, None, View.CLOSE_UP, None),
        (SCROTUM, None, View.DERMOSCOPY, Cover.INTIMATE),
        (NIPPLE, Side.LEFT, View.CLOSE_UP, Cover.INTIMATE),
        (FOREARM, Side.LEFT, View.TOTAL_BODY, Cover.INTIMATE),
    ],
)
def test_site_and_view_tell_what_is_covered(
    site: str, side: Side | None, view: View, cover: Cover | None
) -> None:
    assert Capture(view, site_of_code(site), side).cover is cover


def test_a_picture_is_covered_from_when_it_is_built(place: Workplace, tmp_path: Path) -> None:
    """Who found it published may hold what was read of it a moment before."""
    image = published(place, tmp_path, SCROTUM)
    states = (ImageState.RECEIVED, ImageState.OPENED, ImageState.BUILT, ImageState.PUBLISHED)
    covers = [cover_of(replace(image, state=one)) for one in states]
    assert covers == [None, None, Cover.INTIMATE, Cover.INTIMATE]


def published(place: Workplace, folder: Path, site: str) -> Image:
    path = make_photo(folder / f"{site}.jpg", width=96, height=64, seed=int(site) % 97)
    image = received(place.catalog, place.storage, path)
    said = Photograph(image.id, Capture(View.CLOSE_UP, site_of_code(site)))
    place.catalog.photographs.state(said, establishment=None)
    return ingest_photo(path, image, place.catalog, place.storage)


def test_a_covered_picture_is_opened_on_purpose_by_each_and_never_small(
    place: Workplace, settings: Settings, tmp_path: Path
) -> None:
    image = published(place, tmp_path, SCROTUM)
    addresses = [
        f"/deepzoom/{image.id}.dzi",
        f"/deepzoom/{image.id}_files/0/0_0.jpeg",
        f"/iiif/3/{image.id}/info.json",
        f"/iiif/3/{image.id}/full/max/0/default.jpg",
    ]
    (one,) = place.catalog.instances.instances(Query(), establishment=HERE)
    dicomweb = f"/dicomweb/studies/{one.study.study_instance_uid}"
    series = one.described.series.series_instance_uid
    instance = f"{dicomweb}/series/{series}/instances/{one.sop_instance_uid}"
    addresses += [f"{instance}/rendered", f"{instance}/frames/1/rendered", instance]
    small, small_too = f"/images/{image.id}/thumbnail", f"{dicomweb}/thumbnail"
    with opened(create_app(settings)) as web:
        doors = Doors(signing_key(settings))

        def become(role: Role, establishment: str) -> None:
            web.headers["authorization"] = f"Bearer {doors.issue(role, establishment)}"

        become(Role.READER, HERE)
        told = web.get(f"/api/images/{image.id}").json()
        assert told["covered"] == "intimate"
        (listed,) = web.get("/api/exams").json()["exams"][0]["images"]
        assert listed["covered"] == "intimate"
        assert {web.get(one).status_code for one in (*addresses, small, small_too)} == {403}
        assert web.post(f"/api/images/{image.id}/uncover").status_code == 204
        answers = [web.get(one) for one in addresses]
        assert {one.status_code for one in answers} == {200}
        assert answers[1].headers["cache-control"] == "no-store"
        assert answers[4].headers["cache-control"] == "no-store"
        assert {web.get(one).status_code for one in (small, small_too)} == {403}
        # Somebody else has not opened it, and another establishment cannot.
        become(Role.OPERATOR, HERE)
        assert web.get(addresses[0]).status_code == 403
        become(Role.OPERATOR, "Hôpital B")
        assert web.post(f"/api/images/{image.id}/uncover").status_code == 404
    assert len(place.catalog.covers.opened(image.id)) == 1


def test_a_phone_opens_covered_pictures_of_its_own_session_alone(
    place: Workplace, settings: Settings, tmp_path: Path
) -> None:
    before, fresh = (published(place, tmp_path, site) for site in (SCROTUM, PERINEUM))
    catalog = place.catalog
    begun = catalog.sessions.open(HERE, Opening(PATIENT, accession_number="A1"))
    # Both pictures are of the exam; one of them was taken in this visit.
    assert catalog.pictures.add(begun.id, fresh.id, Wanted("check"))
    ends_at = datetime.now(UTC) + timedelta(hours=1)
    with opened(create_app(settings)) as web:
        doors = Doors(signing_key(settings))

        def paired(session: str | None) -> None:
            phone = catalog.phones.offer(HERE, "desk", ends_at, session).id
            catalog.phones.enter(phone, "phone")
            bounds = Bounds(phone=phone, subject="desk")
            if session is not None:
                bounds["session"] = session
            token = doors.issue(Role.CONTRIBUTOR, HERE, **bounds)
            web.headers["authorization"] = f"Bearer {token}"

        def uncovered(image: Image) -> tuple[int, int]:
            answer = web.post(f"/api/images/{image.id}/uncover")
            return answer.status_code, web.get(f"/deepzoom/{image.id}.dzi").status_code

        paired(begun.id)
        assert uncovered(fresh) == (204, 200)
        assert uncovered(before) == (403, 403)
        paired(None)
        assert uncovered(before) == (403, 403)


def test_any_other_picture_is_seen_at_once(
    place: Workplace, settings: Settings, tmp_path: Path
) -> None:
    image = published(place, tmp_path, FACE)
    with opened(create_app(settings)) as web:
        token = Doors(signing_key(settings)).issue(Role.READER, HERE)
        web.headers["authorization"] = f"Bearer {token}"
        assert web.get(f"/api/images/{image.id}").json()["covered"] is None
        assert web.get(f"/images/{image.id}/thumbnail").status_code == 200


def test_it_leaves_only_by_the_rule_of_the_site(place: Workplace, tmp_path: Path) -> None:
    image = published(place, tmp_path, SCROTUM)
    care = Leaving(Way.JPEG, Purpose.CARE, (image.id,))

    def leaves() -> bool:
        try:
            place.catalog.departures.record(care, by="subject", establishment=HERE)
        except MayNotLeave as error:
            return error.obstacle is not Obstacle.RECOGNIZABLE
        return True

    assert not leaves()
    rule = ["rule", "--establishment", HERE, "--covered"]
    assert cli.main([*rule, "always"]) == 0
    assert leaves()
    assert cli.main([*rule, "consent"]) == 0
    assert not leaves()
    session = place.catalog.sessions.open(HERE, Opening(PATIENT, accession_number="A1"))
    given = Consent(Purpose.CARE, Answer.GIVEN, Giver.PATIENT, datetime.now(UTC))
    place.catalog.sessions.consent(session.id, given, establishment=HERE)
    assert leaves()
    withdrawn = replace(given, answer=Answer.WITHDRAWN)
    place.catalog.sessions.consent(session.id, withdrawn, establishment=HERE)
    assert not leaves()
