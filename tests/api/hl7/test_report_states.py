"""What is withdrawn of a chain of documents, and what is final without being sent again."""

from itertools import permutations

import pytest

from api.work import Workplace
from archive.reports.report import ReportStatus
from archive.resources.asked import Search
from tests.api.hl7.conftest import HERE
from tests.api.hl7.test_orders import o21
from tests.api.hl7.test_reports import content, ed, lab, mdm, oru, reason, reports, sent
from tests.samples.report import pdf

__all__ = ["lab"]
FINAL, AMENDED = ReportStatus.FINAL, ReportStatus.AMENDED
PRELIMINARY, WITHDRAWN = ReportStatus.PRELIMINARY, ReportStatus.WITHDRAWN


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_document_is_withdrawn_alone_that_another_has_replaced(
    lab: Workplace, order: tuple[int, ...]
) -> None:
    chain = [
        mdm("T02", ed(pdf("Un")), at="20260301080000", number="1"),
        mdm("T10", ed(pdf("Deux")), document="D2", parent="D1", number="2", at="20260301090000"),
        mdm("T11", number="3", at="20260301130000", available="CA"),
    ]
    sent(lab, o21("A"), *(chain[one] for one in order))
    assert [(one.version, one.status, one.is_newest) for one in reports(lab)] == [
        (3, AMENDED, True),
        (2, WITHDRAWN, False),
        (1, FINAL, False),
    ]
    (told,) = lab.catalog.resources.reports(Search(()), establishment=HERE)
    assert told.versions[-1].status == "amended"
    # Of the one that replaced it, it is as ever.
    sent(lab, mdm("T11", document="D2", number="4", at="20260301140000", available="CA"))
    assert [one.status for one in reports(lab) if one.is_newest] == [WITHDRAWN]
    (told,) = lab.catalog.resources.reports(Search(()), establishment=HERE)
    assert told.versions[-1].status == "entered-in-error"


def test_a_document_that_was_said_anew_after_it_was_replaced_is_withdrawn(lab: Workplace) -> None:
    chain = [
        mdm("T02", ed(pdf("Un")), at="20260301080000", number="1"),
        mdm("T10", ed(pdf("Deux")), document="D2", parent="D1", number="2", at="20260301090000"),
        mdm("T08", ed(pdf("Trois")), number="3", at="20260301100000"),
        mdm("T11", number="4", at="20260301130000", available="CA"),
    ]
    sent(lab, o21("A"), *chain)
    assert [one.status for one in reports(lab) if one.is_newest] == [WITHDRAWN]
    (told,) = lab.catalog.resources.reports(Search(()), establishment=HERE)
    assert told.versions[-1].status == "entered-in-error"


@pytest.mark.parametrize(
    "obxs",
    [
        ["OBX|1|ED|a||||||||U"],
        ["OBX|1|TX|1^Conclusion||||||||U"],
        ['OBX|1|ED|a||""||||||U'],
        ["OBX|1|TX|||||||||F"],
        [],
    ],
)
@pytest.mark.parametrize("first", [0, 1])
def test_a_final_state_alone_makes_what_was_sent_before_final(
    lab: Workplace, obxs: list[str], first: int
) -> None:
    both = [
        oru(ed(pdf("Un"), state="P"), state="P", number="a", at="20260301080000"),
        oru(*obxs, number="b", at="20260301090000"),
    ]
    assert sent(lab, o21("A"), both[first], both[1 - first]) == ["AA", "AA", "AA"]
    assert [(one.status, one.is_newest) for one in reports(lab)] == [
        (FINAL, True),
        (PRELIMINARY, False),
    ]
    assert content(lab, reports(lab)[1]) == pdf("Un")


def test_a_correction_without_its_body_is_no_version(lab: Workplace) -> None:
    sent(lab, o21("A"), oru(ed(pdf("Un")), number="a", at="20260301080000"))
    assert "no document" in reason(lab, oru(state="C", number="b", at="20260301090000"))
    assert [one.status for one in reports(lab)] == [FINAL]
