"""The token in a request: a header, or the cookie of somebody who signed in here."""

from collections.abc import Callable, Iterable
from http.cookies import CookieError, SimpleCookie

from api.errors import NotSignedIn

COOKIE = "sansverre"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def cookie_header(token: str, lasts_s: int, *, secure: bool) -> str:
    """The Set-Cookie value that signs somebody in."""
    jar = SimpleCookie({COOKIE: token})
    morsel = jar[COOKIE]
    morsel["path"], morsel["samesite"], morsel["max-age"] = "/", "Strict", str(lasts_s)
    morsel["httponly"] = "true"
    if secure:
        morsel["secure"] = "true"
    return morsel.OutputString()


def token_of(
    method: str, headers: Iterable[tuple[bytes, bytes]], own_origin: Callable[[], str]
) -> str:
    """The token that a request carries; raises NotSignedIn for none that counts."""
    cookie = origin = None
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer":
                return token.strip()
        elif name == b"cookie":
            cookie = value.decode("latin-1")
        elif name == b"origin":
            origin = value.decode("latin-1")
    if cookie is None:
        raise NotSignedIn("sign in first")
    if method not in SAFE_METHODS and origin != own_origin():
        raise NotSignedIn("a cookie counts only for requests of our own pages")
    return _from_cookie(cookie)


def _from_cookie(header: str) -> str:
    # The usual header holds our cookie alone: parsing in full costs as much as the tile.
    name, _, value = header.partition("=")
    if name == COOKIE and ";" not in value:
        return value
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError as error:
        raise NotSignedIn("sign in first") from error
    if morsel is None:
        raise NotSignedIn("sign in first")
    return morsel.value
