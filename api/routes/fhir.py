"""FHIR R4, to be read: resources and searches of them."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, cast
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from api.answer import KEPT_BY_NOBODY, Answer
from api.doors import Caller
from api.errors import TooLarge, WrongMediaType
from api.fhir.asked import Asked, Pair, asked_of
from api.fhir.bundle import bundle, history, search_url
from api.fhir.capability import capability_statement
from api.fhir.paging import PARAMETER, Pages, Turned
from api.fhir.places import HISTORY, METADATA, POSTED, READ, ROOT, SEARCHED, VERSION, address
from api.fhir.searching import Place, read, search, versions
from api.fhir.telling import (
    media_type_of,
    resource_answer,
    written,
)
from api.origin import own_origin
from api.routes.at_the_door import CallerHere, CatalogHere
from archive.catalog import Catalog
from archive.errors import NotFound

router = APIRouter(tags=["fhir"])

FORM = "application/x-www-form-urlencoded"
FORM_BYTES = 64 << 10


def _pages(request: Request) -> Pages:
    return cast("Pages", request.app.state.pages)


PagesHere = Annotated[Pages, Depends(_pages)]


@router.get(METADATA, response_class=Response)
def metadata(request: Request) -> Response:
    """What can be read and looked for here: a CapabilityStatement."""
    pairs = _queried(request)
    media_type = media_type_of(request.scope, dict(pairs).get("_format"))
    body = written(capability_statement(_origin(request)), pretty=_is_pretty(pairs))
    return Response(body, media_type=media_type)


def _reading(kind: str) -> Callable[..., Response]:
    def read_one(
        id: str,  # noqa: A002 -- as FHIR calls it
        request: Request,
        caller: CallerHere,
        catalog: CatalogHere,
    ) -> Response:
        pairs = _queried(request)
        media_type = media_type_of(request.scope, dict(pairs).get("_format"))
        told = [one for one in pairs if one[0] in {"_summary", "_elements"}]
        asked = asked_of(kind, told, "")
        found = read(_place(request, caller, catalog), kind, id)
        pretty = _is_pretty(pairs)
        return _given(resource_answer(request.scope, found, asked, media_type, pretty=pretty))

    return read_one


def _searching(kind: str) -> Callable[..., Response]:
    def search_by_address(
        request: Request, caller: CallerHere, catalog: CatalogHere, pages: PagesHere
    ) -> Response:
        return _searched(request, caller, catalog, pages, kind, _queried(request))

    return search_by_address


def _posted(kind: str) -> Callable[..., object]:
    async def search_by_form(
        request: Request, caller: CallerHere, catalog: CatalogHere, pages: PagesHere
    ) -> Response:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            raise WrongMediaType("a search is posted as a form")
        body = await request.body()
        if len(body) > FORM_BYTES:
            raise TooLarge("a search is no longer than this", bytes=FORM_BYTES)
        pairs = [*_queried(request), *_pairs(body.decode("utf-8", "replace"))]
        return await run_in_threadpool(
            _searched, request, caller, catalog, pages, kind, pairs, is_posted=True
        )

    return search_by_form


for _path, _kind in SEARCHED.items():
    router.get(_path, response_class=Response, summary=f"{_kind}: a search")(_searching(_kind))
for _path, _kind in POSTED.items():
    router.post(_path, response_class=Response, summary=f"{_kind}: the same, posted")(
        _posted(_kind)
    )
for _path, _kind in READ.items():
    router.get(_path, response_class=Response, summary=f"{_kind}: one resource")(_reading(_kind))


@router.get(HISTORY, response_class=Response)
def history_of_report(
    id: str,  # noqa: A002 -- as FHIR calls it
    request: Request,
    caller: CallerHere,
    catalog: CatalogHere,
) -> Response:
    """All versions of a report, the newest first."""
    media_type = media_type_of(request.scope, dict(_queried(request)).get("_format"))
    place = _place(request, caller, catalog)
    url = address(place.origin, "DiagnosticReport", f"{id}/_history")
    told = history(place.origin, versions(place, id), url)
    return Response(written(told), media_type=media_type)


@router.get(VERSION, response_class=Response)
def version_of_report(
    id: str,  # noqa: A002 -- as FHIR calls it
    version: str,
    request: Request,
    caller: CallerHere,
    catalog: CatalogHere,
) -> Response:
    """One version of a report, by its number; what it looked like then does not count."""
    media_type = media_type_of(request.scope, dict(_queried(request)).get("_format"))
    number = version.partition(".")[0]
    for one in versions(_place(request, caller, catalog), id):
        if one["meta"]["versionId"].partition(".")[0] == number:
            answer = resource_answer(request.scope, one, Asked("DiagnosticReport"), media_type)
            return _given(answer)
    raise NotFound("There is no such version.")


def _searched(
    request: Request,
    caller: Caller,
    catalog: Catalog,
    pages: Pages,
    kind: str,
    pairs: Sequence[Pair],
    *,
    is_posted: bool = False,
) -> Response:
    media_type = media_type_of(request.scope, dict(pairs).get("_format"))
    place = _place(request, caller, catalog)
    asked = _asked(request, caller, pages, kind, pairs)
    found = search(place, asked)

    def page(after: object) -> str:
        sealed = pages.seal(kind, Turned(asked.used, cast("dict[str, str]", after)), caller)
        return search_url(place.origin, kind, [(PARAMETER, sealed), *_written_so(pairs)])

    is_by_address = asked.after is None and not is_posted
    used = [*asked.used, *_written_so(pairs)]
    itself = search_url(place.origin, kind, used) if is_by_address else page(asked.after)
    links = {"self": itself} | ({"next": page(found.after)} if found.after else {})
    told = bundle(asked, found, place.origin, links)
    headers = {"content-type": media_type, "cache-control": KEPT_BY_NOBODY}
    return _given(Answer(HTTPStatus.OK, written(told, pretty=_is_pretty(pairs)), headers))


def _asked(
    request: Request, caller: Caller, pages: Pages, kind: str, pairs: Sequence[Pair]
) -> Asked:
    """What a request asks, or what the page that it turns to does."""
    turned = Turned(tuple(pairs), None)
    if sealed := dict(pairs).get(PARAMETER):
        turned = pages.open(kind, sealed, caller)
    preferences = ",".join(request.headers.getlist("prefer")).replace(" ", "").lower()
    strict = "handling=strict" in preferences
    base = f"{_origin(request)}{ROOT}"
    return asked_of(kind, turned.used, base, strict=strict, after=turned.after)


def _given(answer: Answer) -> Response:
    return Response(bytes(answer.body), answer.status, headers=dict(answer.headers))


def _queried(request: Request) -> list[Pair]:
    return _pairs(request.url.query)


def _pairs(text: str) -> list[Pair]:
    return parse_qsl(text, keep_blank_values=True)


def _written_so(pairs: Sequence[Pair]) -> list[Pair]:
    """What has the next page written as this one is; its address says nothing by it."""
    by_name = dict(pairs)
    told = {"_format": by_name.get("_format"), "_pretty": _is_pretty(pairs) and "true"}
    return [(name, value) for name, value in told.items() if value]


def _is_pretty(pairs: Sequence[Pair]) -> bool:
    return dict(pairs).get("_pretty") == "true"


def _origin(request: Request) -> str:
    return own_origin(request.app.state.settings, request.scope)


def _place(request: Request, caller: Caller, catalog: Catalog) -> Place:
    return Place(catalog.resources, caller.establishment, _origin(request))
