"""What a report is written in: looked over before it is kept, and put together when it leaves.

A document is the sender's, and is kept byte for byte, but for the patient's national identifier
in a CDA document. That may be withdrawn, and has to leave every store then: so it is never in
one. Where it stood is kept, and what leaves has it there as long as it is known and qualified.
"""

import re
from base64 import b64decode, b64encode
from bisect import bisect_right
from collections.abc import Iterator, Set
from dataclasses import dataclass, field

from archive.errors import BadDocument
from archive.identity import PatientIdentity
from archive.reports.cda import Clinical, inner_document, read_cda, words_of
from archive.reports.report import CDA, PDF, TEXT

MOST_BYTES = 12 << 20
"""Of a document: what a message of the usual limit can carry in base64."""
MOST_TEXT_BYTES = 512 << 10
"""Of plain text: some hundred pages, of which a PDF is made."""
_END_BYTES = 4096
_START_OF_TABLE = re.compile(rb"startxref\s+(\d{1,10})\s")
_TABLE = re.compile(rb"\s*(?:xref|\d+\s+\d+\s+obj)\b")
_END_OF_CDA = re.compile(rb"</(?:[\w.-]+:)?ClinicalDocument\s*>")

_MARK = b"<?sansverre-ins "
_MARKED = re.compile(
    rb"<\?sansverre-ins ([0-9.]+) ([A-Za-z0-9+/=]*) ([A-Za-z0-9+/=]*)(?: ([A-Za-z0-9+/=]*))?\?>"
)
"""Stands where an identifier stood: whose authority gave it, what was before it, and behind, and
how it was grouped.

It may stand in an attribute as well: what is kept is XML only once it leaves.
"""
_ELEMENT = re.compile(rb"<(?:[\w.-]+:)?id\b[^<>]*/>")
_GAP = rb"(?:[ \t\r\n\xa0]|\xc2\xa0|\xe2\x80\xaf){0,2}"
_FORM = re.compile(r"\d{5}[0-9AB]{2}\d{6}(?:\d\d)?", re.ASCII)
_MOST_NATIONAL = 8


@dataclass(frozen=True, slots=True)
class Document:
    """A document that may be kept, without national identifiers."""

    media_type: str
    data: bytes = field(repr=False)
    clinical: Clinical | None = field(default=None, repr=False)


def document_of(data: bytes) -> Document:
    """Look over a document that a message carries; raises BadDocument, saying what is wrong.

    What it is is read off its bytes: what a message says of it is held against that elsewhere.
    """
    if not data.strip():
        raise BadDocument("the document is empty")
    if len(data) > MOST_BYTES:
        raise BadDocument(f"the document is of more than {MOST_BYTES >> 20} MiB")
    if data[:1024].lstrip().startswith(b"%PDF-"):
        check_pdf(data)
        return Document(PDF, data)
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        clinical = read_cda(data)
        inner = inner_document(clinical)
        if inner is not None:
            _check_inner(*inner)
        return Document(CDA, _without_national(data, clinical), clinical)
    raise BadDocument("the document is neither a PDF nor a CDA R2 document")


def text_document(text: str) -> Document:
    """Plain text as a document; raises BadDocument."""
    said = text.strip().encode()
    if not said:
        raise BadDocument("the document is empty")
    if len(said) > MOST_TEXT_BYTES:
        raise BadDocument(f"the text is of more than {MOST_TEXT_BYTES >> 10} KiB")
    return Document(TEXT, said)


def check_pdf(data: bytes) -> None:
    """Raise BadDocument for a PDF without its end; nothing in it is opened."""
    if not _has_end_of_pdf(data):
        raise BadDocument("the PDF is cut short: it has no end")


def is_whole(data: bytes) -> bool:
    """Whether data has the end of a document of its kind; nothing in it is opened."""
    if data[:1024].lstrip().startswith(b"%PDF-"):
        return _has_end_of_pdf(data)
    return _END_OF_CDA.search(data[-_END_BYTES:]) is not None


def check_joined(data: bytes) -> None:
    """Raise BadDocument for a PDF of which something in the middle is missing.

    Its end says at which byte its table of contents begins (ISO 32000-1, 7.5.5).
    """
    said = _START_OF_TABLE.findall(data[-_END_BYTES:])
    at = data.find(b"%PDF-") + int(said[-1]) if said else len(data)
    if not _TABLE.match(data, at):
        raise BadDocument("a part of the PDF is missing")


