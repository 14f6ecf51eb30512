"""What an image that moves becomes: a function of the move, and of nothing else."""

from dataclasses import dataclass, field

from archive.identity import uid_of_move
from archive.record import Exam


@dataclass(frozen=True, slots=True)
class Incarnation:
    """What becomes of the instances of one move; a function of it, and of nothing else."""

    exam: Exam = field(repr=False)
    """The exam that they come to."""
    number: int
    kept: frozenset[str] = frozenset()
    """SOP Instance UIDs, as they were, of what moves together: references among it stay."""
    tracking: tuple[str, str] | None = None
    """TrackingID and TrackingUID of the lesion that is shown now."""

    def uid(self, before: str) -> str:
        """What a UID of the image becomes."""
        exam = self.exam
        return uid_of_move(before, exam.establishment, exam.study_instance_uid, self.number)
