"""Lengths on the skin, out of pixels and what one of them measures: a reading aid, no diagnosis."""

from dataclasses import dataclass
from math import hypot

from archive.errors import InvalidCapture

MARKING_PX = 1.5
"""How exactly a finger or a mouse marks an end, in pixels that it sees; one standard deviation."""
STATED = "stated"
"""The name of a scale that came with the photograph; a ruler's is `ruler` and its version."""


@dataclass(frozen=True, slots=True)
class Length:
    """A length in millimetres and its standard deviation."""

    mm: float
    uncertainty_mm: float


@dataclass(frozen=True, slots=True)
class Spacing:
    """What a pixel measures, down and across, its uncertainty as a share, and what says so."""

    row_mm: float
    column_mm: float
    share: float
    scale: str


@dataclass(frozen=True, slots=True)
class Segment:
    """Two points (x, y) in pixels of the picture, and how exactly each is marked, in the same.

    Raises InvalidCapture where the two are one.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    marking_px: float = MARKING_PX

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise InvalidCapture("Both ends are one point; mark the two ends of the diameter.")


def diameter(spacing: Spacing, segment: Segment) -> Length:
    """The length of a marked segment: both its ends and the scale make it uncertain."""
    (x1, y1), (x2, y2) = segment.start, segment.end
    mm = hypot((x2 - x1) * spacing.column_mm, (y2 - y1) * spacing.row_mm)
    pixel_mm = max(spacing.row_mm, spacing.column_mm)
    marking_mm = segment.marking_px * 2**0.5 * pixel_mm
    return Length(mm, hypot(mm * spacing.share, marking_mm))
