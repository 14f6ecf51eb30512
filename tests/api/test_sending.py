"""What is published reaches a real Orthanc, and what was wrong there is taken back."""

import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from api import cli
from api.archives import REMOTE, RadiologyArchive
from api.ingest import Order, ingest
from api.moving import move_once
from api.settings import Settings
from api.why import OTHER_ORDER, OTHER_PIXELS, REMOVE_BY_HAND
from api.work import Workplace, open_workplace
from archive.dicomweb_link import DicomWebLink
from archive.errors import LinkDown
from archive.identity import PatientIdentity
from archive.link import Named
from archive.move import Author, Destination
from archive.record import Image, ObjectRole, OutboxState, Sent
from archive.rejection import rejection_uid
from archive.session import Session
from archive.sessions import Opening
from dermato.ingest import ingest_photo
from tests.api.telling.places import send_once
from tests.archive.correcting import correct
from tests.dermato.archived import errors_of, received
from tests.orthanc import Orthanc, free_ports, orthanc
from tests.samples.photo import make_photo

HERE, ELSEWHERE = "Hôpital A", "Hôpital B"
WRONG, RIGHT = PatientIdentity("1", "R", "FAUX^Anne"), PatientIdentity("2", "R", "JUSTE^Zoé")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture
def linked(
    request: pytest.FixtureRequest, settings: Settings, archive: Orthanc, empty_catalogue: Path
) -> Iterator[Workplace]:
    """A place whose photographs go to Orthanc, which deletes what is rejected, or does not."""
    deletes = getattr(request, "param", True)
    web = str(archive.web.base_url)
    known = RadiologyArchive(archive.dicomweb_url, HERE, web if deletes else None)
    settings.data.mkdir(mode=0o700)
    shutil.copy(empty_catalogue, settings.data)
    with open_workplace(replace(settings, archives=(known,))) as place:
        yield place


def photographed(place: Workplace, folder: Path, seed: int = 1, establishment: str = HERE) -> Image:
    file = make_photo(folder / f"{seed}.jpg", width=96, height=64, seed=seed)
    image = received(place.catalog, place.storage, file, WRONG, establishment)
    return ingest_photo(file, image, place.catalog, place.storage)


def all_sent(place: Workplace) -> None:
    while send_once(place):
        pass


def states(place: Workplace, image: Image) -> list[tuple[Sent, OutboxState]]:
    told = place.catalog.outbox.of_images([image.id])[image.id]
    return [(one.kind, one.state) for one in told]


def found(archive: Orthanc, uid: str | None) -> list[str]:
    """What Orthanc calls the instances with that UID."""
    answer = archive.web.post("/tools/lookup", content=str(uid))
    return [one["ID"] for one in answer.json() if one["Type"] == "Instance"]


def visit_photographed(place: Workplace, folder: Path, seed: int) -> tuple[Session, Image]:
    """A photograph that was published in a visit without order."""
    visit = place.catalog.sessions.open(HERE, Opening(WRONG))
    file = make_photo(folder / "visit.jpg", width=96, height=64, seed=seed)
    number, issuer = visit.accession_number, visit.issuer_of_accession_number
    taken = ingest(place, file, Order(HERE, WRONG, number, issuer))
    assert taken.exam == visit.exam_id
    return visit, place.catalog.image(taken.image, establishment=HERE)


def kept_of(archive: Orthanc, image: Image) -> Dataset:
    """The one instance that Orthanc has of a photograph."""
    (one,) = image.objects_as(ObjectRole.PHOTO)
    (name,) = found(archive, one.sop_instance_uid)
    return dcmread(io.BytesIO(archive.web.get(f"/instances/{name}/file").content))


