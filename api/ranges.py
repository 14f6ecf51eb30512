"""Single ranges of what is known to its size (RFC 9110, 14)."""

import re
from http import HTTPStatus

from starlette.types import Scope

from api.answer import Answer

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def range_of(scope: Scope, tag: str, size: int) -> tuple[int, int] | None:
    """Offset and length of the range asked for (RFC 9110, 14.2); None for the whole.

    A length of 0 is a range that is not there. Several ranges at once are answered by the whole,
    as is a range of what has changed.
    """
    if scope["method"] != "GET":
        return None
    told = dict(scope["headers"])
    match = _RANGE.fullmatch(told.get(b"range", b"").decode("latin-1").strip())
    if match is None or told.get(b"if-range", tag.encode()) != tag.encode():
        return None
    first, last = match.groups()
    if not first:
        return None if not last else (max(0, size - int(last)), min(size, int(last)))
    end = size if not last else min(size, int(last) + 1)
    if last and int(last) < int(first):
        return None
    return int(first), max(0, end - int(first))


def not_there(size: int) -> Answer:
    """A range that begins behind the end."""
    refused = {"content-range": f"bytes */{size}", "cache-control": "no-store"}
    return Answer(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, b"", refused)


def told_range(offset: int, length: int, size: int) -> dict[str, str]:
    """The header that says which part an answer is."""
    return {"content-range": f"bytes {offset}-{offset + length - 1}/{size}"}
