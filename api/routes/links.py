"""Links that show one image to somebody who has no account here, for a while."""

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from api.doors import Doors
from api.policies import Role
from api.routes.at_the_door import KEY_BODY_BYTES, CallerHere, CatalogHere
from archive.errors import NotAllowed
from archive.record import ImageState

router = APIRouter(tags=["links"])

OPENED_WITHIN = timedelta(minutes=10)
SEEN_FOR_S = 3600


class LinkAsked(BaseModel):
    """For how long the image may be looked at once the link is opened."""

    lasts_s: Annotated[int, Field(ge=60, le=12 * 3600)] = SEEN_FOR_S


class LinkOut(BaseModel):
    """A link that opens once; `link` begins with a slash, and what follows `#` is secret."""

    link: str
    open_before: datetime


class LinkKey(BaseModel):
    """What follows `#key=` in a link."""

    key: Annotated[str, Field(max_length=200)]


class Opened(BaseModel):
    """A bearer token that is good for one image, or for one exam of another establishment."""

    token: str
    image: str | None
    expires_at: datetime


@router.post("/api/images/{image}/links", status_code=201)
def make_link(
    image: str, caller: CallerHere, catalog: CatalogHere, asked: LinkAsked | None = None
) -> LinkOut:
    """A link to the viewer for one image; it opens once, within ten minutes, and no other image.

    409 with the `reason` for a photograph that was not sent, or that no rule of the site lets go.
    """
    found = catalog.departures.record_link(
        image, by=caller.subject, establishment=caller.establishment
    )
    exam = catalog.exam(found.exam_id, establishment=caller.establishment, states=tuple(ImageState))
    open_before = datetime.now(UTC) + OPENED_WITHIN
    lasts_s = (asked or LinkAsked()).lasts_s
    claims = {
        "establishment": exam.establishment,
        "image": image,
        "incarnation": found.incarnation,
        "lasts_s": lasts_s,
    }
    key = catalog.issue_key(claims, open_before)
    return LinkOut(link=f"/view/{image}#key={key}", open_before=open_before)


@router.post("/api/links", max_body_size=KEY_BODY_BYTES)
def open_link(given: LinkKey, request: Request, catalog: CatalogHere) -> Opened:
    """Exchange a link's key, once, for a token that its page keeps in memory."""
    claims = catalog.redeem_key(given.key)
    doors: Doors = request.app.state.doors
    lasts_s: int = claims.get("lasts_s", SEEN_FOR_S)
    if "exam" in claims:
        bounds = {name: claims[name] for name in ("exam", "seer", "subject")}
        token = doors.issue(Role.READER, claims["establishment"], lasts_s, **bounds)
        return Opened(token=token, image=None, expires_at=_ends(lasts_s))
    if "image" not in claims:
        # A sign-in key: it is spent now, as whoever sent it here has shown it to a page.
        raise NotAllowed("This key is not one of a link.")
    token = doors.issue(
        Role.READER,
        claims["establishment"],
        lasts_s,
        image=claims["image"],
        incarnation=claims.get("incarnation", 0),
    )
    return Opened(token=token, image=claims["image"], expires_at=_ends(lasts_s))


def _ends(lasts_s: int) -> datetime:
    return datetime.fromtimestamp(int(time.time() + lasts_s), UTC)
