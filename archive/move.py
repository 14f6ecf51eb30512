"""A move to another patient of the same establishment: what is asked, and what it will change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from archive.identity import PatientIdentity, uid_from
from archive.leaving import Way
from archive.record import Exam, Image, ImageKind
from archive.telling.rows import Telling


@dataclass(frozen=True, slots=True, repr=False)
class Destination:
    """Whose the images are, and under which order; without one, under an exam of the move's own.

    The patient is named by `key`, where addresses have it, or by number and issuer. `lesion` is
    one of theirs, which the one photograph that moves shows. Nothing of it is ever represented.
    """

    patient: PatientIdentity | None = None
    key: str | None = None
    accession_number: str | None = None
    issuer: str | None = None
    lesion: str | None = None

    def __repr__(self) -> str:
        return "Destination(…)"


@dataclass(frozen=True, slots=True)
class Author:
    """Who moves images: the caller's token, and the name that they give (a DICOM name, or "")."""

    subject: str
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Left:
    """A time at which an image left, and how."""

    at: datetime
    way: Way


@dataclass(frozen=True, slots=True)
class Correction:
    """What a move changes for one image."""

    image_id: str
    kind: ImageKind
    published: tuple[Telling, ...]
    """What radiology archives were told of it, or are to be."""
    left: tuple[Left, ...]
    """When it was exported, or shown to somebody elsewhere: nobody can take that back."""
    dropped: Mapping[str, Any]
    """The links that end, by name; absent for none.

    `lesion`; `overview` and `earlier`, images that it refers to; `referred_by`, images of the
    patient before that refer to it; `pins`, lesions that are marked in it; `session`; `biopsies`,
    lesions whose biopsy it was the last slide of.
    """


@dataclass(frozen=True, slots=True)
class MovePlan:
    """What a move would do, before anything is done."""

    corrections: tuple[Correction, ...]
    exam_id: str
    before: PatientIdentity | None
    after: PatientIdentity
    """As the catalogue knows them; as they were named, where it does not yet."""
    is_known: bool
    to_exam_id: str | None
    """The exam that they join; None where one is made."""


@dataclass(frozen=True, slots=True)
class Moving:
    """One image of a move that is to be done."""

    image: Image
    exam: Exam
    """The one that it comes to."""
    incarnation: int
    tracking: tuple[str, str] | None
    """TrackingID and TrackingUID of the lesion that it shows there."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A line of an image's history; patients are as they are known now."""

    image_id: str
    before: PatientIdentity | None
    after: PatientIdentity | None
    to_exam_id: str
    dropped: Mapping[str, Any]
    subject: str
    by: str = field(repr=False)
    asked_at: datetime
    done_at: datetime | None
    """None while it is still to be done; until then nothing has changed."""


def study_instance_uid_of_move(
    establishment: str, patient: PatientIdentity, from_study_instance_uid: str
) -> str:
    """The Study Instance UID of what comes to a patient out of another's exam, without an order."""
    return uid_from(
        "study of a move",
        establishment,
        patient.issuer,
        patient.patient_id,
        from_study_instance_uid,
    )
