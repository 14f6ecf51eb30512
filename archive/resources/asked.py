"""A search as FHIR means it, in words that know neither its addresses nor our columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Compare(StrEnum):
    """How a moment is held against the period that was asked for (FHIR R4, search, prefixes)."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    LT = "lt"
    GE = "ge"
    LE = "le"
    SA = "sa"
    EB = "eb"


@dataclass(frozen=True, slots=True, repr=False)
class Period:
    """All moments of a date as it was written: from `start` on, and before `end`, in UTC."""

    compare: Compare
    start: datetime
    end: datetime | None
    """None where the calendar ends."""


class How(StrEnum):
    """How a text is looked for."""

    BEGINS = "begins"
    """Accents and letters' size do not count."""
    HOLDS = "contains"
    EXACT = "exact"


@dataclass(frozen=True, slots=True, repr=False)
class Words:
    """A text, and how it is looked for."""

    text: str
    how: How = How.BEGINS


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """A code or number, and who gave it: None for whoever, "" for nobody.

    A giver is an OID or a name. Without a `value` it is any that was given so.
    """

    value: str | None
    system: str | None = None


Value = Period | Words | Token


@dataclass(frozen=True, slots=True, repr=False)
class Criterion:
    """One condition: any of the values, of what is named."""

    name: str
    values: tuple[Value, ...]
    is_not: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Search:
    """All conditions, how many at most, and after which one of an earlier page."""

    criteria: Sequence[Criterion] = ()
    limit: int = 50
    after: Mapping[str, Any] | None = field(default=None)
    """Where the page before ended, as `mark` of its last one says."""
