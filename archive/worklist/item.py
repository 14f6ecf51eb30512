"""An exam as it stands in the list of what is to be read; pure facts, no database."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from archive.cases.order import Priority
from archive.identity import PatientIdentity
from archive.record import ImageKind


class Which(StrEnum):
    """Which exams are wanted."""

    UNREAD = "unread"
    URGENT = "urgent"
    """Unread, and a frozen section or urgent."""
    MINE = "mine"
    """Unread, and taken by the user or ordered of them."""
    ALL = "all"


class News(StrEnum):
    """Why an exam is unread."""

    FIRST = "first"
    """Nobody has read it yet."""
    SLIDE = "slide"
    RESCAN = "rescan"
    """A slide that was read was scanned again."""
    PHOTOGRAPH = "photograph"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of the list is shown: `words` as they were typed, all of which must occur."""

    since: datetime
    which: Which = Which.UNREAD
    kind: ImageKind | None = None
    words: tuple[str, ...] = field(default=(), repr=False)
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks at the list; `establishment` is None for those who serve all."""

    subject: str
    establishment: str | None


@dataclass(frozen=True, slots=True)
class Read:
    """Who read an exam, when, and what was in it then."""

    by: str
    at: datetime
    version: str


@dataclass(frozen=True, slots=True)
class Item:
    """An exam of the list. `taken_by` and `Read.by` are users; `names` what they are called."""

    exam_id: str
    establishment: str
    patient: PatientIdentity | None
    accession_number: str | None = field(repr=False)
    case_id: str | None
    priority: Priority
    is_consult: bool
    slides: int
    photographs: int
    reports: int
    arrived_at: datetime
    news: tuple[News, ...]
    """Empty for what is read."""
    taken_by: str | None
    is_mine: bool
    read: Read | None
    version: str
    names: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many exams there are of each sort, whatever is searched for."""

    unread: int
    urgent: int
    mine: int
    all: int


def version_of(things: Iterable[str]) -> str:
    """What names a state of an exam: the images and reports in it, in whatever order."""
    return hashlib.sha256("\n".join(sorted(things)).encode()).hexdigest()[:16]