def _has_end_of_pdf(data: bytes) -> bool:
    end = data[-_END_BYTES:]
    return b"%%EOF" in end and b"startxref" in end


def _check_inner(media_type: str, data: bytes) -> None:
    if media_type not in {PDF, TEXT}:
        raise BadDocument("the body of the CDA document is neither XML, nor PDF, nor plain text")
    if not data.strip():
        raise BadDocument("the body of the CDA document is empty")
    if media_type == PDF:
        if not data[:1024].lstrip().startswith(b"%PDF-"):
            raise BadDocument("the body of the CDA document is no PDF, as it says")
        check_pdf(data)


def _without_national(data: bytes, clinical: Clinical) -> bytes:
    """The document with marks where the patient's national identifiers stood."""
    if _MARK in data:
        raise BadDocument("the CDA document holds marks of this software")
    national = frozenset(clinical.national)
    if len(national) > _MOST_NATIONAL or not all(_FORM.fullmatch(one) for one, _ in national):
        raise BadDocument("the CDA document names a national identifier that is none")
    parts, at = [], 0
    for begin, end, number, authority in sorted(_cuts(data, national)):
        if begin < at:
            continue
        before, written, after = _split(data[begin:end], number)
        shape = re.sub(rb"[0-9AB]", b"0", written)
        around = (b64encode(one) for one in (before, after, shape))
        parts += [data[at:begin], _MARK, b" ".join((authority.encode(), *around)), b"?>"]
        at = end
    kept = b"".join([*parts, data[at:]])
    if b"&#" in data:
        _require_none_in_references(kept, national)
    return kept


def _split(element: bytes, number: str) -> tuple[bytes, bytes, bytes]:
    found = re.search(_written(number), element)
    assert found is not None, "what is cut is where it was found"
    return element[: found.start()], found.group(), element[found.end() :]


def _written(number: str) -> bytes:
    """A pattern of a number as people write it as well: in groups, and without its key."""
    body, key = (_GAP.join(one.encode() for one in said) for said in (number[:13], number[13:]))
    whole = body + (b"(?:" + _GAP + key + b")?" if key else b"")
    return rb"(?<![0-9A-Za-z])" + whole + rb"(?![0-9A-Za-z])"


def _cuts(data: bytes, national: Set[tuple[str, str]]) -> Iterator[tuple[int, int, str, str]]:
    # The element that names it goes whole: one without a number would be none.
    named = [(*one.span(), one.group()) for one in _ELEMENT.finditer(data)] if national else []
    for number, authority in national:
        quoted = re.compile(rb"[\"']" + number.encode() + rb"[\"']")
        elements = [(begin, end) for begin, end, one in named if quoted.search(one)]
        yield from ((*one, number, authority) for one in elements)
        begins = [begin for begin, _ in elements]
        for one in re.finditer(_written(number), data):
            at = bisect_right(begins, one.start()) - 1
            if at < 0 or one.start() >= elements[at][1]:
                yield (*one.span(), number, authority)


def _require_none_in_references(kept: bytes, national: Set[tuple[str, str]]) -> None:
    """Refuse an identifier that is written in character references, which no text search finds."""
    said = " ".join(words_of(as_it_leaves(kept, None))).encode()
    if any(re.search(_written(number), said) for number, _ in national):
        raise BadDocument("the CDA document writes a national identifier in character references")


def as_it_leaves(data: bytes, patient: PatientIdentity | None) -> bytes:
    """A document as it leaves today: with the patient's national identifier where one stood."""
    if _MARK not in data:
        return data

    def said(found: re.Match[bytes]) -> bytes:
        authority, before, after, shape = found.groups()
        if patient is None or not patient.ins or authority.decode() != patient.ins_authority:
            return b""
        return (
            b64decode(before) + _shaped(patient.ins, shape and b64decode(shape)) + b64decode(after)
        )

    return _MARKED.sub(said, data)


def _shaped(number: str, shape: bytes | None) -> bytes:
    """A number in the groups in which one stood there, as far as that went."""
    if shape is None:
        return number.encode()
    letters = iter(number.encode())
    return bytes(next(letters, one) if one == ord("0") else one for one in shape)
