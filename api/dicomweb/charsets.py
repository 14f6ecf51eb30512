"""The character sets of answers (PS3.18, 8.8): text is UTF-8."""

from urllib.parse import parse_qsl

from starlette.types import Scope

from archive.errors import InvalidQuery

_KNOWN = frozenset({"*", "utf-8", "utf8", "us-ascii", "iso_ir 192"})
"""By which UTF-8 is meant, or text of which it is."""


def require_known_charset(scope: Scope) -> None:
    """Raise InvalidQuery where a request names character sets and none of them is known.

    Of several those that are not known are left alone (8.3.3.2, 8.8.4).
    """
    query = parse_qsl(scope.get("query_string", b"").decode("latin-1"))
    queried = [value for name, value in query if name == "charset"]
    headers = [
        value.decode("latin-1") for name, value in scope["headers"] if name == b"accept-charset"
    ]
    for told in (queried, headers):
        names = {one.partition(";")[0].strip(' "').lower() for one in ",".join(told).split(",")}
        if names - {""} and not names & _KNOWN:
            raise InvalidQuery("Text is UTF-8 here; the request asks for other character sets.")
