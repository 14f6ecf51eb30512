"""Where an exam is seen, for registries that read FHIR."""

import json

from fastapi import APIRouter, Request, Response

from api.origin import own_origin
from api.routes.at_the_door import CallerHere, CatalogHere
from archive.telling.endpoint import MEDIA_TYPE, endpoint

router = APIRouter(tags=["fhir"])


@router.get("/fhir/Endpoint/{exam}", response_class=Response)
def read_endpoint(
    exam: str, request: Request, caller: CallerHere, catalog: CatalogHere
) -> Response:
    """The address of an exam in the viewer as a FHIR R4 Endpoint."""
    found = catalog.exam(exam, establishment=caller.establishment)
    data = endpoint(found, own_origin(request.app.state.settings, request.scope))
    return Response(json.dumps(data), media_type=MEDIA_TYPE)
