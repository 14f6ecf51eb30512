"""Orders of a laboratory: OML^O21, OML^O33 and ORM^O01, new, changed and cancelled.

Source: HL7 v2.5.1 chapters 4 and 13; IHE Pathology (accession number in SAC-2).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

from api.errors import BadMessage
from api.hl7.answers import DONE, Answer
from api.hl7.message import Message, Segment
from api.hl7.pid import read_pid, read_visit
from api.work import Workplace
from archive.cases.label import Position, read_label
from archive.cases.laboratory import Laboratory
from archive.cases.order import Container, Numbered, OrderPlaced, Priority, Stay, Visit
from archive.identity import LO_CHARACTERS, PatientIdentity

CANCELLED = frozenset({"CA", "OC", "CR", "DC", "OD", "DR"})
"""ORC-1 and ORC-5 of what is not to be done any more (HL7 tables 0119 and 0038)."""
AT_ONCE = frozenset({"S", "A", "P", "T"})
"""Priorities that do not wait: stat, as soon as possible, preoperative, timing critical."""
_SEPARATORS = "-._/ #^"


@dataclass(slots=True, repr=False)
class _Sample:
    """A specimen of a message, and the containers that it is in."""

    spm: Segment | None
    sacs: list[Segment] = field(default_factory=list)


@dataclass(slots=True, repr=False)
class _Group:
    """The segments of one order."""

    orc: Segment | None = None
    obr: Segment | None = None
    tq1: Segment | None = None
    samples: list[_Sample] = field(default_factory=list)


def take_order(message: Message, place: Workplace, establishment: str) -> Answer:
    """Keep all orders of a message, or none; late and reordered ones end as the newest says."""
    laboratory = place.catalog.cases.laboratory(establishment)
    place.catalog.cases.place_all(list(orders_of(message, establishment, laboratory)))
    return DONE


def orders_of(
    message: Message, establishment: str, laboratory: Laboratory
) -> Iterator[OrderPlaced]:
    """The orders of a message, each once; raises BadMessage and InvalidIdentity."""
    found: dict[tuple[Numbered, Numbered | None], OrderPlaced] = {}
    patient = patient_of(message)
    groups = _groups(message, _ordered(message))
    if not groups:
        raise BadMessage("the message holds no order", 100, "ORC")
    for group in groups:
        if _is_about_status(group):
            continue
        one = _order(group, message, establishment, laboratory, patient)
        key = one.order, one.accession
        before = found.get(key)
        if before is not None:
            one = replace(one, containers=(*before.containers, *one.containers))
        found[key] = one
    yield from found.values()


def _is_about_status(group: _Group) -> bool:
    """Whether it tells how far the laboratory has come: nothing that is ordered has changed."""
    orc = group.orc
    return orc is not None and orc.value(1) == "SC" and orc.value(5) not in CANCELLED


def _ordered(message: Message) -> Iterator[Segment]:
    """The segments of what is ordered, without prior results; raises BadMessage.

    Those are of ORC-1 PR, or after a PID of their own, which may be somebody else's.
    """
    if len(message.segments("MSH")) > 1:
        raise BadMessage("there is more than one message in the frame", 102, "MSH")
    is_prior = False
    own: Segment | None = None
    whose: Segment | None = None
    for one in message.parts:
        if one.name == "PID":
            is_prior, own, whose = own is not None, own or one, one
        elif one.name == "ORC":
            is_prior = one.value(1) == "PR"
            if not is_prior and own is not whose:
                raise BadMessage("an order comes after the PID of prior results", 102, "PID")
        elif one.name == "SPM" and message.header.kind.endswith("^O33"):
            is_prior = False
        if not is_prior:
            yield one


def _groups(message: Message, ordered: Iterable[Segment]) -> list[_Group]:
    # In O33 specimens come before the orders that are about them, else after.
    is_by_specimen = message.header.kind.endswith("^O33")
    groups: list[_Group] = []
    shared: list[_Sample] = []
    after_order = False
    for one in ordered:
        if one.name == "ORC" or (one.name == "OBR" and (not groups or groups[-1].obr is not None)):
            groups.append(_Group(samples=shared if is_by_specimen else []))
            after_order = True
        if one.name == "SPM" and is_by_specimen and after_order:
            shared, after_order = [], False
        _put(one, groups, shared if is_by_specimen else None)
    return groups


def _put(one: Segment, groups: list[_Group], shared: list[_Sample] | None) -> None:
    samples = shared if shared is not None else (groups[-1].samples if groups else [])
    if one.name == "SPM":
        samples.append(_Sample(one))
    elif one.name == "SAC":
        if not samples:
            samples.append(_Sample(None))
        samples[-1].sacs.append(one)
    elif one.name in {"ORC", "OBR", "TQ1"} and groups:
        setattr(groups[-1], one.name.lower(), one)


def _order(
    group: _Group,
    message: Message,
    establishment: str,
    laboratory: Laboratory,
    patient: PatientIdentity,
) -> OrderPlaced:
    placer = _number(group.orc, 2) or _number(group.obr, 2)
    filler = _number(group.orc, 3) or _number(group.obr, 3)
    order = filler or placer
    if order is None:
        raise BadMessage("an order has no number, neither placer's nor filler's", 101, "ORC^1^3")
    status = {group.orc.value(1), group.orc.value(5)} if group.orc else set()
    is_cancelled = bool(status & CANCELLED)
    accession = _accession(group, laboratory)
    if accession is None and not is_cancelled:
        accession = _by_number(order, filler, laboratory)
    return OrderPlaced(
        establishment=establishment,
        order=order,
        accession=accession,
        patient=patient,
        said_at=message.said_at(group.orc.value(9)) if group.orc else message.stated_at,
        said_in=message.header.control_id[-64:],
        # A laboratory that asks itself says its own number twice.
        placer=None if placer == filler else placer,
        priority=_priority(group, laboratory),
        containers=tuple(_containers(group, laboratory)),
        is_cancelled=is_cancelled,
        visits=_visits(message),
        reader=group.obr.value(32)[:LO_CHARACTERS] if group.obr else "",
    )


def _visits(message: Message) -> tuple[Visit, ...]:
    """In which account (PID-18) and visit (PV1-19) it was asked, which stand before the orders."""
    found: list[Visit] = []
    for one in message.parts:
        if one.name in {"ORC", "OBR"}:
            break
        if one.name == "PID":
            found.extend(read_visit(one, 18, Stay.ACCOUNT))
        elif one.name == "PV1":
            found.extend(read_visit(one, 19, Stay.VISIT))
    return tuple(found)


def _by_number(order: Numbered, filler: Numbered | None, laboratory: Laboratory) -> Numbered:
    """An accession number where none is said: the laboratory's own number of the order.

    A placer's number is never one of the laboratory's: a ward that counts alike means another.
    """
    if filler is not None:
        return Numbered(filler.number, laboratory.issuer)
    if not order.issuer:
        raise BadMessage(
            "an order has a placer's number alone, and not who gave it", 101, "ORC^1^2"
        )
    return order


def _number(segment: Segment | None, number: int) -> Numbered | None:
    if segment is None or not segment.value(number):
        return None
    return Numbered(segment.value(number), segment.value(number, 2))


def _accession(group: _Group, laboratory: Laboratory) -> Numbered | None:
    """Where laboratories write it: SAC-2, SPM-30 or OBR-18; None where it is not said."""
    for sample in group.samples:
        for sac in sample.sacs:
            if said := sac.value(2):
                return Numbered(said, sac.value(2, 2) or laboratory.issuer)
        if sample.spm is not None and (said := sample.spm.value(30)):
            return Numbered(said, sample.spm.value(30, 4) or laboratory.issuer)
    said = group.obr.value(18) if group.obr else ""
    return Numbered(said, laboratory.issuer) if said else None


def _priority(group: _Group, laboratory: Laboratory) -> Priority:
    asked = {group.obr.value(4), group.obr.value(4, 4)} - {""} if group.obr else set()
    if asked & set(laboratory.frozen):
        return Priority.FROZEN
    said = {
        group.tq1.value(9) if group.tq1 else "",
        group.orc.value(7, 6) if group.orc else "",
        *((group.obr.value(5), group.obr.value(27, 6)) if group.obr else ()),
    }
    return Priority.URGENT if said & AT_ONCE else Priority.ROUTINE


def _containers(group: _Group, laboratory: Laboratory) -> Iterator[Container]:
    names: dict[str, str] = {}
    for sample in group.samples:
        for name, parent in _named(sample):
            names.setdefault(name, parent)
    found = [
        _container(name, names, sample, laboratory)
        for sample in group.samples
        for name, _ in _named(sample)
    ]
    slides = [one for one in found if one.position.is_slide]
    asked = group.obr.value(4)[:16] if group.obr else ""
    for one in found:
        # One slide is ordered by its stain; several, by something else.
        is_stained = len(slides) == 1 and one.position.is_slide and not one.stain
        yield replace(one, stain=asked) if is_stained else one


def _named(sample: _Sample) -> list[tuple[str, str]]:
    """The names of a sample's containers, each with that of what it was made of."""
    made_of = _both(sample.spm, 3)
    named = [(one.value(3), one.value(4) or made_of) for one in sample.sacs if one.value(3)]
    if not named and (own := _both(sample.spm, 2)):
        named = [(own, made_of)]
    return named


