"""The national identifiers that a message names, found again without reading messages."""

import re
from base64 import b64decode
from hashlib import sha256

from archive.identities.ins import key_of

_FORM = re.compile(rb"\d(?<![0-9A-Za-z]\d)\d{4}(?:\d\d|2[AB])\d{8}(?![0-9A-Za-z])")

_ENCODED = re.compile(
    rb"(?i:(?<=base64)[^\w\s])(?P<said>[A-Za-z0-9+/]+={0,2})|(?P<long>[A-Za-z0-9+/]{200,}={0,2})"
)
"""What is said to be a document in base64, or may be: a report names its patient inside as well."""
_LINE_END = re.compile(
    rb"[\r\n\t \\](?:(?<=[\r\n])|(?<=\\)(?:\.br|X(?:0[AaDd])+)\\"
    rb"|(?<=[A-Za-z0-9+/]{16}[ \t])(?=[A-Za-z0-9+/]{16}))"
)
"""What some senders break the lines of base64 with; words of a text are shorter."""


def named_in(payload: bytes) -> frozenset[str]:
    """The marks of all that could be a national identifier in a message."""
    whole = _LINE_END.sub(b"", payload)
    parts = [one["said"] or one["long"] for one in _ENCODED.finditer(whole)]
    documents = [b"".join(map(_decoded, parts))]
    if len(parts) > 1:
        # One over several results was cut before it was encoded, or after, and something of
        # another length may be before it.
        joined = b"".join(one.rstrip(b"=") for one in parts)
        documents += (_decoded(joined[shift:]) for shift in range(4))
    found = {one.decode("ascii") for said in (payload, *documents) for one in _FORM.findall(said)}
    return frozenset(mark_of(one) for one in found if int(one[13:]) == key_of(one[:13]))


def _decoded(part: bytes) -> bytes:
    letters = part.rstrip(b"=")
    return b64decode(letters[: len(letters) - (len(letters) % 4 == 1)] + b"==")


def mark_of(number: str) -> str:
    """What a national identifier is found by; deleted with what the message says."""
    return sha256(number.encode()).hexdigest()
