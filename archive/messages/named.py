"""The national identifiers that a message names, found again without reading messages."""

import re
from hashlib import sha256

from archive.identities.ins import key_of

_FORM = re.compile(rb"(?<![0-9A-Za-z])\d{5}(?:\d\d|2[AB])\d{8}(?![0-9A-Za-z])")


def named_in(payload: bytes) -> frozenset[str]:
    """The marks of all that could be a national identifier in a message."""
    found = {one.decode("ascii") for one in _FORM.findall(payload)}
    return frozenset(mark_of(one) for one in found if int(one[13:]) == key_of(one[:13]))


def mark_of(number: str) -> str:
    """What a national identifier is found by; deleted with what the message says."""
    return sha256(number.encode()).hexdigest()
