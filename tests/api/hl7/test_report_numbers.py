"""Which report a message is about, by the numbers that it says, and whose."""

import pytest

from api.reporting import Reporting
from api.work import Workplace
from archive.cases.laboratory import Laboratory
from archive.reports.report import Report, ReportStatus
from tests.api.hl7.conftest import HERE, message
from tests.api.hl7.test_orders import PID, o21
from tests.api.hl7.test_reports import SOUND, content, ed, mdm, oru, reason, reports, sent
from tests.samples.report import BODY, INS, cda, pdf

FINAL, AMENDED = ReportStatus.FINAL, ReportStatus.AMENDED
WITHDRAWN = ReportStatus.WITHDRAWN
STRANGER = PID.replace("77^", "78^").replace("ESSAI^Zoé", "DURAND^Jeanne")


@pytest.fixture
def lab(place: Workplace) -> Workplace:
    place.catalog.cases.declare({HERE: Laboratory("LABO")})
    return place


def of_number(place: Workplace, number: str) -> tuple[Report, ...]:
    return place.catalog.reports.of_number("LABO", number, establishment=HERE)


def test_the_same_report_sent_again_under_the_right_patient_is_no_repetition(
    lab: Workplace,
) -> None:
    wrong, right = oru(ed(pdf()), number="a", pid=STRANGER), oru(ed(pdf()), number="b")
    assert sent(lab, o21("A"), wrong) == ["AA", "AA"]
    assert reports(lab) == ()
    assert sent(lab, right) == ["AA"]
    assert [one.patient.patient_id for one in reports(lab)] == ["77"]


def test_the_same_report_sent_again_under_another_order_is_no_repetition(lab: Workplace) -> None:
    other = o21("B", number="2").replace(b"F1^LABO", b"F2^LABO").replace(b"26H00012", b"26H00013")
    again = oru(ed(pdf()), number="b").replace(b"26H00012", b"26H00013")
    assert set(sent(lab, o21("A"), other, oru(ed(pdf()), number="a"), again)) == {"AA"}
    assert len(reports(lab)) == len(of_number(lab, "26H00013")) == 1


@pytest.mark.parametrize("backwards", [False, True])
def test_what_replaced_a_document_is_cancelled_by_its_own_number(
    lab: Workplace, *, backwards: bool
) -> None:
    chain = [
        mdm("T02", ed(pdf("Un")), at="20260301080000", number="1"),
        mdm("T10", ed(pdf("Deux")), document="D2", parent="D1", number="2"),
        mdm("T11", document="D2", number="4", at="20260301130000", available="CA"),
    ]
    sent(lab, o21("A"))
    assert set(sent(lab, *(reversed(chain) if backwards else chain))) == {"AA"}
    assert [(one.version, one.status) for one in reports(lab)] == [
        (3, WITHDRAWN),
        (2, AMENDED),
        (1, FINAL),
    ]


@pytest.mark.parametrize("backwards", [False, True])
def test_an_addendum_is_cancelled_alone(lab: Workplace, *, backwards: bool) -> None:
    chain = [
        mdm("T02", ed(pdf("Un")), at="20260301080000", number="1"),
        mdm("T06", ed(pdf("Deux")), document="D2", parent="D1", number="2"),
        mdm("T11", document="D2", number="4", at="20260301130000", available="CA"),
    ]
    sent(lab, o21("A"))
    assert set(sent(lab, *(reversed(chain) if backwards else chain))) == {"AA"}
    found = {(one.number, one.version, one.status, one.is_newest) for one in reports(lab)}
    assert found == {
        ("D1", 1, FINAL, True),
        ("D2", 1, AMENDED, False),
        ("D2", 2, WITHDRAWN, True),
    }


@pytest.mark.parametrize("backwards", [False, True])
def test_a_withdrawal_that_names_no_order_is_that_of_its_report(
    lab: Workplace, *, backwards: bool
) -> None:
    bare = mdm("T11", number="4", at="20260301130000", available="CA")
    bare = bare.replace(b"P1^SERVICE|F1^LABO", b"|")
    both = [mdm("T02", ed(pdf("Un")), at="20260301080000", number="1"), bare]
    sent(lab, o21("A"))
    assert set(sent(lab, *(reversed(both) if backwards else both))) == {"AA"}
    assert [one.status for one in reports(lab)] == [WITHDRAWN, FINAL]


def test_a_deletion_counts_whatever_the_group_says_of_itself(lab: Workplace) -> None:
    gone = oru("OBX|1|ED|a||||||||D", state="F", number="b", at="20260301110000")
    assert sent(lab, o21("A"), oru(ed(pdf()), number="a"), gone) == ["AA", "AA", "AA"]
    assert [one.status for one in reports(lab)] == [WITHDRAWN, FINAL]


def test_what_waits_of_another_document_number_is_said_to_wait(lab: Workplace) -> None:
    sent(lab, mdm("T02", ed(pdf("Un")), number="1"))
    answer = reason(lab, mdm("T10", ed(pdf("Deux")), document="D2", parent="D1", number="2"))
    assert "a report waits" in answer


def test_the_order_of_another_issuer_is_not_that_of_a_report(lab: Workplace) -> None:
    foreign = oru(ed(pdf()), filler="F1^AUTRE").replace(b"26H00012", b"")
    assert sent(lab, foreign.replace(b"P1^SERVICE", b"P9^AUTRE"), o21("A")) == ["AA", "AA"]
    assert reports(lab) == ()


def test_a_cda_of_another_national_identity_than_pid_says_is_refused(lab: Workplace) -> None:
    pid = PID.replace("270019999999999", SOUND)
    answer = reason(lab, oru(ed(cda(), "XML"), pid=pid))
    assert "MSA|AE|" in answer
    assert "another national identifier" in answer


def test_a_cda_of_another_national_identity_than_is_known_is_refused(lab: Workplace) -> None:
    pid = PID.replace("270019999999999", SOUND)
    qualified = pid + "|" * (31 - pid.count("|") + 1) + "QUAL"
    state = message("ADT^A28", "EVN||20260301090000", qualified, control="A1")
    bare = "PID|1||77^^^CHU^PI||ESSAI^Zoé||19570307|F"
    assert sent(lab, state, o21("A")) == ["AA", "AA"]
    assert "another national identifier" in reason(lab, oru(ed(cda(), "XML"), pid=bare))
    assert reports(lab) == ()


def test_an_identifier_in_an_attribute_keeps_no_report_from_being_an_instance(
    lab: Workplace,
) -> None:
    told = BODY.replace("<paragraph>INS", '<paragraph ID="{ins}"/><paragraph>INS')
    whole = cda(told).replace(b'1.4.8"/>', b'1.4.8"></id>')
    assert sent(lab, o21("A"), oru(ed(whole, "XML"))) == ["AA", "AA"]
    assert Reporting().some(lab)
    assert [one.sop_instance_uid is not None for one in reports(lab)] == [True]
    assert INS.encode() not in content(lab, reports(lab)[0])
