"""A real Orthanc as our peer, both ways."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.settings import Settings
from archive.catalog import Catalog
from archive.query import FoundInstance, Query
from tests.api.dimse.conftest import answering
from tests.api.dimse.test_stored import photograph
from tests.orthanc import TITLE, Orthanc, orthanc
from tests.serving import LONG_S, until


@pytest.fixture(scope="module")
def peer(
    archive: tuple[Settings, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Orthanc]:
    """Orthanc, which knows us as `us` and may ask us for everything."""
    folder = tmp_path_factory.mktemp("orthanc")
    with orthanc(folder) as running:
        table = folder / "dimse.toml"
        table.write_text(
            f'address = "127.0.0.1:0"\n[peers.{TITLE}]\nestablishment = "north"\n'
            'may = ["find", "move", "store", "commit"]\nissuer = "registry"\n'
            f'host = "127.0.0.1"\nport = {running.dicom_port}\n'
        )
        with answering(archive[0], table, folder / "log") as (port, _):
            us = {"AET": "SANSVERRE", "Host": "127.0.0.1", "Port": port}
            running.web.put("/modalities/us", content=json.dumps(us)).raise_for_status()
            yield running


def posted(web: httpx.Client, address: str, told: object) -> dict[str, object]:
    answer = web.post(address, content=json.dumps(told), timeout=LONG_S)
    answer.raise_for_status()
    found = answer.json()
    assert isinstance(found, dict)
    return found


def instances(settings: Settings, exam: str) -> list[FoundInstance]:
    with Catalog.open(settings.database_url) as catalog:
        found = catalog.instances.instances(Query(), establishment="north")
    return [one for one in found if one.study.exam_id == exam]


def test_orthanc_finds_and_fetches_a_study(
    peer: Orthanc, archive: tuple[Settings, dict[str, str]]
) -> None:
    settings, exams = archive
    found = posted(
        peer.web,
        "/modalities/us/query",
        {"Level": "Study", "Query": {"PatientName": "*heloise*", "AccessionNumber": "A1"}},
    )
    query = f"/queries/{found['ID']}"
    (study,) = peer.web.get(f"{query}/answers").json()
    fetched = posted(peer.web, f"{query}/answers/{study}/retrieve", {"TargetAet": TITLE})
    assert fetched
    mine = instances(settings, exams["accented"])
    for one in mine:
        (there,) = peer.web.post("/tools/lookup", content=one.sop_instance_uid).json()
        told = peer.web.get(f"/instances/{there['ID']}/simplified-tags").json()
        assert told["PatientName"] == "D'ŒUVRE^HÉLOÏSE"
        syntax = peer.web.get(f"/instances/{there['ID']}/metadata/TransferSyntax").text
        assert syntax == one.described.transfer_syntax_uid


def test_orthanc_sends_and_has_it_committed(
    peer: Orthanc, archive: tuple[Settings, dict[str, str]], tmp_path: Path
) -> None:
    path = tmp_path / "one.dcm"
    one = photograph(path)
    there = peer.web.post("/instances", content=path.read_bytes()).json()["ID"]
    told = posted(
        peer.web,
        "/modalities/us/store",
        {"Resources": [there], "StorageCommitment": True, "Synchronous": True},
    )
    assert (told["InstancesCount"], told["FailedInstancesCount"]) == (1, 0)
    report = f"/storage-commitment/{told['StorageCommitmentTransactionUID']}"
    until(lambda: peer.web.get(report).json()["Status"] == "Success")
    (kept,) = peer.web.get(report).json()["Success"]
    assert kept["SOPInstanceUID"] == one.SOPInstanceUID
