"""What the segments of a report say: its documents, what they are, and how sure they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from api.errors import BadMessage
from api.hl7.message import DELETED, Segment
from api.hl7.reports.documents import clinical_of, documents
from api.hl7.reports.groups import Group, in_their_order
from api.hl7.reports.words import lines, measured
from archive.reports.cda import Clinical
from archive.reports.content import Document, text_document
from archive.reports.report import ReportStatus

_ENCODED = frozenset({"ED"})
_WORDS = frozenset({"TX", "FT", "ST"})
_ELSEWHERE = frozenset({"RP"})
_TAKEN_BACK = frozenset("DW")
_GONE, _CORRECTED, _NOT_YET = frozenset("DWX"), frozenset("C"), frozenset("PRSIA")
"""OBX-11 and OBR-25 (HL7 tables 0085 and 0123)."""
_NOT_SENT_AGAIN = "U"
"""OBX-11 of what is final now, and was sent already as preliminary (table 0085)."""
_NOTHING = frozenset({"", DELETED})


@dataclass(slots=True, repr=False)
class Read:
    """What a group says: its documents, what they are, and how sure they are."""

    documents: list[Document] = field(default_factory=list)
    states: set[str] = field(default_factory=set)
    is_gone: bool = False
    """Whether a document, or words, that were said before count no more."""
    withdrawn: Clinical | None = None
    """What the document that counts no more says of itself, where it came as well."""
    has_values: bool = False
    """Whether it holds results that are neither documents nor words."""
    title: str = ""
    code: str = ""

    def clinical(self) -> Clinical | None:
        """What its first CDA document says of itself, or the one that counts no more."""
        kept = (one.clinical for one in self.documents if one.clinical)
        return next(kept, self.withdrawn)

    def is_withdrawal(self) -> bool:
        """Whether it says of what was sent before that it counts no more."""
        return self.is_gone or (bool(self.states) and self.states <= _GONE)

    def is_final_now(self) -> bool:
        """Whether it says, of what was sent before, that it is final, and nothing else."""
        return not self.has_values and bool(self.states) and self.status() is ReportStatus.FINAL

    def status(self) -> ReportStatus:
        """The least sure of all that is said; withdrawn where nothing else is said."""
        if not self.documents and self.states & _GONE:
            return ReportStatus.WITHDRAWN
        left = self.states - _GONE
        if left & _NOT_YET:
            return ReportStatus.PRELIMINARY
        return ReportStatus.AMENDED if left & _CORRECTED else ReportStatus.FINAL


def read(group: Group) -> Read:
    """Read a group; raises BadMessage for a document that cannot be kept."""
    found = Read()
    obr = group.obr
    if obr is not None and obr.value(25):
        found.states.add(obr.value(25))
    results = in_their_order(group.results)
    encoded: list[Segment] = []
    gone: list[Segment] = []
    for obx in (one[0] for one in results if one[0].name == "OBX"):
        kind, state = obx.value(2), obx.value(11)
        if kind not in _ENCODED | _WORDS:
            found.has_values |= state not in _GONE
            continue
        if state:
            found.states.add(state)
        if kind in _ENCODED:
            found.is_gone |= state in _GONE
            (gone if state in _GONE else encoded).append(obx)
        else:
            # Of words, X says that there were none to come.
            found.is_gone |= state in _TAKEN_BACK
    for obx, document in documents([one for one in encoded if not _is_not_sent_again(one)]):
        found.documents.append(document)
        _name(found, obx, document)
    found.withdrawn = clinical_of(gone)
    text = _text(results, obr.value(4, 2) if obr else "")
    if text:
        found.documents.append(text_document(text))
    if obr is not None:
        found.title = found.title or obr.value(4, 2)
        found.code = found.code or _loinc(obr, 4)
    return found


def require_none_elsewhere(group: Group) -> None:
    """Refuse a report that is named by its address alone: nothing is fetched here."""
    kinds = [one.value(2) for one in group.results if one.name == "OBX"]
    if not _ELSEWHERE.isdisjoint(kinds):
        raise BadMessage("the document is not in the message, only where it is", 102, "OBX^1^5")


def _text(results: Sequence[Sequence[Segment]], heading: str) -> str:
    """What results say in words, with what was measured, and the notes; "" where no words are."""
    words: list[str] = []
    is_text = False
    for some in results:
        obx = next((one for one in some if one.name == "OBX"), None)
        if obx is not None:
            if obx.value(11) in _GONE or _is_not_sent_again(obx):
                continue
            if obx.value(2) in _WORDS:
                said = lines(obx, 5)
                is_text |= any(said)
                if (named := obx.value(3, 2)) and named != heading:
                    words.append(named)
                    heading = named
                words.extend(said)
            elif obx.value(2) not in _ENCODED:
                words.append(measured(obx))
        words.extend(line for one in some if one.name == "NTE" for line in lines(one, 3))
    return "\n".join(words) if is_text else ""


def _is_not_sent_again(obx: Segment) -> bool:
    is_empty = obx.value(5) in _NOTHING and not obx.value(5, 5)
    return obx.value(11) == _NOT_SENT_AGAIN and is_empty


def _name(found: Read, obx: Segment, document: Document) -> None:
    clinical = document.clinical
    found.title = found.title or (clinical.title if clinical else "") or obx.value(3, 2)
    found.code = found.code or (clinical.code if clinical else "") or _loinc(obx, 3)


def _loinc(segment: Segment, number: int) -> str:
    """The code of a field of CE, where it is one of LOINC; the alternate one counts as well."""
    for code, system in ((1, 3), (4, 6)):
        if segment.value(number, system) in {"LN", "LOINC"}:
            return segment.value(number, code)
    return ""
