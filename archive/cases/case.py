"""A case as it is looked at: specimens, blocks and slides, what was expected and what came."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from archive.cases.decide import Verdict
from archive.cases.label import Position
from archive.cases.order import Container, Numbered, Priority
from archive.identity import PatientIdentity
from archive.record import Image, ImageState


@dataclass(frozen=True, slots=True)
class Scanned:
    """One scan of a glass slide; `is_moving` while it comes under the case's patient and number."""

    image: Image
    position: Position
    stain: str = ""
    recut: str = ""
    is_moving: bool = False
    linked_by: str = ""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A slide that is linked to nothing, and why; with the case and place that its label means."""

    image: Image
    verdict: Verdict
    texts: tuple[str, ...] = field(repr=False)
    accession_number: str | None = field(repr=False)
    position: Position
    case_id: str | None
    patient: PatientIdentity | None
    """Whom it is under now."""


@dataclass(frozen=True, slots=True)
class Glass:
    """A slide of glass: expected, scanned, or both. The first of its scans is what counts."""

    position: Position
    stain: str
    recut: str
    barcode: str = field(repr=False)
    foreign: Numbered | None
    is_expected: bool
    scans: tuple[Scanned, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """A block and its slides; "" is what lies on no block."""

    name: str
    description: str
    foreign: Numbered | None
    slides: tuple[Glass, ...]


@dataclass(frozen=True, slots=True)
class Specimen:
    """A specimen and its blocks; "" where the laboratory counts none."""

    name: str
    description: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class CaseOrder:
    """An order of a case, as it was said last."""

    order: Numbered
    placer: Numbered | None
    patient: PatientIdentity
    priority: Priority
    is_cancelled: bool
    is_consult: bool
    said_at: datetime


@dataclass(frozen=True, slots=True)
class Case:
    """A case: several `patients` are a conflict, which a person has to see to."""

    id: str
    establishment: str
    accession: Numbered
    patients: tuple[PatientIdentity, ...]
    orders: tuple[CaseOrder, ...]
    specimens: tuple[Specimen, ...]
    waiting: tuple[Waiting, ...]
    patient_key: str | None = None
    """What addresses name the patient by, where there is one, who is known here."""

    @property
    def priority(self) -> Priority:
        """As the most urgent of its orders that are not cancelled."""
        said = [one.priority for one in self.orders if not one.is_cancelled]
        return max(said, key=lambda one: one.urgency, default=Priority.ROUTINE)

    @property
    def slides(self) -> tuple[Glass, ...]:
        """All its slides, in the order of the page."""
        return tuple(
            glass
            for specimen in self.specimens
            for block in specimen.blocks
            for glass in block.slides
        )


Named = tuple[Container, bool]
"""A container, and whether an order of its case names it still."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is known of a case, by place."""

    named: dict[Position, Named]
    came: dict[Position, list[Scanned]]

    def said(self, where: Position) -> Container | None:
        return self.named[where][0] if where in self.named else None


def arranged(named: Iterable[Named], scans: Iterable[Scanned]) -> tuple[Specimen, ...]:
    """The tree of a case; whatever the order in which its parts are given, it is the same.

    What no order names any more, and was not scanned, is left out.
    """
    # Of several that name the same place, that which is named still and says more is kept.
    parts = _Parts({one.position: (one, still) for one, still in sorted(named, key=_weight)}, {})
    for scan in scans:
        parts.came.setdefault(scan.position, []).append(scan)
    shown = {where for where, (_, still) in parts.named.items() if still} | set(parts.came)
    names = sorted({one.specimen for one in shown}, key=natural)
    return tuple(_specimen(name, shown, parts) for name in names)


def _weight(one: Named) -> tuple[bool, bool, bool, str, str, str, str]:
    container, still = one
    said = (container.stain, container.recut, container.barcode, container.description)
    return still, container.foreign is not None, any(said), *said


def _specimen(name: str, shown: set[Position], parts: _Parts) -> Specimen:
    said = parts.said(Position(name))
    within = {one for one in shown if one.specimen == name}
    blocks = sorted({one.block for one in within if one.block or one.slide}, key=natural)
    return Specimen(
        name,
        said.description if said else "",
        tuple(
            _block(name, block, {one for one in within if one.block == block}, parts)
            for block in blocks
        ),
    )


def _block(specimen: str, name: str, within: set[Position], parts: _Parts) -> Block:
    said = parts.said(Position(specimen, name))
    slides = sorted((one for one in within if one.slide), key=lambda one: natural(one.slide))
    return Block(
        name,
        said.description if said else "",
        said.foreign if said else None,
        tuple(_glass(one, parts) for one in slides),
    )


def _glass(where: Position, parts: _Parts) -> Glass:
    said, is_expected = parts.named.get(where, (None, False))
    came = parts.came.get(where, ())
    scans = tuple(sorted(came, key=lambda one: age_of(one.image), reverse=True))
    first = scans[0] if scans else None
    return Glass(
        where,
        (said.stain if said else "") or (first.stain if first else ""),
        (said.recut if said else "") or (first.recut if first else ""),
        said.barcode if said else "",
        said.foreign if said else None,
        is_expected,
        scans,
    )


def age_of(image: Image) -> tuple[bool, datetime, datetime, str]:
    """Of the scans of one slide, that with the greatest counts.

    It is the latest by the scanner's own clock; what is refused comes behind all others.
    """
    is_accepted = image.state is not ImageState.REFUSED
    return is_accepted, scanned_at(image), image.created_at, image.source_sha256


def scanned_at(image: Image) -> datetime:
    """When a slide was scanned; when it came, where the scanner does not say."""
    said = image.facts.get("acquired_at")
    try:
        at = datetime.fromisoformat(said) if said else image.created_at
    except ValueError:
        at = image.created_at
    # Scanners mostly say no zone: all of a laboratory's are in one.
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """What names are sorted by: 2 before 10, A2 before A10, and A before A2."""
    parts: list[tuple[int, int, str]] = []
    run = ""
    for letter in name + "\0":
        if run and (letter.isdecimal() != run[-1].isdecimal() or letter == "\0"):
            is_number = run.isdecimal()
            parts.append((0, int(run), "") if is_number else (1, 0, run.casefold()))
            run = ""
        run += letter
    return (*parts, (-1, 0, name))
