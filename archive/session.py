"""A session: the photographs of one patient's visit; pure facts, no database."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from archive.body_site import BodySite, site_of_code
from archive.capture import Operator
from archive.errors import DifferentPatient, InvalidCapture
from archive.identity import PatientIdentity, checked_name
from archive.lesion import Photograph
from archive.partial import Partial
from archive.record import RECEIVING, FileState, ImageState, Upload

ON_THEIR_WAY = RECEIVING | {FileState.CHECKING}

FACE = "face"
"""The kind of a finding that is none where the head is photographed."""

LOCAL_ISSUER = "SANSVERRE"
"""Who gives the accession number of a visit for which nobody had an order."""


class SessionState(StrEnum):
    """How far a session has come."""

    OPEN = "open"
    """Pictures come and go; none is built."""
    SENT = "sent"
    """The patient was confirmed; pictures are built and published."""
    SIGNED = "signed"


class Purpose(StrEnum):
    """What pictures may be used for."""

    CARE = "care"
    TEACHING = "teaching"
    RESEARCH = "research"


class Answer(StrEnum):
    """What was answered when consent was asked for."""

    GIVEN = "given"
    REFUSED = "refused"
    UNABLE = "unable"
    """Nobody could answer, or there was no time to ask."""
    WITHDRAWN = "withdrawn"


class Giver(StrEnum):
    """Who answered."""

    PATIENT = "patient"
    PARENTS = "parents"
    GUARDIAN = "guardian"


@dataclass(frozen=True, slots=True)
class Consent:
    """An answer that was recorded; the last one of each purpose counts."""

    purpose: Purpose
    answer: Answer
    by: Giver
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Pin:
    """Where a lesion is in an overview, in fractions of its width and height.

    Raises InvalidCapture.
    """

    lesion: str
    x: float
    y: float

    def __post_init__(self) -> None:
        if not (0 <= self.x <= 1 and 0 <= self.y <= 1):
            raise InvalidCapture("The pin lies beside the picture; give fractions, 0 to 1.")


@dataclass(frozen=True, slots=True)
class Checks:
    """What the checks of a picture found: JSON objects, each with a `kind`."""

    version: str
    found: tuple[Mapping[str, Any], ...]
    codes: tuple[str, ...] = field(default=(), repr=False)
    """The texts of codes in it, which may be a patient's number."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A photograph of a session; `stated` is None until somebody sorted it."""

    image_id: str
    state: ImageState
    reason: str | None
    """Why it was refused."""
    taken_at: datetime
    """By its camera; else when it was received."""
    stated: Photograph | None
    pins: tuple[Pin, ...]
    checks: Checks | None
    """None until a worker has looked."""
    kept_despite: bool
    """Whether somebody was told what was found, and kept it."""
    partial: Partial | None = None
    """What was said so far of one that is not stated."""

    @property
    def found(self) -> tuple[Mapping[str, Any], ...]:
        """What the checks found, but for a face where the head is what is photographed."""
        found = self.checks.found if self.checks else ()
        site = self._site
        if site is None or not site.may_show_the_face:
            return found
        return tuple(one for one in found if one.get("kind") != FACE)

    @property
    def _site(self) -> BodySite | None:
        if self.stated is not None:
            return self.stated.capture.site
        said = self.partial.site if self.partial else None
        return site_of_code(said) if said else None


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A patient's traits as whoever sends pictures has just read and confirmed them."""

    name: str = field(repr=False)
    birth_date: date | None = field(repr=False)
    sex: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """One patient's visit, with its photographs in the order in which they came."""

    id: str
    establishment: str
    state: SessionState
    patient: PatientIdentity
    patient_key: str
    exam_id: str
    accession_number: str | None = field(repr=False)
    issuer_of_accession_number: str | None
    is_provisional: bool
    """Whether the accession number is ours, as no order was known."""
    operator: Operator | None
    created_at: datetime
    sent_at: datetime | None
    signed_at: datetime | None
    signed_by: Operator | None
    pictures: tuple[Picture, ...] = ()
    arrivals: tuple[Upload, ...] = ()
    """Files that were announced and are no photographs of the session, or not yet."""
    consents: tuple[Consent, ...] = ()
    """The last answer of each purpose."""

    @property
    def arriving(self) -> tuple[Upload, ...]:
        """The files that are on their way, or being examined."""
        return tuple(one for one in self.arrivals if one.state in ON_THEIR_WAY)


@dataclass(frozen=True, slots=True)
class Listed:
    """A session in a list: without its pictures, but how many there are and are on their way."""

    session: Session
    count: int
    arriving: int


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Some sessions, the newest first, and the `after` that gives the next ones (None: no more)."""

    listed: tuple[Listed, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures that follow the picture of a code; the first ones of a session may follow none."""

    code_image: str | None
    codes: tuple[str, ...] = field(repr=False)
    images: tuple[str, ...]
    again: tuple[str, ...] = ()
    """The next pictures with the same codes: the same label, or what lies beside it."""


def split(pictures: Iterable[Picture]) -> tuple[Group, ...]:
    """The pictures of a card by the codes that were photographed in between, in order of time.

    Within a second they stay in the order given. Pictures of the same codes one after the other
    are one label, photographed again.
    """
    groups: list[Group] = []
    for one in sorted(pictures, key=lambda picture: picture.taken_at):
        codes = one.checks.codes if one.checks else ()
        last = groups[-1] if groups else None
        if codes and last and last.codes == codes and not last.images:
            groups[-1] = replace(last, again=(*last.again, one.image_id))
        elif codes:
            groups.append(Group(one.image_id, codes, ()))
        elif last:
            groups[-1] = replace(last, images=(*last.images, one.image_id))
        else:
            groups.append(Group(None, (), (one.image_id,)))
    return tuple(groups)


def local_accession_number(session_id: str) -> str:
    """The accession number of a session without order: sixteen characters, as DICOM allows."""
    return f"L{session_id[:15].upper()}"


def may_be_used(consents: Iterable[Consent], purpose: Purpose) -> bool:
    """Whether the answers, oldest first, open pictures to a purpose; care is always open."""
    if purpose is Purpose.CARE:
        return True
    last = None
    for one in consents:
        last = one if one.purpose is purpose else last
    return last is not None and last.answer is Answer.GIVEN


def require_confirmed(patient: PatientIdentity, said: Confirmed) -> None:
    """Raise DifferentPatient where what was confirmed is not this patient."""
    name = checked_name("patient's name", said.name)
    if (name, said.birth_date, said.sex) != (patient.name, patient.birth_date, patient.sex):
        raise DifferentPatient(
            "What was confirmed is not the session's patient; look at whose pictures these are."
        )
