"""The whole of DIMSE where the catalogue is a PostgreSQL and the objects lie in an S3 store."""

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from api.ingest import Order, ingest
from api.settings import Settings
from api.work import open_workplace
from archive.query import Query
from archive.storage import Storage
from tests.api.dimse.conftest import ACCENTED, PEERS, Served, answering, storescp
from tests.api.dimse.test_stored import photograph, send
from tests.orthanc import free_ports
from tests.samples.slide import small_svs


@pytest.mark.parametrize("settings", ["elsewhere"], indirect=True)
def test_what_is_sent_is_found_and_sent_on(settings: Settings, tmp_path: Path) -> None:
    with open_workplace(settings) as place:
        slide = small_svs(tmp_path / "slide.svs", 600, 400, 240)
        exam = ingest(place, slide, Order("north", ACCENTED, "A1", issuer="LAB")).exam
        found = place.catalog.instances.instances(Query(), establishment="north")
    table, log = tmp_path / "dimse.toml", tmp_path / "log"
    store, nowhere, asks, slow = free_ports(4)
    peers = PEERS.format(store=store, nowhere=nowhere, asks=asks, slow=slow)
    table.write_text(f'address = "127.0.0.1:0"\n{peers}')
    with answering(settings, table, log) as (port, pid), storescp(store, tmp_path, "+xa") as folder:
        served = Served(settings, {"accented": exam}, port, log, store, asks, slow, pid)
        sent = photograph(tmp_path / "photograph.dcm")
        assert send(served, tmp_path / "photograph.dcm").returncode == 0, log.read_text()
        told = served.call(
            "findscu", "-v", "-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName=*heloise*"
        )
        assert told.count("HÉLOÏSE") == 2, told
        issuer = "IssuerOfAccessionNumberSequence[0].LocalNamespaceEntityID=L*"
        asked = ("-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName", "-k", issuer)
        assert served.call("findscu", "-v", "-S", *asked).count("HÉLOÏSE") == 1
        for study in (found[0].study.study_instance_uid, sent.StudyInstanceUID):
            keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={study}")
            moved = served.call("movescu", "-v", "-S", "-aem", "STORE", *keys)
            assert "Received Final Move Response (Success)" in moved, log.read_text()
        files = {str(one.SOPInstanceUID): one for one in map(dcmread, folder.iterdir())}
    storage = Storage.open(settings.objects_url)
    assert files.keys() == {*(one.sop_instance_uid for one in found), sent.SOPInstanceUID}
    for one in found:
        stored = storage.read_range(one.key, 0, one.length_bytes)
        assert files[one.sop_instance_uid].PixelData in stored
    back = files[sent.SOPInstanceUID]
    np.testing.assert_array_equal(back.pixel_array, sent.pixel_array)
