"""Who may call what.

One table says it for every address (`api.policies`). It is read in front of all routes, so that a
route that was forgotten is closed, not open; whatever the table does not name needs a signed-in
caller to be told that it does not exist.

A caller is known by a signed token, as `Authorization: Bearer` (scripts) or as a cookie (people).
Tokens are checked without I/O and remembered until they expire.

Forged requests from other sites (CSRF): the cookie is `SameSite=Strict`, which costs nothing here,
as the pages themselves hold no data: someone who follows a link from a patient's file gets the
page, and the page's own requests carry the cookie. Besides, for anything but reading a cookie
counts only where `Origin` is our own; a bearer token is never sent by a browser on its own.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from itsdangerous import BadData, URLSafeTimedSerializer

from api.cookies import token_of
from api.errors import NoSuchAddress, NotPermitted, NotSignedIn
from api.policies import PHONE_MAY, POLICIES, SHARED_MAY, Role

if TYPE_CHECKING:
    from archive.phones import Phones

_PUBLIC = re.compile(
    "|".join(
        re.sub(r"\\{\w+\\}", ".+" if template.startswith("/assets/") else "[^/]+", pattern)
        for template, pattern in ((t, re.escape(t)) for t, r in POLICIES.items() if not r)
    )
)

TOKEN_S = 12 * 3600
SALT = "sansverre.token.1"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is calling: `establishment` is None for those who serve all establishments.

    `image` is the only one that somebody with a link may look at; None for those signed in.
    `phone` is the pairing by which somebody came in, `session` the only one it is good for.
    """

    role: Role
    establishment: str | None
    subject: str
    expires_at: float
    image: str | None = None
    phone: str | None = None
    session: str | None = None
    incarnation: int = 0
    """Of the image that a link was made for: once that moves to another patient, it is another."""
    exam: str | None = None
    """The only one that somebody of the establishment `seer` may look at, which is another's."""
    seer: str | None = None

    def require_same(self, incarnation: int) -> None:
        """Raise NoSuchAddress where a link's image has moved to another patient since."""
        if self.image is not None and self.incarnation != incarnation:
            raise NoSuchAddress

    def require_of_exam(self, exam: str) -> None:
        """Raise NoSuchAddress for what is not of the exam that was opened by a share."""
        if self.exam is not None and self.exam != exam:
            raise NoSuchAddress


class Bounds(TypedDict, total=False):
    """What a token is good for alone, and whose it is where that is not left to chance."""

    image: str
    incarnation: int
    phone: str
    session: str
    subject: str
    exam: str
    seer: str


def is_public(path: str) -> bool:
    """Whether strangers may call this path."""
    return _PUBLIC.fullmatch(path) is not None


class Doors:
    """Makes and checks tokens for one signing key."""

    def __init__(self, key: bytes, remembered: int = 4096) -> None:
        self._signer = URLSafeTimedSerializer(
            key, salt=SALT, signer_kwargs={"key_derivation": "hmac", "digest_method": _sha256}
        )
        self._key = key
        self._known: OrderedDict[str, Caller] = OrderedDict()
        self._remembered = remembered

    def issue(
        self,
        role: Role,
        establishment: str | None = None,
        lasts_s: float = TOKEN_S,
        **bounds: Unpack[Bounds],
    ) -> str:
        """A token for somebody new, named by chance where no `subject` is, and what bounds it."""
        claims: dict[str, Any] = {
            "role": role.name.lower(),
            "establishment": establishment,
            "subject": new_subject(),
            "expires_at": int(time.time() + lasts_s),
        }
        return str(self._signer.dumps(claims | bounds))

    def lock(self, caller: Caller) -> tuple[str, bytes]:
        """What a user's phone seals waiting pictures with: the user's name for it, and 32 bytes.

        The same as long as the signing key is: made anew, it opens what was sealed before.
        """
        who = repr((caller.establishment, caller.subject))
        user, secret = (
            hmac.digest(self._key, f"sansverre.lock.1/{part}/{who}".encode(), "sha256")
            for part in ("user", "secret")
        )
        return user[:16].hex(), secret

    def caller(self, token: str) -> Caller:
        """Whose token this is; raises NotSignedIn for one that is forged, damaged or expired."""
        known = self._known.get(token)
        if known is None:
            known = self._check(token)
            self._known[token] = known
            if len(self._known) > self._remembered:
                self._known.popitem(last=False)
        if known.expires_at <= time.time():
            self._known.pop(token, None)
            raise NotSignedIn("the token has expired")
        return known

    def admit(
        self,
        path: str,
        method: str,
        headers: Iterable[tuple[bytes, bytes]],
        own_origin: Callable[[], str],
    ) -> Caller | None:
        """The caller of a request, or None for a stranger at a public address.

        Raises NotSignedIn (401) where a stranger may not be.
        """
        try:
            token = token_of(method, headers, own_origin)
            return self.caller(token)
        except NotSignedIn:
            if is_public(path):
                return None
            raise

    def _check(self, token: str) -> Caller:
        try:
            claims = self._signer.loads(token)
            return Caller(
                role=Role[claims["role"].upper()],
                establishment=claims["establishment"],
                subject=claims["subject"],
                expires_at=float(claims["expires_at"]),
                image=claims.get("image"),
                phone=claims.get("phone"),
                session=claims.get("session"),
                incarnation=int(claims.get("incarnation", 0)),
                exam=claims.get("exam"),
                seer=claims.get("seer"),
            )
        except (BadData, KeyError, TypeError, AttributeError, ValueError) as error:
            raise NotSignedIn("the token is not one of ours") from error


