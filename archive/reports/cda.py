"""A CDA R2 document (HL7 Clinical Document Architecture) as it is read: who wrote what of whom.

Nothing that it names is fetched, no entity of its own is expanded, and what it says is text.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from archive.errors import BadDocument
from archive.identities.ins import AUTHORITIES
from archive.identities.stated import Person
from archive.identity import folded_name, read_birth_date

_V3 = "{urn:hl7-org:v3}"
_LOINC = "2.16.840.1.113883.6.1"
MOST_DEEP, MOST_ELEMENTS = 100, 200_000
_TEXT_BLOCKS = frozenset({"paragraph", "caption", "item", "tr", "br", "title", "list", "table"})
_APART = _TEXT_BLOCKS | {"td", "th", "footnote"}
_RAISED = str.maketrans("0123456789+-−()", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾")
_LOWERED = str.maketrans("0123456789+-−()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₍₎")
_SIGNS = {"sup": _RAISED, "sub": _LOWERED}
"""Of numbers above and below the line: ten to the sixth is no 106."""
_ATTACHMENT = "renderMultiMedia"
"""The place of a picture or a file that the document holds elsewhere."""


@dataclass(frozen=True, slots=True, repr=False)
class Clinical:
    """What a document says of itself and of whom it is."""

    title: str
    code: str
    """LOINC, or ""."""
    identifier: str
    """As HL7 Instance Identifier has it: root, `^`, extension."""
    replaces: str
    """The identifier of the document that it replaces or appends to."""
    is_addendum: bool
    orders: Sequence[str]
    """The numbers of what was ordered (inFulfillmentOf), without who gave them."""
    person: Person
    national: Sequence[tuple[str, str]] = field(repr=False)
    """The national identifiers of its patient: number and authority."""
    body: Element = field(repr=False)


@dataclass(frozen=True, slots=True)
class Block:
    """One line of what a document says, for people.

    `kind` is heading, text, row, or attachment: the place, and the caption, of a picture or a file
    that is not shown.
    """

    kind: str
    text: str
    level: int = 0


class _Bounded(TreeBuilder):
    """Builds a tree that is neither deeper nor larger than any report."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: str, attrs: dict[str, str]) -> Element:
        self._depth, self._count = self._depth + 1, self._count + 1
        if self._depth > MOST_DEEP or self._count > MOST_ELEMENTS:
            raise BadDocument("the CDA document has more elements than any report")
        return super().start(tag, attrs)

    def end(self, tag: str) -> Element:
        self._depth -= 1
        return super().end(tag)


def _parsed(data: bytes) -> Element:
    if b"\0" in data:
        raise BadDocument("the CDA document is not written in UTF-8")
    parser = DefusedXMLParser(target=_Bounded(), forbid_dtd=True)
    try:
        parser.feed(data)
        root: Element = parser.close()
    except DefusedXmlException as error:
        raise BadDocument("the CDA document declares entities or a document type") from error
    except (ParseError, LookupError, ValueError) as error:
        if isinstance(error, BadDocument):
            raise
        raise BadDocument("the CDA document is damaged or cut short") from error
    return root


def words_of(data: bytes) -> Iterator[str]:
    """All that a document says anywhere, in text and attributes; raises BadDocument."""
    for one in _parsed(data).iter():
        yield from (one.text or "", one.tail or "", *one.attrib.values())


def read_cda(data: bytes) -> Clinical:
    """Read a document; raises BadDocument for what is none, is damaged, or declares entities."""
    root = _parsed(data)
    if root.tag != f"{_V3}ClinicalDocument":
        raise BadDocument("the XML document is no CDA R2 document")
    body = root.find(f"{_V3}component")
    role = root.find(f"{_V3}recordTarget/{_V3}patientRole")
    if body is None or role is None or not len(body):
        raise BadDocument("the CDA document has no patient, or no body")
    code = root.find(f"{_V3}code")
    related = next(
        (
            one
            for one in root.findall(f"{_V3}relatedDocument")
            if one.get("typeCode") in {"RPLC", "APND"}
        ),
        None,
    )
    parent = related.find(f"{_V3}parentDocument/{_V3}id") if related is not None else None
    return Clinical(
        title=_plain(root.find(f"{_V3}title")),
        code=code.get("code", "") if code is not None and code.get("codeSystem") == _LOINC else "",
        identifier=_identifier(root.find(f"{_V3}id")),
        replaces=_identifier(parent),
        is_addendum=related is not None and related.get("typeCode") == "APND",
        orders=tuple(
            str(one.get("extension"))
            for one in root.findall(f"{_V3}inFulfillmentOf/{_V3}order/{_V3}id")
            if one.get("extension")
        ),
        person=_person(role),
        national=tuple(
            (str(one.get("extension")), str(one.get("root")))
            for one in role.findall(f"{_V3}id")
            if one.get("root") in AUTHORITIES and one.get("extension")
        ),
        body=body,
    )


