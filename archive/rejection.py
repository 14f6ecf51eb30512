"""The note by which an archive is told that an instance is not to be used any more (IHE IOCM).

A Key Object Selection whose title says why (RAD TF-2 4.66).
"""

from datetime import datetime

from archive.identity import uid_from
from archive.record import Exam
from archive.telling.forms import KEY_OBJECT_SELECTION
from archive.telling.key_objects import (
    INCORRECT_WORKLIST_ENTRY,
    REJECTED_FOR_PATIENT_SAFETY,
    Document,
    Reference,
    key_objects,
)

__all__ = ["KEY_OBJECT_SELECTION", "rejection_note", "rejection_uid"]


def rejection_uid(sop_instance_uid: str) -> str:
    """The SOP Instance UID of the note on an instance."""
    return uid_from("rejection note", sop_instance_uid)


def rejection_note(
    exam: Exam,
    series_instance_uid: str,
    sop_class_uid: str,
    sop_instance_uid: str,
    at: datetime,
    *,
    is_same_patient: bool = False,
) -> bytes:
    """The DICOM file of the note on one instance of an exam, as that is known to the archive.

    Of the same patient it is of another order than it was said to be.
    """
    document = Document(
        rejection_uid(sop_instance_uid),
        uid_from("series of a rejection note", sop_instance_uid),
        INCORRECT_WORKLIST_ENTRY if is_same_patient else REJECTED_FOR_PATIENT_SAFETY,
        at,
        "rejection-1",
    )
    reference = Reference(series_instance_uid, sop_class_uid, sop_instance_uid)
    return key_objects(exam, document, [reference])
