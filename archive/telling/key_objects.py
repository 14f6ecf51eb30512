"""Key Object Selections (PS3.3 A.35.4, PS3.16 TID 2010): documents that only name instances."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian

from archive.modules import (
    Equipment,
    enhanced_general_equipment_module,
    file_meta,
    general_study_module,
    more_of_patient_module,
    patient_module,
    sop_common_module,
)
from archive.record import Exam
from archive.telling.forms import KEY_OBJECT_SELECTION

REJECTED_FOR_PATIENT_SAFETY = ("113037", "DCM", "Rejected for Patient Safety Reasons")
"""PS3.16 CID 7011. A wrong patient is one, whether or not a worklist was read wrongly."""
INCORRECT_WORKLIST_ENTRY = ("113038", "DCM", "Incorrect Modality Worklist Entry")
"""It was the right patient's all along, and another order's."""
MANIFEST = ("113030", "DCM", "Manifest")
"""PS3.16 CID 7010: what there is, for a registry."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An instance as it is named; `retrieve_url` is the root of the services that give it."""

    series_instance_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    retrieve_url: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """Which document it is, and what its title says of all that it names.

    `named_study` is the study of that, where it is not the document's own.
    """

    sop_instance_uid: str
    series_instance_uid: str
    title: tuple[str, str, str]
    at: datetime
    version: str
    named_study: str = ""


def key_objects(exam: Exam, document: Document, named: Sequence[Reference]) -> bytes:
    """The DICOM file of a document that names instances of one exam."""
    data = Dataset()
    maker = Equipment("Sans Verre", "Sans Verre", "Unknown", (document.version,))
    for module in (
        sop_common_module(KEY_OBJECT_SELECTION, document.sop_instance_uid),
        patient_module(exam.patient),
        general_study_module(
            exam.study_instance_uid,
            exam.created_at,
            accession_number=exam.accession_number,
            issuer_of_accession_number=exam.issuer_of_accession_number,
        ),
        enhanced_general_equipment_module(maker),
    ):
        data.update(module)
    if exam.patient is not None:
        data.update(more_of_patient_module(exam.patient))
    data.Modality = "KO"
    data.SeriesInstanceUID = document.series_instance_uid
    data.SeriesNumber = 1
    data.InstanceNumber = 1
    data.ReferencedPerformedProcedureStepSequence = Items()
    at = document.at
    data.ContentDate, data.ContentTime = f"{at:%Y%m%d}", f"{at:%H%M%S}"
    data.CurrentRequestedProcedureEvidenceSequence = Items(
        [_evidence(document.named_study or exam.study_instance_uid, named)]
    )
    data.ValueType = "CONTAINER"
    data.ConceptNameCodeSequence = Items([_coded(*document.title)])
    data.ContinuityOfContent = "SEPARATE"
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "2010"
    data.ContentTemplateSequence = Items([template])
    data.ContentSequence = Items([_content(one) for one in named])
    data.file_meta = file_meta(
        KEY_OBJECT_SELECTION, document.sop_instance_uid, ExplicitVRLittleEndian
    )
    buffer = io.BytesIO()
    dcmwrite(buffer, data, enforce_file_format=True)
    return buffer.getvalue()


def _content(one: Reference) -> Dataset:
    image = Dataset()
    image.RelationshipType, image.ValueType = "CONTAINS", "IMAGE"
    image.ReferencedSOPSequence = Items([_instance(one)])
    return image


def _evidence(study_instance_uid: str, named: Sequence[Reference]) -> Dataset:
    study = Dataset()
    series_of: dict[str, list[Reference]] = {}
    for one in named:
        series_of.setdefault(one.series_instance_uid, []).append(one)
    all_series = []
    for uid, several in series_of.items():
        series = Dataset()
        series.SeriesInstanceUID = uid
        if several[0].retrieve_url is not None:
            series.RetrieveURL = several[0].retrieve_url
        series.ReferencedSOPSequence = Items([_instance(one) for one in several])
        all_series.append(series)
    study.StudyInstanceUID = study_instance_uid
    study.ReferencedSeriesSequence = Items(all_series)
    return study


def _instance(one: Reference) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = one.sop_class_uid
    item.ReferencedSOPInstanceUID = one.sop_instance_uid
    return item


def _coded(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item
