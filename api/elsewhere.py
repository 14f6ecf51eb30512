"""What pages of other origins may do: read pixels with a token, and frame the viewer.

Both are closed until a setting names the origins. Reading takes a bearer token, as everywhere: the
cookie of somebody signed in is never counted for another origin's page, as no answer allows
credentials. Who may frame is said of the viewer's page alone; everything else stays unframed.
"""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Message, Scope, Send

from api.answer import SECURITY_HEADERS, Answer

READ_ELSEWHERE = ("/zarr/", "/dicomweb/")
FRAMED = ("/view/", "/opened")
ELEMENT = "/embed/sans-verre-viewer.js"
"""The custom element, a module that other origins' pages load."""

_POLICY = SECURITY_HEADERS["content-security-policy"]
_SHOWN = b"content-length, content-range, accept-ranges, etag, warning"
_PREFLIGHT = {
    "access-control-allow-methods": "GET, HEAD",
    "access-control-allow-headers": "accept, authorization, range, if-none-match, if-range",
    "access-control-max-age": "600",
    "vary": "origin",
}

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Origins, as browsers write them, whose pages may read pixels, and whose may frame."""

    readers: frozenset[str] = frozenset()
    framers: tuple[str, ...] = ()

    def preflight(self, scope: Scope) -> Answer | None:
        """The answer to a browser that asks whether a page may ask (Fetch, 4.8); else None."""
        if scope["method"] != "OPTIONS" or not scope["path"].startswith(READ_ELSEWHERE):
            return None
        asked = dict(scope["headers"])
        origin = asked.get(b"origin", b"").decode("latin-1")
        if origin not in self.readers or b"access-control-request-method" not in asked:
            return None
        return Answer(204, b"", {**_PREFLIGHT, "access-control-allow-origin": origin})

    def letting(self, scope: Scope, send: Send) -> Send:
        """A `send` whose answers say what this address allows to others."""
        path: str = scope["path"]
        if self.readers and path.startswith(READ_ELSEWHERE):
            origin = dict(scope["headers"]).get(b"origin", b"")
            return _changing(send, lambda headers: _readable(headers, origin, self.readers))
        if self.framers and path.startswith(FRAMED):
            return _changing(send, lambda headers: _framed(headers, self.framers))
        if self.framers and path == ELEMENT:
            return _changing(send, _loaded)
        return send


def _changing(send: Send, change: Callable[[Headers], Headers]) -> Send:
    async def changed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": change(list(message.get("headers", ())))}
        await send(message)

    return changed


def _readable(headers: Headers, origin: bytes, readers: frozenset[str]) -> Headers:
    headers = [*headers, (b"vary", b"origin")]
    if origin.decode("latin-1") not in readers:
        return headers
    return [
        *_without(headers, b"cross-origin-resource-policy", b"access-control-allow-origin"),
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _SHOWN),
        (b"cross-origin-resource-policy", b"cross-origin"),
    ]


def _framed(headers: Headers, framers: tuple[str, ...]) -> Headers:
    allowed = f"frame-ancestors {' '.join(framers)}"
    policy = _POLICY.replace("frame-ancestors 'none'", allowed)
    return [
        *_without(headers, b"content-security-policy", b"x-frame-options"),
        (b"content-security-policy", policy.encode()),
    ]


def _loaded(headers: Headers) -> Headers:
    return [
        *_without(headers, b"cross-origin-resource-policy"),
        (b"access-control-allow-origin", b"*"),
        (b"cross-origin-resource-policy", b"cross-origin"),
    ]


def _without(headers: Headers, *names: bytes) -> Headers:
    return [header for header in headers if header[0].lower() not in names]
