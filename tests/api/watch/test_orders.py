"""Whose an arrival is: by a file beside it, or by its label."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

from api.ingest import Order, receive
from api.watch.memory import Memory
from api.watch.report import report_of
from api.watch.watcher import Watcher
from api.work import Workplace
from archive.identity import PatientIdentity
from tests.api.watch.conftest import (
    NORTH,
    SETTLED_S,
    exams,
    images,
    keep,
    told,
    watch,
)
from tests.samples.slide import small_svs


def test_a_sidecar_says_whose_it_is(
    watcher: Watcher, place: Workplace, folder: Path, slide: Path
) -> None:
    said = {"patient_id": "4711", "issuer_of_patient_id": "HOSPITAL", "patient_name": "A^B"}
    said |= {"birth_date": "1970-01-31", "sex": "F", "accession_number": "24P1"}
    (folder / "a.svs.json").write_text(json.dumps(said))
    shutil.copy(slide, folder / "a.svs")
    keep(watcher)
    (exam,) = exams(place)
    assert exam.patient is not None
    assert (exam.patient.patient_id, exam.patient.issuer, exam.patient.sex) == (
        "4711",
        "HOSPITAL",
        "F",
    )
    assert exam.accession_number == "24P1"
    # Cleared away by somebody, it changes nothing; saying something else, it is refused.
    (folder / "a.svs.json").unlink()
    keep(watcher)
    assert not report_of(folder / "a.svs").exists()
    (folder / "a.svs.json").write_text(json.dumps({"patient_id": "4712"}))
    keep(watcher)
    assert "autre patient" in told(folder, "a.svs")
    assert len(images(place)) == 1


def test_a_sidecar_that_cannot_be_understood_is_told(
    watcher: Watcher, place: Workplace, folder: Path, slide: Path
) -> None:
    shutil.copy(slide, folder / "a.svs")
    (folder / "a.csv").write_text("file;patient_id;colour\na.svs;1;red\n")
    keep(watcher)
    assert "Corrigez le fichier JSON ou CSV" in told(folder, "a.svs")
    assert "'colour'" in told(folder, "a.svs")
    (folder / "a.csv").write_text("file;patient_id\na.svs;1\n")
    keep(watcher)
    assert not report_of(folder / "a.svs").exists()
    assert images(place)[0].objects


def test_the_labels_barcode_is_the_accession_number_where_asked(
    place: Workplace, folder: Path, memory: Memory, slide: Path
) -> None:
    """And the slide joins the patient of that order."""
    patient = PatientIdentity("1", "HOSPITAL")
    number = "SV24-00007;1"
    other = small_svs(folder.parent / "other.svs", 300, 200, 240, seed=3)
    receive(place, other, Order("north", patient, number))
    shutil.copy(slide, folder / "a.svs")
    wish = replace(NORTH, label_is_accession=True)
    keep(watch(place, folder, memory, wish=wish))
    (exam,) = exams(place)
    assert (exam.accession_number, exam.patient, len(exam.images)) == (number, patient, 2)


def test_a_file_waits_for_its_order_where_asked(
    place: Workplace, folder: Path, memory: Memory, slide: Path
) -> None:
    shutil.copy(slide, folder / "a.svs")
    waiting = watch(place, folder, memory, wish=replace(NORTH, wait_for_order=True))
    keep(waiting)
    assert not report_of(folder / "a.svs").exists()
    keep(waiting, 14 * SETTLED_S)
    assert "Déposez à côté un fichier JSON ou CSV" in told(folder, "a.svs")
    assert images(place) == []
    (folder / "a.json").write_text('{"patient_id": "1"}')
    keep(waiting)
    assert not report_of(folder / "a.svs").exists()
    assert images(place)[0].objects
