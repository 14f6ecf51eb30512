"""The table of what becomes of a report: its lines, in their order."""

import pytest

from archive.reports.decide import ReportFacts, Verdict, decide


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (ReportFacts(1, frozenset()), Verdict.UNKNOWN),
        (ReportFacts(1, frozenset(), is_doubtful=True), Verdict.UNKNOWN),
        (ReportFacts(1, frozenset({1, 2})), Verdict.CONFLICT),
        (ReportFacts(1, frozenset({None})), Verdict.CONFLICT),
        (ReportFacts(1, frozenset({1, ("R", "1")})), Verdict.CONFLICT),
        (ReportFacts(1, frozenset({2}), is_doubtful=True), Verdict.OTHER_PATIENT),
        (ReportFacts(("R", "1"), frozenset({("S", "1")})), Verdict.OTHER_PATIENT),
        (ReportFacts(1, frozenset({1}), is_doubtful=True), Verdict.DOUBTFUL),
        (ReportFacts(1, frozenset({1})), Verdict.FILED),
        (ReportFacts(("R", "1"), frozenset({("R", "1")})), Verdict.FILED),
    ],
)
def test_the_first_line_that_applies_counts(facts: ReportFacts, verdict: Verdict) -> None:
    assert decide(facts) is verdict
