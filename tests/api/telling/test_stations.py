"""Archives that speak DICOM's own protocol: what each can promise, and what it refuses."""

import ipaddress
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, build_role, evt
from pynetdicom.events import Event

from api.archives import RadiologyArchive
from api.sending import PROMISES
from api.settings import Settings
from api.why import AS_A_PHOTOGRAPH, NOT_KEPT
from archive.body_site import Side
from archive.capture import Capture, Contact, Dermoscopy, Polarization, View
from archive.dimse_station import Encrypted, Station
from archive.identity import PatientIdentity
from archive.record import OutboxState, Sent
from archive.telling.forms import DERMOSCOPIC, VL_PHOTOGRAPHIC
from archive.telling.rules import Form
from tests.api.telling.places import (
    HERE,
    all_sent,
    at,
    due_now,
    photographed,
    send_once,
    states,
    told,
    uid_of,
)
from tests.archive.sessions import FOREARM
from tests.dermato.archived import errors_of
from tests.orthanc import TITLE, Orthanc, free_ports
from tests.serving import LONG_S

GOOD = (Sent.OBJECT, OutboxState.READ_BACK)
COMMITMENT = "1.2.840.10008.1.20.1"
WITHOUT_DMS = """
[[TransferSyntaxes]]
[All]
TransferSyntax1 = JPEGBaseline
TransferSyntax2 = LittleEndianExplicit
TransferSyntax3 = LittleEndianImplicit
[[PresentationContexts]]
[NoDermoscopy]
PresentationContext1 = VLPhotographicImageStorage\\All
PresentationContext2 = VerificationSOPClass\\All
[[Profiles]]
[Old]
PresentationContexts = NoDermoscopy
"""


def person(number: str) -> PatientIdentity:
    return PatientIdentity(number, "R", "FAUX^Anne", sex="F")


def station(port: int, **more: object) -> RadiologyArchive:
    return RadiologyArchive(None, HERE, station=Station("127.0.0.1", port, TITLE, **more))  # type: ignore[arg-type]