def new_subject() -> str:
    """The name of a user who is known by nothing else."""
    return secrets.token_hex(8)


def require(caller: Caller | None, least: Role, image: str | None = None) -> None:
    """Raises NotSignedIn or NotPermitted where the caller may do less than `least`.

    `image` is the one that the address names; where it names none, those with a link are refused.
    """
    if least is Role.PUBLIC:
        return
    if caller is None:
        raise NotSignedIn("sign in first")
    if caller.role < least:
        raise NotPermitted(f"this takes the role {least.name.lower()}")
    if caller.image is not None and caller.image != image:
        raise NotPermitted("a link opens one image")


def allow(caller: Caller | None, template: str, names: Mapping[str, str | None]) -> None:
    """Raises NotSignedIn or NotPermitted where the caller may not call this route.

    `names` are what the address names; a route without policy is for nobody but operators.
    """
    least = POLICIES.get(template, Role.OPERATOR)
    require(caller, least, names.get("image"))
    if least is Role.PUBLIC or caller is None:
        return
    if caller.exam is not None:
        if template not in SHARED_MAY:
            raise NotPermitted("an exam of another establishment is looked at, and no more")
        if names.get("exam") is not None:
            caller.require_of_exam(str(names["exam"]))
    if caller.phone is None:
        return
    if template not in PHONE_MAY:
        raise NotPermitted("a paired phone takes photographs")
    if template.startswith("/api/sessions"):
        _require_same(caller, names.get("session"))


def require_session(caller: Caller, session: str | None) -> None:
    """Raises NotPermitted where a paired phone sends a picture that is not of its session."""
    if caller.phone is not None and session is None:
        raise NotPermitted("a paired phone takes photographs")
    _require_same(caller, session)


def require_reached(caller: Caller, phones: "Phones", names: Mapping[str, str | None]) -> None:
    """Raises NoSuchAddress where a phone for one session names what is not of its patient.

    It is answered as what does not exist, after which a phone begins a file anew.
    """
    if caller.session is not None and not phones.reaches(caller.session, names):
        raise NoSuchAddress("this phone was paired for one session")


def require_own(caller: Caller, phones: "Phones", image: str) -> None:
    """Raises NotPermitted where a paired phone opens a covered picture that it did not take.

    That is one of its session; a phone that was paired for none opens covered pictures nowhere.
    """
    if caller.phone is None:
        return
    if caller.session is None or not phones.reaches(caller.session, {"picture": image}):
        raise NotPermitted("a paired phone opens covered pictures of its session alone")


def _require_same(caller: Caller, session: str | None) -> None:
    if caller.session not in {None, session}:
        raise NotPermitted("this phone was paired for one session")


def _sha256(data: bytes = b"") -> "hashlib._Hash":
    return hashlib.sha256(data)
