"""An archive that knows no dermoscopy, by STOW-RS: the fallback goes, the refusal is a task."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread

import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset

from api.archives import RadiologyArchive
from api.settings import Settings
from api.why import AS_A_PHOTOGRAPH
from archive.body_site import Side
from archive.capture import Capture, Contact, Dermoscopy, Polarization, View
from archive.identity import PatientIdentity
from archive.record import OutboxState
from archive.telling.forms import DERMOSCOPIC, VL_PHOTOGRAPHIC
from archive.telling.rules import Form
from tests.api.telling.places import HERE, all_sent, at, photographed, told, uid_of
from tests.archive.sessions import FOREARM

SEEN = Capture(
    View.DERMOSCOPY, FOREARM, Side.LEFT, Dermoscopy(Polarization.POLARIZED, Contact.NON_CONTACT)
)


@contextmanager
def without_dermoscopy(failure: int) -> Iterator[tuple[str, dict[str, bytes]]]:
    """A STOW-RS server that refuses one class by that failure, and gives back what it keeps."""
    held: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            data = body[body.index(b"\r\n\r\n") + 4 : body.rindex(b"\r\n--")]
            one = dcmread(BytesIO(data))
            item = {
                "00081150": {"vr": "UI", "Value": [one.SOPClassUID]},
                "00081155": {"vr": "UI", "Value": [one.SOPInstanceUID]},
            }
            if one.SOPClassUID == DERMOSCOPIC:
                item["00081197"] = {"vr": "US", "Value": [failure]}
                self.answer(409, {"00081198": {"vr": "SQ", "Value": [item]}})
                return
            held[str(one.SOPInstanceUID)] = data
            self.answer(200, {"00081199": {"vr": "SQ", "Value": [item]}})

        def do_GET(self) -> None:
            uid = next((one for one in held if one in self.path), None)
            if uid is None:
                self.answer(200, [])
            elif "?" in self.path:
                self.answer(200, [shown(dcmread(BytesIO(held[uid])))])
            else:
                self.send_response(200)
                self.send_header("content-type", "application/dicom")
                self.send_header("content-length", str(len(held[uid])))
                self.end_headers()
                self.wfile.write(held[uid])

        def answer(self, status: int, told: object) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is written."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", held
        finally:
            server.shutdown()
            thread.join()


def shown(one: FileDataset) -> dict[str, object]:
    keywords = ("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "AccessionNumber")
    tags = {"PatientID": "00100020", "StudyInstanceUID": "0020000D"}
    tags |= {"SeriesInstanceUID": "0020000E", "AccessionNumber": "00080050"}
    return {tags[name]: {"vr": "LO", "Value": [str(one[name].value)]} for name in keywords}


@pytest.mark.parametrize("failure", [0x0122, 0xA900])
def test_a_class_that_is_refused_by_stow_goes_as_a_photograph(
    settings: Settings, empty_catalogue: Path, tmp_path: Path, failure: int
) -> None:
    with (
        without_dermoscopy(failure) as (url, held),
        at(settings, empty_catalogue, RadiologyArchive(url, HERE)) as place,
    ):
        image = photographed(place, tmp_path, 951, PatientIdentity("f1", "R", sex="F"), SEEN)
        all_sent(place)
        refused, instead = told(place, image)
    assert (refused.state, refused.reason) == (OutboxState.TASK, AS_A_PHOTOGRAPH)
    assert (instead.form, instead.state) == (Form.PHOTOGRAPH, OutboxState.READ_BACK)
    ((uid, data),) = held.items()
    there = dcmread(BytesIO(data))
    assert (there.SOPClassUID, there.Modality) == (VL_PHOTOGRAPHIC, "XC")
    assert uid == instead.sop_instance_uid != uid_of(image)
    assert there.SourceImageSequence[0].ReferencedSOPInstanceUID == uid_of(image)


def test_an_archive_that_is_not_to_get_it_otherwise_leaves_the_refusal(
    settings: Settings, empty_catalogue: Path, tmp_path: Path
) -> None:
    with without_dermoscopy(0x0122) as (url, held):
        rule = RadiologyArchive(url, HERE, as_photographs=False)
        with at(settings, empty_catalogue, rule) as place:
            image = photographed(place, tmp_path, 952, PatientIdentity("f2", "R", sex="F"), SEEN)
            all_sent(place)
            (refused,) = told(place, image)
    assert refused.state is OutboxState.TASK
    assert held == {}
