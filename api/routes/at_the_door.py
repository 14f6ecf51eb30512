"""What every route asks of the request: who calls, and with what they may be served."""

from typing import Annotated, cast

from fastapi import Depends, Request

from api.covered import Covers
from api.doors import Caller, allow, require_reached
from api.receiving import Reception
from api.sources import Sources
from api.turns import Turns
from archive.catalog import Catalog
from archive.storage import Storage

KEY_BODY_BYTES = 4096
"""Of the requests that strangers may make: a one-time key, and a name."""


def admit(request: Request) -> None:
    """Let the caller in where the route's policy does; a route without policy is for nobody."""
    template = getattr(request.scope.get("route"), "path", "")
    caller = request.scope.get("caller")
    allow(caller, template, request.path_params)
    if caller is not None:
        require_reached(caller, _catalog(request).phones, request.path_params)


def _caller(request: Request) -> Caller:
    return cast("Caller", request.scope["caller"])


def _catalog(request: Request) -> Catalog:
    return cast("Catalog", request.app.state.catalog)


def _sources(request: Request) -> Sources:
    return cast("Sources", request.app.state.sources)


def _reception(request: Request) -> Reception:
    return cast("Reception", request.app.state.reception)


def _storage(request: Request) -> Storage:
    return cast("Storage", request.app.state.storage)


def _covers(request: Request) -> Covers:
    return cast("Covers", request.app.state.covers)


def _exports(request: Request) -> Turns:
    return cast("Turns", request.app.state.exports)


CallerHere = Annotated[Caller, Depends(_caller)]
CatalogHere = Annotated[Catalog, Depends(_catalog)]
SourcesHere = Annotated[Sources, Depends(_sources)]
StorageHere = Annotated[Storage, Depends(_storage)]
CoversHere = Annotated[Covers, Depends(_covers)]
ExportsHere = Annotated[Turns, Depends(_exports)]
ReceptionHere = Annotated[Reception, Depends(_reception)]
