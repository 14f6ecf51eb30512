"""What archives were seen to do, one test each: an answer of theirs is never the proof."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from pydicom import dcmread
from pydicom.uid import UID

from api.archives import RadiologyArchive
from api.instances.acceptance import Acceptance, Sender
from api.sending import PROMISES
from api.settings import Settings
from api.why import NOT_CERTAIN, NOT_COMPARED, NOT_SHOWN, OTHER_PIXELS, SAME_NUMBER
from archive.dicomweb_link import DicomWebLink
from archive.errors import LinkDown
from archive.identity import PatientIdentity
from archive.link import Instance, Named
from archive.outbox import look_again
from archive.query import Query
from archive.record import ObjectRole, OutboxState, Sent
from tests.api.conftest import reading
from tests.api.instances.conftest import picture
from tests.api.telling.places import (
    HERE,
    all_sent,
    at,
    corrected,
    due_now,
    kept,
    photographed,
    states,
    telling,
    told,
    uid_of,
)
from tests.orthanc import Orthanc, free_ports
from tests.samples.dicom_slides import write_instance

GOOD = (Sent.OBJECT, OutboxState.READ_BACK)


def test_two_patients_of_one_number_are_never_one_there(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    """The issuer is ignored: the second one's images stay here until the number is put right."""
    one = PatientIdentity("t1", "R", "FAUX^Anne", sex="F")
    namesake = PatientIdentity("t1", "CITY", "AUTRE^Jean", sex="M")
    with telling(settings, empty_catalogue, archive) as place:
        first = photographed(place, tmp_path, 601, one)
        all_sent(place)
        second = photographed(place, tmp_path, 602, namesake, order="A2")
        all_sent(place)
        assert states(place, first) == [GOOD]
        (task,) = told(place, second)
        assert (task.state, task.reason) == (OutboxState.TASK, SAME_NUMBER)
        assert kept(archive, task.sop_instance_uid) == []
        corrected(place, namesake, PatientIdentity("t2", "CITY", "AUTRE^Jean", sex="M"))
        all_sent(place)
        assert states(place, second) == [GOOD]
    (there,) = kept(archive, task.sop_instance_uid)
    assert there["PatientID"] == "t2"


def test_a_body_that_was_cut_is_answered_200_and_nothing_is_stored(
    archive: Orthanc, tmp_path: Path
) -> None:
    """Measured of Orthanc: what its answer does not name as stored is not."""
    link = DicomWebLink(archive.dicomweb_url)
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(b"\0" * 128 + b"DICM")
    named = Named("2.25.1", "1.2.840.10008.5.1.4.1.1.77.1.4", "2.25.601")
    with link, pytest.raises(LinkDown):
        link.store(Instance(named, cut))
    assert kept(archive, named.sop_instance_uid) == []


