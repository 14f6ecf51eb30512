"""The documents of results that are encapsulated data (ED), whole or over several of them."""

import base64
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.errors import BadMessage
from api.hl7.message import Segment
from api.hl7.reports.groups import counted
from archive.errors import BadDocument
from archive.reports.cda import Clinical
from archive.reports.content import Document, check_joined, document_of, is_whole
from archive.reports.report import CDA, PDF

_KINDS = {"PDF": PDF, "XML": CDA}
_BEGINNING = re.compile(rb"[\xef\xbb\xbf\s]*(?:%PDF-|<\?xml|<!--|<(?:[\w.-]+:)?ClinicalDocument)")
_BEGINNING_LETTERS = 64
"""Of base64, in which a document says what it is."""
_LINE_END_LETTERS = 8
"""Of what may be behind the end of a document, as a part of its own."""


@dataclass(frozen=True, slots=True, repr=False)
class _Part:
    """A repetition of OBX-5: application, type, subtype, encoding, data (ED)."""

    obx: Segment
    where: str
    kind: str
    encoding: str
    data: str
    """Base64 without its line ends."""

    def begins(self) -> bool:
        """Whether a document begins here."""
        first = self.data[:_BEGINNING_LETTERS]
        try:
            return bool(_BEGINNING.match(_bytes([first[: len(first) // 4 * 4]])))
        except ValueError:
            return False


def documents(results: Sequence[Segment]) -> Iterator[tuple[Segment, Document]]:
    """The documents of these OBX, each with the one that it begins in; raises BadMessage.

    Senders whose fields are of a certain length write a long document into several OBX, or
    repetitions, of one name (OBX-3): what begins no document goes on with the one before, if that
    is not whole by itself.
    """
    whole: list[_Part] = []
    for one in (part for at, obx in enumerate(results, 1) for part in _parts(obx, at)):
        if whole and not _goes_on(whole, one):
            yield whole[0].obx, _document(whole)
            whole = []
        whole.append(one)
    if whole:
        yield whole[0].obx, _document(whole)


def clinical_of(results: Sequence[Segment]) -> Clinical | None:
    """What the first CDA document of these OBX says of itself; None where none can be read.

    Of what is withdrawn, which is not kept: it need not be whole.
    """
    try:
        return next((one.clinical for _, one in documents(results) if one.clinical), None)
    except BadMessage:
        return None


def _parts(obx: Segment, at: int) -> Iterator[_Part]:
    for each in obx.repetitions(5) or (1,):
        kind, encoding, data = (obx.value(5, one, repetition=each) for one in (3, 4, 5))
        yield _Part(obx, f"OBX^{at}^5", kind, encoding.upper(), "".join(data.split()))


def _goes_on(whole: Sequence[_Part], one: _Part) -> bool:
    first = whole[0]
    if not one.data or first.obx.value(3) != one.obx.value(3) or one.begins():
        return False
    if len(whole) > 1 or len(one.data) <= _LINE_END_LETTERS:
        return True
    try:
        return not is_whole(_bytes([first.data]))
    except ValueError:
        return True


def _document(parts: Sequence[_Part]) -> Document:
    first = parts[0]
    if not first.data:
        raise BadMessage("the document is empty", 101, first.where)
    if {one.encoding for one in parts if one is first or one.encoding} != {"BASE64"}:
        raise BadMessage("the document is not written in base64", 102, first.where)
    numbers = counted([one.obx for one in parts])
    if numbers and numbers[-1] - numbers[0] != len(parts) - 1:
        raise BadMessage("a part of the document is missing", 101, first.where)
    try:
        found = document_of(_bytes([one.data for one in parts]))
        if len(parts) > 1 and numbers is None and found.media_type == PDF:
            check_joined(found.data)
    except BadDocument as error:
        raise BadMessage(str(error), 102, first.where) from error
    except ValueError as error:
        raise BadMessage("the document is no base64, or is cut short", 102, first.where) from error
    said = _KINDS.get(first.kind.upper().rpartition("/")[2].removeprefix("X-"))
    if said is not None and said != found.media_type:
        raise BadMessage("the document is of another kind than OBX-5 says", 102, first.where)
    return found


def _bytes(parts: Sequence[str]) -> bytes:
    """What parts in base64 say, cut before or after it was encoded; raises ValueError."""
    if any(one.endswith("=") for one in parts[:-1]):
        return b"".join(_bytes([one]) for one in parts)
    text = "".join(parts)
    # Some senders leave out what fills up the last four letters.
    missing = "=" * (-len(text) % 4) if len(text) % 4 > 1 else ""
    return base64.b64decode(text + missing, validate=True)
