"""What every DICOM instance carries, whoever made its pixels: Datasets to be merged.

Attributes of type 2 are there and empty where nothing is known (PS3.5 7.4.3). Merge with
`instance.update(module)`; every text is Unicode, as SpecificCharacterSet of SOP Common says.
"""

from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID
from pydicom.valuerep import DA, TM

from archive.identities.ins import INS_ISSUER
from archive.identity import PatientIdentity, uid_from

UTF_8 = "ISO_IR 192"


@dataclass(frozen=True, slots=True)
class Equipment:
    """The device or software an instance names as its maker (PS3.3 C.7.5.1, C.7.5.2).

    Every value is type 1 there: none may be empty.
    """

    manufacturer: str
    model_name: str
    serial_number: str
    software_versions: tuple[str, ...]


def patient_module(patient: PatientIdentity | None) -> Dataset:
    """Patient (PS3.3 C.7.1.1), every attribute empty where no patient is known."""
    module = Dataset()
    module.PatientName = patient.name if patient else ""
    module.PatientID = patient.patient_id if patient else ""
    module.PatientBirthDate = (
        DA(patient.birth_date) if patient and patient.birth_date is not None else ""
    )
    module.PatientSex = (patient.sex or "") if patient else ""
    if patient and patient.issuer:
        module.IssuerOfPatientID = patient.issuer
    return module


def more_of_patient_module(patient: PatientIdentity) -> Dataset:
    """What Patient says besides, of what leaves alone: names and numbers that may be withdrawn.

    No stored header holds it, so that a national identifier that is taken back is nowhere left.
    """
    module = Dataset()
    if patient.issuer and patient.issuer_oid:
        module.IssuerOfPatientIDQualifiersSequence = Sequence([_qualifiers(patient.issuer_oid)])
    if patient.birth_name and patient.birth_name != patient.name:
        module.OtherPatientNames = patient.birth_name
    if patient.ins and patient.ins_authority:
        # No TypeOfPatientID but TEXT has a meaning here, and no code for an INS is a valid CS.
        item = Dataset()
        item.PatientID = patient.ins
        item.IssuerOfPatientID = INS_ISSUER
        item.IssuerOfPatientIDQualifiersSequence = Sequence([_qualifiers(patient.ins_authority)])
        item.TypeOfPatientID = "TEXT"
        module.OtherPatientIDsSequence = Sequence([item])
    return module


def _qualifiers(oid: str) -> Dataset:
    item = Dataset()
    item.UniversalEntityID = oid
    item.UniversalEntityIDType = "ISO"
    return item


def general_study_module(
    study_instance_uid: str,
    study_at: datetime | None,
    *,
    accession_number: str | None = None,
    issuer_of_accession_number: str | None = None,
    referring_physician_name: str = "",
) -> Dataset:
    """General Study (PS3.3 C.7.2.1).

    `study_at` is one for all instances of an exam (the order's, or `Exam.created_at`), in the zone
    that the site's DICOM times are in: date and time are written as they stand.
    """
    module = Dataset()
    module.StudyInstanceUID = study_instance_uid
    module.StudyDate = DA(study_at.date()) if study_at else ""
    module.StudyTime = TM(study_at.time().replace(microsecond=0)) if study_at else ""
    module.StudyID = ""
    module.AccessionNumber = accession_number or ""
    module.ReferringPhysicianName = referring_physician_name
    if accession_number and issuer_of_accession_number:
        issuer = Dataset()
        issuer.LocalNamespaceEntityID = issuer_of_accession_number
        module.IssuerOfAccessionNumberSequence = Sequence([issuer])
    return module


def enhanced_general_equipment_module(equipment: Equipment) -> Dataset:
    """General and Enhanced General Equipment (PS3.3 C.7.5.1, C.7.5.2)."""
    module = Dataset()
    module.Manufacturer = equipment.manufacturer
    module.ManufacturerModelName = equipment.model_name
    module.DeviceSerialNumber = equipment.serial_number
    module.SoftwareVersions = list(equipment.software_versions)
    return module


def sop_common_module(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    """SOP Common (PS3.3 C.12.1), in UTF-8."""
    module = Dataset()
    module.SpecificCharacterSet = UTF_8
    module.SOPClassUID = sop_class_uid
    module.SOPInstanceUID = sop_instance_uid
    return module


def file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str) -> FileMetaDataset:
    """What stands before an instance in its file (PS3.10 7.1)."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.MediaStorageSOPInstanceUID = UID(sop_instance_uid)
    meta.TransferSyntaxUID = UID(transfer_syntax)
    meta.ImplementationClassUID = UID(uid_from("Sans Verre", "implementation"))
    meta.ImplementationVersionName = "SANSVERRE"
    return meta


def deidentification_module() -> Dataset:
    """What tells that whose it was has been taken out, and how (PS3.3 C.7.1.1, C.12.1; CID 7050).

    Longitudinal information is not retained, so nothing of it is true any more.
    """
    module = Dataset()
    module.PatientIdentityRemoved = "YES"
    module.LongitudinalTemporalInformationModified = "REMOVED"
    methods = []
    for value, meaning in (
        ("113100", "Basic Application Confidentiality Profile"),
        ("113101", "Clean Pixel Data Option"),
        ("113104", "Clean Structured Content Option"),
    ):
        method = Dataset()
        method.CodeValue = value
        method.CodingSchemeDesignator = "DCM"
        method.CodeMeaning = meaning
        methods.append(method)
    module.DeidentificationMethodCodeSequence = Sequence(methods)
    return module
