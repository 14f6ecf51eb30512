"""The note by which an archive is told that an instance is not to be used any more (IHE IOCM).

A Key Object Selection (PS3.3 A.35.4, PS3.16 TID 2010) whose title says why (RAD TF-2 4.66).
"""

import io
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import DA, TM

from archive.identity import uid_from
from archive.modules import (
    Equipment,
    enhanced_general_equipment_module,
    file_meta,
    general_study_module,
    patient_module,
    sop_common_module,
)
from archive.record import Exam

KEY_OBJECT_SELECTION = "1.2.840.10008.5.1.4.1.1.88.59"
REJECTED_FOR_PATIENT_SAFETY = ("113037", "DCM", "Rejected for Patient Safety Reasons")
"""PS3.16 CID 7011. A wrong patient is one, whether or not a worklist was read wrongly (113038)."""
_MAKER = Equipment("Sans Verre", "Sans Verre", "Unknown", ("rejection-1",))


def rejection_uid(sop_instance_uid: str) -> str:
    """The SOP Instance UID of the note on an instance."""
    return uid_from("rejection note", sop_instance_uid)


def rejection_note(
    exam: Exam,
    series_instance_uid: str,
    sop_class_uid: str,
    sop_instance_uid: str,
    at: datetime,
) -> bytes:
    """The DICOM file of the note on one instance of an exam, as that is known to the archive."""
    uid = rejection_uid(sop_instance_uid)
    data = Dataset()
    for module in (
        sop_common_module(KEY_OBJECT_SELECTION, uid),
        patient_module(exam.patient),
        general_study_module(
            exam.study_instance_uid,
            exam.created_at,
            accession_number=exam.accession_number,
            issuer_of_accession_number=exam.issuer_of_accession_number,
        ),
        enhanced_general_equipment_module(_MAKER),
    ):
        data.update(module)
    data.Modality = "KO"
    data.SeriesInstanceUID = uid_from("series of a rejection note", sop_instance_uid)
    data.SeriesNumber = 1
    data.InstanceNumber = 1
    data.ReferencedPerformedProcedureStepSequence = Sequence()
    data.ContentDate, data.ContentTime = DA(at.date()), TM(at.time().replace(microsecond=0))
    data.CurrentRequestedProcedureEvidenceSequence = Sequence(
        [_evidence(exam, series_instance_uid, sop_class_uid, sop_instance_uid)]
    )
    data.ValueType = "CONTAINER"
    data.ConceptNameCodeSequence = Sequence([_coded(*REJECTED_FOR_PATIENT_SAFETY)])
    data.ContinuityOfContent = "SEPARATE"
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "2010"
    data.ContentTemplateSequence = Sequence([template])
    image = Dataset()
    image.RelationshipType, image.ValueType = "CONTAINS", "IMAGE"
    image.ReferencedSOPSequence = Sequence([_instance(sop_class_uid, sop_instance_uid)])
    data.ContentSequence = Sequence([image])
    data.file_meta = file_meta(KEY_OBJECT_SELECTION, uid, ExplicitVRLittleEndian)
    buffer = io.BytesIO()
    dcmwrite(buffer, data, enforce_file_format=True)
    return buffer.getvalue()


def _evidence(
    exam: Exam, series_instance_uid: str, sop_class_uid: str, sop_instance_uid: str
) -> Dataset:
    series, study = Dataset(), Dataset()
    series.SeriesInstanceUID = series_instance_uid
    series.ReferencedSOPSequence = Sequence([_instance(sop_class_uid, sop_instance_uid)])
    study.StudyInstanceUID = exam.study_instance_uid
    study.ReferencedSeriesSequence = Sequence([series])
    return study


def _instance(sop_class_uid: str, sop_instance_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    return item


def _coded(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item
