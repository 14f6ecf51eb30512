"""The JSON of sessions: what is said of a visit and of its photographs, and what leaves."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.routes.deposits import PatientIn, ReasonOut, reason_out
from archive.body_site import Side, site_of_code
from archive.capture import (
    Capture,
    Contact,
    Dermoscopy,
    Immersion,
    Operator,
    Polarization,
    View,
)
from archive.lesion import Photograph
from archive.partial import Partial
from archive.record import FileState, ImageState, Upload
from archive.session import (
    Answer,
    Giver,
    Picture,
    Purpose,
    Session,
    SessionPage,
    SessionState,
    may_be_used,
)

Sex = Literal["F", "M", "O"]


class Person(BaseModel):
    """Who took the photographs, or signs them: FAMILY^GIVEN, and the number in the RPPS."""

    name: str = Field(max_length=200)
    rpps: str | None = Field(None, max_length=20)

    def operator(self) -> Operator:
        """The same as the archive keeps it; raises InvalidIdentity and InvalidCapture."""
        return Operator(self.name, self.rpps)


class SessionIn(BaseModel):
    """A session to begin: of a patient, by `patient`, `patient_key` or the order's `accession`.

    `id` may be drawn by the client, 32 hexadecimal digits, so that asking twice gives one session.
    """

    id: str | None = Field(None, max_length=32)
    patient: PatientIn | None = None
    patient_key: str | None = Field(None, max_length=32)
    accession: str | None = Field(None, max_length=200)
    accession_issuer: str | None = Field(None, max_length=200)
    operator: Person | None = None


class DermoscopyIO(BaseModel):
    """How a dermoscope was used."""

    polarization: Polarization | None = None
    contact: Contact | None = None
    immersion: Immersion | None = None
    magnification: float | None = None
    colour_temperature_k: float | None = None


class CaptureIn(BaseModel):
    """What a photograph shows; `overview` and `earlier` are chosen by the server if left out."""

    view: View
    site: str = Field(max_length=32)
    side: Side | None = None
    lesion: str | None = Field(None, max_length=32)
    overview: str | None = Field(None, max_length=32)
    earlier: str | None = Field(None, max_length=32)
    dermoscopy: DermoscopyIO | None = None
    phototype: int | None = None
    mm_per_pixel: tuple[float, float] | None = None
    operator: Person | None = None
    kept_despite: bool = False

    def photograph(self, image: str, operator: Operator | None) -> Photograph:
        """What it says of an image; raises InvalidCapture, InvalidSite and InvalidIdentity."""
        used = self.dermoscopy
        capture = Capture(
            self.view,
            site_of_code(self.site),
            self.side,
            None if used is None else Dermoscopy(**used.model_dump()),
            self.phototype,
            self.mm_per_pixel,
            self.operator.operator() if self.operator else operator,
        )
        return Photograph(image, capture, self.lesion, self.overview, self.earlier)


class PartialIO(BaseModel):
    """What is said so far of a photograph whose view, site or side nobody has said yet."""

    view: View | None = None
    site: str | None = Field(None, max_length=32)
    side: Side | None = None
    lesion: str | None = Field(None, max_length=32)
    dermoscopy: DermoscopyIO | None = None
    phototype: int | None = None
    mm_per_pixel: tuple[float, float] | None = None


class PartialIn(PartialIO):
    """The same, and whether the photograph is kept despite what was found of it."""

    kept_despite: bool = False

    def partial(self) -> Partial:
        """What it says; raises InvalidCapture and InvalidSite."""
        used = self.dermoscopy
        return Partial(
            self.view,
            self.site,
            self.side,
            self.lesion,
            None if used is None else Dermoscopy(**used.model_dump()),
            self.phototype,
            self.mm_per_pixel,
        )


class PinIO(BaseModel):
    """Where a lesion is in an overview, in fractions of its width and height."""

    lesion: str = Field(max_length=32)
    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)


class ConfirmedIn(BaseModel):
    """The patient as whoever sends the session has just read and confirmed them."""

    name: str = Field(max_length=400)
    birth_date: date | None
    sex: Sex | None


class EncounterIn(BaseModel):
    """The order of a visit that began without one."""

    accession: str = Field(max_length=200)
    accession_issuer: str | None = Field(None, max_length=200)


class ConsentIn(BaseModel):
    """An answer to what pictures may be used for, and who gave it."""

    purpose: Purpose
    answer: Answer
    by: Giver


class ConsentOut(ConsentIn):
    """The answer that counts, and since when."""

    recorded_at: datetime


class ChecksOut(BaseModel):
    """What a worker found in a picture, once it has looked; each has a `kind`.

    All but `scale` may be wrong with it. A `face` is left out where the head is photographed.

    `missed` is a picture that was sent before anybody looked.
    """

    state: Literal["waiting", "done", "missed"]
    version: str | None
    found: list[dict[str, Any]]


class PhotographOut(BaseModel):
    """A photograph of a session; `view`, `site` and `side` are None until somebody sorted it.

    Until then `partial` holds what was said so far.
    """

    image: str
    state: ImageState
    reason: str | None
    taken_at: datetime
    thumbnail: str
    view: View | None
    site: str | None
    side: Side | None
    lesion: str | None
    overview: str | None
    earlier: str | None
    dermoscopy: DermoscopyIO | None
    phototype: int | None
    mm_per_pixel: tuple[float, float] | None
    operator: Person | None
    partial: PartialIO | None
    pins: list[PinIO]
    checks: ChecksOut
    kept_despite: bool


class ArrivalOut(BaseModel):
    """A file sent to the session that is no photograph of it, or not yet.

    `image` is there where the same file is archived already, with another visit.
    """

    upload: str
    path: str
    size_bytes: int
    received_bytes: int
    state: FileState
    reason: ReasonOut | None
    image: str | None
    exam: str | None


class SessionPatientOut(BaseModel):
    """Whose session it is; `key` names the patient in addresses."""

    key: str
    name: str | None
    birth_date: date | None
    sex: str | None
    patient_id: str
    issuer: str | None


class SessionSummary(BaseModel):
    """A session in a list, and how many photographs it has."""

    id: str
    state: SessionState
    patient: SessionPatientOut
    exam: str
    accession_number: str | None
    issuer: str | None
    is_provisional: bool
    operator: Person | None
    created_at: datetime
    sent_at: datetime | None
    signed_at: datetime | None
    signed_by: Person | None
    count: int
    arriving: int


class SessionOut(SessionSummary):
    """A session with all that is in it; `uses` says which purposes are open."""

    photographs: list[PhotographOut]
    arrivals: list[ArrivalOut]
    consents: list[ConsentOut]
    uses: dict[Purpose, bool]


class SessionsOut(BaseModel):
    """Sessions, the newest first; `next` is the `after` of the following ones, null for none."""

    sessions: list[SessionSummary]
    next: str | None


def sessions_out(page: SessionPage) -> SessionsOut:
    """Sessions in a list."""
    listed = [
        SessionSummary(**_summary(one.session, one.count, one.arriving)) for one in page.listed
    ]
    return SessionsOut(sessions=listed, next=page.after)


def session_out(session: Session) -> SessionOut:
    """One session."""
    return SessionOut(
        **_summary(session, len(session.pictures), len(session.arriving)),
        photographs=[_photograph(one) for one in session.pictures],
        arrivals=[_arrival(one) for one in session.arrivals],
        consents=[
            ConsentOut(
                purpose=one.purpose, answer=one.answer, by=one.by, recorded_at=one.recorded_at
            )
            for one in session.consents
        ],
        uses={purpose: may_be_used(session.consents, purpose) for purpose in Purpose},
    )


def _summary(session: Session, count: int, arriving: int) -> dict[str, Any]:
    patient = session.patient
    return {
        "id": session.id,
        "state": session.state,
        "patient": SessionPatientOut(
            key=session.patient_key,
            name=patient.name or None,
            birth_date=patient.birth_date,
            sex=patient.sex,
            patient_id=patient.patient_id,
            issuer=patient.issuer or None,
        ),
        "exam": session.exam_id,
        "accession_number": session.accession_number,
        "issuer": session.issuer_of_accession_number,
        "is_provisional": session.is_provisional,
        "operator": _person(session.operator),
        "created_at": session.created_at,
        "sent_at": session.sent_at,
        "signed_at": session.signed_at,
        "signed_by": _person(session.signed_by),
        "count": count,
        "arriving": arriving,
    }


def _photograph(picture: Picture) -> PhotographOut:
    said = picture.stated
    capture = said.capture if said else None
    used = capture.dermoscopy if capture else None
    return PhotographOut(
        image=picture.image_id,
        state=picture.state,
        reason=picture.reason,
        taken_at=picture.taken_at,
        thumbnail=f"/images/{picture.image_id}/thumbnail",
        view=capture.view if capture else None,
        site=capture.site.code if capture else None,
        side=capture.side if capture else None,
        lesion=said.lesion if said else None,
        overview=said.overview if said else None,
        earlier=said.earlier if said else None,
        dermoscopy=DermoscopyIO.model_validate(used, from_attributes=True) if used else None,
        phototype=capture.phototype if capture else None,
        mm_per_pixel=capture.mm_per_pixel if capture else None,
        operator=_person(capture.operator) if capture else None,
        partial=_partial(picture.partial),
        pins=[PinIO(lesion=one.lesion, x=one.x, y=one.y) for one in picture.pins],
        checks=_checks(picture),
        kept_despite=picture.kept_despite,
    )


def _partial(said: Partial | None) -> PartialIO | None:
    return None if said is None else PartialIO.model_validate(said, from_attributes=True)


def _checks(picture: Picture) -> ChecksOut:
    checks = picture.checks
    if checks is None:
        waits = picture.state is ImageState.RECEIVED
        return ChecksOut(state="waiting" if waits else "missed", version=None, found=[])
    found = [dict(one) for one in picture.found]
    return ChecksOut(state="done", version=checks.version, found=found)


def _arrival(upload: Upload) -> ArrivalOut:
    return ArrivalOut(
        upload=upload.id,
        path=upload.path,
        size_bytes=upload.length_bytes,
        received_bytes=upload.offset_bytes,
        state=upload.state,
        reason=reason_out(upload),
        image=upload.image_id,
        exam=upload.exam_id,
    )


def _person(who: Operator | None) -> Person | None:
    return None if who is None else Person(name=who.name, rpps=who.rpps)
