"""Whether a report stands in an exam, or waits for a person or its order: one table.

| what is known of the report                                         | verdict         |
|---------------------------------------------------------------------|-----------------|
| no order and no exam has its accession number                       | `unknown`       |
| those that have it are of more than one identity, or of nobody      | `conflict`      |
| it names another patient than they do                               | `other-patient` |
| an identity is flagged, or it says another name, birth date and sex | `doubtful`      |
| none of these                                                       | `filed`         |

The first line that applies counts. Only `filed` happens by itself.
"""

from collections.abc import Set
from dataclasses import dataclass, field
from enum import StrEnum

from archive.cases.decide import Patient


class Verdict(StrEnum):
    """What is to become of a report that came; all but `filed` wait."""

    FILED = "filed"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    OTHER_PATIENT = "other-patient"
    DOUBTFUL = "doubtful"


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """What is known of a report and of what it is about."""

    patient: Patient = field(repr=False)
    """Whom it names: the row, or issuer and number where there is none yet."""
    of_order: Set[Patient | None] = field(repr=False)
    """Whose the orders and exams of its accession number are; None for nobody's."""
    is_doubtful: bool = False
    """Whether an identity is flagged (PID-32), or it says somebody else's traits."""


def decide(facts: ReportFacts) -> Verdict:
    """The verdict of the table above."""
    if not facts.of_order:
        return Verdict.UNKNOWN
    if len(facts.of_order) > 1 or None in facts.of_order:
        return Verdict.CONFLICT
    if facts.patient not in facts.of_order:
        return Verdict.OTHER_PATIENT
    return Verdict.DOUBTFUL if facts.is_doubtful else Verdict.FILED
