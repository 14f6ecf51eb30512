"""Phones paired by a code on the screen of somebody who is signed in."""

import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Annotated

import segno
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from api.cookies import COOKIE, cookie_header
from api.doors import Bounds, Caller, Doors
from api.errors import NotPermitted
from api.establishment import ESTABLISHMENT
from api.origin import is_of_this_machine, is_private, own_origin
from api.policies import Role
from api.routes.at_the_door import KEY_BODY_BYTES, CallerHere, CatalogHere
from archive.errors import NotAllowed
from archive.phones import NAME_CHARACTERS, Phone

router = APIRouter(tags=["doors"])

OPENED_WITHIN = timedelta(minutes=5)
LASTS_S = 12 * 3600


class PhoneAsked(BaseModel):
    """What a phone is let in for: one session, or any of the establishment; and for how long."""

    session: Annotated[str, Field(max_length=64)] | None = None
    lasts_s: Annotated[int, Field(ge=600, le=24 * 3600)] = LASTS_S


class PhoneOffered(BaseModel):
    """A code that lets one phone in, once.

    `modules` are the rows of the QR code, dark ones being 1; what follows `#` in the link is
    secret. `is_reachable` is false where the address means this machine to every phone.
    """

    id: str
    link: str
    modules: list[str]
    open_before: datetime
    is_reachable: bool


class PhoneOut(BaseModel):
    """A pairing: `name` and `entered_at` are None until a phone has entered by it."""

    id: str
    session: str | None
    name: str | None
    created_at: datetime
    entered_at: datetime | None
    ends_at: datetime


class PhonesOut(BaseModel):
    """The pairings that have not ended, the newest first."""

    phones: list[PhoneOut]


class Entering(BaseModel):
    """What follows `#key=` in a pairing's link, and what the phone calls itself."""

    key: Annotated[str, Field(max_length=200)]
    name: Annotated[str, Field(min_length=1, max_length=NAME_CHARACTERS)]


class Entered(BaseModel):
    """The phone is in, by its cookie."""

    session: str | None
    ends_at: datetime


@router.post("/api/phones", status_code=201)
def offer(
    request: Request, caller: CallerHere, catalog: CatalogHere, asked: PhoneAsked | None = None
) -> PhoneOffered:
    """A code that lets a phone in, once and within five minutes, to take photographs."""
    origin = _private_origin(request)
    asked = asked or PhoneAsked()
    now = datetime.now(UTC)
    ends_at = now + timedelta(seconds=asked.lasts_s)
    establishment = caller.establishment or ESTABLISHMENT
    if asked.session is not None:
        known = catalog.sessions.session(asked.session, establishment=caller.establishment)
        establishment = known.establishment
    phone = catalog.phones.offer(establishment, caller.subject, ends_at, asked.session)
    open_before = now + OPENED_WITHIN
    link = f"{origin}/pair#key={catalog.issue_key({'phone': phone.id}, open_before)}"
    code = segno.make(link, error="m", micro=False)
    return PhoneOffered(
        id=phone.id,
        link=link,
        modules=["".join("01"[module] for module in row) for row in code.matrix],
        open_before=open_before,
        is_reachable=not is_of_this_machine(origin),
    )


@router.get("/api/phones")
def list_phones(caller: CallerHere, catalog: CatalogHere) -> PhonesOut:
    """The caller's own pairings; for operators those of everybody they serve."""
    found = catalog.phones.of(_whose(caller), establishment=caller.establishment)
    return PhonesOut(phones=[_out(phone) for phone in found])


@router.delete("/api/phones/{phone}", status_code=204, response_class=Response)
def end(phone: str, caller: CallerHere, catalog: CatalogHere) -> Response:
    """End a pairing: the phone is a stranger from now on. A phone may end its own."""
    if caller.phone not in {None, phone}:
        raise NotPermitted("a phone ends its own pairing")
    catalog.phones.end(phone, _whose(caller), establishment=caller.establishment)
    answer = Response(status_code=HTTPStatus.NO_CONTENT)
    if caller.phone == phone:
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


@router.post("/api/pair", max_body_size=KEY_BODY_BYTES)
def enter(given: Entering, request: Request, answer: Response, catalog: CatalogHere) -> Entered:
    """Let a phone in by the key of its link, which works once."""
    origin = _private_origin(request)
    claims = catalog.redeem_key(given.key)
    if "phone" not in claims:
        # A key of another kind: it is spent now, as whoever sent it here has shown it to a page.
        raise NotAllowed("This key is not one of a phone.")
    phone = catalog.phones.enter(claims["phone"], given.name)
    lasts_s = int(phone.ends_at.timestamp() - time.time())
    doors: Doors = request.app.state.doors
    bounds: Bounds = {"subject": phone.subject, "phone": phone.id}
    if phone.session is not None:
        bounds["session"] = phone.session
    token = doors.issue(Role.CONTRIBUTOR, phone.establishment, lasts_s, **bounds)
    is_https = origin.startswith("https://")
    answer.headers["set-cookie"] = cookie_header(token, lasts_s, secure=is_https)
    return Entered(session=phone.session, ends_at=phone.ends_at)


def _private_origin(request: Request) -> str:
    origin = own_origin(request.app.state.settings, request.scope)
    if not is_private(origin):
        # The page says so before it asks: here is only what holds for other clients.
        raise NotPermitted("a phone is let in over TLS alone")
    return origin


def _whose(caller: Caller) -> str | None:
    return None if caller.role is Role.OPERATOR else caller.subject


def _out(phone: Phone) -> PhoneOut:
    return PhoneOut(
        id=phone.id,
        session=phone.session,
        name=phone.name,
        created_at=phone.created_at,
        entered_at=phone.entered_at,
        ends_at=phone.ends_at,
    )
