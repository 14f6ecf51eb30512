"""Answers of the plain ASGI routes, and the headers that every answer carries."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.types import Message, Scope, Send

from api.errors import Problem

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;"
    "color:#1c2430;background:#f7f8fa}code{background:#e8ebf0;padding:.1em .3em;border-radius:.2em}"
    "h1{font-size:1.4rem}h2{font-size:1rem;margin-top:2rem}a{color:#1f5fa8}"
    "[lang]+[lang]{border-top:1px solid #d5dae2;margin-top:2rem;padding-top:1rem}"
)
"""The only style that is not a file: of the few pages the server writes itself."""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

SECURITY_HEADERS: dict[str, str] = {
    # OpenSeadragon draws tiles from blobs and shows its own drawings as data addresses.
    "content-security-policy": (
        "default-src 'self'; img-src 'self' blob: data:; "
        f"style-src 'self' 'sha256-{_STYLE_HASH}'; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}

_ALWAYS = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_NOT_THEIRS = frozenset(name for name, _ in _ALWAYS) - {b"content-security-policy"}


KEPT = "private, max-age=31536000, immutable"
"""For what never changes at its address."""
ASKED_EACH_TIME = "private, no-cache"
"""For what may change: the tiles of an image on its way are other ones once it is published."""

KEPT_BY_NOBODY = "no-store"
"""For what may be seen until somebody says otherwise."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, complete in memory."""

    status: int
    body: bytes | memoryview = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    async def give(self, scope: Scope, send: Send) -> None:
        """Send it; to HEAD without its body."""
        length = {} if self.status == 304 else {"content-length": str(len(self.body))}
        headers = headers_of({**self.headers, **length})
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" or self.status == 304 else self.body
        await send({"type": "http.response.body", "body": body})


def headers_of(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """The headers of an answer as ASGI has them, with those that every answer carries."""
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()] + _ALWAYS


def holds(scope: Scope, tag: str) -> bool:
    """Whether the caller holds what the tag names (RFC 9110, 13.1.2: compared weakly)."""
    for name, value in scope["headers"]:
        if name == b"if-none-match":
            held = [part.strip().removeprefix("W/") for part in value.decode("latin-1").split(",")]
            return tag in held or held == ["*"]
    return False


def unchanged(tag: str, kept: str) -> Answer:
    """What the caller holds is still right."""
    return Answer(304, b"", {"cache-control": kept, "etag": tag})


def told(problem: Problem) -> Answer:
    """A problem as an answer."""
    return Answer(problem.status, problem.body, problem.headers)


def page(status: int, french: str, english: str) -> Answer:
    """A page of a few lines that the server writes itself; both texts are HTML."""
    body = (
        '<!doctype html><html lang="fr"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Sans Verre</title>'
        f"<style>{STYLE}</style></head><body>"
        f'<div lang="fr">{french}</div><div lang="en">{english}</div></body></html>'
    )
    return Answer(
        status,
        body.encode(),
        {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"},
    )


def with_security_headers(send: Send) -> Send:
    """A `send` that adds what every answer carries; caches keep nothing they were not told to.

    A policy of an answer's own holds besides: both are obeyed.
    """

    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [h for h in message.get("headers", ()) if h[0].lower() not in _NOT_THEIRS]
            if all(name.lower() != b"cache-control" for name, _ in kept):
                kept.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*kept, *_ALWAYS]}
        await send(message)

    return secured