def test_what_was_taken_and_is_gone_is_a_task(
    settings: Settings,
    empty_catalogue: Path,
    archive: Orthanc,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An archive that deletes what it was sent (a duplicate, a purge) has said that it took it."""
    store = DicomWebLink.store

    def purged(link: DicomWebLink, instance: Instance, *_: object) -> None:
        store(link, instance)
        uid = instance.named.sop_instance_uid
        (one,) = archive.web.post("/tools/lookup", content=uid).json()
        answer = archive.web.delete(f"/instances/{one['ID']}")
        assert answer.status_code == httpx.codes.OK

    with telling(settings, empty_catalogue, archive) as place:
        image = photographed(place, tmp_path, 603, PatientIdentity("t3", "R"))
        monkeypatch.setattr(DicomWebLink, "store", purged)
        for _ in range(PROMISES - 1):
            all_sent(place)
            (one,) = told(place, image)
            # Many show what they took a while later.
            assert (one.state, one.reason) == (OutboxState.WAITING, NOT_CERTAIN)
            due_now(place)
        all_sent(place)
        (one,) = told(place, image)
        assert (one.state, one.reason) == (OutboxState.TASK, NOT_SHOWN)
        # Somebody has seen to it.
        monkeypatch.undo()
        place.catalog.outbox.ask_again(one.id, establishment=None)
        all_sent(place)
        assert states(place, image) == [GOOD]


def test_after_an_outage_an_archive_may_take_its_time_too(
    settings: Settings,
    empty_catalogue: Path,
    archive: Orthanc,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That it was down often is not that it said often that it shows nothing."""
    with telling(settings, empty_catalogue, archive) as place:
        image = photographed(place, tmp_path, 694, PatientIdentity("t94", "R"))
        link, shown = place.archives[0].link, DicomWebLink.shown
        assert isinstance(link, DicomWebLink)
        right, link._url = link._url, f"{link._url}/nowhere"
        for _ in range(PROMISES + 1):
            all_sent(place)
            due_now(place)
        link._url = right
        monkeypatch.setattr(DicomWebLink, "shown", lambda *_: None)
        all_sent(place)
        (one,) = told(place, image)
        assert (one.state, one.reason) == (OutboxState.WAITING, NOT_CERTAIN)
        monkeypatch.setattr(DicomWebLink, "shown", shown)
        due_now(place)
        all_sent(place)
        assert states(place, image) == [GOOD]


def test_of_a_batch_that_is_refused_the_good_part_is_stored(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    """Measured of Orthanc. So each instance goes alone, and what is there already is no failure."""
    with telling(settings, empty_catalogue, archive) as place:
        image = photographed(place, tmp_path, 604, PatientIdentity("t4", "R"))
        (one,) = image.objects_as(ObjectRole.PHOTO)
        parts = [place.storage.read_range(one.key, 0, one.length_bytes), b"no instance"]
        head = b"--b\r\nContent-Type: application/dicom\r\n\r\n"
        answer = archive.web.post(
            "/dicom-web/studies",
            content=b"\r\n".join(head + part for part in parts) + b"\r\n--b--\r\n",
            headers={"content-type": 'multipart/related; type="application/dicom"; boundary=b'},
        )
        assert answer.status_code == httpx.codes.BAD_REQUEST
        assert len(kept(archive, uid_of(image))) == 1
        all_sent(place)
        assert states(place, image) == [GOOD]
    assert len(kept(archive, uid_of(image))) == 1


def test_a_byte_that_changed_on_its_disk_is_given_back_as_if_nothing_were(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    """Measured of Orthanc. Pixels are compared, whatever it answers."""
    with telling(settings, empty_catalogue, archive) as place:
        image = photographed(place, tmp_path, 605, PatientIdentity("t5", "R"))
        all_sent(place)
        assert states(place, image) == [GOOD]
        (found,) = archive.web.post("/tools/lookup", content=uid_of(image)).json()
        data = archive.web.get(f"/instances/{found['ID']}/file").content
        (file,) = (
            one for one in archive.folder.rglob("*") if one.is_file() and one.read_bytes() == data
        )
        changed = bytearray(data)
        changed[-200] ^= 0x10
        file.write_bytes(changed)
        answer = archive.web.get(f"/instances/{found['ID']}/file")
        assert (answer.status_code, answer.content) == (httpx.codes.OK, bytes(changed))
        with place.catalog._database.write() as connection:
            look_again(connection, image.exam_id)
        all_sent(place)
        (one,) = told(place, image)
    assert one.state is OutboxState.TASK
    assert one.reason in {OTHER_PIXELS, NOT_COMPARED}


def test_a_uid_that_is_a_path_is_taken_there_and_refused_here(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    file = write_instance(tmp_path / "odd.dcm", picture(64, 64))
    header, odd, even = dcmread(file), "../../../etc/passwd", UID("2.25.12345678901234")
    header.SOPInstanceUID = header.file_meta.MediaStorageSOPInstanceUID = even
    header.PatientID, header.PatientName = "t6", "FAUX^Anne"
    header.save_as(file)
    file.write_bytes(file.read_bytes().replace(even.encode(), odd.encode()))
    assert archive.web.post("/instances", content=file.read_bytes()).status_code == httpx.codes.OK
    assert len(kept(archive, odd)) == 1
    with telling(settings, empty_catalogue, archive) as place:
        taking = Acceptance(place.catalog, place.storage, settings.data)
        refused = taking.take(file, Sender(HERE))
        taking.close()
        assert refused.failure is not None
        assert place.catalog.instances.instances(Query(), establishment=HERE) == []


def test_a_name_is_found_without_its_accents_here_and_not_there(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    asked = "legall^heloise*"
    with telling(settings, empty_catalogue, archive) as place:
        photographed(place, tmp_path, 607, PatientIdentity("t7", "R", "LEGALL^Héloïse"))
        all_sent(place)
        there = [
            archive.web.post(
                "/tools/find", json={"Level": "Patient", "Query": {"PatientName": name}}
            ).json()
            for name in ("legall^h*", asked)
        ]
        assert [len(one) for one in there] == [1, 0]
        (here,) = place.catalog.instances.studies(Query({"PatientName": asked}), establishment=HERE)
    assert here.patient is not None
    assert here.patient.patient_id == "t7"


@contextmanager
def answering(status: int) -> Iterator[str]:
    """An archive whose disk is full, or whose database is away."""

    class Handler(BaseHTTPRequestHandler):
        def tell(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST = tell  # noqa: N815 - as the library calls them

        def log_message(self, *_: object) -> None:
            """Nothing is written."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("status", [500, 503, 507])
def test_an_archive_whose_disk_is_full_is_tried_again(tmp_path: Path, status: int) -> None:
    file = tmp_path / "a.dcm"
    file.write_bytes(b"\0" * 132)
    named = Named("2.25.1", "1.2.840.10008.5.1.4.1.1.77.1.4", "2.25.608")
    with answering(status) as url, DicomWebLink(url) as link:
        with pytest.raises(LinkDown):
            link.store(Instance(named, file))
        with pytest.raises(LinkDown):
            link.shown(named)


def test_nothing_that_is_shown_here_is_read_from_an_archive(
    settings: Settings, empty_catalogue: Path, tmp_path: Path
) -> None:
    """One takes seconds for a frame of a gigabyte, and gives none beyond two: this one is away."""
    (nobody,) = free_ports(1)
    known = RadiologyArchive(f"http://127.0.0.1:{nobody}", HERE)
    with at(settings, empty_catalogue, known) as place:
        image = photographed(place, tmp_path, 609, PatientIdentity("t9", "R"))
    with reading(settings, HERE) as web:
        assert web.get(f"/images/{image.id}/thumbnail").content[:2] == b"\xff\xd8"
    # What a slide must not exceed to be sent at all, where a site insists.
    assert known.largest_bytes <= 1 << 30
