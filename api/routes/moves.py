"""Images put under the right patient: what that would correct, the act itself, and its history."""

from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api.doors import Caller
from api.routes.at_the_door import CallerHere, CatalogHere
from api.routes.deposits import PatientIn
from api.routes.shapes import PatientOut, patient_out
from archive.catalog import Catalog
from archive.identity import PatientIdentity
from archive.leaving import Way
from archive.move import Author, Correction, Destination, Moved, MovePlan
from archive.record import ImageKind, ImageState, OutboxState, Sent
from archive.telling.rows import Telling

router = APIRouter(tags=["moves"])


class MoveIn(BaseModel):
    """Whose the images are: by number and issuer, or by the `patient_key` of their exams.

    Without `confirm` nothing is done, and the answer says what would be.
    """

    patient: PatientIn | None = None
    patient_key: str | None = Field(None, max_length=32)
    accession_number: str | None = Field(None, max_length=200)
    issuer: str | None = Field(None, max_length=200, description="Who gave that number.")
    lesion: str | None = Field(None, max_length=32, description="Of that patient; for one image.")
    by: str = Field("", max_length=200, description="Who moves them, FAMILY^GIVEN.")
    confirm: bool = False


class ToldOut(BaseModel):
    """What a radiology archive was told, or is to be.

    `changed` are the keywords of what it keeps otherwise than it was sent; None before it is asked.
    What is cut into `parts` is there as those, each of which is told of beside it.
    """

    archive: str
    image: str
    what: Sent
    sop_instance_uid: str
    parts: int
    state: OutboxState
    reason: str | None
    changed: list[str] | None
    since: datetime


class EndsOut(BaseModel):
    """Links with what stays with the patient before: they end with the move.

    `lesion` is what it showed, `pins` the lesions marked in it, `overview` and `earlier` images
    that it referred to, `referred_by` those that referred to it, `session` the visit it was of,
    `biopsies` the lesions whose biopsy it was the last slide of.
    """

    lesion: str | None = None
    overview: str | None = None
    earlier: str | None = None
    referred_by: list[str] = []
    pins: list[str] = []
    session: str | None = None
    biopsies: list[str] = []


class LeftOut(BaseModel):
    """A time at which an image left, and how."""

    at: datetime
    way: Way


class CorrectionOut(BaseModel):
    """What is corrected for one image: what was published of it, and the links that end.

    `left` is when it was exported, or shown by a link or to a colleague elsewhere: nothing takes
    that back.
    """

    image: str
    kind: ImageKind
    published: list[ToldOut]
    left: list[LeftOut]
    ends: EndsOut


class MoveOut(BaseModel):
    """A move before it is done; `known` says whether the catalogue has the right patient already.

    `asked` is true where it was confirmed: it is done within moments.
    """

    asked: bool
    exam: str
    before: PatientOut | None
    after: PatientOut | None
    known: bool
    to_exam: str | None
    images: list[CorrectionOut]


class MovedOut(BaseModel):
    """A move of an image; `done_at` is None until it is done, and nothing has changed until then.

    `subject` is the caller's token, `by` the name that was given.
    """

    before: PatientOut | None
    after: PatientOut | None
    to_exam: str
    ends: EndsOut
    by: str
    subject: str
    asked_at: datetime
    done_at: datetime | None


class HistoryOut(BaseModel):
    """The moves of an image, and what radiology archives were told of it, the first ones first."""

    moves: list[MovedOut]
    told: list[ToldOut]


class OutboxOut(BaseModel):
    """What radiology archives are still to be told, and what a person has to see to."""

    told: list[ToldOut]


@router.post("/api/images/{image}/move")
def move_image(
    image: str, said: MoveIn, caller: CallerHere, catalog: CatalogHere, response: Response
) -> MoveOut:
    """Move an image to another patient of its establishment, or say what that would correct."""
    return _moved([image], said, caller, catalog, response)


@router.post("/api/exams/{exam}/move")
def move_exam(
    exam: str, said: MoveIn, caller: CallerHere, catalog: CatalogHere, response: Response
) -> MoveOut:
    """Move all images of an exam to another patient, or say what that would correct."""
    states = tuple(ImageState)
    found = catalog.exam(exam, establishment=caller.establishment, states=states)
    reports = catalog.reports.images_of_exam(found.id)
    moved = [*(one.id for one in found.images), *reports]
    return _moved(moved, said, caller, catalog, response)


@router.get("/api/images/{image}/moves")
def list_moves(image: str, caller: CallerHere, catalog: CatalogHere) -> HistoryOut:
    """How an image came to its patient, and how far radiology archives know of it."""
    moves = catalog.moves.history(image, establishment=caller.establishment)
    told = catalog.outbox.of_images([image])[image]
    return HistoryOut(moves=[_history(one) for one in moves], told=[_told(one) for one in told])


@router.get("/api/outbox")
def list_outbox(caller: CallerHere, catalog: CatalogHere) -> OutboxOut:
    """What radiology archives are still to be told, and what a person has to see to."""
    states = (OutboxState.WAITING, OutboxState.TASK)
    found = catalog.outbox.listed(states, establishment=caller.establishment)
    return OutboxOut(told=[_told(one) for one in found])


def _moved(
    images: Sequence[str], said: MoveIn, caller: Caller, catalog: Catalog, response: Response
) -> MoveOut:
    to = Destination(
        patient=_identity(said.patient),
        key=said.patient_key,
        accession_number=said.accession_number,
        issuer=said.issuer,
        lesion=said.lesion,
    )
    plan = catalog.moves.plan(images, to, establishment=caller.establishment)
    if said.confirm:
        author = Author(caller.subject, said.by)
        catalog.moves.ask(images, to, author, establishment=caller.establishment)
        response.status_code = 202
    return _out(plan, asked=said.confirm)


def _identity(said: PatientIn | None) -> PatientIdentity | None:
    if said is None:
        return None
    return PatientIdentity(
        said.patient_id, said.issuer or "", said.name or "", said.birth_date, said.sex
    )


def _out(plan: MovePlan, *, asked: bool) -> MoveOut:
    return MoveOut(
        asked=asked,
        exam=plan.exam_id,
        before=patient_out(plan.before),
        after=patient_out(plan.after),
        known=plan.is_known,
        to_exam=plan.to_exam_id,
        images=[_correction(one) for one in plan.corrections],
    )


def _correction(one: Correction) -> CorrectionOut:
    return CorrectionOut(
        image=one.image_id,
        kind=one.kind,
        published=[
            _told(told)
            for told in one.published
            if told.state is not OutboxState.SUPERSEDED and not told.parts
        ],
        left=[LeftOut(at=left.at, way=left.way) for left in one.left],
        ends=EndsOut(**one.dropped),
    )


def _told(one: Telling) -> ToldOut:
    return ToldOut(
        archive=one.remote,
        image=one.image_id,
        what=one.kind,
        sop_instance_uid=one.sop_instance_uid,
        parts=one.parts,
        state=one.state,
        reason=one.reason,
        changed=None if one.coerced is None else list(one.coerced),
        since=one.created_at,
    )


def _history(one: Moved) -> MovedOut:
    return MovedOut(
        before=patient_out(one.before),
        after=patient_out(one.after),
        to_exam=one.to_exam_id,
        ends=EndsOut(**one.dropped),
        by=one.by,
        subject=one.subject,
        asked_at=one.asked_at,
        done_at=one.done_at,
    )
