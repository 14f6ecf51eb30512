"""Messages as the French guide to CDA documents in HL7 v2 has them: ORU and MDM^T02, T04, T10."""

import base64
from itertools import permutations

import pytest

from api.hl7.exchange import Exchange
from api.work import Workplace
from archive.reports.report import CDA, ReportStatus
from tests.api.hl7.conftest import GAM, HERE, message
from tests.api.hl7.test_exchange import LOCAL
from tests.api.hl7.test_orders import PID, o21
from tests.api.hl7.test_reports import SOUND, is_gone, lab, oru, reason, reports, sent
from tests.samples.report import cda

__all__ = ["lab"]
FINAL, AMENDED = ReportStatus.FINAL, ReportStatus.AMENDED
WITHDRAWN = ReportStatus.WITHDRAWN
ORDER = (
    "<inFulfillmentOf><order><id extension='{}' root='1.2.250.1.997'/></order></inFulfillmentOf>"
)
NUMBERED = "P1^SERVICE|F1^LABO"


def guide(
    data: bytes, state: str = "F", numbers: str = "|", at: str = "1200", kind: str = "ORU^R01"
) -> bytes:
    """A message with what goes with a document to those with whom it is shared."""
    inside = base64.b64encode(data).decode()
    letter = base64.b64encode("Cher confrère, voici le compte rendu.".encode()).decode()
    asked = {"F": "NW", "C": "RO", "D": "CA"}[state]
    txa = ["TXA|1|11526-1|TEXT|||||||||2^^1.2.250.1.999^ISO|||||AU"] if kind != "ORU^R01" else []
    return message(
        kind,
        f"EVN||20260301{at}00",
        PID,
        "PV1|1|I|||||||||||||||||1^^^CHU^VN",
        f"ORC|{asked}",
        f"OBR|1|{numbers}|11526-1^CR d'anatomie^LN|||||||||||||||||||||F",
        *txa,
        f"OBX|1|ED|11526-1^CR d'anatomie^LN||^TEXT^XML^Base64^{inside}||||||{state}|",
        "PRT||UC||SB^Send by^participation|801234567866^Dupont^Jean",
        "OBX|2|CE|MASQUE_PS^Masqué aux professionnels^MetaDMPMSS||N^^HL70136||||||F|",
        "NTE|1|||FIN|",
        "OBX|3|CE|DESTDMP^Destinataire DMP^MetaDMPMSS ||Y^^HL70136||||||F|",
        f"OBX|4|ED|CORPSMAIL_PS^Corps du mail^MetaDMPMSS||^TEXT^^Base64^{letter}||||||F|",
        control=f"G{kind[-3:]}{at}",
    ).replace(b"|20260301120000||", f"|20260301{at}00||".encode(), 1)


def told(place: Workplace) -> list[tuple[int, ReportStatus, str | None]]:
    return [(one.version, one.status, one.media_type) for one in reports(place)]


def ordered(data: bytes, number: str = "F1") -> bytes:
    named = ORDER.format(number).encode()
    return data.replace(b" <component>", b" " + named + b"<component>", 1)


@pytest.mark.parametrize("kind", ["ORU^R01", "MDM^T02"])
def test_what_goes_with_a_document_is_no_report(lab: Workplace, kind: str) -> None:
    assert sent(lab, o21("A"), guide(cda(), numbers=NUMBERED, kind=kind)) == ["AA", "AA"]
    assert told(lab) == [(1, FINAL, CDA)]


@pytest.mark.parametrize("kind", ["ORU^R01", "MDM^T02"])
def test_a_report_without_numbers_is_of_the_order_that_its_document_names(
    lab: Workplace, kind: str
) -> None:
    assert sent(lab, o21("A"), guide(ordered(cda()), kind=kind)) == ["AA", "AA"]
    assert told(lab) == [(1, FINAL, CDA)]


def test_one_whose_document_names_no_order_waits(lab: Workplace) -> None:
    sent(lab, o21("A"))
    assert "a report waits" in reason(lab, guide(cda()))


@pytest.mark.parametrize("numbers", ["|", NUMBERED])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_documents_replace_and_are_deleted_by_their_own_numbers(
    lab: Workplace, numbers: str, order: tuple[int, ...]
) -> None:
    second = ordered(cda(number="CR-2", replaces="CR-1"))
    chain = [
        guide(ordered(cda()), numbers=numbers, at="0800"),
        guide(second, "C", numbers=numbers, at="0900"),
        guide(second, "D", numbers=numbers, at="1000"),
    ]
    assert set(sent(lab, o21("A"), *(chain[one] for one in order))) == {"AA"}
    assert told(lab) == [(3, WITHDRAWN, None), (2, AMENDED, CDA), (1, FINAL, CDA)]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_versions_under_several_orders_are_one_report(
    lab: Workplace, order: tuple[int, ...]
) -> None:
    third = cda(number="CR-3", replaces="CR-2")
    chain = [
        guide(cda(), numbers=NUMBERED, at="0800"),
        guide(cda(number="CR-2", replaces="CR-1"), "C", numbers="P1^SERVICE|F7^LABO", at="0900"),
        guide(third, "C", numbers="P1^SERVICE|F8^LABO", at="1000"),
        guide(third, "D", numbers="P1^SERVICE|F9^LABO", at="1100"),
    ]
    assert set(sent(lab, o21("A"), *(chain[one] for one in order))) == {"AA"}
    assert [one.version for one in reports(lab)] == [4, 3, 2, 1]
    assert told(lab)[0][1] is WITHDRAWN


