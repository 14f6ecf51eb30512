"""The patient's page as programs get it, and another establishment's exam opened by a share."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from api.app import create_app
from api.archives import RadiologyArchive
from api.doors import Doors
from api.policies import Role
from api.settings import Settings, signing_key
from api.work import open_workplace
from archive import schema
from archive.body_site import Side, site_of_code
from archive.capture import Capture, View
from archive.catalog import Catalog
from archive.identities.stated import Stated, Status
from archive.identity import PatientIdentity
from archive.lesion import Photograph
from archive.record import Image
from dermato.ingest import ingest_photo
from tests.api.asking.radiology import ANNE
from tests.api.conftest import Web, opened
from tests.api.test_covered import FOREARM, SCROTUM
from tests.archive.cases.conftest import LABORATORY, label, order, published, scanned
from tests.archive.identities.saying import INS
from tests.dermato.archived import received
from tests.orthanc import Orthanc, free_ports
from tests.samples.photo import make_photo

HERE, ELSEWHERE, FAR = "Hôpital A", "Hôpital B", "Hôpital C"
ALSO_ANNE = replace(ANNE, patient_id="B9", issuer="HB")


@dataclass(frozen=True)
class Two:
    """A person in two establishments, with a photograph in each."""

    settings: Settings
    here: Image
    there: Image
    key: str
    their_key: str


@pytest.fixture
def two(archive: Orthanc, tmp_path: Path, empty_catalogue: Path) -> Iterator[Two]:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    shutil.copy(empty_catalogue, data)
    (silent,) = free_ports(1)
    settings = Settings(
        data=data,
        secrets=tmp_path / "keys",
        database_url=f"sqlite:///{data / 'catalog.sqlite'}",
        archives=(
            RadiologyArchive(archive.dicomweb_url, HERE, name="pacs"),
            RadiologyArchive(f"http://127.0.0.1:{silent}", HERE, name="old"),
            RadiologyArchive(archive.dicomweb_url, FAR, name="far"),
        ),
        shares={ELSEWHERE: frozenset({HERE})},
    )
    with open_workplace(settings) as place:
        catalog = place.catalog
        images = []
        for seed, (patient, where) in enumerate(((ANNE, HERE), (ALSO_ANNE, ELSEWHERE))):
            file = make_photo(tmp_path / f"{seed}.jpg", width=600, height=400, seed=seed)
            image = received(catalog, place.storage, file, patient, where)
            images.append(ingest_photo(file, image, catalog, place.storage))
            qualified(catalog, patient, where)
        keys = [catalog.exam(one.exam_id, establishment=None).patient_key or "" for one in images]
        yield Two(settings, images[0], images[1], keys[0], keys[1])


def qualified(catalog: Catalog, patient: PatientIdentity, where: str) -> None:
    traits = {
        "name": patient.name,
        "birth_date": patient.birth_date,
        "sex": patient.sex,
        "status": Status.QUALIFIED,
    }
    said = Stated(patient.patient_id, patient.issuer, traits, datetime.now(UTC), "GAM", INS)
    catalog.identities.state(where, said)


@pytest.fixture
def web(two: Two) -> Iterator[Web]:
    with opened(create_app(two.settings)) as client:
        client.headers["authorization"] = bearer(two, HERE)
        yield client


def bearer(two: Two, establishment: str, role: Role = Role.READER) -> str:
    return f"Bearer {Doors(signing_key(two.settings)).issue(role, establishment)}"


def as_of(two: Two, establishment: str, role: Role = Role.READER) -> dict[str, str]:
    return {"authorization": bearer(two, establishment, role)}


def test_a_timeline_has_ones_own_and_what_is_shown_and_who_else_is_asked(
    two: Two, web: Web
) -> None:
    told = web.get(f"/api/patients/{two.key}/timeline").json()
    theirs, own = sorted(told["lines"], key=lambda one: one["own"])
    assert (own["exam"], own["establishment"]) == (two.here.exam_id, HERE)
    assert [one["id"] for one in own["images"]] == [two.here.id]
    assert (theirs["establishment"], theirs["photographs"], theirs["images"]) == (ELSEWHERE, 1, [])
    assert [one["name"] for one in told["archives"]] == ["pacs", "old"]
    assert not told["objects"]
    # There they learn who looked; here nobody may read that.
    looks = web.get(
        f"/api/patients/{two.their_key}/looks", headers=as_of(two, ELSEWHERE, Role.CONTRIBUTOR)
    ).json()["looks"]
    assert [(one["looked"], one["establishment"]) for one in looks] == [("listed", HERE)]
    assert web.get(f"/api/patients/{two.their_key}/timeline").status_code == 404
    there = web.get(f"/api/patients/{two.their_key}/timeline", headers=as_of(two, ELSEWHERE))
    assert [one["own"] for one in there.json()["lines"]] == [True]


def test_a_slide_that_was_scanned_again_counts_once_everywhere(two: Two, web: Web) -> None:
    with open_workplace(two.settings) as place:
        cases = place.catalog.cases
        cases.declare({HERE: LABORATORY, ELSEWHERE: LABORATORY})
        scans = {}
        for where, patient in ((HERE, ANNE), (ELSEWHERE, ALSO_ANNE)):
            cases.place(order(["A1-1", "A1-2"], patient=patient, establishment=where))
            came = (("A1-1", "first"), ("A1-2", "other"), ("A1-1", "again"))
            scans[where] = [
                published(
                    place.catalog,
                    scanned(place.catalog, label(glass), where + name, establishment=where),
                )
                for glass, name in came
            ]
    first, _, again = scans[HERE]
    lines = web.get(f"/api/patients/{two.key}/timeline").json()["lines"]
    assert {one["own"]: one["slides"] for one in lines if one["slides"]} == {True: 2, False: 2}
    for path in ("/api/exams", f"/api/patients/{two.key}"):
        exams = {one["id"]: one for one in web.get(path).json()["exams"]}
        told = {one["id"]: one["older"] for one in exams[first.exam_id]["images"]}
        assert sorted(told.values()) == [False, False, True]
        assert told[first.id]
        assert not told[again.id]
    assert web.get(f"/api/exams/{first.exam_id}").json() == exams[first.exam_id]


def test_an_archive_is_asked_by_name_and_one_that_is_silent_is_said_to_be(
    two: Two, web: Web
) -> None:
    said = web.get(f"/api/patients/{two.key}/archives/pacs").json()
    assert (said["state"], said["of_others"]) == ("answered", 1)
    assert {one["description"] for one in said["studies"]} == {
        "Scanner thoracique",
        "IRM cérébrale",
    }
    assert web.get(f"/api/patients/{two.key}/archives/pacs").json() == said
    silent = web.get(f"/api/patients/{two.key}/archives/old").json()
    assert (silent["state"], silent["studies"]) == ("silent", [])
    for name in ("far", "none"):
        assert web.get(f"/api/patients/{two.key}/archives/{name}").status_code == 404


def test_who_has_two_numbers_elsewhere_is_asked_for_by_both_and_the_look_is_written_down(
    two: Two, web: Web
) -> None:
    first = replace(ANNE, patient_id="F2")
    with open_workplace(two.settings) as place:
        place.catalog.sharing.declare({FAR: frozenset({HERE})})
        for one in (first, ANNE):
            qualified(place.catalog, one, FAR)
        _, _, known = place.catalog.sharing.patients_shown(two.key, establishment=HERE)
    said = web.get(f"/api/patients/{two.key}/archives/far").json()
    assert (said["state"], len(said["studies"]), said["of_others"]) == ("answered", 2, 1)
    looks = web.get(f"/api/patients/{known.key}/looks", headers=as_of(two, FAR, Role.CONTRIBUTOR))
    assert [one["establishment"] for one in looks.json()["looks"]] == [HERE]
    (once,) = [
        one
        for one in web.get(f"/api/patients/{two.key}/timeline").json()["archives"]
        if one["name"] == "far"
    ]
    assert once["establishment"] == FAR


def test_also_who_runs_the_installation_does_not_look_across_unseen(two: Two, web: Web) -> None:
    operator = {"authorization": f"Bearer {Doors(signing_key(two.settings)).issue(Role.OPERATOR)}"}
    assert len(web.get(f"/api/patients/{two.key}/timeline", headers=operator).json()["lines"]) == 2
    there = f"/api/patients/{two.their_key}/looks"
    assert len(web.get(there, headers=operator).json()["looks"]) == 1


def opened_across(two: Two, web: Web) -> dict[str, str]:
    """The token by which another establishment's exam is looked at."""
    asked = web.post(f"/api/patients/{two.key}/shown/{two.there.exam_id}")
    assert asked.status_code == 201
    path, _, key = asked.json()["link"].partition("#key=")
    assert path == f"/view/{two.there.id}"
    token = web.post("/api/links", json={"key": key}).json()["token"]
    return {"authorization": f"Bearer {token}"}


