"""TLS with dcmtk's tools: who shows no certificate of the hospital's is not heard."""

import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from api.dimse.table import read_table
from api.dimse.tls import for_callers
from api.errors import BadSettings
from api.settings import Settings
from archive.catalog import Catalog
from archive.query import Query
from tests.api.dimse.conftest import answering, storescp
from tests.api.dimse.test_moved import move_from
from tests.certificates import Pair, digest_of, pair
from tests.orthanc import free_ports


@dataclass(frozen=True)
class Private:
    port: int
    authority: Pair
    theirs: Pair
    others: Pair
    """A colleague's, signed by the same authority."""
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
    others = pair(folder, "others", authority)
    (store_port,) = free_ports(1)
    table = folder / "dimse.toml"
    table.write_text(
        'address = "127.0.0.1:0"\n'
        '[tls]\ncertificate = "ours.pem"\nkey = "ours.key"\nauthorities = "hospital.pem"\n'
        '[peers.READER]\nestablishment = "north"\nmay = ["find", "move"]\n'
        '[peers.STORE]\nestablishment = "north"\nhost = "127.0.0.1"\ntls = true\n'
        f"port = {store_port}\n"
        f'[peers.DIGEST]\nestablishment = "north"\ncertificate = "{digest_of(theirs)}"\n'
        '[peers.NAME]\nestablishment = "north"\ncertificate = "Theirs"\n'
    )
    with answering(archive[0], table, folder / "log") as (port, _):
        yield Private(port, authority, theirs, others, store_port)


def echo(private: Private, *options: str, title: str = "READER") -> int:
    return subprocess.run(
        [
            *("/usr/bin/echoscu", *options, "-aet", title, "-aec", "SANSVERRE", "-to", "600"),
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


@pytest.mark.parametrize("title", ["DIGEST", "NAME"])
def test_a_title_is_believed_by_its_own_certificate(private: Private, title: str) -> None:
    assert echo(private, *shown(private.theirs, private.authority), title=title) == 0
    assert echo(private, *shown(private.others, private.authority), title=title) != 0
    assert echo(private, *shown(private.others, private.authority)) == 0


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
