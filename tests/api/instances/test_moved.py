"""What another sent is moved like everything else, and does not come back when it is sent again."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from api.instances.acceptance import Sender
from api.moving import move_once
from api.work import Workplace
from archive.capture import View
from archive.errors import DifferentPatient
from archive.identity import PatientIdentity
from archive.move import Destination
from archive.query import Query
from archive.received.outcome import Failure
from archive.record import ImageKind, ObjectRole
from archive.today import brought_up_to_date
from tests.api.instances.conftest import NORTH, PATIENT, Make, Take
from tests.api.moving.conftest import HERE, WHO, WRONG, instance, moved, photographed
from tests.api.moving.conftest import RIGHT as JUSTE
from tests.samples.dicom_slides import Made, Table
from tests.samples.photo import make_photo
from tiles.composed import Composed

RIGHT = PatientIdentity("2", "registry", "JUSTE^Zoé", None, "F")


@pytest.mark.parametrize("table", ["basic", "native"])
def test_a_slide_of_others_moves_and_stays_moved(
    make: Make, take: Take, place: Workplace, table: Table
) -> None:
    made = Made(table=table)
    level, late = make("level", made=made), make("late", 75, 50, made=made)
    image = take(level).image_id
    assert take(make("small", 150, 100, made=made)).image_id == image
    assert image is not None
    before = place.catalog.image(image, establishment="north")
    place.catalog.moves.ask([image], Destination(RIGHT), WHO, establishment="north")
    assert move_once(place)
    after = place.catalog.image(image, establishment="north")
    digests = [{one.pixel_sha256 for one in objects.objects} for objects in (before, after)]
    assert digests[0] == digests[1]
    found = place.catalog.instances.instances(Query(), establishment="north")
    sent = dcmread(level)
    assert len(found) == 2
    assert sent.SOPInstanceUID not in {one.sop_instance_uid for one in found}
    base = max(found, key=lambda one: one.described.frames)
    now = dcmread(io.BytesIO(place.storage.read_range(base.key, 0, base.length_bytes)))
    assert now.PatientID == "2"
    assert (now.pixel_array == sent.pixel_array).all()
    # The scanner knows nothing of it.
    for file in (level, late):
        outcome = take(file)
        assert (outcome.failure, outcome.image_id) == (Failure.MOVED, None)
    assert len(place.catalog.instances.instances(Query(), establishment="north")) == 2
    # What shows something else is no worse for it.
    assert take(make("other", 200, 200, made=made)).is_kept


def test_an_order_may_have_a_study_of_others_and_one_of_ours(
    make: Make, take: Take, place: Workplace
) -> None:
    """Who uploads to the order is told nothing of a failure, and its patient stays one."""
    take(make("level", IssuerOfPatientID="registry"))
    take(make("other", 150, 100, made=Made(series="2")))
    assert len(place.catalog.exams(establishment="north").exams) == 2
    known = place.catalog.patient_of_order("north", PATIENT["AccessionNumber"])
    assert known is not None
    assert known.patient_id == PATIENT["PatientID"]
    ours = place.catalog.receive(
        establishment=NORTH.establishment,
        kind=ImageKind.PHOTO,
        source_sha256="0" * 64,
        plan="full",
        patient=known,
        accession_number="A7",
    )
    assert ours.exam_id in {one.id for one in place.catalog.exams(establishment="north").exams}
    with pytest.raises(DifferentPatient):
        place.catalog.receive(
            establishment=NORTH.establishment,
            kind=ImageKind.PHOTO,
            source_sha256="1" * 64,
            plan="full",
            patient=RIGHT,
            accession_number="A7",
        )


def test_nothing_of_the_patient_before_moves(make: Make, take: Take, place: Workplace) -> None:
    """Neither in the stored header nor in what leaves; and any name is written as it is."""
    name = "ŠIMŮNEK^Łucja"

    def change(data: Dataset) -> None:
        data.SpecificCharacterSet = "ISO_IR 100"
        data.SeriesDescription = data.OperatorsName = "Prélèvement"
        data.OtherPatientIDs = data.PatientBirthName = data.AdmissionID = "FORMER"
        data.PatientAddress = data.PatientComments = data.ClinicalTrialSubjectID = "FORMER"
        data.private_block(0x0099, "MAKER", create=True).add_new(1, "LO", "FORMER")
        item = Dataset()
        item.SpecificCharacterSet = "ISO_IR 101"
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "1", "99", "Łucja"
        item.PatientName = "FORMER"
        data.ProcedureCodeSequence = [item]

    image = take(make("level", change=change)).image_id
    assert image is not None
    to = Destination(PatientIdentity("2", "registry", name, None, "F"))
    place.catalog.moves.ask([image], to, WHO, establishment="north")
    assert move_once(place)
    (one,) = place.catalog.instances.instances(Query(), establishment="north")
    stored = place.storage.read_range(one.key, 0, one.length_bytes)
    exam = place.catalog.exam(one.study.exam_id, establishment="north")
    called = replace(exam, patient=PatientIdentity("3", "registry", "ÅŁŐ^Ŵ", None, "F"))
    composed = Composed.of(
        lambda offset, length: stored[offset : offset + length],
        len(stored),
        lambda header: brought_up_to_date(header, called),
    )
    for data, who in ((stored, name), (b"".join(composed.parts()), "ÅŁŐ^Ŵ")):
        assert b"FORMER" not in data
        header = dcmread(io.BytesIO(data))
        assert str(header.PatientName) == who
        assert {header.SeriesDescription, str(header.OperatorsName)} == {"Prélèvement"}
        assert header.ProcedureCodeSequence[0].CodeMeaning == "Łucja"


def test_what_was_made_here_and_moved_does_not_come_back(
    take: Take, place: Workplace, tmp_path: Path
) -> None:
    """An archive gives its copies back under the patient before: after one move, and after two."""
    image = photographed(place, make_photo(tmp_path / "1.jpg", width=96, height=64), View.CLOSE_UP)
    copies = [instance(place, image)]
    for patient in (JUSTE, WRONG):
        image = moved(place, [image.id], Destination(patient))[0]
        assert {take(one, Sender(HERE)).failure for one in copies} == {Failure.MOVED}
        copies.append(instance(place, image, ObjectRole.PHOTO))
    assert take(copies[-1], Sender(HERE)).is_kept
    assert len(place.catalog.instances.instances(Query(), establishment=HERE)) == 1
