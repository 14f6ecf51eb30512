"""What is stated of a patient, and how far two statements agree."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Any

from archive.identities.ins import Ins
from archive.identity import folded_name


class Status(StrEnum):
    """How far an identity is proven (PID-32)."""

    PROVISIONAL = "PROV"
    RETRIEVED = "RECUP"
    VALIDATED = "VALI"
    QUALIFIED = "QUAL"


class Flag(StrEnum):
    """What PID-32 warns of beside: with any of them nothing is linked by itself."""

    DUPLICATE = "DOUB"
    COLLISION_POSSIBLE = "COLP"
    COLLISION = "COLV"
    USURPED = "USUR"
    NAMESAKE = "HOMA"


TRAITS = ("name", "birth_name", "birth_date", "sex", "issuer_oid")
"""Columns of the patient."""
DETAILS = ("used_name", "first_names", "birthplace", "status", "flags")
"""Columns beside."""


@dataclass(frozen=True, slots=True, repr=False)
class Stated:
    """What a message, or a person, says of the patient with this number.

    `traits` holds what is said, by name; what is not there is not said, and None empties.
    """

    patient_id: str
    issuer: str
    traits: Mapping[str, Any]
    at: datetime
    by: str
    ins: Ins | None = None
    withdraws_ins: bool = False
    has_unsound_ins: bool = False
    """One was stated that is none: of a wrong key, form or authority."""

    @property
    def status(self) -> Status | None:
        """How far it is proven; None where that is not said."""
        return self.traits.get("status")

    @property
    def flags(self) -> frozenset[Flag]:
        """What it warns of."""
        return frozenset(self.traits.get("flags") or ())

    def __repr__(self) -> str:
        return "Stated(…)"


class Agreement(IntEnum):
    """How far two identities agree in name, birth date and sex."""

    SAME = 0
    """Nothing that both say differs."""
    CLOSE = 1
    """One of the three differs: a correction, as they are made every day."""
    DIFFERENT = 2
    """Two or more differ: another person, as far as can be seen."""


@dataclass(frozen=True, slots=True, repr=False)
class Person:
    """The traits by which identities are compared."""

    names: frozenset[str] = field(default_factory=frozenset)
    """Folded, birth and used name: one in common suffices."""
    birth_date: date | None = None
    sex: str | None = None

    def __repr__(self) -> str:
        return "Person(…)"


def person_of(traits: Mapping[str, Any]) -> Person:
    """The comparable part of traits."""
    names = (traits.get(one) or "" for one in ("name", "birth_name", "used_name"))
    folded = frozenset(folded_name(one) for one in names if one.strip("^ "))
    return Person(folded, traits.get("birth_date"), traits.get("sex"))


def agreement(one: Person, other: Person) -> Agreement:
    """How far two agree; what one of them does not say is no difference."""
    differing = sum(
        (
            bool(one.names and other.names and not _share(one.names, other.names)),
            None not in {one.birth_date, other.birth_date} and one.birth_date != other.birth_date,
            None not in {one.sex, other.sex} and one.sex != other.sex,
        )
    )
    return Agreement(min(differing, 2))


def _share(some: frozenset[str], others: frozenset[str]) -> bool:
    return any(_is_same_name(one, other) for one in some for other in others)


def _is_same_name(one: str, other: str) -> bool:
    """Whether folded names may be one: the family's, and given names as far as both are said."""
    (ours, given), (theirs, also) = (name.split("^")[:2] for name in (f"{one}^", f"{other}^"))
    some, others = set(given.split()), set(also.split())
    return ours == theirs and (some <= others or others <= some)
