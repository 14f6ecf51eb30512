"""Identities that wait for a person, what was done to a patient's, and taking it back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from api.doors import Caller
from api.routes.at_the_door import CallerHere, CatalogHere
from archive.identities.records import Doubt, Event, Side
from archive.identities.schema import Act, DoubtKind, Verdict

router = APIRouter(tags=["identities"])


class SideOut(BaseModel):
    """One of two identities: what is known of it, without its national identifier.

    `key` is None for what was only stated. `merged_into` is the key of who survives.
    """

    key: str | None
    patient_id: str | None
    issuer: str | None
    name: str | None
    birth_name: str | None
    birth_date: str | None
    sex: str | None
    first_names: str | None
    birthplace: str | None
    status: str | None
    flags: list[str]
    has_ins: bool
    exams: int
    merged_into: str | None


class DoubtOut(BaseModel):
    """Two identities side by side, of which a person says whether they are one.

    Where it is whose a visit is: `same` says that it is the other's. `visits` are its numbers.
    """

    id: int
    kind: DoubtKind
    known: SideOut
    other: SideOut
    visits: list[str]
    by: str
    stated_at: datetime
    looked_at: datetime | None
    verdict: Verdict | None
    decided_at: datetime | None
    decided_by: str | None


class DoubtsOut(BaseModel):
    """What waits, the oldest first."""

    doubts: list[DoubtOut]


class DecisionIn(BaseModel):
    """What was decided, and the name of who did; `later` writes down that it was looked at."""

    verdict: Literal["same", "different", "later"]
    by: str = Field("", max_length=100, description="Who decides, FAMILY^GIVEN.")


class UndoIn(BaseModel):
    """Who takes an act back."""

    by: str = Field("", max_length=100)


class EventOut(BaseModel):
    """A line of the history; `before` and `after` are the traits that it changed."""

    id: int
    act: Act
    other: str | None
    before: dict[str, Any]
    after: dict[str, Any]
    by: str
    stated_at: datetime
    recorded_at: datetime
    undone_at: datetime | None
    undone_by: str | None
    may_be_undone: bool


class HistoryOut(BaseModel):
    """What was done to the identity of a patient, the newest first."""

    key: str
    events: list[EventOut]


class MessageOut(BaseModel):
    """A message in a list: nothing of what it says."""

    id: int
    sender: str
    control_id: str
    kind: str
    received_at: datetime
    code: str | None


class MessagesOut(BaseModel):
    """The newest messages first."""

    messages: list[MessageOut]


@router.get("/api/identities/doubts")
def list_doubts(caller: CallerHere, catalog: CatalogHere) -> DoubtsOut:
    """What waits for a person, of the caller's establishment."""
    found = catalog.identities.doubts(establishment=caller.establishment)
    return DoubtsOut(doubts=[_doubt(one) for one in found])


@router.post("/api/identities/doubts/{doubt}")
def decide(doubt: int, said: DecisionIn, caller: CallerHere, catalog: CatalogHere) -> DoubtOut:
    """Say whether two identities are one person, or that it is looked at later."""
    verdict = None if said.verdict == "later" else Verdict(said.verdict)
    by = _author(caller, said.by)
    return _doubt(catalog.identities.decide(doubt, verdict, by, establishment=caller.establishment))


@router.get("/api/patients/{patient}/identity")
def get_history(patient: str, caller: CallerHere, catalog: CatalogHere) -> HistoryOut:
    """What was done to the identity of a patient."""
    found = catalog.identities.history(patient, establishment=caller.establishment)
    return HistoryOut(key=patient, events=[_event(one, patient) for one in found])


@router.post("/api/identities/events/{event}/undo")
def undo(event: int, said: UndoIn, caller: CallerHere, catalog: CatalogHere) -> EventOut:
    """Take an act back exactly; 409 where something was changed since."""
    by = _author(caller, said.by)
    done = catalog.identities.undo(event, by, establishment=caller.establishment)
    return _event(done, done.key)


@router.get("/api/hl7/messages")
def list_messages(
    caller: CallerHere, catalog: CatalogHere, before: int | None = None
) -> MessagesOut:
    """The messages that other systems sent, a hundred at a time."""
    found = catalog.inbox.listed(establishment=caller.establishment, before=before)
    return MessagesOut(
        messages=[
            MessageOut(
                id=one.id,
                sender=one.sender,
                control_id=one.control_id,
                kind=one.kind,
                received_at=one.received_at,
                code=one.code,
            )
            for one in found
        ]
    )


@router.get("/api/hl7/messages/{message}")
def get_message(message: int, caller: CallerHere, catalog: CatalogHere) -> Response:
    """What a message says, byte for byte as it came."""
    payload = catalog.inbox.payload(message, establishment=caller.establishment)
    headers = {"cache-control": "no-store", "content-disposition": "attachment"}
    return Response(payload, media_type="application/octet-stream", headers=headers)


def _author(caller: Caller, name: str) -> str:
    """Who did it, in the history: the name that was given, and the token's own."""
    return f"{name.strip()} ({caller.subject})" if name.strip() else caller.subject


def _doubt(one: Doubt) -> DoubtOut:
    return DoubtOut(
        id=one.id,
        kind=one.kind,
        known=_side(one.known),
        other=_side(one.other),
        visits=[visit.named.number for visit in one.visits],
        by=one.by,
        stated_at=one.stated_at,
        looked_at=one.looked_at,
        verdict=one.verdict,
        decided_at=one.decided_at,
        decided_by=one.decided_by,
    )


def _side(one: Side) -> SideOut:
    return SideOut.model_validate(
        {
            **{name: one.traits.get(name) for name in SideOut.model_fields},
            "flags": one.traits.get("flags") or [],
            "key": one.key,
            "has_ins": one.has_ins,
            "exams": one.exams,
            "merged_into": one.merged_into,
        }
    )


def _event(one: Event, about: str) -> EventOut:
    before, after = _differing(one.before, one.after)
    return EventOut(
        id=one.id,
        act=one.act,
        other=one.other_key if one.other_key != about else one.key,
        before=before,
        after=after,
        by=one.by,
        stated_at=one.stated_at,
        recorded_at=one.recorded_at,
        undone_at=one.undone_at,
        undone_by=one.undone_by,
        may_be_undone=one.may_be_undone,
    )


def _differing(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The traits that an act changed, as they were and as they became."""
    was: dict[str, Any] = {}
    became: dict[str, Any] = {}
    for row, old in before.get("traits", {}).items():
        new = after.get("traits", {}).get(row, {})
        for name in old:
            if old[name] != new.get(name) and name != "stated_at":
                was[name], became[name] = old[name], new.get(name)
    return was, became