def test_a_share_opens_one_exam_and_nothing_else(two: Two, web: Web) -> None:
    tile = f"/deepzoom/{two.there.id}_files/8/0_0.jpeg"
    assert web.get(tile).status_code == 404
    across = opened_across(two, web)
    for address in (tile, f"/images/{two.there.id}/thumbnail", f"/deepzoom/{two.there.id}.dzi"):
        seen = web.get(address, headers=across)
        assert seen.status_code == 200
        assert "no-store" in seen.headers["cache-control"] or address.endswith("dzi")
    shown = web.get(f"/api/images/{two.there.id}", headers=across).json()
    assert (shown["files"]["label"], shown["siblings"]) == (None, [])
    for address in (
        f"/deepzoom/{two.here.id}.dzi",
        f"/images/{two.there.id}/label",
        f"/api/exams/{two.there.exam_id}",
        "/api/exams",
        f"/api/patients/{two.their_key}",
        f"/api/patients/{two.their_key}/timeline",
        "/dicomweb/studies",
    ):
        assert web.get(address, headers=across).status_code in {403, 404}, address
    post = web.post(f"/api/images/{two.there.id}/links", headers=across)
    assert post.status_code == 403


def test_a_covered_picture_stays_where_it_is_and_the_others_of_its_exam_open(
    two: Two, web: Web, tmp_path: Path
) -> None:
    """Also where it is the first of them; what a label says stays too."""
    with open_workplace(two.settings) as place:
        for seed, site, side in ((7, SCROTUM, None), (8, FOREARM, Side.LEFT)):
            file = make_photo(tmp_path / f"{seed}.jpg", width=96, height=64, seed=seed)
            image = received(place.catalog, place.storage, file, ALSO_ANNE, ELSEWHERE)
            said = Photograph(image.id, Capture(View.CLOSE_UP, site_of_code(site), side))
            place.catalog.photographs.state(said, establishment=None)
            ingest_photo(file, image, place.catalog, place.storage)
        # As if the covered one had come first.
        with place.catalog._database.write() as connection:
            first = sa.update(schema.image).where(schema.image.c.id == two.there.id)
            intimate = {**two.there.facts, "covered": "intimate"}
            connection.execute(first.values(facts=intimate))
    asked = web.post(f"/api/patients/{two.key}/shown/{two.there.exam_id}")
    path, _, key = asked.json()["link"].partition("#key=")
    shown = path.removeprefix("/view/")
    assert shown == image.id
    token = web.post("/api/links", json={"key": key}).json()["token"]
    across = {"authorization": f"Bearer {token}"}
    told = web.get(f"/api/images/{shown}", headers=across).json()
    assert (told["siblings"], told["barcodes"], told["source_sha256"]) == ([], [], "")
    assert web.get(f"/deepzoom/{two.there.id}.dzi", headers=across).status_code == 403


def test_what_nobody_shows_is_not_opened(two: Two, web: Web) -> None:
    own = web.post(f"/api/patients/{two.key}/shown/{two.here.exam_id}")
    far = web.post(
        f"/api/patients/{two.key}/shown/{two.there.exam_id}", headers=as_of(two, ELSEWHERE)
    )
    back = web.post(
        f"/api/patients/{two.their_key}/shown/{two.here.exam_id}", headers=as_of(two, ELSEWHERE)
    )
    assert {own.status_code, far.status_code, back.status_code} == {404}


def test_an_objection_closes_at_once_also_what_is_opened(two: Two, web: Web) -> None:
    across = opened_across(two, web)
    say = f"/api/patients/{two.key}/objection"
    nurse = as_of(two, HERE, Role.CONTRIBUTOR)
    assert web.post(say, json={"objects": True}).status_code == 403
    assert web.post(say, json={"objects": True}, headers=nurse).status_code == 204
    told = web.get(f"/api/patients/{two.key}/timeline").json()
    assert (told["objects"], [one["own"] for one in told["lines"]]) == (True, [True])
    assert web.get(f"/deepzoom/{two.there.id}.dzi", headers=across).status_code == 404
    assert web.post(f"/api/patients/{two.key}/shown/{two.there.exam_id}").status_code == 404
    assert web.post(say, json={"objects": False}, headers=nurse).status_code == 403
    physician = as_of(two, HERE, Role.PHYSICIAN)
    assert web.post(say, json={"objects": False}, headers=physician).status_code == 204
    assert len(web.get(f"/api/patients/{two.key}/timeline").json()["lines"]) == 2


def test_nothing_of_a_patient_is_in_what_a_share_answers(two: Two, web: Web) -> None:
    asked: httpx.Response = web.post(f"/api/patients/{two.key}/shown/{two.there.exam_id}")
    for trait in (ANNE.patient_id, "ESSAI", "1957", INS.number):
        assert trait not in asked.text.partition("#")[0]
