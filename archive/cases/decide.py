"""Whether a slide that was scanned is linked to an order, or waits for a human: one table.

| what is known of the slide                                            | verdict         |
|-----------------------------------------------------------------------|-----------------|
| its label has no barcode, or none of the establishment's pattern      | `unreadable`    |
| no order has its accession number, and none its barcode               | `unknown`       |
| its codes mean several cases or slides, or a foreign container        | `ambiguous`     |
| its case has orders, or an exam, of more than one identity            | `conflict`      |
| the identity is flagged, or the order says somebody else or a visit   |                 |
| that left its patient                                                 | `doubtful`      |
| it was brought under another patient than the order's                 | `other-patient` |
| it was brought under another accession number                         | `other-order`   |
| a person has moved it from one patient to another                     | `moved`         |
| its case is known, and does not expect this slide                     | `unexpected`    |
| none of these                                                         | `linked`        |

The first line that applies counts. Only `linked` happens by itself.
"""

from collections.abc import Callable, Set
from dataclasses import dataclass, field
from enum import StrEnum

from archive.cases.label import NOWHERE, Position


class Verdict(StrEnum):
    """What is to become of a slide that was scanned; all but `linked` wait for a human."""

    LINKED = "linked"
    UNREADABLE = "unreadable"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    CONFLICT = "conflict"
    DOUBTFUL = "doubtful"
    OTHER_PATIENT = "other-patient"
    OTHER_ORDER = "other-order"
    MOVED = "moved"
    UNEXPECTED = "unexpected"


Patient = int | tuple[str, str]
"""A patient: the row, or issuer and number where there is none yet."""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What is known of a case that a slide may be of."""

    id: str
    expected: Set[Position]
    """The slides that those of its orders name that are not cancelled, or all where all are."""
    patients: Set[Patient] = field(repr=False)
    """Those of its orders that are not cancelled, or of all where all are, and of its exam."""
    is_doubtful: bool = False
    """Whether an identity is flagged (PID-32), orders say other traits than those known, a visit
    that had left their patient, or a person is asked to whom one went that they may be of."""
    takes_any: bool = False
    """Whether its laboratory names no slides in advance, so that the number alone is exact."""
    withdrawn: Set[Position] = frozenset()
    """The slides that only cancelled orders name, where others are not."""


@dataclass(frozen=True, slots=True)
class SlideFacts:
    """What is known of a slide: `position` is what its label says."""

    is_readable: bool
    cases: tuple[CaseFacts, ...] = ()
    """Those that its barcode may mean, by accession number or as a container's own."""
    is_foreign: bool = False
    """Whether a foreign container of a case has the same barcode."""
    is_divided: bool = False
    """Whether its codes mean two slides, or its number is not that of the container it names."""
    position: Position = NOWHERE
    patient: Patient | None = field(default=None, repr=False)
    """Whom it was brought under; None for nobody."""
    case_of_exam: str | None = None
    """The case under whose accession number it is already; None where it has none."""
    has_other_order: bool = False
    """Whether it was brought under an accession number of no case."""
    was_moved: bool = False


def _case(slide: SlideFacts) -> CaseFacts:
    (case,) = slide.cases
    return case


_TABLE: tuple[tuple[Verdict, Callable[[SlideFacts], bool]], ...] = (
    (Verdict.UNREADABLE, lambda one: not one.cases and not one.is_readable),
    (Verdict.UNKNOWN, lambda one: not one.cases),
    (Verdict.AMBIGUOUS, lambda one: len(one.cases) > 1 or one.is_foreign or one.is_divided),
    (Verdict.CONFLICT, lambda one: len(_case(one).patients) != 1),
    (Verdict.DOUBTFUL, lambda one: _case(one).is_doubtful),
    (
        Verdict.OTHER_PATIENT,
        lambda one: one.patient is not None and one.patient not in _case(one).patients,
    ),
    (
        Verdict.OTHER_ORDER,
        lambda one: one.has_other_order or one.case_of_exam not in {None, _case(one).id},
    ),
    (Verdict.MOVED, lambda one: one.was_moved and one.case_of_exam is None),
    (
        Verdict.UNEXPECTED,
        lambda one: (
            one.position in _case(one).withdrawn
            or (not _case(one).takes_any and one.position not in _case(one).expected)
        ),
    ),
)


def decide(slide: SlideFacts) -> Verdict:
    """The verdict of the table above."""
    return next((verdict for verdict, applies in _TABLE if applies(slide)), Verdict.LINKED)
