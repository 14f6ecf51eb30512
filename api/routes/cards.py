"""A camera's card: pictures of several lesions or patients, told apart by photographed codes."""

from collections.abc import Iterable
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.routes.at_the_door import CallerHere, CatalogHere
from api.routes.session_shapes import SessionOut, session_out
from archive.lesion import Lesion
from archive.record import ImageState
from archive.session import Session, split

router = APIRouter(tags=["sessions"])


class GroupOut(BaseModel):
    """Pictures that follow a photographed code: what it says, and what of it is known here.

    `again` are more pictures of that same code. `is_patient` tells whether it is the patient's
    number, `lesion` which of their lesions it names.
    """

    code_image: str | None
    again: list[str]
    codes: list[str]
    is_patient: bool
    lesion: str | None
    photographs: list[str]


class SplitOut(BaseModel):
    """How a card's pictures may belong together, once all were looked at; for a person to judge."""

    state: Literal["waiting", "done"]
    groups: list[GroupOut]


class HandOverIn(BaseModel):
    """Photographs that are another session's, which is open too."""

    to: str = Field(max_length=32)
    images: list[str] = Field(max_length=1000)


@router.get("/api/sessions/{session}/split")
def propose_split(session: str, caller: CallerHere, catalog: CatalogHere) -> SplitOut:
    """How the pictures of a camera's card may belong together, by the codes among them."""
    known = catalog.sessions.session(session, establishment=caller.establishment)
    lesions = catalog.lesions.of_patient(known.patient_key, establishment=caller.establishment)
    return _out(known, lesions)


@router.post("/api/sessions/{session}/hand-over")
def hand_over(
    session: str, said: HandOverIn, caller: CallerHere, catalog: CatalogHere
) -> SessionOut:
    """Give photographs to the open session that they are of; what was stated of them is undone."""
    return session_out(
        catalog.pictures.hand_over(
            session, said.images, said.to, establishment=caller.establishment
        )
    )


def _out(session: Session, lesions: Iterable[Lesion]) -> SplitOut:
    """How the pictures of a session may belong together, the patient's lesions being these."""
    named = {
        name: one.id for one in lesions for name in (one.id, one.tracking_id, one.tracking_uid)
    }
    waiting = any(
        one.checks is None and one.state is ImageState.RECEIVED for one in session.pictures
    )
    return SplitOut(
        state="waiting" if waiting else "done",
        groups=[
            GroupOut(
                code_image=one.code_image,
                again=list(one.again),
                codes=list(one.codes),
                is_patient=session.patient.patient_id in one.codes,
                lesion=next((named[code] for code in one.codes if code in named), None),
                photographs=list(one.images),
            )
            for one in split(session.pictures)
        ],
    )
