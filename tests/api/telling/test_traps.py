"""What archives were seen to do, one test each: an answer of theirs is never the proof."""

from pathlib import Path

import httpx
import pytest

from api.settings import Settings
from api.why import NOT_SHOWN, SAME_NUMBER
from archive.dicomweb_link import DicomWebLink
from archive.errors import LinkDown
from archive.identity import PatientIdentity
from archive.link import Instance, Named
from archive.record import OutboxState, Sent
from tests.api.telling.places import all_sent, corrected, kept, photographed, states, telling, told
from tests.orthanc import Orthanc

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

    def purged(link: DicomWebLink, instance: Instance) -> None:
        store(link, instance)
        uid = instance.named.sop_instance_uid
        (one,) = archive.web.post("/tools/lookup", content=uid).json()
        answer = archive.web.delete(f"/instances/{one['ID']}")
        assert answer.status_code == httpx.codes.OK

    with telling(settings, empty_catalogue, archive) as place:
        image = photographed(place, tmp_path, 603, PatientIdentity("t3", "R"))
        monkeypatch.setattr(DicomWebLink, "store", purged)
        all_sent(place)
        (one,) = told(place, image)
        assert (one.state, one.reason) == (OutboxState.TASK, NOT_SHOWN)
        # Somebody has seen to it.
        monkeypatch.undo()
        place.catalog.outbox.ask_again(one.id, establishment=None)
        all_sent(place)
        assert states(place, image) == [GOOD]