def _identifier(element: Element | None) -> str:
    if element is None or not element.get("root"):
        return ""
    extension = element.get("extension")
    return f"{element.get('root')}^{extension}" if extension else str(element.get("root"))


def _person(role: Element) -> Person:
    patient = role.find(f"{_V3}patient")
    if patient is None:
        return Person()
    names = set()
    for name in patient.findall(f"{_V3}name"):
        given = " ".join(_plain(one) for one in name.findall(f"{_V3}given"))
        for family in name.findall(f"{_V3}family"):
            names.add(folded_name(f"{_plain(family)}^{given}"))
    born = patient.find(f"{_V3}birthTime")
    said = (born.get("value") or "")[:8] if born is not None else ""
    sex = patient.find(f"{_V3}administrativeGenderCode")
    return Person(
        frozenset(names - {"", "^"}),
        read_birth_date(said) if re.fullmatch(r"\d{8}", said) else None,
        sex.get("code") if sex is not None and sex.get("code") in {"M", "F"} else None,
    )


def inner_document(clinical: Clinical) -> tuple[str, bytes] | None:
    """The media type and the bytes of a body that is no XML; None for one that is.

    Raises BadDocument for what cannot be decoded.
    """
    text = clinical.body.find(f"{_V3}nonXMLBody/{_V3}text")
    if text is None:
        return None
    said = "".join(text.itertext())
    media_type = text.get("mediaType") or "text/plain"
    if text.get("representation") != "B64":
        return media_type, said.encode()
    if text.get("compression"):
        raise BadDocument("the body of the CDA document is compressed")
    try:
        return media_type, base64.b64decode("".join(said.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadDocument("the body of the CDA document is no base64") from error


def blocks(clinical: Clinical) -> Iterator[Block]:
    """What sections say, for people, in their order: text alone, whatever the sender's style."""
    for section, level in _sections(clinical.body, 1):
        heading = _plain(section.find(f"{_V3}title"))
        if heading:
            yield Block("heading", heading, level)
        text = section.find(f"{_V3}text")
        if text is not None:
            yield from _lines(text)


def _sections(element: Element, level: int) -> Iterator[tuple[Element, int]]:
    for one in element:
        if one.tag == f"{_V3}section":
            yield one, level
            yield from _sections(one, level + 1)
        elif one.tag in {f"{_V3}structuredBody", f"{_V3}component"}:
            yield from _sections(one, level)


def _lines(text: Element) -> Iterator[Block]:
    """The narrative of a section, a block a line; rows of tables by their cells."""
    line: list[str] = []

    def walked(element: Element) -> Iterator[Block]:
        if _is_deleted(element):
            return
        name = element.tag.removeprefix(_V3)
        if name in _SIGNS:
            line.append("".join(_said(element)))
            return
        if name == _ATTACHMENT:
            yield from flushed()
            yield Block("attachment", _caption(element))
            return
        if name == "tr":
            yield from flushed()
            cells = [_plain(one) for one in element]
            if any(cells):
                yield Block("row", " | ".join(cells))
            return
        is_block = name in _TEXT_BLOCKS
        if is_block:
            yield from flushed()
        line.append(element.text or "")
        for one in element:
            yield from walked(one)
            line.append(one.tail or "")
        if is_block:
            yield from flushed()

    def flushed() -> Iterator[Block]:
        said = " ".join("".join(line).split())
        line.clear()
        if said:
            yield Block("text", said)

    yield from walked(text)
    yield from flushed()


def _is_deleted(element: Element) -> bool:
    """Whether the narrative shows it as what an earlier version said (CDA R2, 4.3.5.1)."""
    return element.get("revised") == "delete"


def _plain(element: Element | None) -> str:
    return "" if element is None else " ".join("".join(_said(element)).split())


def _said(element: Element) -> Iterator[str]:
    """The text of an element, what stands apart in it set apart."""
    name = element.tag.removeprefix(_V3)
    if _is_deleted(element):
        return
    if name == _ATTACHMENT:
        yield f" [{_caption(element) or 'image'}] "
        return
    parts = [element.text or ""]
    for one in element:
        parts += (*_said(one), one.tail or "")
    said = "".join(parts)
    if name in _SIGNS:
        said = said.translate(_SIGNS[name])
    yield f" {said} " if name in _APART else said


def _caption(element: Element) -> str:
    return _plain(element.find(f"{_V3}caption"))
