"""What is told of what was found, by keyword (PS3.4 C.6.1.1, C.6.2.1)."""

from collections.abc import Mapping
from typing import Any

from pydicom.dataset import Dataset

from archive.identity import PatientIdentity
from archive.query import FoundInstance, FoundPatient, FoundSeries, FoundStudy

Values = dict[str, Any]
"""None is what nobody knows."""

PATIENT, STUDY, SERIES, IMAGE = "PATIENT", "STUDY", "SERIES", "IMAGE"
_OF_PATIENT = frozenset(
    {
        *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
        "IssuerOfPatientIDQualifiersSequence",
    }
)
_OF_STUDY = _OF_PATIENT | {
    *("StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "ModalitiesInStudy"),
    *("IssuerOfAccessionNumberSequence", "ReferringPhysicianName", "StudyID"),
    *("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"),
}
_OF_SERIES = _OF_STUDY | {
    *("SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription"),
    "NumberOfSeriesRelatedInstances",
}
_OF_IMAGE = (_OF_SERIES - {"NumberOfSeriesRelatedInstances"}) | {
    *("SOPClassUID", "SOPInstanceUID", "AvailableTransferSyntaxUID", "InstanceNumber"),
    *("NumberOfFrames", "Rows", "Columns", "BitsAllocated"),
}
KNOWN: Mapping[str, frozenset[str]] = {
    PATIENT: _OF_PATIENT | {"NumberOfPatientRelatedStudies"},
    STUDY: _OF_STUDY,
    SERIES: _OF_SERIES,
    IMAGE: _OF_IMAGE,
}
"""What is told at each level."""


def of_patient(one: FoundPatient) -> Values:
    """A patient of an answer."""
    return {**_who(one.patient), "NumberOfPatientRelatedStudies": one.studies}


def of_study(one: FoundStudy) -> Values:
    """A study of an answer, with its patient."""
    return {
        **_who(one.patient),
        "StudyInstanceUID": one.study_instance_uid,
        "StudyDate": f"{one.created_at:%Y%m%d}",
        "StudyTime": f"{one.created_at:%H%M%S}",
        "AccessionNumber": one.accession_number,
        "IssuerOfAccessionNumberSequence": _issuer(one.issuer_of_accession_number),
        "ModalitiesInStudy": list(one.modalities),
        "ReferringPhysicianName": None,
        "StudyID": None,
        "NumberOfStudyRelatedSeries": one.series,
        "NumberOfStudyRelatedInstances": one.instances,
    }


def of_series(one: FoundSeries) -> Values:
    """A series of an answer, with its study."""
    told = one.described
    return {
        **of_study(one.study),
        "SeriesInstanceUID": told.series_instance_uid,
        "Modality": told.modality,
        "SeriesNumber": told.series_number,
        "SeriesDescription": told.series_description,
        "NumberOfSeriesRelatedInstances": one.instances,
    }


def of_instance(one: FoundInstance) -> Values:
    """An instance of an answer, with its series."""
    told = one.described
    return {
        **of_series(FoundSeries(one.study, told.series)),
        "SOPClassUID": one.sop_class_uid,
        "SOPInstanceUID": one.sop_instance_uid,
        "AvailableTransferSyntaxUID": told.transfer_syntax_uid,
        "InstanceNumber": told.instance_number,
        "NumberOfFrames": told.frames or None,
        "Rows": told.rows or None,
        "Columns": told.columns or None,
        "BitsAllocated": told.bits_allocated or None,
    }


def _who(patient: PatientIdentity | None) -> Values:
    birth_date = patient.birth_date if patient else None
    return {
        "PatientName": patient.name if patient else None,
        "PatientID": patient.patient_id if patient else None,
        "IssuerOfPatientID": patient.issuer if patient else None,
        "IssuerOfPatientIDQualifiersSequence": _authority(patient.issuer_oid if patient else None),
        "PatientBirthDate": f"{birth_date:%Y%m%d}" if birth_date else None,
        "PatientSex": patient.sex if patient else None,
    }


def _authority(oid: str | None) -> list[Dataset]:
    if not oid:
        return []
    item = Dataset()
    item.UniversalEntityID, item.UniversalEntityIDType = oid, "ISO"
    return [item]


def _issuer(name: str | None) -> list[Dataset]:
    if not name:
        return []
    item = Dataset()
    item.LocalNamespaceEntityID = name
    return [item]
