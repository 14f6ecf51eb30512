"""Reports of a laboratory: ORU^R01 and MDM, with PDF, CDA R2 or plain text.

Source: HL7 v2.5.1 chapters 7 and 9; the French guide to CDA R2 documents in HL7 v2 (OBX-11 and the
event say what replaces and what deletes).
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from api.errors import BadMessage
from api.hl7.adt import forget_withdrawn
from api.hl7.answers import DONE, Answer, Code, Note
from api.hl7.message import Message, Segment
from api.hl7.orders import patient_of
from api.hl7.pid import read_numbers
from api.work import Workplace
from archive.cases.order import Numbered
from archive.errors import BadDocument
from archive.identities.ins import Ins
from archive.identities.stated import Agreement, Person, agreement
from archive.identity import PatientIdentity, folded_name
from archive.reports.content import Document, document_of, text_document
from archive.reports.report import CDA, PDF, ReportStatus
from archive.reports.said import MOST_DOCUMENTS, ReportSaid
from archive.reports.storing import stored

PATHOLOGY = "11526-1"
"""LOINC of a pathology study, where a message names no kind of document."""
TITLE = "Compte rendu"
_ENCODED = frozenset({"ED"})
_WORDS = frozenset({"TX", "FT", "ST"})
_ELSEWHERE = frozenset({"RP"})
_TAKEN_BACK = frozenset("DW")
_GONE, _CORRECTED, _NOT_YET = frozenset("DWX"), frozenset("C"), frozenset("PRSIA")
"""OBX-11 and OBR-25 (HL7 tables 0085 and 0123)."""
_NOT_SENT_AGAIN = "U"
"""OBX-11 of what is final now, and was sent already as preliminary (table 0085)."""
_NOTHING = frozenset({"", '""'})
_SIGNED = frozenset({"", "AU", "LA"})
"""TXA-17 of what somebody answers for (table 0271), or of which it is not said."""
_CANCELLED = frozenset({"CA", "OB"})
"""TXA-19 of what is not available any more (table 0273)."""
_KINDS = {"PDF": PDF, "XML": CDA}
NO_REPORT = Answer(
    Code.ACCEPTED,
    (Note(207, "it holds no document and no text, and nothing was kept", "OBX", is_warning=True),),
)


@dataclass(slots=True, repr=False)
class _Group:
    """The segments of one report."""

    obr: Segment | None
    orc: Segment | None = None
    results: list[Segment] = field(default_factory=list)
    """OBX, and the notes (NTE) on each behind it."""
    samples: list[Segment] = field(default_factory=list)
    """Its specimens, and what those are in."""


@dataclass(slots=True, repr=False)
class _Read:
    """What a group says: its documents, what they are, and how sure they are."""

    documents: list[Document] = field(default_factory=list)
    states: set[str] = field(default_factory=set)
    is_gone: bool = False
    """Whether a document, or words, that were said before count no more."""
    has_values: bool = False
    """Whether it holds results that are neither documents nor words."""
    title: str = ""
    code: str = ""


def take_results(message: Message, place: Workplace, establishment: str) -> Answer:
    """Keep the reports of an ORU: all, or none."""
    _require_one_patient(message)
    patient = patient_of(message)
    found: dict[Numbered, tuple[_Group, _Read]] = {}
    for group in _groups(message):
        read = _read(group)
        if not read.documents and not _is_gone(group, read) and not _is_final_now(read):
            _require_none_elsewhere(group)
            continue
        number = _number(group, message)
        before = found.get(number)
        if before is not None:
            read.documents[:0], read.states = before[1].documents, read.states | before[1].states
        found[number] = before[0] if before else group, read
    if not found:
        return NO_REPORT
    versions = [
        _result(number, group, read, message, establishment, patient)
        for number, (group, read) in found.items()
    ]
    return _kept(place, versions, message, establishment)


def take_document(message: Message, place: Workplace, establishment: str) -> Answer:
    """Keep the document of an MDM: new, replacing or adding; or that one is cancelled."""
    _require_one_patient(message)
    txa = message.first("TXA")
    event = message.header.kind.partition("^")[2]
    group = next(_groups(message, is_document=True))
    read = _read(group)
    if event == "T11" or txa.value(19) in _CANCELLED:
        read.states, read.documents = {"X"}, []
    elif not read.documents and not _is_gone(group, read):
        raise BadMessage("the message holds no document", 101, "OBX^1^5")
    document = txa.value(12)
    if not document:
        raise BadMessage("the document has no number", 101, "TXA^1^12")
    issuer = txa.value(12, 2) or message.default_issuer
    status = _status(read)
    if status is not ReportStatus.WITHDRAWN:
        if txa.value(17) not in _SIGNED:
            status = ReportStatus.PRELIMINARY
        elif event in {"T06", "T08", "T10"} and status is ReportStatus.FINAL:
            status = ReportStatus.AMENDED
    orders = tuple(
        Numbered(txa.value(one), txa.value(one, 2)) for one in (15, 14) if txa.value(one)
    )
    said = ReportSaid(
        establishment,
        Numbered(document, issuer),
        patient_of(message),
        status,
        message.stated_at,
        message.header.control_id[-64:],
        _accession(group),
        orders or _orders(group),
        document,
        txa.value(13),
        event == "T06",
        txa.value(25) or read.title or TITLE,
        read.code or PATHOLOGY,
    )
    return _kept(place, [(said, read.documents)], message, establishment)


def _result(
    number: Numbered,
    group: _Group,
    read: _Read,
    message: Message,
    establishment: str,
    patient: PatientIdentity,
) -> tuple[ReportSaid, list[Document]]:
    clinical = next((one.clinical for one in read.documents if one.clinical), None)
    said = ReportSaid(
        establishment,
        number,
        patient,
        _status(read),
        message.said_at(group.obr.value(22)) if group.obr else message.stated_at,
        message.header.control_id[-64:],
        _accession(group),
        _orders(group),
        clinical.identifier[-64:] if clinical else "",
        clinical.replaces[-64:] if clinical else "",
        bool(clinical and clinical.is_addendum),
        read.title or TITLE,
        read.code or PATHOLOGY,
    )
    return said, read.documents


def _kept(
    place: Workplace,
    versions: Sequence[tuple[ReportSaid, list[Document]]],
    message: Message,
    establishment: str,
) -> Answer:
    numbers = read_numbers(message, message.first("PID"), 3, "PID^1^3")
    clinical = [one.clinical for _, some in versions for one in some if one.clinical]
    national = {each for one in clinical for each in one.national}
    forget_withdrawn(numbers, place, establishment, {number for number, _ in national})
    for said, documents in versions:
        if len(documents) > MOST_DOCUMENTS:
            raise BadMessage("the report is of more documents than are taken", 102, "OBX")
        _require_same_person(said.patient, numbers.ins, documents)
    # All are looked over before the first is kept.
    checked = [
        (replace(said, national=tuple(national)).checked(), documents)
        for said, documents in versions
    ]
    waits = [stored(place.catalog.reports, place.storage, *one) for one in checked]
    if not any(waits):
        return DONE
    told = Note(207, "a report waits: for its order, or for a person", "PID", is_warning=True)
    return Answer(Code.ACCEPTED, (told,))


def _require_same_person(
    patient: PatientIdentity, ins: Ins | None, documents: Sequence[Document]
) -> None:
    """Refuse a document that says inside that it is of somebody else than the message says."""
    names = frozenset({folded_name(patient.name)} - {""})
    here = Person(names, patient.birth_date, patient.sex)
    for clinical in (one.clinical for one in documents if one.clinical):
        if agreement(here, clinical.person) is Agreement.DIFFERENT:
            raise BadMessage("the CDA document is of another patient than PID says", 204, "PID")
        if ins and any(
            authority == ins.authority and number != ins.number
            for number, authority in clinical.national
        ):
            raise BadMessage(
                "the CDA document names another national identifier than PID", 204, "PID"
            )


def _require_one_patient(message: Message) -> None:
    for name in ("MSH", "PID"):
        if len(message.segments(name)) > 1:
            raise BadMessage("the message is about more than one patient", 102, name)


def _groups(message: Message, *, is_document: bool = False) -> Iterator[_Group]:
    """The groups of segments that are about one report; an MDM is about one."""
    group = _Group(None)
    for one in message.parts:
        if one.name == "OBR":
            if not is_document and group.obr is not None:
                yield group
                group = _Group(None)
            group.obr = group.obr or one
        elif one.name == "ORC":
            if not is_document and group.obr is not None:
                yield group
                group = _Group(None)
            group.orc = group.orc or one
        elif one.name == "OBX":
            group.results.append(one)
        elif one.name in {"SAC", "SPM"}:
            group.samples.append(one)
        elif one.name == "NTE" and (group.obr is not None or group.results):
            group.results.append(one)
    yield group


def _read(group: _Group) -> _Read:
    read = _Read()
    if group.obr is not None and group.obr.value(25):
        read.states.add(group.obr.value(25))
    words: list[str] = []
    is_text, number = False, 0
    heading = group.obr.value(4, 2) if group.obr else ""
    for obx in group.results:
        if obx.name == "NTE":
            words.extend(_words(obx, 3))
            continue
        kind, state, number = obx.value(2), obx.value(11), number + 1
        if state == _NOT_SENT_AGAIN and obx.value(5) in _NOTHING and not obx.value(5, 5):
            read.states.add(state)
            continue
        if kind in _ENCODED and state not in _GONE:
            read.documents.append(_decoded(obx, number))
            _name(read, obx, read.documents[-1])
        elif kind in _WORDS and state not in _GONE:
            named = obx.value(3, 2)
            if named and named != heading:
                words.append(named)
                heading = named
            words.extend(_words(obx, 5))
            is_text = True
        elif kind not in _ENCODED | _WORDS:
            words.append(_measured(obx))
            read.has_values = True
            continue
        # Of words, X says that there were none to come.
        read.is_gone |= state in (_GONE if kind in _ENCODED else _TAKEN_BACK)
        if state:
            read.states.add(state)
    if is_text and any(words):
        read.documents.append(text_document("\n".join(words)))
    if group.obr is not None:
        read.title = read.title or group.obr.value(4, 2)
        read.code = read.code or _loinc(group.obr, 4)
    return read


def _name(read: _Read, obx: Segment, document: Document) -> None:
    clinical = document.clinical
    read.title = read.title or (clinical.title if clinical else "") or obx.value(3, 2)
    read.code = read.code or (clinical.code if clinical else "") or _loinc(obx, 3)


def _loinc(segment: Segment, number: int) -> str:
    """The code of a field of CE, where it is one of LOINC; the alternate one counts as well."""
    for code, system in ((1, 3), (4, 6)):
        if segment.value(number, system) in {"LN", "LOINC"}:
            return segment.value(number, code)
    return ""


def _words(one: Segment, number: int) -> list[str]:
    """The lines of a field; letters that FT shows in another way are letters."""
    lines = [one.value(number, repetition=each) for each in one.repetitions(number)]
    return [line for each in lines for line in each.replace("\r\n", "\n").splitlines() or [""]]


def _measured(obx: Segment) -> str:
    """What was found and how much, of a result that is no text: its names, else its values."""
    values = [
        obx.value(5, 2, repetition=each) or obx.value(5, repetition=each)
        for each in obx.repetitions(5)
    ]
    said = " ".join(filter(None, (", ".join(values), obx.value(6))))
    return f"{obx.value(3, 2) or obx.value(3)} : {said}"


def _decoded(obx: Segment, number: int) -> Document:
    """The document of an OBX-5 of ED: application, type, subtype, encoding, data."""
    where = f"OBX^{number}^5"
    kind, encoding, data = (obx.value(5, one) for one in (3, 4, 5))
    if not data:
        raise BadMessage("the document is empty", 101, where)
    if encoding.upper() != "BASE64":
        raise BadMessage("the document is not written in base64", 102, where)
    try:
        whole = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadMessage("the document is no base64, or is cut short", 102, where) from error
    try:
        found = document_of(whole)
    except BadDocument as error:
        raise BadMessage(str(error), 102, where) from error
    said = _KINDS.get(kind.upper().rpartition("/")[2].removeprefix("X-"))
    if said is not None and said != found.media_type:
        raise BadMessage("the document is of another kind than OBX-5 says", 102, where)
    return found


def _is_gone(group: _Group, read: _Read) -> bool:
    said = read.is_gone or (bool(read.states) and read.states <= _GONE)
    return said and bool(group.obr or group.results)


def _is_final_now(read: _Read) -> bool:
    """Whether it says, of what was sent before, that it is final, and nothing else."""
    return not read.has_values and bool(read.states) and _status(read) is ReportStatus.FINAL


def _require_none_elsewhere(group: _Group) -> None:
    """Refuse a report that is named by its address alone: nothing is fetched here."""
    kinds = [one.value(2) for one in group.results if one.name == "OBX"]
    if not _ELSEWHERE.isdisjoint(kinds):
        raise BadMessage("the document is not in the message, only where it is", 102, "OBX^1^5")


def _status(read: _Read) -> ReportStatus:
    """The least sure of all that is said; withdrawn where nothing else is said."""
    if not read.documents and read.states and read.states & _GONE:
        return ReportStatus.WITHDRAWN
    left = read.states - _GONE
    if left & _NOT_YET:
        return ReportStatus.PRELIMINARY
    return ReportStatus.AMENDED if left & _CORRECTED else ReportStatus.FINAL


def _number(group: _Group, message: Message) -> Numbered:
    numbers = _orders(group)
    if not numbers:
        raise BadMessage("a report has no number, neither filler's nor placer's", 101, "OBR^1^3")
    first = numbers[0]
    return replace(first, issuer=first.issuer or message.default_issuer)


def _orders(group: _Group) -> tuple[Numbered, ...]:
    """The filler's number of the order, then the placer's; as said in OBR, else in ORC."""
    found = []
    for number in (3, 2):
        for one in (group.obr, group.orc):
            if one is not None and one.value(number):
                found.append(Numbered(one.value(number), one.value(number, 2)))
                break
    return tuple(found)


def _accession(group: _Group) -> Numbered | None:
    """Where laboratories write it: SAC-2, SPM-30 or OBR-18; None where it is not said."""
    for name, number, component in (("SAC", 2, 2), ("SPM", 30, 4)):
        for one in group.samples:
            if one.name == name and (said := one.value(number)):
                return Numbered(said, one.value(number, component))
    said = group.obr.value(18) if group.obr else ""
    return Numbered(said) if said else None


REPORTS = {
    "ORU^R01": take_results,
    **{f"MDM^{one}": take_document for one in ("T02", "T04", "T06", "T08", "T10", "T11")},
}
