"""Addresses of pages that say nothing of what is looked for: the search goes along, sealed."""

import base64
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from api.doors import Caller
from archive.errors import Expired, InvalidQuery

LASTS_S = 3600
PARAMETER = "_page"


@dataclass(frozen=True, slots=True, repr=False)
class Turned:
    """A page that was asked for by its address: the search, and where the page before ended."""

    used: tuple[tuple[str, str], ...]
    after: Mapping[str, Any] | None


class Pages:
    """Seals searches with a key of its own, made from the signing key; nothing is remembered."""

    def __init__(self, key: bytes) -> None:
        own = hmac.digest(key, b"sansverre.fhir.page.1", "sha256")
        self._seal = Fernet(base64.urlsafe_b64encode(own))

    def seal(self, kind: str, turned: Turned, caller: Caller) -> str:
        """What an address holds of a page, for this caller and an hour."""
        told = [kind, _whose(caller), turned.used, turned.after]
        return self._seal.encrypt(json.dumps(told).encode()).decode()

    def open(self, kind: str, text: str, caller: Caller) -> Turned:
        """The page of an address; raises InvalidQuery, and Expired after an hour."""
        try:
            told = json.loads(self._seal.decrypt(text.encode()))
            sealed_at = self._seal.extract_timestamp(text.encode())
        except (ValueError, InvalidToken) as error:
            raise InvalidQuery("The address of this page is none.") from error
        if told[:2] != [kind, _whose(caller)]:
            raise InvalidQuery("This page is somebody else's; search anew.")
        if sealed_at + LASTS_S < time.time():
            raise Expired("This page is too old; search anew.")
        return Turned(tuple((name, value) for name, value in told[2]), told[3])


def _whose(caller: Caller) -> list[str | None]:
    return [caller.establishment, caller.subject]
