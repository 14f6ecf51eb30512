"""In front of the FastAPI app: the doors, and the routes that are asked for by the thousand.

Every request comes through here. Strangers are turned away before anything is looked up. Tiles and
small pictures are answered on plain ASGI, as a router and its dependencies would cost more than
the answer itself; the rest goes to the app behind.
"""

import asyncio
import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from xml.sax.saxutils import quoteattr

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.answer import (
    ASKED_EACH_TIME,
    KEPT,
    KEPT_BY_NOBODY,
    Answer,
    holds,
    unchanged,
    with_security_headers,
)
from api.covered import Covers, cover_of
from api.dicomweb import places as dicomweb
from api.dicomweb.desk import Desk
from api.dicomweb.service import answered
from api.doors import Caller, Doors, allow, is_public, require, require_reached
from api.elsewhere import Elsewhere
from api.errors import Covered, MethodRefused, NotSignedIn, problem
from api.fhir.outcome import problem_at
from api.iiif import CORS, information, is_iiif, picture, preflight, to_information
from api.logs import whereabouts
from api.metrics import count
from api.opened import is_growing
from api.origin import own_origin
from api.policies import STORING
from api.settings import Settings
from api.sources import Sources
from api.static import MISSING
from api.zarr import Streamed, zarr_answer
from archive.errors import NotFound, StorageFailure
from archive.phones import Phones
from archive.record import Image, ImageState

LOG = logging.getLogger("sansverre")

_IMAGE = r"(?P<image>[0-9A-Za-z_-]{1,64})"
_NUMBER = "(?:0|[1-9][0-9]{0,8})"

DZI = "/deepzoom/{image}.dzi"
TILE = "/deepzoom/{image}_files/{level}/{column}_{row}.jpeg"
PICTURE = "/images/{image}/{name}"
ZARR = "/zarr/{image}/{key}"
IIIF = "/iiif/3/{image}"
IIIF_INFORMATION = f"{IIIF}/info.json"
IIIF_PICTURE = f"{IIIF}/{{region}}/{{size}}/{{rotation}}/{{quality}}.{{format}}"
IIIF_ROUTES = (IIIF, IIIF_INFORMATION, IIIF_PICTURE)

PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        TILE,
        re.compile(
            rf"/deepzoom/{_IMAGE}_files/(?P<level>{_NUMBER})"
            rf"/(?P<column>{_NUMBER})_(?P<row>{_NUMBER})\.jpeg"
        ),
    ),
    (DZI, re.compile(rf"/deepzoom/{_IMAGE}\.dzi")),
    (ZARR, re.compile(rf"/zarr/{_IMAGE}/(?P<key>[0-9a-z./]{{1,64}})")),
    (
        IIIF_PICTURE,
        re.compile(
            rf"/iiif/3/{_IMAGE}/(?P<region>[^/]+)/(?P<size>[^/]+)/(?P<rotation>[^/]+)"
            r"/(?P<quality>[^/.]+)\.(?P<format>[^/.]+)"
        ),
    ),
    (IIIF_INFORMATION, re.compile(rf"/iiif/3/{_IMAGE}/info\.json")),
    (IIIF, re.compile(rf"/iiif/3/{_IMAGE}")),
    (PICTURE, re.compile(rf"/images/{_IMAGE}/(?P<name>thumbnail|label|overview)")),
)
"""The hot routes. Numbers are canonical, so that a tile has one address and one cached answer."""

LENT = frozenset({TILE, DZI, *IIIF_ROUTES})
"""Beside the thumbnail, what shows an image to a colleague elsewhere who was asked about it."""

HOT_ROUTES = (
    TILE,
    DZI,
    ZARR,
    *IIIF_ROUTES,
    *(PICTURE.replace("{name}", name) for name in ("thumbnail", "label", "overview")),
    *dicomweb.ROUTES,
)

READING = frozenset({"GET", "HEAD"})

_PAGES = re.compile(
    r"/(?:exam|view|capture|cases|lesions|move|move-exam|advice)/[^/]+"
    r"|/(?:capture|cases|deposit|phones|pair|advice|outbox|identities|opened|worklist|day)"
    r"|/patients/[^/]+(?:/(?:lesions|images|identity|beside))?|/lesions/[^/]+/compare"
)


class Dispatcher:
    """The ASGI application that `serve` runs."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        doors: Doors,
        sources: Sources,
        phones: Phones,
        covers: Covers,
        desk: Desk,
        viewer: dict[str, Answer],
    ) -> None:
        self._desk = desk
        self._covers = covers
        self._app, self._doors, self._sources, self._phones = app, doors, sources, phones
        self._settings, self._viewer = settings, viewer
        self._elsewhere = Elsewhere(frozenset(settings.read_origins), settings.frame_ancestors)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (or a lifespan's messages)."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        started = time.perf_counter()
        if is_iiif(scope["path"]):
            counted = _Counted(send, CORS)
        else:
            counted = _Counted(self._elsewhere.letting(scope, send))
        try:
            await self._answer(scope, receive, counted.send)
        except Exception as error:  # noqa: BLE001 - the last place where it can be answered
            found = problem(error)
            if found.status is HTTPStatus.INTERNAL_SERVER_ERROR:
                # The class and the place, not the text, which may hold what a file said.
                LOG.error("a request failed: %s", whereabouts(error))  # noqa: TRY400
            # Where the answer has begun, the server below sees that it does not end, and hangs up.
            if not counted.status:
                await problem_at(scope["path"], found).give(scope, counted.send)
        route = scope.get("route_label", "other")
        count(route, counted.status, time.perf_counter() - started)

    def prepare(self) -> None:
        """Have ready what those who come first would wait for."""
        self._sources.prepare()

    def close(self) -> None:
        """Let go of the catalogue and the threads."""
        self._desk.close()
        self._sources.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        asked_before = preflight(scope) or self._elsewhere.preflight(scope)
        if asked_before is not None:
            # A browser asks on its own, without a token, and is told nothing of what is there.
            await asked_before.give(scope, send)
            return
        caller = await self._admit(scope)
        is_dicomweb = path.startswith(dicomweb.ROOT)
        for template, pattern in dicomweb.PATTERNS if is_dicomweb else PATTERNS:
            match = pattern.fullmatch(path)
            if match is not None:
                scope["route_label"] = template
                fields = match.groupdict()
                policy = template.replace("{name}", fields.get("name", ""))
                allow(caller, policy, fields)
                assert caller is not None
                if method not in dicomweb.METHODS.get(template, READING):
                    raise MethodRefused
                if method == "POST":
                    require(caller, STORING[template])
                if caller.session is not None:
                    await asyncio.to_thread(require_reached, caller, self._phones, fields)
                if is_dicomweb:
                    answer = await answered(self._desk, template, caller, fields, scope, receive)
                else:
                    answer = await self._hot(template, caller, fields, scope, receive)
                await answer.give(scope, send)
                return
        static = self._viewer_file(path)
        if static is not None:
            scope["route_label"] = "viewer"
            if method not in READING:
                raise MethodRefused
            await static.give(scope, send)
            return
        scope["caller"] = caller
        scope["route_label"] = "app"
        await self._app(scope, receive, with_security_headers(send))

    async def _admit(self, scope: Scope) -> Caller | None:
        path = scope["path"]
        caller = self._doors.admit(
            path, scope["method"], scope["headers"], lambda: own_origin(self._settings, scope)
        )
        if caller is None or caller.phone is None:
            return caller
        # Who lost their phone ends it at once, and not when its token does.
        if await asyncio.to_thread(self._phones.is_paired, caller.phone):
            return caller
        if is_public(path):
            return None
        raise NotSignedIn("this phone is not paired any more")

    def _viewer_file(self, path: str) -> Answer | None:
        if path == "/" or _PAGES.fullmatch(path):
            return self._viewer.get("/", MISSING)
        return self._viewer.get(path)

    async def _hot(
        self, template: str, caller: Caller, fields: dict[str, str], scope: Scope, receive: Receive
    ) -> Answer | Streamed:
        asked = _Asked(template, caller, fields, scope, receive)
        try:
            image = await self._sources.image(caller, fields["image"])
        except NotFound:
            if template not in LENT and fields.get("name") != "thumbnail":
                raise
            lent = await self._sources.lent(caller, fields["image"])
            return await self._of(lent, KEPT_BY_NOBODY, asked)
        try:
            return await self._of(image, _kept(image, caller), asked)
        except StorageFailure:
            # What is remembered here may have been moved since, and is forgotten by now.
            now = await self._sources.image(caller, image.id)
            if now.objects == image.objects:
                raise
            return await self._of(now, _kept(now, caller), asked)

    async def _of(self, image: Image, kept: str, asked: "_Asked") -> Answer | Streamed:
        template, fields, scope = asked.template, asked.fields, asked.scope
        if cover_of(image) is not None:
            # Lists have no small picture of it, whoever opened it.
            if fields.get("name") == "thumbnail":
                raise Covered
            await self._covers.require_open(asked.caller, image)
            kept = KEPT_BY_NOBODY
        if template == ZARR:
            key = fields["key"]
            return await zarr_answer(self._sources, image, key, kept, scope, asked.receive)
        if template in IIIF_ROUTES:
            return await self._iiif(template, image, fields, kept, scope)
        if template == PICTURE:
            return await self._small_picture(image, fields["name"], kept, scope)
        opened = await self._sources.open(image)
        if template == DZI:
            return _dzi(opened.deep_zoom.width, opened.deep_zoom.height, opened.deep_zoom.tile_size)
        level, column, row = int(fields["level"]), int(fields["column"]), int(fields["row"])
        opened.require(level, column, row)
        tag = f'"{opened.tag}-{level}-{column}-{row}"'
        if holds(scope, tag):
            return unchanged(tag, kept)
        return _jpeg(await self._sources.tile(image, opened, (level, column, row)), tag, kept)

    async def _small_picture(self, image: Image, name: str, kept: str, scope: Scope) -> Answer:
        tag = f'"{self._sources.picture_tag(image, name)}"'
        if holds(scope, tag):
            return unchanged(tag, kept)
        return _jpeg(await self._sources.picture(image, name), tag, kept)

    async def _iiif(
        self, template: str, image: Image, fields: dict[str, str], kept: str, scope: Scope
    ) -> Answer:
        origin = own_origin(self._settings, scope)
        if template == IIIF_PICTURE:
            return await picture(self._sources, image, fields, origin, kept, scope)
        if template == IIIF_INFORMATION:
            return await information(self._sources, image, origin, scope)
        return to_information(image)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request of a hot route."""

    template: str
    caller: Caller
    fields: dict[str, str]
    scope: Scope
    receive: Receive


class _Counted:
    """Sees the status that goes out, and adds the headers that go with all answers of a kind."""

    def __init__(self, send: Send, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self._send, self._headers = send, headers
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._headers:
                message = {**message, "headers": [*message["headers"], *self._headers]}
        await self._send(message)


def _kept(image: Image, caller: Caller) -> str:
    if not caller.image is caller.phone is caller.exam is None:
        # A link ends and a phone is lost; what a browser keeps would outlast them by a year.
        return KEPT_BY_NOBODY
    is_final = image.state is ImageState.PUBLISHED and not is_growing(image)
    return KEPT if is_final else ASKED_EACH_TIME


def _jpeg(body: bytes, tag: str, kept: str) -> Answer:
    return Answer(200, body, {"content-type": "image/jpeg", "cache-control": kept, "etag": tag})


def _dzi(width: int, height: int, tile_size: int) -> Answer:
    numbers = {"Format": "jpeg", "Overlap": "0", "TileSize": str(tile_size)}
    fields = " ".join(f"{name}={quoteattr(value)}" for name, value in numbers.items())
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Image xmlns="http://schemas.microsoft.com/deepzoom/2008" {fields}>'
        f'<Size Width="{width}" Height="{height}"/></Image>\n'
    )
    return Answer(
        200,
        body.encode(),
        {"content-type": "application/xml", "cache-control": ASKED_EACH_TIME},
    )
