"""A report inside an instance: Encapsulated PDF and Encapsulated CDA (PS3.3 A.45.1, A.45.2)."""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian
from pydicom.valuerep import DA, DT, TM

from archive.identity import PatientIdentity
from archive.modules import (
    Equipment,
    enhanced_general_equipment_module,
    file_meta,
    general_study_module,
    patient_module,
    sop_common_module,
)
from archive.reports.instances import CLASS_OF, series_instance_uid, sop_instance_uid
from archive.reports.report import CDA, PDF, Report, ReportStatus

_MEANINGS = {"11526-1": "Pathology study", "18748-4": "Diagnostic imaging study"}
_STATUS = {
    ReportStatus.PRELIMINARY: "Provisoire",
    ReportStatus.FINAL: "Définitif",
    ReportStatus.AMENDED: "Rectifié",
    ReportStatus.WITHDRAWN: "Retiré",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A document that is about to be put inside an instance."""

    media_type: str
    data: bytes = field(repr=False)
    identifier: str = ""
    """The HL7 Instance Identifier of a CDA document."""


def encapsulated(
    one: Report,
    written: Written,
    study_at: datetime,
    software: str,
    before: tuple[str, str] | None = None,
) -> bytes:
    """The instance of a report, as it is kept; `before` is (class, UID) of what it replaces.

    Identity is what is known now: as with all that is stored, what leaves carries that of its day.
    """
    header = _modules(one, study_at, software)
    header.update(_document(one, written, before))
    put_inside(header, written.data)
    buffer = io.BytesIO()
    dcmwrite(buffer, header, enforce_file_format=True)
    return buffer.getvalue()


def _modules(one: Report, study_at: datetime, software: str) -> Dataset:
    sop_class, uid = CLASS_OF[_kind(one)], sop_instance_uid(one)
    header = Dataset()
    # No names but those that any header here holds: a national identifier is put in as it leaves.
    plain = PatientIdentity(
        one.patient.patient_id,
        one.patient.issuer,
        one.patient.name,
        one.patient.birth_date,
        one.patient.sex,
    )
    header.update(sop_common_module(sop_class, uid))
    header.update(patient_module(plain))
    header.update(
        general_study_module(
            one.study_instance_uid,
            study_at,
            accession_number=one.accession_number,
            issuer_of_accession_number=one.issuer_of_accession_number,
        )
    )
    header.update(
        enhanced_general_equipment_module(Equipment("Sans Verre", "Sans Verre", "1", (software,)))
    )
    header.ConversionType = "WSD"
    header.Modality = "DOC"
    header.SeriesInstanceUID = series_instance_uid(one)
    header.SeriesNumber = 900
    header.SeriesDescription = one.title
    header.file_meta = file_meta(sop_class, uid, ExplicitVRLittleEndian)
    return header


def _kind(one: Report) -> str:
    return CDA if one.media_type == CDA else PDF


def _document(one: Report, written: Written, before: tuple[str, str] | None) -> Dataset:
    at = one.said_at.astimezone(UTC)
    module = Dataset()
    module.InstanceNumber = one.version * 100 + one.part + 1
    module.ContentDate, module.ContentTime = DA(at.date()), TM(at.time().replace(microsecond=0))
    module.AcquisitionDateTime = DT(at.strftime("%Y%m%d%H%M%S+0000"))
    module.BurnedInAnnotation = "YES"
    module.DocumentTitle = one.title
    module.ContentDescription = f"Version {one.version}. {_STATUS[one.status]}"[:64]
    module.VerificationFlag = "UNVERIFIED" if one.status is ReportStatus.PRELIMINARY else "VERIFIED"
    module.ConceptNameCodeSequence = Sequence([_concept(one)])
    module.MIMETypeOfEncapsulatedDocument = written.media_type
    if written.identifier:
        module.HL7InstanceIdentifier = written.identifier
    if before is not None:
        module.PredecessorDocumentsSequence = Sequence([_reference(one, before)])
    return module


def _concept(one: Report) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator = one.code, "LN"
    code.CodeMeaning = _MEANINGS.get(one.code, one.title)
    return code


def _reference(one: Report, before: tuple[str, str]) -> Dataset:
    item, series, study = Dataset(), Dataset(), Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = before
    series.SeriesInstanceUID = series_instance_uid(one)
    series.ReferencedSOPSequence = Sequence([item])
    study.StudyInstanceUID = one.study_instance_uid
    study.ReferencedSeriesSequence = Sequence([series])
    return study


def document_in(header: Dataset) -> bytes:
    """The document that an instance holds, without the byte that makes it of an even length."""
    data = bytes(header.EncapsulatedDocument)
    return data[: int(header.get("EncapsulatedDocumentLength") or len(data))]


def put_inside(header: Dataset, data: bytes) -> Dataset:
    """Put a document in the place of the one that an instance holds, if any, and give it."""
    header.EncapsulatedDocumentLength = len(data)
    header.EncapsulatedDocument = data + b"\0" * (len(data) % 2)
    return header
