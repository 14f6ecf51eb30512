"""Radiology as an archive has it: small images of studies, whose issuer it does not index."""

from dataclasses import dataclass
from datetime import date
from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from archive.identity import PatientIdentity
from tests.orthanc import Orthanc

ANNE = PatientIdentity("1234", "SERVICE", "ESSAI^Élodie", date(1957, 3, 7), "F")
BRUNO = PatientIdentity("1234", "AUTRE", "MODÈLE^Bruno", date(1980, 5, 6), "M")
"""Another patient of that number, which somebody else gave."""


@dataclass(frozen=True)
class Radiology:
    """One study of one image."""

    uid: str
    patient: PatientIdentity
    modality: str
    description: str
    on: date
    accession_number: str
    issuer_of_accession_number: str = "RIS"


def give(archive: Orthanc, one: Radiology) -> None:
    """Give the archive the image of a study."""
    archive.web.post("/instances", content=file_of(one)).raise_for_status()


def file_of(one: Radiology) -> bytes:
    """The image as a DICOM file."""
    image, issuer = Dataset(), Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SpecificCharacterSet = "ISO_IR 192"
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, f"{one.uid}.1.1"
    image.StudyInstanceUID, image.SeriesInstanceUID = one.uid, f"{one.uid}.1"
    image.PatientID, image.IssuerOfPatientID = one.patient.patient_id, one.patient.issuer
    image.PatientName, image.PatientSex = one.patient.name, one.patient.sex
    image.PatientBirthDate = f"{one.patient.birth_date:%Y%m%d}" if one.patient.birth_date else ""
    image.StudyDate, image.StudyTime, image.Modality = f"{one.on:%Y%m%d}", "101500", one.modality
    image.StudyDescription, image.AccessionNumber = one.description, one.accession_number
    issuer.LocalNamespaceEntityID = one.issuer_of_accession_number
    image.IssuerOfAccessionNumberSequence = [issuer]
    image.Rows = image.Columns = 2
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 0
    image.PixelData = bytes(8)
    written = BytesIO()
    image.save_as(written, enforce_file_format=True)
    return written.getvalue()
