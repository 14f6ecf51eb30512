"""An instance as an archive gets it, where that is not as it is kept here."""

from dataclasses import replace

from pydicom.dataset import Dataset

from archive.identity import uid_from
from archive.record import Exam
from archive.reincarnation import Incarnation, reincarnated


def exam_of(exam: Exam, remote: str, incarnation: int) -> Exam:
    """The exam as an archive knows it: a study of its own after each correction by rejection.

    There one study would otherwise be of two patients.
    """
    if incarnation == 0:
        return exam
    study = exam.study_instance_uid
    uid = uid_from("study of a correction", remote, study, str(incarnation))
    return replace(exam, study_instance_uid=uid)


def uid_of(uid: str, exam: Exam, remote: str, incarnation: int) -> str:
    """What an archive knows one of our instances by; another one for each archive."""
    if incarnation == 0:
        return uid
    return Incarnation(exam_of(exam, remote, incarnation), incarnation).uid(uid)


def incarnated(header: Dataset, exam: Exam, incarnation: int) -> Dataset:
    """Change a header in place to that of an incarnation in the exam that `exam_of` gives.

    The patient is the same person, so that the lesion stays; pictures that it refers to are known
    to the archive by other names, and are not named.
    """
    if incarnation == 0:
        return header
    tracking = header.get("TrackingID"), header.get("TrackingUID")
    lesion = (str(tracking[0]), str(tracking[1])) if all(tracking) else None
    return reincarnated(header, Incarnation(exam, incarnation, tracking=lesion))