def test_all_of_it_is_done_by_one_archive_without_dicomweb(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    """C-STORE, C-FIND, C-GET: identity and pixels are compared as by DICOMweb."""
    with at(settings, empty_catalogue, station(archive.dicom_port)) as place:
        image = photographed(place, tmp_path, 301, person("s1"))
        all_sent(place)
        assert states(place, image) == [GOOD]
        (one,) = told(place, image)
        assert one.coerced == []


@contextmanager
def storescp(folder: Path) -> Iterator[int]:
    """dcmtk's, which knows no dermoscopy."""
    (port,) = free_ports(1)
    (folder / "old.cfg").write_text(WITHOUT_DMS)
    command = [
        "/usr/bin/storescp",
        "-od",
        str(folder),
        "-xf",
        str(folder / "old.cfg"),
        "Old",
        str(port),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until = time.monotonic() + LONG_S
        while not _answers(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until
        yield port
    finally:
        process.terminate()
        process.wait(LONG_S)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 60).close()
    except ConnectionRefusedError:
        time.sleep(0.05)
        return False
    return True


def test_an_archive_without_dermoscopy_gets_a_photograph_and_somebody_a_task(
    settings: Settings, empty_catalogue: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    used = Dermoscopy(Polarization.POLARIZED, Contact.NON_CONTACT)
    seen = Capture(View.DERMOSCOPY, FOREARM, Side.LEFT, used)
    with (
        storescp(kept) as port,
        at(settings, empty_catalogue, station(port)) as place,
    ):
        image = photographed(place, tmp_path, 302, person("s2"), seen)
        all_sent(place)
        refused, instead = told(place, image)
        assert (refused.state, refused.reason) == (OutboxState.TASK, AS_A_PHOTOGRAPH)
        assert refused.sop_class_uid == DERMOSCOPIC
        # It takes everything and says nothing: that is the best that it can give.
        assert (instead.form, instead.state) == (Form.PHOTOGRAPH, OutboxState.ANSWERED)
        assert not place.catalog.outbox.claim("w", HERE, place.archives[0].rule.name, 60)
    (file,) = kept.glob("*2.25*")
    there = dcmread(file)
    assert (there.SOPClassUID, there.Modality) == (VL_PHOTOGRAPHIC, "XC")
    assert there.SOPInstanceUID == instead.sop_instance_uid != uid_of(image)
    (source,) = there.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == uid_of(image)
    assert source.ReferencedSOPClassUID == DERMOSCOPIC
    assert errors_of(file.read_bytes(), tmp_path) == []


@dataclass
class Promising:
    """An archive that takes all, and promises to keep what it likes."""

    keeps: bool = True
    elsewhere: int | None = None
    """The port of its answers, where it does not give them on the association it is asked by."""
    stored: list[str] = field(default_factory=list)
    ended: list[object] = field(default_factory=list)

    def store(self, event: Event) -> int:
        self.stored.append(str(event.file_meta.MediaStorageSOPInstanceUID))
        return 0x0000

    def commit(self, event: Event) -> tuple[int, None]:
        asked = event.action_information
        told = Dataset()
        told.TransactionUID = asked.TransactionUID
        item = asked.ReferencedSOPSequence[0]
        if not self.keeps:
            item.FailureReason = 0x0112
        setattr(told, "ReferencedSOPSequence" if self.keeps else "FailedSOPSequence", [item])
        event.assoc.told = told  # type: ignore[attr-defined]
        if self.elsewhere is not None:
            self.answer(told)
        return 0x0000, None

    def answer(self, told: Dataset) -> None:
        ae = AE(TITLE)
        ae.add_requested_context(COMMITMENT)
        roles = [build_role(COMMITMENT, scp_role=True)]
        assert self.elsewhere is not None
        call = ae.associate("127.0.0.1", self.elsewhere, ae_title="SANSVERRE", ext_neg=roles)  # type: ignore[arg-type]
        assert call.is_established
        report = (told, 1 if self.keeps else 2, COMMITMENT, f"{COMMITMENT}.1")
        call.send_n_event_report(*report)
        call.release()


@contextmanager
def promising(archive: Promising, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    (port,) = free_ports(1)
    ae = AE(TITLE)
    for context in AllStoragePresentationContexts:
        ae.add_supported_context(str(context.abstract_syntax), "1.2.840.10008.1.2.4.50")
    ae.add_supported_context(COMMITMENT)
    ae.add_supported_context("1.2.840.10008.1.1")
    handlers = [(evt.EVT_C_STORE, archive.store), (evt.EVT_N_ACTION, archive.commit)]
    here = ("127.0.0.1", port)
    ae.start_server(here, block=False, evt_handlers=handlers, ssl_context=tls)  # type: ignore[arg-type]
    try:
        yield port
    finally:
        ae.shutdown()


@pytest.mark.parametrize("keeps", [True, False])
def test_a_promise_is_the_grade_of_an_archive_that_gives_nothing_back(
    settings: Settings, empty_catalogue: Path, tmp_path: Path, keeps: bool
) -> None:
    """Told on an association of its own; what is not kept is sent again, and then a task."""
    (listens,) = free_ports(1)
    other = Promising(keeps, listens)
    with promising(other) as port:
        rule = station(port, commits=True, listens=("127.0.0.1", listens))
        with at(settings, empty_catalogue, rule) as place:
            image = photographed(place, tmp_path, 303, person("s3"))
            for _ in range(PROMISES):
                all_sent(place)
                due_now(place)
            (one,) = told(place, image)
            if keeps:
                assert (one.state, one.reason) == (OutboxState.COMMITTED, None)
                assert other.stored == [uid_of(image)]
            else:
                assert (one.state, one.reason) == (OutboxState.TASK, NOT_KEPT)
                assert other.stored == [uid_of(image)] * PROMISES


def test_an_archive_that_is_down_keeps_no_other_from_its_turn(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    (nobody,) = free_ports(1)
    down = RadiologyArchive(f"http://127.0.0.1:{nobody}/dicom-web", HERE, name="down")
    up = replace(station(archive.dicom_port), name="up")
    with at(settings, empty_catalogue, down, up) as place:
        image = photographed(place, tmp_path, 304, person("s4"))
        assert send_once(place)
        found = {one.remote: (one.state, one.attempt) for one in told(place, image)}
    assert found == {"down": (OutboxState.WAITING, 1), "up": (OutboxState.READ_BACK, 1)}


def test_a_station_is_called_over_tls_and_its_certificate_is_looked_at(
    settings: Settings, empty_catalogue: Path, tmp_path: Path
) -> None:
    certificate, key = certified(tmp_path)
    other = Promising()
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(certificate, key)
    with promising(other, own) as port:
        trusts = station(port, tls=Encrypted(certificate))
        with at(settings, empty_catalogue, trusts) as place:
            image = photographed(place, tmp_path, 305, person("s5"))
            all_sent(place)
            assert [one.state for one in told(place, image)] == [OutboxState.ANSWERED]
    assert other.stored == [uid_of(image)]


def certified(folder: Path) -> tuple[Path, Path]:
    """A certificate of this machine that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths
