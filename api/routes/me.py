"""Who is calling, so that a page offers what its reader may do."""

import base64
from datetime import UTC, datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel

from api.doors import Doors
from api.routes.at_the_door import CallerHere

router = APIRouter(tags=["doors"])


class MeOut(BaseModel):
    """What the caller may do, and where; `establishment` is None for those who serve all.

    `phone` is the pairing by which a phone came in, and `session` the only one it is good for.
    """

    role: str
    establishment: str | None
    phone: str | None
    session: str | None
    expires_at: datetime


class LockOut(BaseModel):
    """What this user's pictures are sealed with while they wait on a phone."""

    user: str
    secret: str
    expires_at: datetime


@router.get("/api/me")
def me(caller: CallerHere) -> MeOut:
    """The caller's own role and establishment."""
    return MeOut(
        role=caller.role.name.lower(),
        establishment=caller.establishment,
        phone=caller.phone,
        session=caller.session,
        expires_at=datetime.fromtimestamp(caller.expires_at, UTC),
    )


@router.post("/api/me/lock")
def lock(caller: CallerHere, request: Request) -> LockOut:
    """The key of what waits on a phone: the same whenever the same user signs in."""
    doors: Doors = request.app.state.doors
    user, secret = doors.lock(caller)
    return LockOut(
        user=user,
        secret=base64.b64encode(secret).decode(),
        expires_at=datetime.fromtimestamp(caller.expires_at, UTC),
    )
