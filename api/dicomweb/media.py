"""Which representation of what is stored suits a request (PS3.18, 8.7).

Real clients write media types as they please: parameters quoted or not, a slash in an unquoted
one, several ranges in one header or in several.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value
from urllib.parse import parse_qsl

from starlette.types import Scope

from api.errors import NotAcceptable

MULTIPART = "multipart/related"
ANY = "*"

_RANGE = re.compile(r'(?:[^,"]|"[^"]*"?)+')
"""What stands between commas outside of quotes."""
MOST_CHARACTERS = 4096


@dataclass(frozen=True, slots=True)
class Wanted:
    """One media range of what a client accepts.

    `media_type` is that of a part where `is_multipart`; `transfer_syntax` is None where none is
    asked for, "*" for whichever is stored.
    """

    media_type: str
    is_multipart: bool
    transfer_syntax: str | None = None
    quality: float = 1.0


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to represent what is asked for."""

    media_type: str
    transfer_syntax: str | None = None
    is_default: bool = True
    """Whether it answers who names no transfer syntax (PS3.18, 8.7.3.4)."""
    is_stored: bool = True
    """Whether it is what is there, which "*" asks for."""
    may_be_single: bool = True
    may_be_multipart: bool = True
    by_name: bool = False
    """Whether only those get it who name its media type."""

    @property
    def content_type(self) -> str:
        """The Content-Type of it, alone or as a part."""
        if self.transfer_syntax is None:
            return self.media_type
        return f"{self.media_type}; transfer-syntax={self.transfer_syntax}"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is sent, and whether in parts."""

    offer: Offer
    is_multipart: bool


def accepted(scope: Scope) -> tuple[Wanted, ...]:
    """What a request accepts, best first: by its query's `accept` before the header's (8.7.5).

    A request that says nothing accepts anything; one that says too much, nothing.
    """
    queries = _queried(scope, "accept")
    headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"]
    if not any(one.strip() for one in (*queries, *headers)):
        headers = ["*/*"]
    if sum(map(len, (*queries, *headers))) > MOST_CHARACTERS:
        return ()
    return (*_ranges(queries), *_ranges(headers))


def choose(wanted: Iterable[Wanted], offers: Sequence[Offer]) -> Chosen:
    """The first offer that suits the best range there is one for; raises NotAcceptable (406)."""
    for one in wanted:
        for offer in offers:
            if _suits(one, offer):
                return Chosen(offer, one.is_multipart)
    raise NotAcceptable


def _ranges(texts: Iterable[str]) -> list[Wanted]:
    parts = (part for text in texts for part in _RANGE.findall(text) if part.strip())
    ranges = [one for part in parts for one in _range(part)]
    return sorted((one for one in ranges if one.quality > 0), key=lambda one: -one.quality)


def _range(text: str) -> list[Wanted]:
    # The standard library reads parameters as leniently as clients write them.
    message = Message()
    message["content-type"] = text
    parameters = message.get_params(failobj=[("", "")], unquote=True)
    media_type = parameters[0][0].strip().lower()
    told = {name.lower(): collapse_rfc2231_value(value).strip() for name, value in parameters[1:]}
    quality = _quality(told.get("q", "1"))
    syntax = told.get("transfer-syntax")
    if media_type == MULTIPART:
        part = told.get("type", "*/*").lower()
        return [Wanted(part, True, syntax, quality)]
    if media_type in {"*/*", "multipart/*"}:
        # A whole study in one part is not to be had, and a single frame need not be wrapped.
        both = [Wanted("*/*", True, syntax, quality)]
        return [*both, Wanted("*/*", False, syntax, quality)] if media_type == "*/*" else both
    return [Wanted(media_type, False, syntax, quality)]


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0


def _suits(wanted: Wanted, offer: Offer) -> bool:
    wrapped = offer.may_be_multipart if wanted.is_multipart else offer.may_be_single
    if not wrapped or not _is_named(wanted.media_type, offer):
        return False
    if wanted.transfer_syntax is None:
        return offer.is_default
    if wanted.transfer_syntax == ANY:
        return offer.is_stored
    return wanted.transfer_syntax == offer.transfer_syntax


def _is_named(media_range: str, offer: Offer) -> bool:
    kind, _, exact = media_range.partition("/")
    if ANY not in {kind, exact}:
        return media_range == offer.media_type
    if offer.by_name or (exact != ANY):
        return False
    return kind in {ANY, offer.media_type.partition("/")[0]}


def _queried(scope: Scope, name: str) -> list[str]:
    return [
        # Media types are written with a plus, which means a space in a query.
        value.replace(" ", "+") if ";" not in value else value
        for key, value in parse_qsl(scope.get("query_string", b"").decode("latin-1"))
        if key.lower() == name
    ]