def test_a_correction_of_what_never_came_is_withdrawn_by_its_order(lab: Workplace) -> None:
    """As what the laboratory sent before anybody listened."""
    second = guide(cda(number="CR-2", replaces="CR-1"), "C", numbers=NUMBERED, at="0900")
    gone = oru("OBX|1|ED|a||||||||X", state="X", at="20260301110000")
    assert set(sent(lab, o21("A"), second, gone)) == {"AA"}
    assert told(lab) == [(2, WITHDRAWN, None), (1, AMENDED, CDA)]


def test_a_document_that_was_replaced_is_deleted_alone(lab: Workplace) -> None:
    chain = [
        guide(cda(), numbers=NUMBERED, at="0800"),
        guide(cda(number="CR-2", replaces="CR-1"), "C", numbers=NUMBERED, at="0900"),
        guide(cda(), "D", numbers=NUMBERED, at="1000"),
    ]
    assert set(sent(lab, o21("A"), *chain)) == {"AA"}
    assert told(lab) == [(3, AMENDED, CDA), (2, WITHDRAWN, None), (1, FINAL, CDA)]
    assert [one.is_newest for one in reports(lab)] == [True, False, False]


def test_a_deletion_under_another_number_of_the_order_is_that_of_its_document(
    lab: Workplace,
) -> None:
    chain = [
        guide(cda(), numbers=NUMBERED, at="0800"),
        guide(cda(), "D", numbers="P1^SERVICE|F9^LABO", at="1000"),
    ]
    assert set(sent(lab, o21("A"), *chain)) == {"AA"}
    assert told(lab) == [(2, WITHDRAWN, None), (1, FINAL, CDA)]


def test_a_deletion_counts_whose_document_cannot_be_read(lab: Workplace) -> None:
    gone = guide(b"Document medical", "D", numbers=NUMBERED, at="1000")
    assert set(sent(lab, o21("A"), guide(cda(), numbers=NUMBERED, at="0800"), gone)) == {"AA"}
    assert told(lab) == [(2, WITHDRAWN, None), (1, FINAL, CDA)]
    assert "has no number" in reason(lab, guide(b"Document medical", "D", at="1100"))


def test_documents_of_two_roots_with_one_number_are_two(lab: Workplace) -> None:
    one, other = (guide(cda(), numbers=NUMBERED, kind="MDM^T02", at=at) for at in ("0800", "0900"))
    assert set(sent(lab, o21("A"), one, other.replace(b"1.2.250.1.999^ISO", b"1.2^ISO"))) == {"AA"}
    assert [(each.version, each.number) for each in reports(lab)] == [(1, "2"), (1, "2")]


def test_a_document_number_that_writers_give_twice_joins_no_two_patients(lab: Workplace) -> None:
    """As those do who fill in a form and forget its number."""
    pid = "PID|1||78^^^CHU^PI||DURAND^Jeanne||19500101|F"
    other = o21("B", number="2", pid=pid).replace(b"26H00012", b"26H00013")
    other = other.replace(b"P1^SERVICE|F1^LABO", b"P2^SERVICE|F2^LABO")
    theirs = guide(
        cda(person=("DURAND", "Jeanne", "19500101")), numbers="P2^SERVICE|F2^LABO", at="0900"
    ).replace(PID.encode(), pid.encode())
    mine = guide(cda(), numbers=NUMBERED, at="0800")
    assert set(sent(lab, o21("A"), other, mine, theirs)) == {"AA"}
    theirs_now = lab.catalog.reports.of_number("LABO", "26H00013", establishment=HERE)
    assert [(one.number, one.is_newest) for one in reports(lab)] == [("F1", True)]
    assert [(one.number, one.is_newest) for one in theirs_now] == [("F2", True)]


def test_a_deletion_that_names_a_withdrawn_identifier_is_not_kept(lab: Workplace) -> None:
    pid = PID.replace("270019999999999", SOUND)
    rest = "|" * (31 - pid.count("|") + 1)
    for number, status in enumerate(("QUAL", "PROV")):
        state = message(
            "ADT^A31", f"EVN||2026030109000{number}", f"{pid}{rest}{status}", control=status
        )
        assert sent(lab, state) == ["AA"]
    bare = b"PID|1||77^^^CHU^PI||ESSAI^Zo\xc3\xa9||19570307|F"
    gone = guide(cda(ins=SOUND), "D", numbers=NUMBERED).replace(PID.encode(), bare)
    Exchange(lab, (GAM,)).answer(gone, LOCAL)
    (kept,) = (one for one in lab.catalog.inbox.listed(establishment=None) if one.kind == "ORU^R01")
    assert is_gone(lab, kept)
