"""Whether the service lives, whether it can work, and how much it does."""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.metrics import exposition
from api.routes.at_the_door import CatalogHere
from api.version import VERSION
from archive.storage import Storage

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"
    version: str = VERSION


@router.get("/healthz")
async def is_alive() -> Health:
    """The process is alive; nothing else is looked at."""
    return Health()


@router.get("/readyz")
def is_ready(request: Request, catalog: CatalogHere) -> Health:
    """The catalogue and the store answer, so that requests can be served."""
    catalog.check()
    storage: Storage = request.app.state.storage
    storage.check()
    return Health()


@router.get("/metrics", response_class=Response)
def metrics() -> Response:
    """Counts in the format of Prometheus; nothing in them tells of a person."""
    answer = exposition()
    return Response(answer.body, answer.status, headers=dict(answer.headers))
