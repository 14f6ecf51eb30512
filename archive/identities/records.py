"""What is read of identities: outcomes, doubts side by side, history."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from archive.cases.order import Visit
from archive.identities.decisions import Then
from archive.identities.schema import Act, DoubtKind, Verdict


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a statement; `doubt` is what waits for a person now."""

    then: Then
    why: str
    key: str
    """What addresses name the patient by, whom it is about."""
    ins: tuple[Then, str] = (Then.LEAVE, "nothing is said of it")
    doubt: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Side:
    """One of two identities that are looked at side by side."""

    traits: Mapping[str, Any] = field(repr=False)
    """By the names of `changes.traits_of`."""
    has_ins: bool
    key: str | None
    """What addresses name them by; None for what is only stated."""
    exams: int
    merged_into: str | None = None
    """The key of whom they were merged into."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """An identity that waits for a person, or did."""

    id: int
    kind: DoubtKind
    known: Side
    other: Side
    visits: tuple[Visit, ...]
    """Those that it is about, where it is whose a visit is."""
    by: str = field(repr=False)
    stated_at: datetime
    recorded_at: datetime
    looked_at: datetime | None
    verdict: Verdict | None
    decided_at: datetime | None
    decided_by: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the history of an identity."""

    id: int
    act: Act
    key: str
    other_key: str | None
    before: Mapping[str, Any] = field(repr=False)
    after: Mapping[str, Any] = field(repr=False)
    by: str = field(repr=False)
    stated_at: datetime
    recorded_at: datetime
    undone_at: datetime | None
    undone_by: str | None = field(repr=False)

    @property
    def may_be_undone(self) -> bool:
        """Whether it is an act that can be taken back, and was not yet."""
        return self.undone_at is None and self.act in UNDOABLE


UNDOABLE = frozenset(
    {Act.UPDATED, Act.MERGED, Act.TURNED, Act.RENUMBERED, Act.VISIT_MOVED, Act.SPLIT}
)
"""All that only points elsewhere; a national identifier that was withdrawn is not kept."""
