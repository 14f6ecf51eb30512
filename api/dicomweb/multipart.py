"""Answers of several parts (RFC 2046, 5.1; PS3.18, 8.6.1.2)."""

import hashlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus

from starlette.types import Scope

from api.answer import Answer
from api.dicomweb.media import Chosen
from api.ranges import not_there, range_of, told_range

CRLF = "\r\n"

Parts = Callable[[], AsyncGenerator[bytes | memoryview]]
"""The bytes of a part, some at a time, from the beginning each time it is called."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an answer; nothing of it is made before it is sent."""

    content_type: str
    parts: Parts
    length: int | None = None
    """None where it is not known before it is made."""
    location: str | None = None
    """Where it is fetched by itself."""

    @property
    def head(self) -> str:
        """Its header fields, and the empty line after them."""
        return _head(self.content_type, self.length, self.location)


def boundary_of(tag: str) -> str:
    """What stands between parts: the same for the same answer, so that its tag may be strong."""
    return hashlib.sha256(tag.encode()).hexdigest()[:32]


def content_type_of(part_type: str, boundary: str) -> str:
    """The Content-Type of an answer whose parts are of one kind."""
    media_type = part_type.partition(";")[0]
    return f'multipart/related; type="{media_type}"; boundary={boundary}'


def _head(content_type: str, length: int | None, location: str | None) -> str:
    told = [f"Content-Type: {content_type}"]
    if length is not None:
        told.append(f"Content-Length: {length}")
    if location is not None:
        told.append(f"Content-Location: {location}")
    return CRLF.join((*told, CRLF))


def held(data: bytes, content_type: str, location: str | None = None) -> Part:
    """A part that is in memory already."""

    async def parts() -> AsyncGenerator[bytes | memoryview]:
        yield data

    return Part(content_type, parts, len(data), location)


async def each(parts: Iterable[Part]) -> AsyncGenerator[Part]:
    """Parts that are known beforehand."""
    for part in parts:
        yield part


async def joined(parts: AsyncIterable[Part], boundary: str) -> AsyncGenerator[bytes | memoryview]:
    """The bytes of all parts, one after the other, the first with the first bytes of its data.

    How long it is nobody knows before: composing what has thousands of parts to measure them would
    hold them all in memory.
    """
    between = f"--{boundary}"
    async for part in parts:
        head = f"{between}{CRLF}{part.head}".encode()
        async with aclosing(part.parts()) as data:
            async for some in data:
                yield b"".join((head, some)) if head else some
                head = b""
        between = f"{CRLF}--{boundary}"
    yield f"{between}--{CRLF}".encode()


def several(parts: Iterable[bytes], part_type: str, headers: Mapping[str, str]) -> Answer:
    """Small things of one kind, all in memory."""
    boundary = secrets.token_hex(16)
    body = b"".join(
        piece
        for part in parts
        for piece in (
            f"--{boundary}{CRLF}{_head(part_type, len(part), None)}".encode(),
            part,
            CRLF.encode(),
        )
    )
    told = {**headers, "content-type": content_type_of(part_type, boundary)}
    return Answer(HTTPStatus.OK, body + f"--{boundary}--{CRLF}".encode(), told)


def single(
    data: bytes,
    chosen: Chosen,
    headers: Mapping[str, str],
    scope: Scope,
    location: str | None = None,
) -> Answer:
    """One thing, alone or as the only part; `headers` hold its tag.

    Of what is alone a range may be asked for; a part says where it is fetched by itself.
    """
    content_type = chosen.offer.content_type
    if not chosen.is_multipart:
        return _alone(data, {**headers, "content-type": content_type}, scope)
    boundary = boundary_of(headers["etag"])
    head = f"--{boundary}{CRLF}{_head(content_type, len(data), location)}".encode()
    body = b"".join((head, data, f"{CRLF}--{boundary}--{CRLF}".encode()))
    whole = content_type_of(content_type, boundary)
    return Answer(HTTPStatus.OK, body, {**headers, "content-type": whole})


def _alone(data: bytes, headers: Mapping[str, str], scope: Scope) -> Answer:
    headers = {**headers, "accept-ranges": "bytes"}
    wanted = range_of(scope, headers["etag"], len(data))
    if wanted is None:
        return Answer(HTTPStatus.OK, data, headers)
    offset, length = wanted
    if length == 0:
        return not_there(len(data))
    told = {**headers, **told_range(offset, length, len(data))}
    return Answer(HTTPStatus.PARTIAL_CONTENT, data[offset : offset + length], told)
