"""Slides stay here: archives get a small picture that says so, and registries a manifest."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import zxingcpp
from PIL import Image as Picture
from pydicom import dcmread
from pydicom.dataset import Dataset

from api.archives import RadiologyArchive
from api.ingest import Order, ingest
from api.moving import move_once
from api.settings import Settings
from api.why import TOO_LARGE
from archive.identity import PatientIdentity
from archive.move import Author, Destination
from archive.record import ObjectRole, OutboxState
from archive.telling.forms import SECONDARY_CAPTURE
from archive.telling.rules import Corrections, Form, Takes
from tests.api.telling.places import HERE, all_sent, at, corrected, due_now, photographed, told
from tests.dermato.archived import errors_of
from tests.orthanc import Orthanc
from tests.samples.slide import small_svs
from tiles.decoded import pixels_of

ZOE = PatientIdentity("z1", "R", "JUSTE^Zoé", sex="F")
WHERE = "https://slides.example.org"


def given_by(archive: Orthanc, uid: str, folder: Path) -> tuple[Dataset, Path]:
    (one,) = archive.web.post("/tools/lookup", content=uid).json()
    path = folder / f"{uid}.dcm"
    path.write_bytes(archive.web.get(f"/instances/{one['ID']}/file").content)
    return dcmread(path), path


@dataclass
class Registry:
    """A FHIR server: what it keeps, and what it answers first."""

    answers: list[int]
    kept: dict[str, dict[str, Any]] = field(default_factory=dict)

    @contextmanager
    def serving(self) -> Iterator[str]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                data = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status = registry.answers.pop(0) if registry.answers else 201
                if status == 201:
                    registry.kept[self.path] = data
                self.answer(status, {})

            def do_GET(self) -> None:
                self.answer(200, registry.kept[self.path])

            def answer(self, status: int, data: dict[str, Any]) -> None:
                body = json.dumps(data).encode()
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
                yield f"http://127.0.0.1:{server.server_port}/fhir"
            finally:
                server.shutdown()
                thread.join()


def test_a_registry_is_given_the_address_and_told_when_nothing_is_there(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    """It is down at first: neither the manifest nor the address is done before both are."""
    registry, right = Registry([503]), PatientIdentity("z3", "R", "JUSTE^Zoé", sex="F")
    with registry.serving() as url:
        rule = RadiologyArchive(
            archive.dicomweb_url, HERE, takes=frozenset({Takes.MANIFESTS}), fhir_url=url
        )
        with at(replace(settings, public_url=WHERE), empty_catalogue, rule) as place:
            image = photographed(place, tmp_path, 701, replace(ZOE, patient_id="z2"))
            all_sent(place)
            assert [one.state for one in told(place, image)] == [OutboxState.WAITING]
            due_now(place)
            all_sent(place)
            assert [one.state for one in told(place, image)] == [OutboxState.READ_BACK]
            who = Author("subject")
            place.catalog.moves.ask([image.id], Destination(right), who, establishment=HERE)
            assert move_once(place)
            all_sent(place)
            moved = place.catalog.image(image.id, establishment=HERE)
    before, after = (registry.kept[f"/fhir/Endpoint/{one.exam_id}"] for one in (image, moved))
    assert (before["status"], after["status"]) == ("off", "active")
    assert after["address"] == f"{WHERE}/exam/{moved.exam_id}"
    assert after["connectionType"]["code"] == "ihe-iid"
    assert "JUSTE" not in json.dumps(registry.kept)


def test_a_slide_is_told_of_by_a_picture_with_its_address_and_by_a_manifest(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    takes = frozenset({Takes.THUMBNAILS, Takes.MANIFESTS, Takes.SLIDES})
    rule = RadiologyArchive(archive.dicomweb_url, HERE, takes=takes, largest_bytes=1000)
    with at(replace(settings, public_url=WHERE), empty_catalogue, rule) as place:
        slide = small_svs(tmp_path / "a.svs", 600, 400, 240, seed=5)
        taken = ingest(place, slide, Order(HERE, ZOE, "Z1"))
        all_sent(place)
        image = place.catalog.image(taken.image, establishment=HERE)
        by_form = {one.form: one for one in told(place, image)}
    states = {form: one.state for form, one in by_form.items()}
    assert states == {
        Form.AS_IT_IS: OutboxState.TASK,
        Form.THUMBNAIL: OutboxState.READ_BACK,
        Form.MANIFEST: OutboxState.READ_BACK,
    }
    assert by_form[Form.AS_IT_IS].reason == TOO_LARGE

    small, path = given_by(archive, by_form[Form.THUMBNAIL].sop_instance_uid, tmp_path)
    address = f"{WHERE}/view/{image.id}"
    assert (small.SOPClassUID, small.PatientID) == (SECONDARY_CAPTURE, "z1")
    assert small.AccessionNumber == "Z1"
    assert address in small.ImageComments
    (pixels,) = pixels_of(path)
    assert [one.text for one in zxingcpp.read_barcodes(np.ascontiguousarray(pixels))] == [address]
    (kept,) = image.objects_as(ObjectRole.PREVIEW)
    preview = Picture.open(io.BytesIO(place.storage.read_range(kept.key, 0, kept.length_bytes)))
    left = (pixels.shape[1] - preview.width) // 2
    shown = pixels[: preview.height, left : left + preview.width].astype(int)
    assert np.abs(shown - np.asarray(preview.convert("RGB"))).mean() < 4
    assert errors_of(path.read_bytes(), tmp_path) == []

    manifest, path = given_by(archive, by_form[Form.MANIFEST].sop_instance_uid, tmp_path)
    assert manifest.ConceptNameCodeSequence[0].CodeValue == "113030"
    named = {
        one.ReferencedSOPInstanceUID
        for study in manifest.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    ours = {
        one.sop_instance_uid
        for one in image.objects
        if one.sop_instance_uid and one.role is not ObjectRole.LABEL
    }
    assert named == ours
    assert errors_of(path.read_bytes(), tmp_path) == []


def test_where_a_site_insists_slides_go_whole(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    rule = RadiologyArchive(archive.dicomweb_url, HERE, takes=frozenset({Takes.SLIDES}))
    with at(settings, empty_catalogue, rule) as place:
        slide = small_svs(tmp_path / "a.svs", 600, 400, 240, seed=6)
        taken = ingest(place, slide, Order(HERE, replace(ZOE, patient_id="z4"), "Z4"))
        all_sent(place)
        image = place.catalog.image(taken.image, establishment=HERE)
        levels = {one.sop_instance_uid for one in image.objects_as(ObjectRole.LEVEL)}
        found = {one.sop_instance_uid: one.state for one in told(place, image)}
    assert found == dict.fromkeys(levels, OutboxState.READ_BACK)


def test_a_manifest_that_is_told_anew_names_the_instances_as_they_are_here(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    """It lies in a study of its own after a correction by rejection; what it names does not."""
    before = replace(ZOE, patient_id="z6")
    rule = RadiologyArchive(
        archive.dicomweb_url,
        HERE,
        str(archive.web.base_url),
        corrections=Corrections.REINCARNATION,
        takes=frozenset({Takes.MANIFESTS}),
    )
    with at(replace(settings, public_url=WHERE), empty_catalogue, rule) as place:
        image = photographed(place, tmp_path, 706, before, order="Z6")
        all_sent(place)
        corrected(place, before, replace(before, patient_id="z7"))
        all_sent(place)
        *_, last = told(place, image)
        here = place.catalog.exam(image.exam_id, establishment=HERE).study_instance_uid
    assert (last.incarnation, last.state) == (1, OutboxState.READ_BACK)
    manifest, _ = given_by(archive, last.sop_instance_uid, tmp_path)
    (study,) = manifest.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    assert (study.StudyInstanceUID, manifest.PatientID) == (here, "z7")
    assert series.RetrieveURL == f"{WHERE}/dicomweb/studies/{here}"
    assert manifest.StudyInstanceUID != here
