"""Who is calling, so that a page offers what its reader may do."""

from fastapi import APIRouter
from pydantic import BaseModel

from api.routes.at_the_door import CallerHere

router = APIRouter(tags=["doors"])


class MeOut(BaseModel):
    """What the caller may do, and where; `establishment` is None for those who serve all."""

    role: str
    establishment: str | None


@router.get("/api/me")
def me(caller: CallerHere) -> MeOut:
    """The caller's own role and establishment."""
    return MeOut(role=caller.role.name.lower(), establishment=caller.establishment)
