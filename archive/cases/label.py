"""What the barcode of a slide's label says, by the pattern that its laboratory uses."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass, field
from typing import Any, Protocol

import re2

from archive.errors import InvalidIdentity
from archive.identity import SH_CHARACTERS, checked_text

TEXT_CHARACTERS = 200
"""Of a barcode that is looked at: more is no label of a slide, and costs patterns time."""
PART_CHARACTERS = 16
GROUPS = ("accession", "specimen", "block", "slide", "stain", "recut")
"""What a pattern may name."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where a container stands in its case; "" for what its laboratory does not count."""

    specimen: str = ""
    block: str = ""
    slide: str = ""

    @property
    def is_slide(self) -> bool:
        """Whether it is a slide, which may be scanned, and no specimen or block."""
        return bool(self.slide)

    def holds(self, other: "Position") -> bool:
        """Whether another one is this one, or within it."""
        own, others = astuple(self), astuple(other)
        return all(one in {"", its} for one, its in zip(own, others, strict=True))


def one_place(places: Collection[Position]) -> Position | None:
    """The innermost of several places that are within each other; None where they are not."""
    innermost = max(places, key=lambda one: sum(map(bool, astuple(one))), default=NOWHERE)
    return innermost if all(one.holds(innermost) for one in places) else None


NOWHERE = Position()


@dataclass(frozen=True, slots=True)
class Reading:
    """What one label says."""

    accession_number: str = field(repr=False)
    position: Position = NOWHERE
    stain: str = ""
    recut: str = ""


class Pattern(Protocol):
    """A pattern, ready to be used."""

    @property
    def groupindex(self) -> Mapping[str, int]:
        """The names of its groups."""

    def fullmatch(self, text: str) -> Any:
        """What a text that it covers says, by group; None for others."""


def compiled(pattern: str) -> Pattern:
    """The pattern of an establishment's barcodes; raises ValueError, in words for who wrote it."""
    quiet = re2.Options()
    quiet.log_errors = False
    try:
        # Whatever stands on a label, it is read in time that grows as its length.
        found: Pattern = re2.compile(pattern, quiet)
    except re2.error as error:
        (said,) = error.args
        raise ValueError(f"is no regular expression of RE2 ({said.decode()})") from error
    named = set(found.groupindex)
    if "accession" not in named:
        raise ValueError("names no group (?P<accession>…)")
    if unknown := sorted(named - set(GROUPS)):
        raise ValueError(f"names {unknown[0]!r}, which is none of {', '.join(GROUPS)}")
    return found


def read_label(texts: Iterable[str], pattern: Pattern) -> Reading | None:
    """What the first barcode that has the pattern, as a whole, says; None where none has it."""
    return next(readings(texts, pattern), None)


def readings(texts: Iterable[str], pattern: Pattern) -> Iterator[Reading]:
    """What each barcode that has the pattern, as a whole, says."""
    for text in texts:
        if len(text) > TEXT_CHARACTERS or (match := pattern.fullmatch(text)) is None:
            continue
        said = {name: (value or "").strip() for name, value in match.groupdict().items()}
        try:
            number = checked_text(
                "accession number", said.pop("accession"), SH_CHARACTERS, required=True
            )
        except InvalidIdentity:
            continue
        if any(len(value) > PART_CHARACTERS for value in said.values()):
            continue
        stain, recut = said.get("stain", ""), said.get("recut", "")
        # Where slides have no number, their stain tells them apart.
        slide = slide_named(said.get("slide") or stain, recut)
        if len(slide) > PART_CHARACTERS:
            continue
        where = Position(said.get("specimen", ""), said.get("block", ""), slide)
        yield Reading(number, where, stain, recut)


def slide_named(slide: str, recut: str) -> str:
    """How a slide is told apart in its block: a recut is another glass, also under a number again.

    That may be longer than what is kept; cut off, it would be another slide's.
    """
    return f"{slide} {recut}".strip()
