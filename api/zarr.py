"""Archived slides as OME-Zarr over HTTP: documents, decoded chunks, and ranges of stored frames."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus

from starlette.types import Receive, Scope, Send

from api.answer import Answer, headers_of, holds, unchanged
from api.errors import NoSuchAddress, TooSlow
from api.opened import OpenImage
from api.ranges import not_there, range_of, told_range
from api.sources import Sources
from archive.record import Image
from tiles.zarr_view import Chunk, Range, Shard, packed

PART_BYTES = 1 << 20
STALLED_S = 60.0
"""For how long a part may wait to be taken."""
_BYTES = "application/octet-stream"
_PACKED = {"content-type": _BYTES, "content-encoding": "zstd"}


async def zarr_answer(
    sources: Sources, image: Image, key: str, kept: str, scope: Scope, receive: Receive
) -> "Answer | Streamed":
    """What is at a key of a published slide; raises OutsideImage and NoSuchAddress.

    A key that means nothing is not found, which readers of zarr take for a chunk that is not there.
    """
    opened = await sources.open(image)
    if opened.zarr is None:
        raise NoSuchAddress
    found = opened.zarr.find(key)
    tag = f'"{opened.tag}-zarr-{key.replace("/", "-")}"'
    for held in (tag, f'{tag[:-1]}-zstd"'):
        if holds(scope, held):
            return unchanged(held, kept)
    headers = {"cache-control": kept, "etag": tag}
    if isinstance(found, bytes):
        return Answer(200, found, {**headers, "content-type": "application/json"})
    if isinstance(found, Chunk):
        headers["vary"] = "accept-encoding"
        if _takes_packed(scope):
            body = await sources.zarr_chunk(image, opened, found, packed)
            return Answer(200, body, {**headers, **_PACKED, "etag": f'{tag[:-1]}-zstd"'})
    return _part_of(found, _Reader(sources, image, opened), headers, scope, receive)


@dataclass(frozen=True, slots=True)
class _Reader:
    sources: Sources
    image: Image
    opened: OpenImage

    async def read(
        self, found: Chunk | Shard, offset: int, length: int
    ) -> AsyncGenerator[bytes | memoryview]:
        if isinstance(found, Chunk):
            chunk = await self.sources.zarr_chunk(self.image, self.opened, found)
            yield chunk[offset : offset + length]
            return
        for part in found.parts(offset, length):
            if isinstance(part, Range):
                (key,) = self.opened.stored[part.level].keys
                for begin in range(0, part.length, PART_BYTES):
                    most = min(PART_BYTES, part.length - begin)
                    yield await self.sources.stored(self.image, key, part.offset + begin, most)
            else:
                yield part


def _takes_packed(scope: Scope) -> bool:
    """Whether a whole chunk is asked for by who unpacks Zstandard unasked, as browsers do.

    Parts and sizes are those of the plain bytes, which are known without computing any.
    """
    told = dict(scope["headers"])
    accepted = told.get(b"accept-encoding", b"").decode("latin-1").replace(" ", "").split(",")
    return scope["method"] == "GET" and b"range" not in told and "zstd" in accepted


def _part_of(
    found: Chunk | Shard, reader: _Reader, headers: dict[str, str], scope: Scope, receive: Receive
) -> "Answer | Streamed":
    size = found.size_bytes
    headers = {**headers, "content-type": _BYTES, "accept-ranges": "bytes"}
    wanted = range_of(scope, headers["etag"], size)
    if wanted is None:
        return Streamed(HTTPStatus.OK, size, headers, reader.read(found, 0, size), receive)
    offset, length = wanted
    if length == 0:
        return not_there(size)
    told = {**headers, **told_range(offset, length, size)}
    parts = reader.read(found, offset, length)
    return Streamed(HTTPStatus.PARTIAL_CONTENT, length, told, parts, receive)


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer too large to be held, sent part by part for as long as somebody listens."""

    status: int
    length: int | None
    """None where it is not known before it is made."""
    headers: dict[str, str]
    parts: AsyncGenerator[bytes | memoryview]
    receive: Receive

    async def give(self, scope: Scope, send: Send) -> None:
        """Send it; to HEAD without its body. Raises TooSlow where nobody takes it."""
        async with aclosing(self.parts):
            body = scope["method"] != "HEAD"
            # The first part before the status, as what cannot be read is still told then.
            first = await anext(self.parts, b"") if body else b""
            told = {} if self.length is None else {"content-length": str(self.length)}
            headers = headers_of({**self.headers, **told})
            await send({"type": "http.response.start", "status": self.status, "headers": headers})
            more = body and (self.length is None or self.length > len(first))
            await send({"type": "http.response.body", "body": first, "more_body": more})
            if more:
                await self._rest(send)

    async def _rest(self, send: Send) -> None:
        left = asyncio.ensure_future(_left(self.receive))
        try:
            async for part in self.parts:
                if left.done():
                    return
                try:
                    async with asyncio.timeout(STALLED_S):
                        await send({"type": "http.response.body", "body": part, "more_body": True})
                except TimeoutError as error:
                    raise TooSlow("nothing was taken of an answer for a while") from error
        finally:
            left.cancel()
        await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    """Until the caller hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass
