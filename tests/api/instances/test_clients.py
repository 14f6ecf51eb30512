"""Real clients store here: dicomweb-client, and an Orthanc that passes on what it has."""

import io
from pathlib import Path

import numpy as np
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session
from PIL import Image
from pydicom import dcmread

from api.doors import Doors
from api.policies import Role
from api.settings import Settings, signing_key
from tests.api.dimse.test_stored import DERMOSCOPY, photograph
from tests.api.instances.conftest import Make
from tests.orthanc import orthanc
from tests.samples.dicom_slides import Made
from tests.serving import running


def test_clients_of_others_store_and_read_back(
    settings: Settings, make: Make, tmp_path: Path
) -> None:
    token = Doors(signing_key(settings)).issue(Role.CONTRIBUTOR, "north")
    bearer = {"Authorization": f"Bearer {token}"}
    files = [make("level"), make("small", 150, 100), make("label", 100, 100, Made("LABEL"))]
    sent = [dcmread(file) for file in files]
    environment = {
        "SANSVERRE_DATA": str(settings.data),
        "SANSVERRE_SECRETS": str(settings.secrets),
    }
    kept = tmp_path / "orthanc"
    kept.mkdir()
    with running(environment, workers=1) as server, orthanc(kept) as archive:
        session = create_session()
        session.headers.update(bearer)
        client = DICOMwebClient(f"{server.address}/dicomweb", session=session)
        told = client.store_instances(sent[:1])
        assert [one.ReferencedSOPInstanceUID for one in told.ReferencedSOPSequence] == [
            sent[0].SOPInstanceUID
        ]
        photograph(tmp_path / "lesion.dcm", 40, 60, DERMOSCOPY, "DMS")
        lesion = dcmread(tmp_path / "lesion.dcm")
        lesion.PatientID, lesion.IssuerOfPatientID = "LESION", "registry"
        client.store_instances([lesion])
        (found,) = client.search_for_instances(search_filters={"Modality": "DMS"})
        assert found["00080018"]["Value"] == [lesion.SOPInstanceUID]
        names = lesion.StudyInstanceUID, lesion.SeriesInstanceUID, lesion.SOPInstanceUID
        (stored,) = client.retrieve_instance_frames(*names, [1])
        assert stored == lesion.PixelData
        drawn = client.retrieve_instance_rendered(*names, media_types=("image/png",))
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(drawn))), lesion.pixel_array)
        # Orthanc sends all that it has of the study: what is held already, and what is not.
        for file in files:
            archive.web.post("/instances", content=file.read_bytes()).raise_for_status()
        (study,) = archive.web.get("/studies").json()
        ours = {"Url": f"{server.address}/dicomweb/", "HttpHeaders": bearer}
        archive.web.put("/dicom-web/servers/ours", json=ours).raise_for_status()
        passed = archive.web.post(
            "/dicom-web/servers/ours/stow", json={"Resources": [study], "Synchronous": True}
        )
        assert passed.status_code == 200, (kept / "orthanc.log").read_text()[-2500:]
        series = str(sent[0].StudyInstanceUID), str(sent[0].SeriesInstanceUID)
        back = {str(one.SOPInstanceUID): one for one in client.retrieve_series(*series)}
        assert back.keys() == {str(one.SOPInstanceUID) for one in sent}
        for one in sent:
            # Orthanc writes another table of offsets; the frames are the same, bit for bit.
            frames = client.retrieve_instance_frames(*series, one.SOPInstanceUID, [1])
            assert frames[0].rstrip(b"\0") in one.PixelData
            np.testing.assert_array_equal(
                back[str(one.SOPInstanceUID)].pixel_array, one.pixel_array
            )
