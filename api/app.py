"""The application: FastAPI behind the dispatcher, over one catalogue and one store."""

import asyncio
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

from api.cookies import COOKIE
from api.covered import Covers
from api.dicomweb.desk import Desk
from api.dicomweb.stow import Store
from api.dispatch import Dispatcher
from api.doors import Doors
from api.errors import ApiError, Problem, problem
from api.instances.acceptance import Acceptance
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
    endpoints,
    enter,
    exams,
    exports,
    gallery,
    health,
    identities,
    iiif,
    images,
    lesions,
    links,
    me,
    moves,
    patients,
    phones,
    sessions,
    uploads,
)
from api.routes.at_the_door import admit
from api.sandbox import die_with
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
    moves,
    cases,
    day,
    archives,
    endpoints,
    gallery,
    exports,
    advice,
    links,
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
    doors = Doors(signing_key(settings))
    catalog = Catalog.open(settings.database_url)
    storage = storage or Storage.open(settings.objects_url)
    reception = Reception(catalog, storage.drafts(settings.data / "incoming"), settings.uploads)
    sources = Sources(catalog, storage, Renderers(storage, settings.data / "scratch"))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(dispatcher.close)
        reception.close()

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
    app.state.covers = covers = Covers(catalog)
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


async def _told(_: Request, error: Exception) -> Response:
    return _response(problem(error))


async def _malformed(_: Request, __: Exception) -> Response:
    return _response(Problem(HTTPStatus.UNPROCESSABLE_ENTITY))


async def _of_the_framework(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = _response(Problem(HTTPStatus(error.status_code)))
    # `Allow` names the route's own methods.
    response.headers.update(error.headers or {})
    return response


def _response(found: Problem) -> Response:
    return Response(found.body, found.status, headers=found.headers)


def main() -> None:
    """One server process, on a socket that the supervisor has bound: `api.app FD PARENT_PID`."""
    descriptor, parent_pid = map(int, sys.argv[1:3])
    die_with(parent_pid)
    to_stderr()
    settings = read_settings()
    app = create_app(settings)
    app.prepare()
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
