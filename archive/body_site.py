"""The body sites that pictures of skin are named by, and how people call them.

They are PS3.16's CID 4029, in the order of the body, from `body_sites.tsv`. The English name is
DICOM's own; the French one, as doctors say it, leaves out that it is skin.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

from archive.errors import InvalidSite
from archive.identity import folded

TABLE = Path(__file__).with_name("body_sites.tsv")
_FEW = 5
# They tell no two sites apart, and people leave them out.
_SMALL_WORDS = frozenset(
    {"a", "au", "aux", "d", "de", "des", "du", "l", "la", "le", "les", "of", "peau", "skin", "the"}
)


class Side(StrEnum):
    """Which of a pair, as DICOM's ImageLaterality has it (PS3.3 C.7.6.1.1.1)."""

    RIGHT = "R"
    LEFT = "L"
    BOTH = "B"
    UNPAIRED = "U"


class Sides(StrEnum):
    """Which sides a site has; one concept of CID 4029 is of the left alone."""

    PAIRED = "paired"
    UNPAIRED = "unpaired"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class BodySite:
    """A coded site; `code` is unique over its coding schemes SCT, FMA and DCM.

    `region` groups sites for lists; `also` are other words that people use.
    """

    scheme: str
    code: str
    region: str
    sides: Sides
    fr: str
    en: str
    also: tuple[str, ...] = ()

    @property
    def may_show_the_face(self) -> bool:
        """Whether who photographs it may not help having the face in the picture."""
        return self.region in {"head", "mouth", "neck"}

    @property
    def is_paired(self) -> bool:
        """Whether the body has two of it."""
        return self.sides is Sides.PAIRED

    def side(self, stated: Side | None) -> Side:
        """The side as DICOM states it; raises InvalidSite where it is missing or impossible."""
        if self.sides is Sides.PAIRED:
            if stated in {None, Side.UNPAIRED}:
                raise InvalidSite(f"{self.en}: the body has two; say which side, L or R.")
            return Side(str(stated))
        only = Side.LEFT if self.sides is Sides.LEFT else Side.UNPAIRED
        if stated not in {None, only}:
            why = "it is of the left" if only is Side.LEFT else "the body has one"
            raise InvalidSite(f"{self.en}: {why}; leave the side out.")
        return only


@cache
def body_sites() -> tuple[BodySite, ...]:
    """Every site, from head to foot."""
    _, *lines = TABLE.read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        scheme, code, region, sides, fr, en, also = line.split("\t")
        words = tuple(word for word in also.split("; ") if word)
        found.append(BodySite(scheme, code, region, Sides(sides), fr, en, words))
    return tuple(found)


def site_of_code(code: str) -> BodySite:
    """The site of a code, alone or as SCT:39937001; raises InvalidSite."""
    scheme, _, value = code.strip().rpartition(":")
    found = _by_code().get(value)
    if found is None or scheme.upper() not in {"", found.scheme}:
        raise InvalidSite("This code is of no body site of DICOM's list (CID 4029).")
    return found


def find_site(text: str) -> BodySite:
    """The one site meant by a code or a name in French or English; raises InvalidSite."""
    value = text.strip().rpartition(":")[2]
    if value.isascii() and value.isdigit():
        return site_of_code(text)
    asked = _words(text)
    for exact in (
        [one.site for one in _index() if asked in one.names],
        [one.site for one in _index() if asked in one.also],
        search_sites(text),
    ):
        if len(exact) == 1:
            return exact[0]
    found = search_sites(text)
    if not found:
        raise InvalidSite("No body site of DICOM's list (CID 4029) is called that.")
    some = ", ".join(f"{site.fr} ({site.code})" for site in found[:_FEW])
    more = f", and {len(found) - _FEW} more" if len(found) > _FEW else ""
    raise InvalidSite(f"Several body sites are called that: {some}{more}. Give one's code.")


def search_sites(text: str) -> tuple[BodySite, ...]:
    """The sites with a word that begins as each of the words asked for, the closest first.

    Without any word, all of them.
    """
    asked = _words(text)

    def distance(one: _Entry) -> tuple[bool, bool, int, int]:
        partly = len(asked - one.told)
        return asked not in one.names, asked not in one.also, partly, len(one.names[0])

    fitting = [
        one
        for one in _index()
        if all(any(word.startswith(begun) for word in one.told) for begun in asked)
    ]
    return tuple(one.site for one in (sorted(fitting, key=distance) if asked else fitting))


@dataclass(frozen=True, slots=True)
class _Entry:
    """The words of a site's names (the French first), of its other names, and of all it is."""

    site: BodySite
    names: tuple[frozenset[str], ...]
    also: tuple[frozenset[str], ...]
    told: frozenset[str]


@cache
def _index() -> tuple[_Entry, ...]:
    return tuple(
        _Entry(
            site,
            (_words(site.fr), _words(site.en)),
            tuple(map(_words, site.also)),
            frozenset({site.code, *_split(" ".join((site.fr, site.en, *site.also)))}),
        )
        for site in body_sites()
    )


@cache
def _by_code() -> dict[str, BodySite]:
    return {site.code: site for site in body_sites()}


def _words(text: str) -> frozenset[str]:
    """The words that tell one site from another; of small words alone, those."""
    words = frozenset(_split(text))
    return words - _SMALL_WORDS or words


def _split(text: str) -> list[str]:
    return "".join(one if one.isalnum() else " " for one in folded(text)).split()
