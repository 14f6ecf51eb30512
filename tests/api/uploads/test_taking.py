"""What becomes of deposits: examined, grouped, assigned, archived, and swept."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image as Picture

from api.app import create_app
from api.policies import Role
from api.taking import sweep_uploads, take_once
from api.work import Workplace, work_once
from archive.errors import LeaseLost
from archive.record import ImageState, ObjectRole
from slides.convert import Request, convert
from tests.api.conftest import opened, small_file
from tests.api.uploads.client import TUS, Client
from tests.archive.conftest import refuse

pytestmark = pytest.mark.places


PATIENT = {"patient_id": "7", "issuer": "registry", "name": "SPECIMEN^ONE"}


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


def objects(place: Workplace) -> list[bytes]:
    store = place.storage
    # Ages are told to the second, by another clock.
    keys = store.orphans((), older_than_s=-60)
    return [store.read_range(key, 0, store.size(key)) for key in keys]


@pytest.mark.places(always=True)
def test_a_slide_is_taken_and_built(client: Client, place: Workplace, tmp_path: Path) -> None:
    deposit = client.deposit(patient=PATIENT, accession_number="A1", issuer="lab")
    slide = small_file(tmp_path)
    location = client.announce(deposit, "named.svs", slide.stat().st_size).headers["location"]
    assert client.patch(location, 0, slide.read_bytes()).status_code == 204
    inode = client.draft(location).stat().st_ino
    whole = client.web.head(location, headers=TUS)
    assert whole.headers["upload-state"] == "checking"
    assert not take_once(place), "an open deposit may lack files"
    client.web.post(f"/api/deposits/{deposit}/close", json={"files": []})
    assert take_once(place)
    assert not take_once(place)
    told = client.file(deposit, "named.svs")
    assert told["state"] == "taken"
    become = client.web.head(location, headers=TUS).headers
    assert (become["upload-state"], become["upload-image"]) == ("taken", told["image"])
    image = place.catalog.image(told["image"], establishment="north")
    (original,) = image.objects_as(ObjectRole.ORIGINAL)
    kept = place.storage.local_path(original.key)
    if kept is not None:
        # The very bytes that were sent: no copy was made of them.
        assert kept.stat().st_ino == inode
    stored = place.storage.read_range(original.key, 0, original.length_bytes)
    assert stored == slide.read_bytes()
    assert not client.draft(location).exists()
    assert work_once(place)
    assert place.catalog.image(image.id, establishment="north").state is ImageState.PUBLISHED
    exam = place.catalog.exam(told["exam"], establishment="north")
    assert (exam.accession_number, exam.issuer_of_accession_number) == ("A1", "lab")
    assert exam.patient is not None
    assert exam.patient.patient_id == "7"


def test_what_nobody_is_named_for_waits(client: Client, place: Workplace, tmp_path: Path) -> None:
    deposit = client.deposit()
    sent(client, deposit, {"a.svs": small_file(tmp_path).read_bytes(), "b.txt": b"not a slide"})
    assert take_once(place)
    assert states(client, deposit) == {"a.svs": "unassigned", "b.txt": "refused"}
    refused = client.file(deposit, "b.txt")["reason"]
    assert refused["code"] == "unreadable"
    assert refused["detail"]
    assert objects(place) == []
    sweep_uploads(place)
    order = {"patient": PATIENT}
    answer = client.web.request("PUT", f"/api/deposits/{deposit}/order", json=order)
    assert answer.json()["order"]["patient"]["patient_id"] == "7"
    assert take_once(place)
    assert states(client, deposit) == {"a.svs": "taken", "b.txt": "refused"}
    again = client.web.request("PUT", f"/api/deposits/{deposit}/order", json={})
    assert again.status_code == 409
    assert list(place.incoming.iterdir()) == []


def test_a_file_of_somebody_else_waits_for_the_right_patient(
    client: Client, place: Workplace, tmp_path: Path
) -> None:
    slide = small_file(tmp_path).read_bytes()
    first = client.deposit(patient=PATIENT)
    sent(client, first, {"a.svs": slide})
    assert take_once(place)
    second = client.deposit(patient={"patient_id": "8"})
    sent(client, second, {"again.svs": slide})
    assert take_once(place)
    told = client.file(second, "again.svs")
    assert (told["state"], told["reason"]["code"]) == ("unassigned", "identity")
    # What is there already may be moved.
    assert told["reason"]["image"] == client.file(first)["image"]
    assert told["reason"]["detail"] is None
    client.web.request("PUT", f"/api/deposits/{second}/order", json={"patient": PATIENT})
    assert take_once(place)
    told = client.file(second, "again.svs")
    assert (told["state"], told["reason"]) == ("taken", None)
    assert told["image"] == client.file(first)["image"]


def test_the_same_file_twice_is_one_object(
    client: Client, place: Workplace, tmp_path: Path
) -> None:
    slide = small_file(tmp_path).read_bytes()
    deposit = client.deposit(patient=PATIENT)
    sent(client, deposit, {"a.svs": slide, "folder/b.svs": slide})
    assert take_once(place)
    assert set(states(client, deposit).values()) == {"taken"}
    assert objects(place).count(slide) == 1
    client.sign_in("south")
    other = client.deposit(patient=PATIENT)
    sent(client, other, {"a.svs": slide})
    assert take_once(place)
    client.sign_in(None, Role.OPERATOR)
    assert client.file(other)["image"] != client.file(deposit)["image"]


def test_the_files_of_a_folder_are_one_slide(
    client: Client, place: Workplace, tmp_path: Path
) -> None:
    """A folder of DICOM, and a picture beside it that is no part of it."""
    convert(small_file(tmp_path), tmp_path / "dicom", Request())
    instances = sorted((tmp_path / "dicom").iterdir())
    files = {f"glass/{one.name}": one.read_bytes() for one in instances}
    photograph = tmp_path / "mole.jpg"
    Picture.effect_noise((64, 48), 20).convert("RGB").save(photograph)
    files["glass/mole.jpg"] = photograph.read_bytes()
    deposit = client.deposit(patient=PATIENT)
    sent(client, deposit, files)
    assert take_once(place)
    found = states(client, deposit)
    dicom = [found[path] for path in files if path.endswith(".dcm")]
    assert sorted(dicom) == ["companion"] * (len(dicom) - 1) + ["taken"]
    assert found["glass/mole.jpg"] == "taken"
    told = client.web.get(f"/api/deposits/{deposit}").json()["files"]
    assert len({one["image"] for one in told}) == 2
    assert list(place.incoming.iterdir()) == []
    while work_once(place):
        pass
    for image in {one["image"] for one in told}:
        state = place.catalog.image(image, establishment="north").state
        assert state is ImageState.PUBLISHED


def test_a_digest_that_nobody_took_on_the_way_is_taken_before_examining(
    client: Client, place: Workplace, tmp_path: Path
) -> None:
    """As where the parts came to different processes."""
    slide = small_file(tmp_path).read_bytes()
    deposit = client.deposit(patient=PATIENT)
    for path, data in (("good.svs", slide), ("bad.svs", slide[:-1] + b"x")):
        digest = hashlib.sha256(slide).hexdigest()
        location = client.announce(deposit, path, len(slide), sha256=digest).headers["location"]
        half = len(slide) // 2
        client.patch(location, 0, data[:half])
        with opened(create_app(client.settings)) as web:
            other = Client(web, client.settings)
            assert other.patch(location, half, data[half:]).status_code == 204
    client.web.post(f"/api/deposits/{deposit}/close", json={})
    assert take_once(place)
    assert states(client, deposit) == {"good.svs": "taken", "bad.svs": "refused"}
    assert client.file(deposit, "bad.svs")["reason"]["code"] == "digest"


@pytest.mark.places(always=True)
def test_taking_goes_on_where_a_killed_process_stopped(
    client: Client, place: Workplace, tmp_path: Path
) -> None:
    slide = small_file(tmp_path).read_bytes()
    deposit = client.deposit(patient=PATIENT)
    sent(client, deposit, {"a.svs": slide})
    killed = place.catalog.deposits.claim(f"{place.worker.rpartition('/')[0]}/desk-dead", 3600)
    assert killed is not None
    (upload,) = killed.files
    # As far as it came: the object has its name, and nobody knows of it.
    place.storage.adopt(place.incoming / upload.id, upload.key)
    assert take_once(place)
    assert client.file(deposit)["state"] == "taken"
    assert objects(place).count(slide) == 1
    with pytest.raises(LeaseLost):
        place.catalog.deposits.release(killed)


def test_a_draft_that_vanished_is_told(client: Client, place: Workplace) -> None:
    deposit = client.deposit(patient=PATIENT)
    location = client.announce(deposit, "a.svs", 4).headers["location"]
    client.patch(location, 0, b"abcd")
    client.draft(location).unlink()
    client.web.post(f"/api/deposits/{deposit}/close", json={})
    assert take_once(place)
    assert client.file(deposit)["reason"]["code"] == "digest"


def test_only_what_nobody_needs_is_swept(client: Client, place: Workplace) -> None:
    deposit = client.deposit()
    location = client.announce(deposit, "a.svs", 4).headers["location"]
    client.patch(location, 0, b"ab")
    stray = place.incoming / "0123"
    stray.write_bytes(b"x")
    sweep_uploads(place)
    assert not stray.exists()
    assert client.draft(location).read_bytes() == b"ab"
    place.catalog.uploads.expire(datetime.now(UTC) + timedelta(days=8))
    sweep_uploads(place)
    assert not client.draft(location).exists()


def test_a_forgotten_deposit_takes_its_files_with_it(
    client: Client, place: Workplace, tmp_path: Path
) -> None:
    deposit = client.deposit()
    location = client.announce(deposit, "a.svs", 4).headers["location"]
    client.patch(location, 0, b"ab")
    address = f"/api/deposits/{deposit}"
    assert client.web.request("DELETE", address).status_code == 204
    assert client.web.get(address).status_code == 404
    assert client.web.head(location, headers=TUS).status_code == 404
    assert list(place.incoming.iterdir()) == []
    taken = client.deposit(patient=PATIENT)
    sent(client, taken, {"a.svs": small_file(tmp_path).read_bytes()})
    assert take_once(place)
    image = client.file(taken)["image"]
    assert client.web.request("DELETE", f"/api/deposits/{taken}").status_code == 204
    assert place.catalog.image(image, establishment="north").objects


def test_a_file_that_could_not_be_converted_is_refused(
    client: Client, place: Workplace, tmp_path: Path
) -> None:
    deposit = client.deposit(patient=PATIENT)
    sent(client, deposit, {"a.svs": small_file(tmp_path).read_bytes()})
    assert take_once(place)
    refuse(place.catalog, client.file(deposit)["image"], "a tile is damaged")
    told = client.file(deposit)
    assert (told["state"], told["reason"]["code"]) == ("refused", "build")
    assert told["reason"]["detail"] == "a tile is damaged"


def test_a_slide_that_nobody_assigned_finds_the_order_of_its_label(
    client: Client, place: Workplace, tmp_path: Path
) -> None:
    """Ordered, deposited without a word, looked at as a case, and closed to others."""
    ordered = {
        "accession_number": "26H1",
        "issuer": "LABO",
        "patient": PATIENT,
        "priority": "frozen",
        "containers": [
            {"specimen": "A", "block": "1", "slide": "1", "barcode": "SV24-00007;1"},
            {"specimen": "A", "block": "1", "slide": "2", "stain": "PAS"},
            {"specimen": "A", "block": "1", "slide": "1", "recut": "R1"},
        ],
    }
    answer = client.web.post("/api/orders", json=ordered)
    assert answer.status_code == 200, answer.text
    address = f"/api/cases/{answer.json()['case']}"
    assert client.web.post("/api/orders", json=ordered).json() == answer.json()
    deposit = client.deposit()
    sent(client, deposit, {"a.svs": small_file(tmp_path).read_bytes()})
    assert take_once(place)
    assert states(client, deposit) == {"a.svs": "taken"}
    case = client.web.get(address).json()
    slides = case["specimens"][0]["blocks"][0]["slides"]
    # A recut is another glass than the slide whose number it bears.
    scans = {one["slide"]: len(one["scans"]) for one in slides}
    assert scans == {"1": 1, "1 R1": 0, "2": 0}
    first = slides[0]
    assert (case["priority"], case["patients"][0]["patient_id"]) == ("frozen", "7")
    image = first["scans"][0]["image"]["id"]
    exam = client.web.get(f"/api/images/{image}").json()["exam"]
    found = client.web.get(f"/api/exams/{exam}").json()
    assert (found["accession_number"], found["issuer"]) == ("26H1", "LABO")
    (listed,) = client.web.get("/api/cases").json()["cases"]
    assert client.web.get("/api/cases").json()["more"] is False
    assert (listed["expected"], listed["scanned"]) == (3, 1)
    assert client.web.get("/api/cases/waiting").json() == {"slides": []}
    assert client.web.get("/api/day").json()["expected"] == []
    foreign = {"specimen": "A", "block": "1", "foreign": {"number": "X1", "issuer": "AILLEURS"}}
    consult = client.web.post(
        "/api/consults", json={"patient": PATIENT, "containers": [foreign]}
    ).json()
    pages = [client.web.get(f"/api/cases?limit=1&offset={one}").json() for one in (0, 1, 2)]
    assert [(len(one["cases"]), one["more"]) for one in pages] == [
        (1, True),
        (1, False),
        (0, False),
    ]
    assert [one["cases"][0]["id"] for one in pages[:2]] == [listed["id"], consult["case"]]
    told = client.web.get(f"/api/cases/{consult['case']}").json()
    assert told["specimens"][0]["blocks"][0]["foreign"]["number"] == "X1"
    wrong = {"case": consult["case"], "slide": "1"}
    client.sign_in("south")
    assert client.web.get(address).status_code == 404
    assert client.web.post(f"/api/images/{image}/link", json=wrong).status_code == 404
    client.sign_in("north", Role.READER)
    assert client.web.post("/api/orders", json=ordered).status_code == 403
