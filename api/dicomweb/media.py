"""Which representation of what is stored suits a request (PS3.18, 8.7).

Real clients write media types as they please: parameters quoted or not, a slash in an unquoted
one, several ranges in one header or in several.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from email.message import Message
from email.utils import collapse_rfc2231_value
from urllib.parse import parse_qsl

from starlette.types import Scope

from api.errors import BadHeader, NotAcceptable

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
    is_queried: bool = False
    """Whether the address says so, not the header."""

    @property
    def closeness(self) -> tuple[int, int]:
        """How closely it names what is wanted: greater than that of a range that holds it."""
        named = self.transfer_syntax not in {None, ANY}
        return (2 - self.media_type.count(ANY), int(named))


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


def read_media_type(text: str) -> tuple[str, dict[str, str]]:
    """A media type and its parameters, their names and its own in small letters.

    Raises BadHeader for what cannot be read, as a parameter in a character set that is none.
    """
    # The standard library reads parameters as leniently as clients write them.
    message = Message()
    message["content-type"] = text
    try:
        (media_type, _), *told = message.get_params(failobj=[("", "")], unquote=True)
        parameters = {name.lower(): collapse_rfc2231_value(value).strip() for name, value in told}
    except ValueError as error:
        raise BadHeader("A media type cannot be read.") from error
    return media_type.strip().lower(), parameters


def accepted(scope: Scope) -> tuple[Wanted, ...]:
    """What a request accepts, as it says it: by its query's `accept`, and by the header (8.7.5).

    A request that says nothing accepts anything; one that says too much, nothing.
    """
    queries = _queried(scope, "accept")
    headers = [value.decode("latin-1") for name, value in scope["headers"] if name == b"accept"]
    if not any(one.strip() for one in (*queries, *headers)):
        headers = ["*/*"]
    if sum(map(len, (*queries, *headers))) > MOST_CHARACTERS:
        return ()
    queried = [replace(one, is_queried=True) for one in _ranges(queries)]
    return (*queried, *_ranges(headers))


def choose(wanted: Sequence[Wanted], offers: Sequence[Offer]) -> Chosen:
    """The offer of the greatest weight (8.7.8.1); raises NotAcceptable (406) where none suits.

    What the address says comes before the header. An offer weighs what the range says that names
    it most closely; of equal weights the range that was named first counts.
    """
    for is_queried in (True, False):
        ranges = [one for one in wanted if one.is_queried is is_queried]
        best = min(_weighed(ranges, offers), key=lambda told: told[0], default=None)
        if best is not None:
            return best[1]
    raise NotAcceptable


def _weighed(
    ranges: Sequence[Wanted], offers: Sequence[Offer]
) -> Iterator[tuple[tuple[float, int], Chosen]]:
    for offer in offers:
        for is_multipart in (True, False):
            suiting = [
                (place, one)
                for place, one in enumerate(ranges)
                if one.is_multipart is is_multipart and _suits(one, offer)
            ]
            if suiting:
                place, one = max(suiting, key=lambda told: (told[1].closeness, -told[0]))
                if one.quality > 0:
                    yield (-one.quality, place), Chosen(offer, is_multipart)


def _ranges(texts: Iterable[str]) -> list[Wanted]:
    parts = (part for text in texts for part in _RANGE.findall(text) if part.strip())
    return [one for part in parts for one in _range(part)]


def _range(text: str) -> list[Wanted]:
    try:
        media_type, told = read_media_type(text)
    except BadHeader:
        # What is not known is left (8.7.7).
        return []
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