@pytest.mark.parametrize("linked", [True, False], indirect=True)
def test_an_order_that_comes_after_publication_is_told_or_becomes_a_task(
    linked: Workplace, archive: Orthanc, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """An archive that keeps what it was told first, and may not be told to delete it: by hand."""
    deletes = bool(request.node.callspec.params["linked"])
    visit, image = visit_photographed(linked, tmp_path, 77 + deletes)
    all_sent(linked)
    assert states(linked, image) == [(Sent.OBJECT, OutboxState.READ_BACK)]
    assert kept_of(archive, image).AccessionNumber == visit.accession_number
    order = f"A{77 + deletes}"
    linked.catalog.sessions.reconcile(visit.id, order, None, establishment=HERE)
    all_sent(linked)
    (told,) = linked.catalog.outbox.of_images([image.id])[image.id]
    there = kept_of(archive, image)
    if deletes:
        assert (told.state, there.AccessionNumber) == (OutboxState.READ_BACK, order)
        assert "IssuerOfAccessionNumberSequence" not in there
    else:
        assert (told.state, told.reason) == (OutboxState.TASK, OTHER_ORDER)
        assert there.AccessionNumber == visit.accession_number


def test_what_leaves_says_today_whose_it_is(
    linked: Workplace, archive: Orthanc, tmp_path: Path
) -> None:
    """The stored header is older than the order and the name: it stays, and its pixels leave."""
    visit, image = visit_photographed(linked, tmp_path, 79)
    linked.catalog.sessions.reconcile(visit.id, "A79", "CHU", establishment=HERE)
    correct(linked.catalog, replace(WRONG, name="FAUX^Anna", sex="F"), HERE)
    all_sent(linked)
    assert states(linked, image) == [(Sent.OBJECT, OutboxState.READ_BACK)]
    (one,) = image.objects_as(ObjectRole.PHOTO)
    stored = dcmread(io.BytesIO(linked.storage.read_range(one.key, 0, one.length_bytes)))
    there = kept_of(archive, image)
    assert (there.AccessionNumber, there.PatientName, there.PatientSex) == ("A79", "FAUX^Anna", "F")
    assert there.IssuerOfAccessionNumberSequence[0].LocalNamespaceEntityID == "CHU"
    assert (stored.AccessionNumber, stored.PatientName) == (visit.accession_number, "FAUX^Anne")
    assert there.PixelData == stored.PixelData
    assert there.StudyInstanceUID == stored.StudyInstanceUID
    data = io.BytesIO()
    there.save_as(data)
    assert errors_of(data.getvalue(), tmp_path) == []


def there_before(archive: Orthanc, place: Workplace, image: Image, folder: Path) -> Path:
    """The instance of a photograph as a file, decompressed, to be put into the archive first."""
    (one,) = image.objects_as(ObjectRole.PHOTO)
    stored, plain = folder / "stored.dcm", folder / "plain.dcm"
    stored.write_bytes(place.storage.read_range(one.key, 0, one.length_bytes))
    subprocess.run(["dcmdjpeg", stored, plain], check=True)
    return plain


def test_pixels_are_compared_whatever_the_form(
    linked: Workplace, archive: Orthanc, tmp_path: Path
) -> None:
    """An archive keeps what it had under that name; what it changed beside pixels is written."""
    endings = {}
    for seed, level, name in ((81, 0, "ANNE"), (82, 1, "FAUX^Anne")):
        image = photographed(linked, tmp_path, seed)
        plain = dcmread(there_before(archive, linked, image, tmp_path))
        pixels = plain.pixel_array.copy()
        pixels[40, 50, 1] ^= level
        plain.PixelData, plain.PatientName = pixels.tobytes(), name
        plain.InstitutionName = "Elsewhere"
        plain.save_as(tmp_path / "altered.dcm")
        archive.web.post("/instances", content=(tmp_path / "altered.dcm").read_bytes())
        all_sent(linked)
        (endings[seed],) = linked.catalog.outbox.of_images([image.id])[image.id]
    assert endings[81].state is OutboxState.READ_BACK
    assert endings[81].coerced == ["TransferSyntaxUID", "InstitutionName", "PatientName"]
    assert (endings[82].state, endings[82].reason) == (OutboxState.TASK, OTHER_PIXELS)


def test_another_scan_under_our_name_is_a_task(
    linked: Workplace, archive: Orthanc, tmp_path: Path
) -> None:
    image = photographed(linked, tmp_path, seed=83)
    other = photographed(linked, tmp_path, seed=84, establishment=ELSEWHERE)
    ours, theirs = (
        dcmread(io.BytesIO(linked.storage.read_range(one.key, 0, one.length_bytes)))
        for each in (image, other)
        for one in each.objects_as(ObjectRole.PHOTO)
    )
    ours.PixelData = theirs.PixelData
    del ours["ExtendedOffsetTable"], ours["ExtendedOffsetTableLengths"]
    ours.save_as(tmp_path / "altered.dcm")
    archive.web.post("/instances", content=(tmp_path / "altered.dcm").read_bytes())
    all_sent(linked)
    (told,) = linked.catalog.outbox.of_images([image.id])[image.id]
    assert (told.state, told.reason) == (OutboxState.TASK, OTHER_PIXELS)


def test_a_stored_object_that_is_damaged_is_not_sent(
    linked: Workplace, archive: Orthanc, tmp_path: Path
) -> None:
    image = photographed(linked, tmp_path, seed=85)
    (one,) = image.objects_as(ObjectRole.PHOTO)
    local = linked.storage.local_path(one.key)
    assert local is not None
    local.chmod(0o600)
    data = bytearray(local.read_bytes())
    data[-60] ^= 1
    local.write_bytes(data)
    assert send_once(linked)
    assert states(linked, image) == [(Sent.OBJECT, OutboxState.WAITING)]
    assert found(archive, one.sop_instance_uid) == []


def moved(place: Workplace, image: Image) -> Image:
    who = Author("subject")
    place.catalog.moves.ask([image.id], Destination(RIGHT), who, establishment=HERE)
    assert move_once(place)
    return place.catalog.image(image.id, establishment=HERE)


def test_a_published_photograph_is_there_as_it_is(
    linked: Workplace, archive: Orthanc, tmp_path: Path
) -> None:
    image = photographed(linked, tmp_path)
    other = photographed(linked, tmp_path, establishment=ELSEWHERE)
    assert states(linked, other) == []
    assert states(linked, image) == [(Sent.OBJECT, OutboxState.WAITING)]
    all_sent(linked)
    assert states(linked, image) == [(Sent.OBJECT, OutboxState.READ_BACK)]
    (one,) = image.objects_as(ObjectRole.PHOTO)
    (name,) = found(archive, one.sop_instance_uid)
    there = archive.web.get(f"/instances/{name}/file").content
    assert there == linked.storage.read_range(one.key, 0, one.length_bytes)


def test_what_is_moved_is_rejected_there_and_the_new_one_shown(
    linked: Workplace, archive: Orthanc, tmp_path: Path
) -> None:
    image = photographed(linked, tmp_path, seed=2)
    all_sent(linked)
    (old,) = image.objects_as(ObjectRole.PHOTO)
    (new,) = moved(linked, image).objects_as(ObjectRole.PHOTO)
    all_sent(linked)
    assert states(linked, image) == [
        (Sent.OBJECT, OutboxState.READ_BACK),
        (Sent.REJECTION, OutboxState.READ_BACK),
        (Sent.OBJECT, OutboxState.READ_BACK),
    ]
    assert found(archive, old.sop_instance_uid) == []
    (name,) = found(archive, new.sop_instance_uid)
    shown = archive.web.get(f"/instances/{name}/simplified-tags").json()
    assert (shown["PatientID"], shown["PatientName"]) == ("2", "JUSTE^Zoé")
    (note,) = found(archive, rejection_uid(str(old.sop_instance_uid)))
    data = archive.web.get(f"/instances/{note}/file").content
    assert errors_of(data, tmp_path) == []
    told = dcmread(io.BytesIO(data))
    assert told.ConceptNameCodeSequence[0].CodeValue == "113037"
    assert told.PatientID == "1"
    (study,) = told.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    (reference,) = series.ReferencedSOPSequence
    assert reference.ReferencedSOPInstanceUID == old.sop_instance_uid


def test_what_was_of_another_order_of_the_same_patient_is_rejected_as_that(
    linked: Workplace, archive: Orthanc, tmp_path: Path
) -> None:
    image = photographed(linked, tmp_path, seed=92)
    all_sent(linked)
    (old,) = image.objects_as(ObjectRole.PHOTO)
    to = Destination(WRONG, accession_number="A92")
    linked.catalog.moves.ask([image.id], to, Author("subject"), establishment=HERE)
    assert move_once(linked)
    all_sent(linked)
    (note,) = found(archive, rejection_uid(str(old.sop_instance_uid)))
    said = dcmread(io.BytesIO(archive.web.get(f"/instances/{note}/file").content))
    assert said.ConceptNameCodeSequence[0].CodeValue == "113038"
    assert states(linked, image)[-1] == (Sent.OBJECT, OutboxState.READ_BACK)


@pytest.mark.parametrize("linked", [False], indirect=True)
def test_an_archive_that_goes_on_showing_it_is_a_task_for_a_person(
    linked: Workplace, archive: Orthanc, tmp_path: Path
) -> None:
    image = photographed(linked, tmp_path, seed=3)
    all_sent(linked)
    moved(linked, image)
    all_sent(linked)
    assert (Sent.REJECTION, OutboxState.TASK) in states(linked, image)
    (task,) = linked.catalog.outbox.listed([OutboxState.TASK], establishment=HERE)
    assert task.reason == REMOVE_BY_HAND
    assert linked.catalog.outbox.listed([OutboxState.TASK], establishment=ELSEWHERE) == ()
    (old,) = image.objects_as(ObjectRole.PHOTO)
    assert len(found(archive, old.sop_instance_uid)) == 1


def test_moved_before_it_was_sent_nothing_is_to_be_taken_back(
    linked: Workplace, archive: Orthanc, tmp_path: Path
) -> None:
    image = photographed(linked, tmp_path, seed=4)
    (old,) = image.objects_as(ObjectRole.PHOTO)
    moved(linked, image)
    all_sent(linked)
    assert states(linked, image) == [
        (Sent.OBJECT, OutboxState.SUPERSEDED),
        (Sent.OBJECT, OutboxState.READ_BACK),
    ]
    assert found(archive, old.sop_instance_uid) == []


def test_moved_while_it_is_sent_it_is_taken_back_after_that(
    linked: Workplace, archive: Orthanc, tmp_path: Path
) -> None:
    image = photographed(linked, tmp_path, seed=5)
    outbox = linked.catalog.outbox
    sending = outbox.claim("host/dead", HERE, REMOTE, 3600)
    assert sending is not None
    moved(linked, image)
    # Whoever has it may be sending it yet: the rejection would come before the object.
    assert not send_once(linked)
    outbox.lapse("host/dead")
    all_sent(linked)
    assert states(linked, image) == [
        (Sent.OBJECT, OutboxState.SUPERSEDED),
        (Sent.REJECTION, OutboxState.READ_BACK),
        (Sent.OBJECT, OutboxState.READ_BACK),
    ]


def test_an_archive_that_is_down_is_tried_again(
    settings: Settings, tmp_path: Path, empty_catalogue: Path
) -> None:
    (port,) = free_ports(1)
    known = RadiologyArchive(f"http://name:secret@127.0.0.1:{port}/dicom-web", HERE)
    settings.data.mkdir(mode=0o700)
    shutil.copy(empty_catalogue, settings.data)
    with open_workplace(replace(settings, archives=(known,))) as place:
        image = photographed(place, tmp_path)
        assert send_once(place)
        (waiting,) = place.catalog.outbox.of_images([image.id])[image.id]
        assert (waiting.state, waiting.attempt) == (OutboxState.WAITING, 1)
        assert "secret" not in str(waiting.reason)
        assert not send_once(place)


def test_what_an_archive_does_not_hold_is_shown_to_nobody(archive: Orthanc) -> None:
    nothing = Named("2.25.1", "2.25.2", "2.25.3")
    with DicomWebLink(archive.dicomweb_url) as link:
        assert link.shown(nothing) is None
        assert not link.remove(nothing)
    with DicomWebLink(f"{archive.dicomweb_url}/nowhere") as lost, pytest.raises(LinkDown):
        lost.shown(nothing)


def test_photographs_of_before_the_archive_was_configured_are_told(
    settings: Settings,
    archive: Orthanc,
    tmp_path: Path,
    empty_catalogue: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.data.mkdir(mode=0o700)
    shutil.copy(empty_catalogue, settings.data)
    with open_workplace(settings) as place:
        image = photographed(place, tmp_path, seed=91)
    assert cli.main(["outbox", "--json"]) == 1
    assert "SANSVERRE_ARCHIVE_URL" in capsys.readouterr().err
    monkeypatch.setenv("SANSVERRE_ARCHIVE_URL", archive.dicomweb_url)
    monkeypatch.setenv("SANSVERRE_ARCHIVE_ESTABLISHMENT", HERE)
    known = RadiologyArchive(archive.dicomweb_url, HERE)
    with open_workplace(replace(settings, archives=(known,))) as place:
        assert not send_once(place)
        said = []
        for words in ([], ["--missing"], ["--missing"]):
            assert cli.main(["outbox", "--json", *words]) == 0
            said.append(json.loads(capsys.readouterr().out))
        assert [(one["lacking"], one.get("put_in")) for one in said] == [(1, None), (0, 1), (0, 0)]
        all_sent(place)
        assert states(place, image) == [(Sent.OBJECT, OutboxState.READ_BACK)]
    assert kept_of(archive, image).PatientID == "1"
    assert cli.main(["outbox", "--again"]) == 0
    printed = capsys.readouterr().out.split()
    assert printed[printed.index("read-back") + 1] == "1"