def _both(spm: Segment | None, number: int) -> str:
    """Of a pair of identifiers (EIP) the filler's, else the placer's."""
    if spm is None:
        return ""
    return spm.value(number, 2) or spm.value(number, 1)


def _container(
    name: str, names: Mapping[str, str], sample: _Sample, laboratory: Laboratory
) -> Container:
    spm = sample.spm
    description = (spm.value(14) or spm.value(4, 2) or spm.value(4))[:64] if spm else ""
    read = laboratory.pattern and read_label([name], laboratory.pattern)
    if read:
        return Container(read.position, read.stain, read.recut, name, description)
    return Container(_position(name, names), barcode=name, description=description)


def _position(name: str, names: Mapping[str, str]) -> Position:
    """By what it was made of: of nothing it is a specimen, of that a block, of that a slide."""
    line = [name]
    while (parent := names.get(line[-1], "")) and parent not in line and len(line) < 4:
        line.append(parent)
    line.reverse()
    parts = [line[0], *(_beyond(one, before) for before, one in pairwise(line))]
    if len(parts) > 3:
        parts = [parts[0], parts[1], parts[-1]]
    return Position(*parts)


def _beyond(name: str, parent: str) -> str:
    """What a name adds to that of what it was made of."""
    rest = name.removeprefix(parent).lstrip(_SEPARATORS)
    return rest or name


def patient_of(message: Message) -> PatientIdentity:
    """Whom PID is of, by the hospital's own number; raises BadMessage and InvalidIdentity.

    It is what the laboratory says: who gives the number states who it is, by ADT messages.
    """
    said = read_pid(message, message.first("PID"))
    traits = said.traits
    return PatientIdentity(
        said.patient_id,
        said.issuer,
        traits.get("name") or "",
        traits.get("birth_date"),
        traits.get("sex"),
        issuer_oid=traits.get("issuer_oid"),
    )


ORDERS = {"OML^O21": take_order, "OML^O33": take_order, "ORM^O01": take_order}
