"""An order as a laboratory says it: whose, which containers, how urgent, and when it was said."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from archive.cases.label import PART_CHARACTERS, Position
from archive.errors import InvalidIdentity
from archive.identity import LO_CHARACTERS, SH_CHARACTERS, PatientIdentity, checked_text

TIE_CHARACTERS = 64
MOST_CONTAINERS = 1000
"""Of one order: more is a mistake."""
AHEAD = timedelta(days=1)
"""How far clocks may run ahead; as much as the zone that a moment may leave out."""


class Priority(StrEnum):
    """How long an order may wait."""

    ROUTINE = "routine"
    URGENT = "urgent"
    FROZEN = "frozen"
    """A frozen section, for which somebody waits in the operating theatre."""

    @property
    def urgency(self) -> int:
        """The same as a number, the most urgent being the highest."""
        return {"routine": 0, "urgent": 1, "frozen": 2}[self.value]


@dataclass(frozen=True, slots=True)
class Numbered:
    """An identifier, and who gave it ("" where nobody says)."""

    number: str = field(repr=False)
    issuer: str = ""

    def checked(self, name: str, characters: int = LO_CHARACTERS, *, required: bool) -> "Numbered":
        """The same as it is kept; raises InvalidIdentity, naming it."""
        return Numbered(
            checked_text(name, self.number, characters, required=required),
            checked_text(f"issuer of the {name}", self.issuer, LO_CHARACTERS),
        )


class Stay(StrEnum):
    """What an account (PID-18) and a visit (PV1-19) are numbered apart as."""

    ACCOUNT = "account"
    VISIT = "visit"


@dataclass(frozen=True, slots=True)
class Visit:
    """An account or a visit of a patient, in which something is ordered."""

    kind: Stay
    named: Numbered

    def is_meant_by(self, other: "Visit") -> bool:
        """Whether two messages mean one; who gave a number is not always said."""
        issuers = {self.named.issuer, other.named.issuer} - {""}
        is_numbered_alike = self.named.number == other.named.number and len(issuers) < 2
        return self.kind is other.kind and is_numbered_alike


@dataclass(frozen=True, slots=True)
class Container:
    """A specimen, a block or a slide that an order is about.

    `barcode` is the text of its label, where the laboratory says it. `foreign` is what another
    laboratory calls it, of a case that came for a second opinion: it is shown, and never matched.
    """

    position: Position
    stain: str = ""
    recut: str = ""
    barcode: str = field(default="", repr=False)
    description: str = ""
    foreign: Numbered | None = None

    def checked(self) -> "Container":
        """The same as it is kept; raises InvalidIdentity for what is too long or has no place."""
        where = self.position
        parts = [
            checked_text(name, value, PART_CHARACTERS)
            for name, value in (
                ("specimen", where.specimen),
                ("block", where.block),
                ("slide", where.slide),
                ("stain", self.stain),
                ("recut", self.recut),
            )
        ]
        if not any(parts[:3]):
            raise InvalidIdentity(
                "A container is neither specimen, block nor slide; say which it is."
            )
        foreign = self.foreign
        return Container(
            Position(*parts[:3]),
            parts[3],
            parts[4],
            checked_text("container's barcode", self.barcode, LO_CHARACTERS),
            checked_text("container's description", self.description, LO_CHARACTERS),
            foreign.checked("foreign identifier", required=True) if foreign else None,
        )


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """One version of an order, whole: what a later one does not name is no longer expected.

    One that names no containers says nothing of them.
    `said_at` is when the laboratory said it, and `said_in` names the message, so that versions
    have one order however they arrive. One that is cancelled leaves the containers as they are.
    """

    establishment: str
    order: Numbered
    """The laboratory's own (filler's) number, or else that of who asked (the placer's)."""
    accession: Numbered | None
    """None where it is not said, as cancellations do: the order's number tells which it is."""
    patient: PatientIdentity = field(repr=False)
    said_at: datetime
    said_in: str = ""
    placer: Numbered | None = None
    """Who asked calls it so: the same as `order` where the laboratory gave it no number."""
    priority: Priority = Priority.ROUTINE
    containers: tuple[Container, ...] = ()
    is_cancelled: bool = False
    is_consult: bool = False
    """Whether blocks or slides came from another laboratory for a second opinion."""
    visits: tuple[Visit, ...] = ()
    """In which account and visit it was asked; none says nothing of them."""
    reader: str = ""
    """Who is to read it: the user of this name, as `sansverre token --user` gives it."""

    def checked(self) -> "OrderPlaced":
        """The same as it is kept; raises InvalidIdentity."""
        if self.said_at.tzinfo is None:
            raise ValueError("a moment without a time zone")
        if self.said_at > datetime.now(UTC) + AHEAD:
            # Nothing that is said of it later would count.
            raise InvalidIdentity("An order is said at a moment to come; give when it was said.")
        if len(self.containers) > MOST_CONTAINERS:
            raise InvalidIdentity(f"An order has more than {MOST_CONTAINERS} containers; split it.")
        checked = (one.checked() for one in self.containers)
        containers = tuple({one.position: one for one in checked}.values())
        placer = self.placer
        return OrderPlaced(
            checked_text("establishment's name", self.establishment, LO_CHARACTERS, required=True),
            self.order.checked("order's number", required=True),
            self._checked_accession(),
            self.patient,
            self.said_at,
            self.said_in[:TIE_CHARACTERS],
            placer.checked("placer's number", required=True) if placer else None,
            self.priority,
            containers,
            self.is_cancelled,
            self.is_consult,
            tuple(
                Visit(one.kind, one.named.checked("number of the visit", required=True))
                for one in self.visits
            ),
            checked_text("reader's number", self.reader, LO_CHARACTERS),
        )

    def _checked_accession(self) -> Numbered | None:
        if self.accession is None:
            if not self.is_cancelled:
                raise InvalidIdentity("An order says no accession number; give it.")
            return None
        return self.accession.checked("accession number", SH_CHARACTERS, required=True)
