"""Answers of several parts (RFC 2046, 5.1; PS3.18, 8.6.1.2)."""

import hashlib
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus

from api.answer import Answer
from api.dicomweb.media import Chosen

CRLF = "\r\n"

Parts = Callable[[], AsyncGenerator[bytes | memoryview]]
"""The bytes of a part, some at a time, from the beginning each time it is called."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an answer; nothing of it is made before it is sent."""

    content_type: str
    parts: Parts


def boundary_of(tag: str) -> str:
    """What stands between parts: the same for the same answer, so that its tag may be strong."""
    return hashlib.sha256(tag.encode()).hexdigest()[:32]


def content_type_of(part_type: str, boundary: str) -> str:
    """The Content-Type of an answer whose parts are of one kind."""
    media_type = part_type.partition(";")[0]
    return f'multipart/related; type="{media_type}"; boundary={boundary}'


async def joined(parts: Iterable[Part], boundary: str) -> AsyncGenerator[bytes | memoryview]:
    """The bytes of all parts, one after the other, the first with the first bytes of its data.

    How long it is nobody knows before: composing what has thousands of parts to measure them would
    hold them all in memory.
    """
    between = f"--{boundary}"
    for part in parts:
        head = f"{between}{CRLF}Content-Type: {part.content_type}{CRLF}{CRLF}".encode()
        async with aclosing(part.parts()) as data:
            async for some in data:
                yield b"".join((head, some)) if head else some
                head = b""
        between = f"{CRLF}--{boundary}"
    yield f"{between}--{CRLF}".encode()


def single(data: bytes, chosen: Chosen, headers: Mapping[str, str]) -> Answer:
    """One thing, alone or as the only part; `headers` hold its tag."""
    content_type = chosen.offer.content_type
    if not chosen.is_multipart:
        return Answer(HTTPStatus.OK, data, {**headers, "content-type": content_type})
    boundary = boundary_of(headers["etag"])
    head = f"--{boundary}{CRLF}Content-Type: {content_type}{CRLF}{CRLF}".encode()
    body = b"".join((head, data, f"{CRLF}--{boundary}--{CRLF}".encode()))
    whole = content_type_of(content_type, boundary)
    return Answer(HTTPStatus.OK, body, {**headers, "content-type": whole})
