"""What becomes of deposits: examined, grouped, assigned, archived, and swept."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.app import create_app
from api.settings import Settings
from api.taking import sweep_uploads, take_once
from api.work import Workplace, work_once
from archive.record import ImageState, ObjectRole
from tests.api.conftest import opened, small_file
from tests.api.test_uploads import Client

PATIENT = {"patient_id": "7", "issuer": "registry", "name": "SPECIMEN^ONE"}


@pytest.fixture
def client(settings: Settings, place: Workplace) -> Iterator[Client]:
    with opened(create_app(settings)) as web:
        yield Client(web, settings)


def sent(client: Client, deposit: str, files: dict[str, bytes]) -> None:
    listed = []
    for path, data in files.items():
        location = client.announce(deposit, path, len(data)).headers["location"]
        if data:
            assert client.patch(location, 0, data).status_code == 204
        digest = hashlib.sha256(data).hexdigest()
        listed.append({"path": path, "size_bytes": len(data), "sha256": digest})
    answer = client.web.post(f"/api/deposits/{deposit}/close", json={"files": listed})
    assert answer.status_code == 200, answer.text


def states(client: Client, deposit: str) -> dict[str, str]:
    files = client.web.get(f"/api/deposits/{deposit}").json()["files"]
    return {one["path"]: one["state"] for one in files}


def objects(settings: Settings) -> list[Path]:
    return sorted(one for one in settings.objects.glob("??/*") if one.is_file())


def test_a_slide_is_taken_and_built(
    client: Client, place: Workplace, settings: Settings, tmp_path: Path
) -> None:
    deposit = client.deposit(patient=PATIENT, accession_number="A1", issuer="lab")
    slide = small_file(tmp_path)
    location = client.announce(deposit, "named.svs", slide.stat().st_size).headers["location"]
    assert client.patch(location, 0, slide.read_bytes()).status_code == 204
    inode = client.draft(location).stat().st_ino
    assert not take_once(place), "an open deposit may lack files"
    client.web.post(f"/api/deposits/{deposit}/close", json={"files": []})
    assert take_once(place)
    assert not take_once(place)
    told = client.file(deposit, "named.svs")
    assert told["state"] == "taken"
    image = place.catalog.image(told["image"], establishment="north")
    (original,) = image.objects_as(ObjectRole.ORIGINAL)
    # The very bytes that were sent: no copy was made of them.
    kept = place.storage.local_path(original.key)
    assert kept is not None
    assert kept.stat().st_ino == inode
    assert not client.draft(location).exists()
    assert work_once(place)
    assert place.catalog.image(image.id, establishment="north").state is ImageState.PUBLISHED
    exam = place.catalog.exam(told["exam"], establishment="north")
    assert (exam.accession_number, exam.issuer_of_accession_number) == ("A1", "lab")
    assert exam.patient is not None
    assert exam.patient.patient_id == "7"


def test_what_nobody_is_named_for_waits(
    client: Client, place: Workplace, settings: Settings, tmp_path: Path
) -> None:
    deposit = client.deposit()
    sent(client, deposit, {"a.svs": small_file(tmp_path).read_bytes(), "b.txt": b"not a slide"})
    assert take_once(place)
    assert states(client, deposit) == {"a.svs": "unassigned", "b.txt": "refused"}
    refused = client.file(deposit, "b.txt")["reason"]
    assert refused["code"] == "unreadable"
    assert refused["detail"]
    assert objects(settings) == []
    sweep_uploads(place)
    order = {"patient": PATIENT}
    answer = client.web.request("PUT", f"/api/deposits/{deposit}/order", json=order)
    assert answer.json()["order"]["patient"]["patient_id"] == "7"
    assert take_once(place)
    assert states(client, deposit) == {"a.svs": "taken", "b.txt": "refused"}
    again = client.web.request("PUT", f"/api/deposits/{deposit}/order", json={})
    assert again.status_code == 409
    assert list(place.incoming.iterdir()) == []
