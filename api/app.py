"""The application: FastAPI behind the dispatcher, over one catalogue and one store."""

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import uvicorn
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyCookie, HTTPBearer
from starlette.exceptions import HTTPException

from api.asker import Asker
from api.confinement import die_with, hide
from api.cookies import COOKIE
from api.covered import Covers
from api.dicomweb.desk import Desk
from api.dicomweb.stow import Store
from api.dispatch import Dispatcher
from api.doors import Doors
from api.errors import ApiError, Problem, problem
from api.fhir.outcome import problem_at
from api.fhir.paging import Pages
from api.instances.acceptance import Acceptance
from api.invoke.sealing import Seal
from api.logs import to_stderr
from api.protocol import Patience
from api.receiving import Reception
from api.renderer import Renderers
from api.routes import (
    advice,
    aids,
    archives,
    cards,
    cases,
    day,
    deposits,
    docs,
    enter,
    exams,
    exports,
    fhir,
    gallery,
    health,
    identities,
    iiif,
    images,
    invocations,
    lesions,
    links,
    me,
    moves,
    patients,
    phones,
    priors,
    reports,
    sessions,
    timeline,
    uploads,
    worklist,
)
from api.routes.at_the_door import admit
from api.settings import Settings, read_settings, signing_key
from api.sources import Sources
from api.static import read_viewer
from api.turns import Turns
from api.version import VERSION
from archive.catalog import Catalog
from archive.errors import ArchiveError
from archive.storage import Storage
from tiles.errors import TilesError

BODY_BYTES = 16 << 20
"""Of any request but a part of a file: the names of all files of the largest deposit."""

ROUTES = (
    exams,
    images,
    lesions,
    aids,
    patients,
    timeline,
    priors,
    moves,
    cases,
    worklist,
    reports,
    day,
    archives,
    fhir,
    gallery,
    exports,
    advice,
    links,
    invocations,
    identities,
    iiif,
    deposits,
    uploads,
    sessions,
    cards,
    phones,
    me,
    health,
    enter,
    docs,
)


def create_app(settings: Settings, storage: Storage | None = None) -> Dispatcher:
    """The ASGI application of one process; raises BadSettings and StorageFailure."""
    key = signing_key(settings)
    doors = Doors(key)
    catalog = Catalog.open(settings.database_url)
    storage = storage or Storage.open(settings.objects_url)
    reception = Reception(catalog, storage.drafts(settings.data / "incoming"), settings.uploads)
    sources = Sources(catalog, storage, Renderers(storage, settings.data / "scratch"))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(dispatcher.close)
        reception.close()
        asker.close()

    app = FastAPI(
        title="Sans Verre",
        version=VERSION,
        description="Virtual slides and dermatology photographs. Not a certified medical device.",
        lifespan=lifespan,
        # Both are routes of our own: closed, and without addresses of others.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[
            Depends(admit),
            # For the OpenAPI document alone: the dispatcher has already looked at the token.
            Depends(HTTPBearer(auto_error=False)),
            Depends(APIKeyCookie(name=COOKIE, auto_error=False)),
        ],
        redirect_slashes=False,
        max_body_size=BODY_BYTES,
    )
    app.state.settings, app.state.doors = settings, doors
    app.state.catalog, app.state.storage, app.state.sources = catalog, storage, sources
    app.state.reception = reception
    app.state.asker = asker = Asker(settings.archives)
    app.state.seal = Seal(key)
    app.state.covers = covers = Covers(catalog)
    app.state.pages = Pages(signing_key(settings))
    app.state.exports = Turns(exports.AT_ONCE, exports.RETRY_S)
    for module in ROUTES:
        app.include_router(module.router)
    for kind in (ApiError, ArchiveError, TilesError, Exception):
        app.add_exception_handler(kind, _told)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _of_the_framework)
    store = Store(Acceptance(catalog, storage, settings.data), settings.uploads)
    desk = Desk(settings, catalog, storage, sources, covers, store)
    dispatcher = Dispatcher(
        app, settings, doors, sources, catalog.phones, covers, desk, read_viewer()
    )
    return dispatcher


async def _told(request: Request, error: Exception) -> Response:
    return _response(request, problem(error))


async def _malformed(request: Request, _: Exception) -> Response:
    return _response(request, Problem(HTTPStatus.UNPROCESSABLE_ENTITY))


async def _of_the_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = _response(request, Problem(HTTPStatus(error.status_code)))
    # `Allow` names the route's own methods.
    response.headers.update(error.headers or {})
    return response


def _response(request: Request, found: Problem) -> Response:
    answer = problem_at(request.url.path, found)
    return Response(bytes(answer.body), answer.status, headers=dict(answer.headers))


def settle() -> None:
    """Spare what is loaded from the collector of garbage, which else stops an answer for 50 ms."""
    gc.collect()
    gc.freeze()


def main() -> None:
    """One server process, on a socket that the supervisor has bound: `api.app FD PARENT_PID`."""
    descriptor, parent_pid = map(int, sys.argv[1:3])
    die_with(parent_pid)
    hide()
    to_stderr()
    settings = read_settings()
    app = create_app(settings)
    app.prepare()
    settle()
    tls = settings.tls
    config = uvicorn.Config(
        app,
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        http=Patience,
        ws="none",
        # Addresses would carry the one-time key and, later, what people search for.
        access_log=False,
        log_config=None,
        server_header=False,
        # What a proxy says of itself is stated in SANSVERRE_PUBLIC_URL, not believed.
        proxy_headers=False,
        timeout_graceful_shutdown=5,
        ssl_certfile=tls.certificate if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main()
