"""The national identifiers that a message names, found again without reading messages."""

import re
from base64 import b64decode
from hashlib import sha256

from archive.identities.ins import key_of

_FORM = re.compile(rb"(?<![0-9A-Za-z])\d{5}(?:\d\d|2[AB])\d{8}(?![0-9A-Za-z])")

_ENCODED = re.compile(rb"(?:[A-Za-z0-9+/]{4}){50,}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
"""What may be a document in base64: a report names its patient inside as well."""


def named_in(payload: bytes) -> frozenset[str]:
    """The marks of all that could be a national identifier in a message."""
    documents = (b64decode(one) for one in _ENCODED.findall(payload))
    found = {one.decode("ascii") for said in (payload, *documents) for one in _FORM.findall(said)}
    return frozenset(mark_of(one) for one in found if int(one[13:]) == key_of(one[:13]))


def mark_of(number: str) -> str:
    """What a national identifier is found by; deleted with what the message says."""
    return sha256(number.encode()).hexdigest()
