"""The segments of each report of a message, and the numbers that they say."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from api.hl7.message import Message, Segment
from archive.cases.order import Numbered

_FOR_SHARING = "MetaDMPMSS"
"""Of what the French guide says beside a document, for who shares it: the letter that goes with it,
who may see it elsewhere. None of it is a result."""

_COUNT = re.compile(r"\d{1,9}")


@dataclass(slots=True, repr=False)
class Group:
    """The segments of one report."""

    obr: Segment | None
    orc: Segment | None = None
    results: list[Segment] = field(default_factory=list)
    """OBX, and the notes (NTE) on each behind it."""
    samples: list[Segment] = field(default_factory=list)
    """Its specimens, and what those are in."""


def groups(message: Message, *, is_document: bool = False) -> Iterator[Group]:
    """The groups of segments that are about one report; an MDM is about one."""
    group = Group(None)
    is_left_aside = False
    for one in message.parts:
        if one.name == "OBR":
            if not is_document and group.obr is not None:
                yield group
                group = Group(None)
            group.obr = group.obr or one
        elif one.name == "ORC":
            if not is_document and group.obr is not None:
                yield group
                group = Group(None)
            group.orc = group.orc or one
        elif one.name == "OBX":
            is_left_aside = one.value(3, 3) == _FOR_SHARING
            if not is_left_aside:
                group.results.append(one)
        elif one.name in {"SAC", "SPM"}:
            group.samples.append(one)
        elif one.name == "NTE" and not is_left_aside and (group.obr or group.results):
            group.results.append(one)
    yield group


def in_their_order(results: Iterable[Segment]) -> list[list[Segment]]:
    """Results, each with the notes behind it, as OBX-1 counts them where it counts each once.

    What stands before the first result comes first.
    """
    before: list[Segment] = []
    found: list[list[Segment]] = []
    for one in results:
        if one.name == "OBX":
            found.append([one])
        else:
            (found[-1] if found else before).append(one)
    numbers = counted([one[0] for one in found])
    if numbers is not None:
        found = [one for _, one in sorted(zip(numbers, found, strict=True), key=itemgetter(0))]
    return [before, *found] if before else found


def counted(results: Sequence[Segment]) -> list[int] | None:
    """The numbers of results (OBX-1); None where those do not count each once."""
    numbers = [one.value(1) for one in results]
    if len(set(numbers)) < len(numbers) or not all(map(_COUNT.fullmatch, numbers)):
        return None
    return list(map(int, numbers))


def orders(group: Group) -> tuple[Numbered, ...]:
    """The filler's number of the order, then the placer's; as said in OBR, else in ORC."""
    found = []
    for number in (3, 2):
        for one in (group.obr, group.orc):
            if one is not None and one.value(number):
                found.append(Numbered(one.value(number), one.value(number, 2)))
                break
    return tuple(found)


def accession(group: Group) -> Numbered | None:
    """Where laboratories write it: SAC-2, SPM-30 or OBR-18; None where it is not said."""
    for name, number, component in (("SAC", 2, 2), ("SPM", 30, 4)):
        for one in group.samples:
            if one.name == name and (said := one.value(number)):
                return Numbered(said, one.value(number, component))
    said = group.obr.value(18) if group.obr else ""
    return Numbered(said) if said else None
