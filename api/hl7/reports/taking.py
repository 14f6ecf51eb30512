"""Reports become versions that are kept: all of a message, or none.

The numbers are those of the order, or, where a message says none, of the CDA document inside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.errors import BadMessage
from api.hl7.adt import forget_withdrawn
from api.hl7.answers import DONE, Answer, Code, Note
from api.hl7.message import Message
from api.hl7.orders import patient_of
from api.hl7.pid import read_numbers
from api.hl7.reports.groups import Group, accession, groups, orders
from api.hl7.reports.reading import Read, read, require_none_elsewhere
from api.work import Workplace
from archive.cases.order import Numbered
from archive.identities.ins import Ins
from archive.identities.stated import Agreement, Person, agreement
from archive.identity import PatientIdentity, folded_name
from archive.reports.cda import Clinical
from archive.reports.content import Document
from archive.reports.report import ReportStatus
from archive.reports.said import MOST_DOCUMENTS, ReportSaid
from archive.reports.storing import stored

PATHOLOGY = "11526-1"
"""LOINC of a pathology study, where a message names no kind of document."""
TITLE = "Compte rendu"
_SIGNED = frozenset({"", "AU", "LA"})
"""TXA-17 of what somebody answers for (table 0271), or of which it is not said."""
_CANCELLED = frozenset({"CA", "OB"})
"""TXA-19 of what is not available any more (table 0273)."""
_MOST_LETTERS = 64
"""Of a number that is kept: of a longer one its end, which tells it apart."""
NO_REPORT = Answer(
    Code.ACCEPTED,
    (Note(207, "it holds no document and no text, and nothing was kept", "OBX", is_warning=True),),
)


@dataclass(frozen=True, slots=True, repr=False)
class _Version:
    """A version of a report, with its documents, and what those say of themselves."""

    said: ReportSaid
    documents: Sequence[Document] = ()
    withdrawn: Clinical | None = None
    """Of a document that came once more to say that it counts no more."""

    def clinical(self) -> list[Clinical]:
        return [one.clinical for one in self.documents if one.clinical]


def take_results(message: Message, place: Workplace, establishment: str) -> Answer:
    """Keep the reports of an ORU: all, or none."""
    _require_one_patient(message)
    patient = patient_of(message)
    found: dict[Numbered, tuple[Group, Read]] = {}
    for group in groups(message):
        one = read(group)
        if not one.documents and not _is_gone(group, one) and not one.is_final_now():
            require_none_elsewhere(group)
            continue
        number = _number(group, one, message)
        before = found.get(number)
        if before is not None:
            one.documents[:0], one.states = before[1].documents, one.states | before[1].states
        found[number] = before[0] if before else group, one
    if not found:
        return NO_REPORT
    versions = [
        _result(number, group, one, message, establishment, patient)
        for number, (group, one) in found.items()
    ]
    return _kept(place, versions, message, establishment)


def take_document(message: Message, place: Workplace, establishment: str) -> Answer:
    """Keep the document of an MDM: new, replacing or adding; or that one is cancelled."""
    _require_one_patient(message)
    txa = message.first("TXA")
    event = message.header.kind.partition("^")[2]
    group = next(groups(message, is_document=True))
    one = read(group)
    if event == "T11" or txa.value(19) in _CANCELLED:
        one.states, one.documents = {"X"}, []
    elif not one.documents and not _is_gone(group, one):
        raise BadMessage("the message holds no document", 101, "OBX^1^5")
    document = txa.value(12)
    if not document:
        raise BadMessage("the document has no number", 101, "TXA^1^12")
    # The namespace of EI, or as the French guide has it, the root of the CDA document.
    issuer = txa.value(12, 2) or txa.value(12, 3) or message.default_issuer
    status = one.status()
    if status is not ReportStatus.WITHDRAWN:
        if txa.value(17) not in _SIGNED:
            status = ReportStatus.PRELIMINARY
        elif event in {"T06", "T08", "T10"} and status is ReportStatus.FINAL:
            status = ReportStatus.AMENDED
    ordered = tuple(
        Numbered(txa.value(one), txa.value(one, 2)) for one in (15, 14) if txa.value(one)
    )
    said = ReportSaid(
        establishment,
        Numbered(document, issuer),
        patient_of(message),
        status,
        message.stated_at,
        message.header.control_id[-_MOST_LETTERS:],
        accession(group),
        ordered or _orders(group, one),
        document,
        txa.value(13),
        event == "T06",
        txa.value(25) or one.title or TITLE,
        one.code or PATHOLOGY,
    )
    version = _Version(said, one.documents, one.withdrawn)
    return _kept(place, [version], message, establishment)


def _is_gone(group: Group, one: Read) -> bool:
    return one.is_withdrawal() and bool(group.obr or group.results)


def _number(group: Group, one: Read, message: Message) -> Numbered:
    named = orders(group)
    if named:
        return replace(named[0], issuer=named[0].issuer or message.default_issuer)
    clinical = one.clinical()
    if clinical is None or not clinical.identifier:
        raise BadMessage("a report has no number, neither filler's nor placer's", 101, "OBR^1^3")
    return Numbered(clinical.identifier[-_MOST_LETTERS:], message.default_issuer)


def _orders(group: Group, one: Read) -> tuple[Numbered, ...]:
    """The numbers of its order: those of the message, else those of the CDA document inside."""
    clinical = one.clinical()
    inside = tuple(map(Numbered, clinical.orders)) if clinical else ()
    return orders(group) or inside


def _result(
    number: Numbered,
    group: Group,
    one: Read,
    message: Message,
    establishment: str,
    patient: PatientIdentity,
) -> _Version:
    clinical = one.clinical()
    said = ReportSaid(
        establishment,
        number,
        patient,
        one.status(),
        message.said_at(group.obr.value(22)) if group.obr else message.stated_at,
        message.header.control_id[-_MOST_LETTERS:],
        accession(group),
        _orders(group, one),
        clinical.identifier[-_MOST_LETTERS:] if clinical else "",
        clinical.replaces[-_MOST_LETTERS:] if clinical else "",
        bool(one.documents and clinical and clinical.is_addendum),
        one.title or TITLE,
        one.code or PATHOLOGY,
    )
    return _Version(said, one.documents, one.withdrawn)


def _kept(
    place: Workplace, versions: Sequence[_Version], message: Message, establishment: str
) -> Answer:
    numbers = read_numbers(message, message.first("PID"), 3, "PID^1^3")
    national = {each for one in versions for own in one.clinical() for each in own.national}
    gone = {each for one in versions if one.withdrawn for each in one.withdrawn.national}
    named = {number for number, _ in national | gone}
    forget_withdrawn(numbers, place, establishment, named)
    for one in versions:
        if len(one.documents) > MOST_DOCUMENTS:
            raise BadMessage("the report is of more documents than are taken", 102, "OBX")
        _require_same_person(one.said.patient, numbers.ins, one.clinical())
    # All are looked over before the first is kept.
    checked = [
        (replace(one.said, national=tuple(national)).checked(), one.documents) for one in versions
    ]
    waits = [stored(place.catalog.reports, place.storage, *one) for one in checked]
    if not any(waits):
        return DONE
    told = Note(207, "a report waits: for its order, or for a person", "PID", is_warning=True)
    return Answer(Code.ACCEPTED, (told,))


def _require_same_person(
    patient: PatientIdentity, ins: Ins | None, documents: Sequence[Clinical]
) -> None:
    """Refuse a document that says inside that it is of somebody else than the message says."""
    names = frozenset({folded_name(patient.name)} - {""})
    here = Person(names, patient.birth_date, patient.sex)
    for clinical in documents:
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


REPORTS = {
    "ORU^R01": take_results,
    **{f"MDM^{one}": take_document for one in ("T02", "T04", "T06", "T08", "T10", "T11")},
}
