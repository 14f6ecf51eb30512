"""Reports by DICOM's own protocol: dcmtk finds them and is sent them, as they leave today."""

import subprocess
from pathlib import Path

from pydicom import dcmread

from tests.api.dimse.conftest import answering, storescp
from tests.api.dimse.test_moved import move_from
from tests.api.reports.conftest import CDA_OF_ALL, PDF_OF_TWO, Lab
from tests.api.reports.test_documents import document
from tests.orthanc import free_ports

PEERS = """
address = "127.0.0.1:0"
[peers.READER]
establishment = "Hôpital A"
may = ["find", "move"]
[peers.STORE]
establishment = "Hôpital A"
host = "127.0.0.1"
port = {port}
"""


def test_dcmtk_finds_reports_and_is_sent_them(lab: Lab, tmp_path: Path) -> None:
    (store,) = free_ports(1)
    table = tmp_path / "dimse.toml"
    table.write_text(PEERS.format(port=store))
    with answering(lab.settings, table, tmp_path / "log") as (port, _):
        asked = ["-aec", "SANSVERRE", "-S", "-k", "QueryRetrieveLevel=SERIES", "-k", "Modality=DOC"]
        asked += ["-k", f"StudyInstanceUID={lab.pdf.study_instance_uid}", "-k", "SeriesDescription"]
        done = subprocess.run(
            ["/usr/bin/findscu", "-aet", "READER", *asked, "127.0.0.1", str(port)],
            capture_output=True,
            check=True,
        )
        assert b"DOC" in done.stdout + done.stderr
        keys = {
            "QueryRetrieveLevel": "STUDY",
            "StudyInstanceUID": lab.pdf.study_instance_uid,
        }
        with storescp(store, tmp_path, "+xa") as folder:
            status, _ = move_from(port, "STORE", keys)
            assert (status.Status, status.NumberOfCompletedSuboperations) == (0x0000, 3)
            headers = {str(one.SOPInstanceUID): one for one in map(dcmread, folder.iterdir())}
    assert document(headers[str(lab.pdf.sop_instance_uid)]) == PDF_OF_TWO
    assert document(headers[str(lab.cda.sop_instance_uid)]) == CDA_OF_ALL
    assert {one.PatientID for one in headers.values()} == {"77"}
