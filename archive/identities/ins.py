"""The national health identity of France (INS): a number, and the authority that gave it."""

import re
from dataclasses import dataclass, field

from archive.errors import InvalidIdentity

INS_ISSUER = "ASIP-SANTE-INS-NIR"
"""What the issuer of the INS is called."""
NIR = "1.2.250.1.213.1.4.8"
NIA = "1.2.250.1.213.1.4.9"
TEST = "1.2.250.1.213.1.4.10"
DEMONSTRATION = "1.2.250.1.213.1.4.11"
AUTHORITIES = frozenset({NIR, NIA, TEST, DEMONSTRATION})
_FORM = re.compile(r"\d{5}(?:\d\d|2[AB])\d{8}", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class Ins:
    """An INS of fifteen characters; raises InvalidIdentity where it is none."""

    number: str = field(repr=False)
    authority: str = NIR

    def __post_init__(self) -> None:
        if self.authority not in AUTHORITIES:
            raise InvalidIdentity("The INS names an authority that gives none.")
        if not _FORM.fullmatch(self.number):
            raise InvalidIdentity("The INS is not of fifteen characters, as it must be.")
        if int(self.number[13:]) != key_of(self.number[:13]):
            raise InvalidIdentity("The INS does not agree with its key: a digit is wrong.")

    def __repr__(self) -> str:
        return "Ins(…)"


def key_of(number: str) -> int:
    """The key of thirteen characters; Corsica's 2A and 2B count as 19 and 18."""
    return 97 - int(number.replace("2A", "19").replace("2B", "18")) % 97
