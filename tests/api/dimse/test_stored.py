"""C-STORE from dcmtk's senders: on disk as it comes, kept or refused with the reason."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread, dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu_primitives import P_DATA

from archive.catalog import Catalog
from archive.modules import file_meta
from archive.query import FoundInstance, Query
from archive.storage import Storage
from tests.api.dimse.conftest import ACCENTED, Served, storescp
from tests.api.dimse.test_moved import counts, move_from
from tests.serving import LONG_S, until

PHOTOGRAPHY = "1.2.840.10008.5.1.4.1.1.77.1.4"
DERMOSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.7"


def photograph(
    path: Path, rows: int = 32, columns: int = 48, kind: str = PHOTOGRAPHY, modality: str = "XC"
) -> Dataset:
    """A photograph as a dermatoscope writes it, of the accented patient."""
    uid = generate_uid()
    one = Dataset()
    one.file_meta = file_meta(kind, uid, ExplicitVRLittleEndian)
    one.SpecificCharacterSet = "ISO_IR 192"
    one.SOPClassUID, one.SOPInstanceUID = kind, uid
    one.StudyInstanceUID, one.SeriesInstanceUID = generate_uid(), generate_uid()
    one.PatientName, one.PatientID = ACCENTED.name, ACCENTED.patient_id
    one.PatientBirthDate, one.PatientSex = "19700101", "F"
    one.StudyDate, one.StudyTime, one.AccessionNumber = "20260102", "101112", ""
    one.Modality, one.SeriesNumber, one.InstanceNumber = modality, 1, 1
    one.ImageType = ["ORIGINAL", "PRIMARY"]
    one.SamplesPerPixel, one.PhotometricInterpretation, one.PlanarConfiguration = 3, "RGB", 0
    one.Rows, one.Columns = rows, columns
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 8, 8, 7, 0
    pixels = np.random.default_rng(rows).integers(0, 255, (rows, columns, 3), np.uint8)
    one.PixelData = pixels.tobytes()
    one["PixelData"].VR = "OB"
    dcmwrite(path, one, enforce_file_format=True)
    return one


def send(served: Served, *files: Path, title: str = "SCANNER") -> subprocess.CompletedProcess[str]:
    where = ["-aet", title, "-aec", "SANSVERRE", "127.0.0.1", str(served.port)]
    return subprocess.run(
        ["/usr/bin/dcmsend", "-v", *where, *map(str, files)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONG_S,
        check=False,
    )


def held(served: Served, uid: str) -> list[FoundInstance]:
    with Catalog.open(served.settings.database_url) as catalog:
        return catalog.instances.instances(Query({"SOPInstanceUID": uid}), establishment="north")


def left(served: Served) -> list[Path]:
    """Files that were being received; a folder may go while they are looked for."""
    everything = os.walk(served.settings.data / "scratch")
    return [Path(at, name) for at, _, names in everything for name in names if ".dcm" in name]


def test_dcmsend_sends_several_and_they_are_kept_as_they_were(
    served: Served, tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.dcm" for number in range(3)]
    sent = [photograph(file, 30 + number) for number, file in enumerate(files)]
    done = send(served, *files)
    assert done.returncode == 0, done.stdout
    storage = Storage.open(served.settings.objects_url)
    for one in sent:
        (found,) = held(served, one.SOPInstanceUID)
        assert found.study.study_instance_uid == one.StudyInstanceUID
        assert found.study.patient == replace(ACCENTED)
        assert one.PixelData in storage.read_range(found.key, 0, found.length_bytes)
    until(lambda: left(served) == [])
    again = send(served, files[0])
    assert again.returncode == 0, again.stdout
    assert len(held(served, sent[0].SOPInstanceUID)) == 1


def test_another_of_the_same_name_is_refused_with_its_reason(
    served: Served, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.dcm", tmp_path / "second.dcm"
    one = photograph(first)
    assert send(served, first).returncode == 0
    other = photograph(second, 33)
    other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
    dcmwrite(second, other, enforce_file_format=True)
    told = send(served, second).stdout
    assert "0x111" in told, told
    (found,) = held(served, one.SOPInstanceUID)
    assert found.described.rows == one.Rows


def test_who_may_not_send_does_not(served: Served, tmp_path: Path) -> None:
    one = photograph(tmp_path / "one.dcm")
    told = send(served, tmp_path / "one.dcm", title="READER").stdout
    assert "NOT sent to the peer   : 1" in told
    assert held(served, one.SOPInstanceUID) == []


@contextmanager
def sending(served: Served) -> Iterator[Association]:
    entity = AE("SCANNER")
    entity.add_requested_context(UID(PHOTOGRAPHY), ExplicitVRLittleEndian)
    association = entity.associate("127.0.0.1", served.port, ae_title="SANSVERRE")
    assert association.is_established
    try:
        yield association
    finally:
        association.abort()


def begin(association: Association, data_bytes: int) -> None:
    """The beginning of a message, and no end to it."""
    request = C_STORE()
    request.MessageID, request.Priority = 1, 0
    request.AffectedSOPClassUID = UID(PHOTOGRAPHY)
    request.AffectedSOPInstanceUID = generate_uid()
    message = C_STORE_RQ()
    message.primitive_to_message(request)
    message.command_set.CommandDataSetType = 0x0001
    (context,) = association.accepted_contexts
    for part in message.encode_msg(int(context.context_id or 0), 16384):
        association.dul.send_pdu(part)
    for _ in range(0, data_bytes, 16000):
        more = P_DATA()
        more.presentation_data_value_list.append(
            (int(context.context_id or 0), b"\0" + bytes(16000))
        )
        association.dul.send_pdu(more)


def test_a_sender_that_is_killed_leaves_nothing(served: Served) -> None:
    with sending(served) as association:
        begin(association, 64000)
        until(lambda: left(served) != [])
        line = association.dul.socket
        assert line is not None
        assert line.socket is not None
        with line.socket as connection:
            connection.shutdown(socket.SHUT_RDWR)
            until(lambda: left(served) == [])
    assert "Success" in served.call("echoscu", "-v", title="ECHOES")


def test_what_is_not_as_announced_is_refused(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "one.dcm"
    one = photograph(path)
    with sending(served) as association:
        other = dcmread(path)
        request = generate_uid()
        status = association.send_c_store(other, originator_aet=None, msg_id=7)
        assert status.Status == 0x0000
        assert len(held(served, one.SOPInstanceUID)) == 1
        damaged = dcmread(path)
        damaged.SOPInstanceUID = damaged.file_meta.MediaStorageSOPInstanceUID = request
        damaged.PixelData = damaged.PixelData[:99]
        status = association.send_c_store(damaged)
    assert status.Status >= 0xA700
    assert status.ErrorComment
    assert held(served, request) == []


def peak_bytes(pid: int) -> int:
    """The most memory that a process has used."""
    (line,) = re.findall(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(line) << 10


def test_a_hundred_megabytes_come_and_go_without_being_held(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "large.dcm"
    one = photograph(path, 6000, 6000)
    assert path.stat().st_size > 100 << 20
    before = peak_bytes(served.pid)
    done = send(served, path)
    assert done.returncode == 0, done.stdout
    (found,) = held(served, one.SOPInstanceUID)
    assert found.length_bytes >= len(one.PixelData)
    with storescp(served.store_port, tmp_path) as received:
        study = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": one.StudyInstanceUID}
        status, _ = move_from(served.port, "STORE", study)
        assert status.Status == 0x0000
        (back,) = received.iterdir()
        assert one.PixelData in back.read_bytes()
    assert peak_bytes(served.pid) - before < len(one.PixelData) / 2


def test_a_covered_photograph_is_opened_by_people_alone(served: Served, tmp_path: Path) -> None:
    one = photograph(tmp_path / "one.dcm")
    assert send(served, tmp_path / "one.dcm").returncode == 0
    (found,) = held(served, one.SOPInstanceUID)
    with Catalog.open(served.settings.database_url) as catalog:
        catalog.attach(found.image_id, facts={"covered": "intimate"})
    study = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": one.StudyInstanceUID}
    with storescp(served.store_port, tmp_path) as received:
        status, failed = move_from(served.port, "STORE", study)
        assert list(received.iterdir()) == []
    assert (status.Status, counts(status)) == (0xA702, (0, 1, 0))
    assert failed is not None
    assert failed.FailedSOPInstanceUIDList == one.SOPInstanceUID
