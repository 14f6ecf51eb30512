"""The table of other systems that may open images here for their users (TOML), and their proof."""

import hmac
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from api.errors import BadSettings, NotPermitted

SIGNATURE, INVOKER, USER, EXPIRES = "signature", "invoker", "user", "expires"
"""Parameters of ours, beside the profile's: who asks, for whom, until when, and the proof."""
LEAST_SECRET = 32
LASTS = timedelta(minutes=10)
"""How far ahead a request may say that it ends."""
_USER = re.compile(r"[!-~]{1,40}", re.ASCII)
_KNOWN = {"establishment", "secret"}


@dataclass(frozen=True, slots=True, repr=False)
class Invoker:
    """Another system, the establishment whose images it opens, and the secret it signs with."""

    name: str
    establishment: str
    secret: str

    def __repr__(self) -> str:
        return "Invoker(…)"


@dataclass(frozen=True, slots=True)
class Signed:
    """Who asks: the system, and the user whom it vouches for."""

    establishment: str
    subject: str
    expires: datetime


def read_invokers(path: Path | None) -> Mapping[str, Invoker]:
    """The table in a file; raises BadSettings naming what in it is wrong, and no secret."""
    if path is None:
        return {}
    try:
        mode, text = path.stat().st_mode, path.read_text(encoding="utf-8")
        told = tomllib.loads(text)
    except OSError as error:
        raise BadSettings(
            f"{path} cannot be read ({error.strerror}): see SANSVERRE_INVOKERS"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        # Its own words would repeat a line, which may be a secret.
        raise BadSettings(f"{path} is no TOML") from error
    if mode & 0o077:
        raise BadSettings(f"{path} holds secrets and can be read by others: run chmod 600 on it")
    rows = told.get("invokers")
    if set(told) != {"invokers"} or not isinstance(rows, dict):
        raise BadSettings(f"{path} must hold tables [invokers.NAME], and nothing else")
    return {name: _invoker(path, name, row) for name, row in rows.items()}


def _invoker(path: Path, name: str, row: Any) -> Invoker:
    at = f"{path}: [invokers.{name}]"
    if not re.fullmatch(r"[0-9a-z-]{1,20}", name):
        raise BadSettings(f"{at} is named by up to 20 small letters, digits and hyphens")
    if not isinstance(row, dict) or set(row) != _KNOWN:
        raise BadSettings(f"{at} says establishment and secret, both and nothing else")
    if not all(isinstance(one, str) and one for one in row.values()):
        raise BadSettings(f"{at}: establishment and secret are texts")
    if len(row["secret"]) < LEAST_SECRET:
        raise BadSettings(f"{at}: its secret is shorter than {LEAST_SECRET} characters")
    return Invoker(name, row["establishment"], row["secret"])


def signature_of(parameters: Mapping[str, str], secret: str) -> str:
    """The proof of a request: HMAC-SHA-256, in hexadecimal, over all parameters but itself.

    They are sorted by name and written as in a query, percent-encoded by RFC 3986.
    """
    signed = sorted((name, value) for name, value in parameters.items() if name != SIGNATURE)
    text = urlencode(signed, safe="", quote_via=quote)
    return hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()


def require_signed(
    invokers: Mapping[str, Invoker], sent: Mapping[str, str], known: Mapping[str, str]
) -> Signed:
    """Who asks by a signed request; raises NotPermitted, whatever is wrong with it.

    `sent` are all its parameters as they came, `known` those of the profile and ours.
    """
    invoker = invokers.get(known.get(INVOKER, ""))
    now = datetime.now(UTC)
    ends = known.get(EXPIRES, "")
    expires = now
    if ends.isascii() and ends.isdigit() and len(ends) < 12:
        expires = datetime.fromtimestamp(int(ends), UTC)
    # Compared whoever asks, so that a name that is not in the table takes as long as one that is.
    secret = invoker.secret if invoker else ""
    is_right = hmac.compare_digest(
        signature_of(sent, secret).encode(), known.get(SIGNATURE, "").lower().encode()
    )
    user = known.get(USER, "")
    if (
        invoker is None
        or not is_right
        or not now < expires <= now + LASTS
        or not _USER.fullmatch(user)
    ):
        raise NotPermitted("the request is not signed as it must be")
    return Signed(invoker.establishment, f"{invoker.name}/{user}", expires)
