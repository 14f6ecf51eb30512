"""Whose an instance is and by which order, as the catalogue says today.

A stored header says what was known when it was made; what leaves carries what is known now.
"""

from pydicom.dataset import Dataset

from archive.modules import general_study_module, more_of_patient_module, patient_module
from archive.record import Exam

_OF_THE_ORDER = ("AccessionNumber", "IssuerOfAccessionNumberSequence")
IDENTIFYING = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "IssuerOfPatientID"),
    *("IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence", "OtherPatientNames"),
    *_OF_THE_ORDER,
)
"""What may be corrected behind a stored header. Its UIDs never are."""


def says_today(header: Dataset, exam: Exam) -> bool:
    """Whether a header names its patient and order as the catalogue does."""
    today = _identity(exam)
    return all(_plain(header.get(one)) == _plain(today.get(one)) for one in IDENTIFYING)


def brought_up_to_date(header: Dataset, exam: Exam) -> Dataset:
    """Change a header in place to what the catalogue says, and give it."""
    for one in IDENTIFYING:
        if one in header:
            del header[one]
    header.update(_identity(exam))
    return header


def _identity(exam: Exam) -> Dataset:
    identity = patient_module(exam.patient)
    if exam.patient is not None:
        identity.update(more_of_patient_module(exam.patient))
    study = general_study_module(
        exam.study_instance_uid,
        None,
        accession_number=exam.accession_number,
        issuer_of_accession_number=exam.issuer_of_accession_number,
    )
    identity.update({one.tag: one for one in study if one.keyword in _OF_THE_ORDER})
    return identity


def _plain(value: object) -> str:
    """A value as it is written: what is empty and what is not there say the same."""
    return "" if value is None else str(value)
