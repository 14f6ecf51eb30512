"""Who gives patients' numbers, as a site states it: all that one is called."""

from collections.abc import Mapping
from dataclasses import dataclass

PROVISIONAL_ISSUER = "Sans Verre"
"""Who gives numbers to images whose number turned out to be somebody else's."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who gives numbers in an establishment, and all that others call it."""

    name: str
    oids: tuple[str, ...] = ()
    """The first one is the one that leaves."""
    also: tuple[str, ...] = ()
    """Its other names."""


Issuers = Mapping[str, tuple[Issuer, ...]]
"""By establishment; those that are not named have one name each."""
