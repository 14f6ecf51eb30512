"""TLS with dcmtk's tools: who shows no certificate of the hospital's is not heard."""

import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from api.dimse.table import read_table
from api.dimse.tls import for_callers
from api.errors import BadSettings
from api.settings import Settings
from archive.catalog import Catalog
from archive.query import Query
from tests.api.dimse.conftest import answering, storescp
from tests.api.dimse.test_moved import move_from
from tests.orthanc import free_ports


@dataclass(frozen=True)
class Pair:
    certificate: Path
    key: Path


def pair(folder: Path, name: str, authority: Pair | None = None) -> Pair:
    """A certificate for this machine, by an authority or as one."""
    made = Pair(folder / f"{name}.pem", folder / f"{name}.key")
    key = rsa.generate_private_key(65537, 2048)
    subject = issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signing = key
    if authority is not None:
        issuer = x509.load_pem_x509_certificate(authority.certificate.read_bytes()).subject
        found = load_pem_private_key(authority.key.read_bytes(), None)
        assert isinstance(found, rsa.RSAPrivateKey)
        signing = found
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=9))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(signing, hashes.SHA256())
    )
    made.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    made.key.write_bytes(pem)
    made.key.chmod(0o600)
    return made


@dataclass(frozen=True)
class Private:
    port: int
    authority: Pair
    theirs: Pair
    store_port: int


@pytest.fixture(scope="module")
def private(
    archive: tuple[Settings, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Private]:
    """A process that speaks TLS alone, with those whose certificates the hospital signed."""
    folder = tmp_path_factory.mktemp("private")
    authority = pair(folder, "hospital")
    pair(folder, "ours", authority)
    theirs = pair(folder, "theirs", authority)
    (store_port,) = free_ports(1)
    table = folder / "dimse.toml"
    table.write_text(
        'address = "127.0.0.1:0"\n'
        '[tls]\ncertificate = "ours.pem"\nkey = "ours.key"\nauthorities = "hospital.pem"\n'
        '[peers.READER]\nestablishment = "north"\nmay = ["find", "move"]\n'
        '[peers.STORE]\nestablishment = "north"\nhost = "127.0.0.1"\ntls = true\n'
        f"port = {store_port}\n"
    )
    with answering(archive[0], table, folder / "log") as (port, _):
        yield Private(port, authority, theirs, store_port)


def echo(private: Private, *options: str) -> int:
    return subprocess.run(
        [
            *("/usr/bin/echoscu", *options, "-aet", "READER", "-aec", "SANSVERRE", "-to", "600"),
            *("127.0.0.1", str(private.port)),
        ],
        capture_output=True,
        timeout=600,
        check=False,
    ).returncode


def shown(one: Pair, authority: Pair) -> list[str]:
    return ["+tls", str(one.key), str(one.certificate), "+cf", str(authority.certificate)]


def test_only_whom_the_hospital_knows_is_heard(private: Private, tmp_path: Path) -> None:
    stranger = pair(tmp_path, "stranger")
    assert echo(private, *shown(private.theirs, private.authority)) == 0
    assert echo(private) != 0
    assert echo(private, "+tla", "+cf", str(private.authority.certificate)) != 0
    assert echo(private, *shown(stranger, private.authority)) != 0
    assert echo(private, *shown(private.theirs, private.authority)) == 0


def test_what_is_moved_goes_over_tls(
    private: Private, archive: tuple[Settings, dict[str, str]], tmp_path: Path
) -> None:
    settings, exams = archive
    with Catalog.open(settings.database_url) as catalog:
        found = catalog.instances.instances(Query(), establishment="north")
    mine = [one for one in found if one.study.exam_id == exams["accented"]]
    tls = ssl.create_default_context(cafile=private.authority.certificate)
    tls.load_cert_chain(private.theirs.certificate, private.theirs.key)
    options = shown(private.theirs, private.authority)
    names = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": mine[0].study.study_instance_uid}
    with storescp(private.store_port, tmp_path, "+xa", *options, speaks=options) as received:
        status, _ = move_from(private.port, "STORE", names, tls=(tls, "127.0.0.1"))
        assert status.Status == 0x0000
        assert len(list(received.iterdir())) == len(mine)


def test_a_key_that_others_read_is_not_served_with(tmp_path: Path) -> None:
    one = pair(tmp_path, "one")
    table = tmp_path / "dimse.toml"
    table.write_text(
        '[tls]\ncertificate = "one.pem"\nkey = "one.key"\n[peers.ONE]\nestablishment = "north"\n'
    )
    assert for_callers(read_table(table)) is not None
    one.key.chmod(0o644)
    with pytest.raises(BadSettings, match="chmod"):
        for_callers(read_table(table))
    one.key.write_text("none")
    with pytest.raises(BadSettings, match="no certificate"):
        for_callers(read_table(table))
