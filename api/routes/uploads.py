"""Uploads by tus 1.0.0: a file of a deposit announced, and sent in parts that may be cut off."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from api import tus
from api.doors import require_session
from api.errors import ApiError, BadHeader, MethodRefused, TooSlow, WrongVersion, problem
from api.routes.at_the_door import CallerHere, ReceptionHere
from archive.deposits import checked_sha256
from archive.errors import ArchiveError
from archive.uploads import Announced

BLOCK_BYTES = 1 << 20
"""What is written at once; so much of each upload is in memory."""

SILENT_S = 30.0
"""So long a network may be silent before the file is free for whoever goes on with it."""

PART_BYTES = 1 << 62
"""A part may be as long as what is missing of its file, which is asked of it block by block."""

Answering = Callable[[Request], Coroutine[Any, Any, Response]]


class TusRoute(APIRoute):
    """A route whose answers, refusals among them, carry the headers of tus."""

    def get_route_handler(self) -> Answering:
        """Refuse other versions before anything is looked at."""
        answer = super().get_route_handler()

        async def answered(request: Request) -> Response:
            try:
                if request.method != "OPTIONS":
                    tus.require_version(request.headers)
                return await answer(request)
            except (ApiError, ArchiveError) as error:
                found = problem(error)
                headers = {**found.headers, **tus.ALWAYS}
                if isinstance(error, WrongVersion):
                    headers["tus-version"] = tus.VERSION
                return Response(found.body, found.status, headers=headers)

        return answered


router = APIRouter(tags=["uploads"], route_class=TusRoute, max_body_size=PART_BYTES)


@router.options("/uploads", status_code=204, response_class=Response)
def offer(reception: ReceptionHere) -> Response:
    """What of tus is spoken here, and how large a file may be."""
    return Response(status_code=204, headers=tus.offered(reception.limits.max_bytes))


@router.post("/uploads", status_code=201, response_class=Response)
async def announce(request: Request, caller: CallerHere, reception: ReceptionHere) -> Response:
    """Announce a file: its length, and `path` and `deposit` or `session` in Upload-Metadata.

    `sha256` there, in hexadecimal, is what the whole file is held against. The same file again
    gives the same upload.
    """
    length = tus.number(request.headers, "upload-length")
    said = tus.metadata(request.headers)
    # An empty word is none: a phone that names no session must not seem to name one.
    deposit, session, path = (said.get(name) or None for name in ("deposit", "session", "path"))
    if not path or (deposit is None) is (session is None):
        raise BadHeader("Upload-Metadata names no path, or not one deposit or session.")
    require_session(caller, session)
    sha256 = checked_sha256(said["sha256"]) if said.get("sha256") else None
    if session is not None:
        file = Announced(path, length, sha256)
        upload = await reception.run(
            reception.announce_picture, session, file, caller.establishment
        )
    else:
        upload = await reception.run(
            reception.announce, deposit, path, length, sha256, caller.establishment
        )
    headers = {**tus.told(upload), "location": f"/uploads/{upload.id}"}
    return Response(status_code=201, headers=headers)


@router.head("/uploads/{upload}", response_class=Response)
async def look(upload: str, caller: CallerHere, reception: ReceptionHere) -> Response:
    """How much of a file has come: so much of it is on the disk; and what became of it.

    `Upload-State` is the state that a deposit tells of its file, `Upload-Image` the image that it
    gave, `Upload-Reason` why it was refused.
    """
    found = await reception.run(
        lambda: reception.catalog.uploads.upload(upload, establishment=caller.establishment)
    )
    headers = {
        **tus.told(found),
        **tus.become(found),
        "upload-length": str(found.length_bytes),
        "cache-control": "no-store",
    }
    return Response(status_code=200, headers=headers)


@router.patch("/uploads/{upload}", status_code=204, response_class=Response)
async def receive(
    upload: str, request: Request, caller: CallerHere, reception: ReceptionHere
) -> Response:
    """A part of a file, which goes on where the file ends; what comes of it is kept."""
    tus.require_part(request.headers)
    offset = tus.number(request.headers, "upload-offset")
    checksum = tus.checksum(request.headers)
    with ExitStack() as held:
        receiving = await reception.run(
            held.enter_context,
            reception.receiving(upload, offset, checksum, caller.establishment),
        )
        if "content-length" in request.headers:
            receiving.require(tus.number(request.headers, "content-length"))
        try:
            async for block in _blocks(request):
                await reception.run(receiving.take, block)
        except (ClientDisconnect, TimeoutError) as error:
            await reception.run(receiving.break_off)
            raise TooSlow("Nothing came for a while.") from error
        found = await reception.run(receiving.end)
    return Response(status_code=204, headers=tus.told(found))


@router.delete("/uploads/{upload}", status_code=204, response_class=Response)
async def give_up(upload: str, caller: CallerHere, reception: ReceptionHere) -> Response:
    """Give a file up, whether it has come or not."""

    def remove() -> None:
        uploads = reception.catalog.uploads
        reception.drop(uploads.remove(upload, establishment=caller.establishment))

    await reception.run(remove)
    return Response(status_code=204, headers=tus.ALWAYS)


@router.post("/uploads/{upload}", response_class=Response)
async def override(
    upload: str, request: Request, caller: CallerHere, reception: ReceptionHere
) -> Response:
    """For clients that can only POST: X-HTTP-Method-Override says which method is meant."""
    match request.headers.get("x-http-method-override", "").upper():
        case "PATCH":
            return await receive(upload, request, caller, reception)
        case "DELETE":
            return await give_up(upload, caller, reception)
        case "HEAD":
            return await look(upload, caller, reception)
        case _:
            raise MethodRefused


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    """The body in blocks; what came before it broke off is given first.

    Raises ClientDisconnect, and TimeoutError after a silence.
    """
    block = bytearray()
    stream = aiter(request.stream())
    broken: Exception | None = None
    while True:
        try:
            async with asyncio.timeout(SILENT_S):
                block += await anext(stream)
        except StopAsyncIteration:
            break
        except (ClientDisconnect, TimeoutError) as error:
            broken = error
            break
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)
    if broken is not None:
        raise broken
