"""Answers of several parts (RFC 2046, 5.1; PS3.18, 8.6.1.2)."""

import hashlib
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from api.answer import Answer
from api.dicomweb.media import Chosen

CRLF = "\r\n"

Parts = Callable[[], AsyncGenerator[bytes | memoryview]]
"""The bytes of a part, some at a time, from the beginning each time it is called."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an answer, of which the length is known before any of it is read."""

    content_type: str
    length: int
    parts: Parts


def boundary_of(tag: str) -> str:
    """What stands between parts: the same for the same answer, so that its tag may be strong."""
    return hashlib.sha256(tag.encode()).hexdigest()[:32]


def content_type_of(part_type: str, boundary: str) -> str:
    """The Content-Type of an answer whose parts are of one kind."""
    media_type = part_type.partition(";")[0]
    return f'multipart/related; type="{media_type}"; boundary={boundary}'


def joined(parts: Sequence[Part], boundary: str) -> tuple[int, AsyncGenerator[bytes | memoryview]]:
    """The length of all parts together, and their bytes."""
    heads = [_head(one, boundary, is_first=number == 0) for number, one in enumerate(parts)]
    tail = f"\r\n--{boundary}--\r\n".encode()
    length = sum(map(len, heads)) + sum(one.length for one in parts) + len(tail)

    async def flowing() -> AsyncGenerator[bytes | memoryview]:
        for head, one in zip(heads, parts, strict=True):
            yield head
            async for data in one.parts():
                yield data
        yield tail

    return length, flowing()


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


def _head(part: Part, boundary: str, *, is_first: bool) -> bytes:
    return (
        f"{'' if is_first else CRLF}--{boundary}{CRLF}Content-Type: {part.content_type}{CRLF}"
        f"Content-Length: {part.length}{CRLF}{CRLF}"
    ).encode()
