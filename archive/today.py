"""Whose an instance is and by which order, as the catalogue says today.

A stored header says what was known when it was made; what leaves carries what is known now.
"""

from pydicom.dataset import Dataset
from pydicom.tag import BaseTag

from archive.modules import general_study_module, more_of_patient_module, patient_module
from archive.record import Exam
from archive.reports.content import as_it_leaves
from archive.reports.encapsulated import document_in, put_inside
from archive.reports.report import CDA

_OF_THE_ORDER = ("AccessionNumber", "IssuerOfAccessionNumberSequence")
IDENTIFYING = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "IssuerOfPatientID"),
    *("IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence", "OtherPatientNames"),
    *_OF_THE_ORDER,
)
"""What may be corrected behind a stored header. Its UIDs never are."""
_WHO = ("PatientID", "IssuerOfPatientID")
_OF_A_PATIENT = frozenset({0x0010, 0x0012, 0x0038})
"""The groups of patients, of clinical trials and of visits (PS3.6)."""


def says_today(header: Dataset, exam: Exam) -> bool:
    """Whether a header names its patient and order as the catalogue does."""
    today = _identity(exam)
    # What of a document is withheld in the store is put in as it leaves.
    if header.get("MIMETypeOfEncapsulatedDocument") == CDA:
        return False
    return all(_plain(header.get(one)) == _plain(today.get(one)) for one in IDENTIFYING)


def brought_up_to_date(header: Dataset, exam: Exam) -> Dataset:
    """Change a header in place to what the catalogue says, and give it, in UTF-8.

    Where it is of another patient than the catalogue says, nothing of that one stays.
    """
    in_utf8(header)
    today = _identity(exam)
    if any(_plain(header.get(one)) != _plain(today.get(one)) for one in _WHO):
        without_patient(header)
    for one in IDENTIFYING:
        if one in header:
            del header[one]
    header.update(today)
    if header.get("MIMETypeOfEncapsulatedDocument") == CDA:
        put_inside(header, as_it_leaves(document_in(header), exam.patient))
    return header


def without_patient(header: Dataset) -> Dataset:
    """Take out of a header in place all that is of a patient, and give it.

    That is also their visit and their part in trials, and what makers keep privately, of which
    nobody knows what it says.
    """
    for tag in [one for one in header.keys() if _is_of_patient(one)]:  # noqa: SIM118
        del header[tag]
    for element in header:
        if element.VR == "SQ":
            for item in element.value:
                without_patient(item)
    return header


def in_utf8(header: Dataset) -> Dataset:
    """Write all text of a header, in place, in the one character set that holds every name."""
    # What is raw is read in its own character set when it is asked for.
    for _ in header.iterall():
        pass
    _forget_character_sets(header)
    header.SpecificCharacterSet = "ISO_IR 192"
    return header


def _forget_character_sets(items: Dataset) -> None:
    if "SpecificCharacterSet" in items:
        del items.SpecificCharacterSet
    for element in items:
        if element.VR == "SQ":
            for item in element.value:
                _forget_character_sets(item)


def _is_of_patient(tag: BaseTag) -> bool:
    return tag.group in _OF_A_PATIENT or tag.is_private


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
