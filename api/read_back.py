"""What an archive gives back of an instance that it was sent, held against that."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import dcmread

from api.errors import PASSING, Refused, SandboxError
from api.sandbox import Limits, run_limited
from api.why import (
    EARLIER_IDENTITY,
    NOT_COMPARED,
    OTHER_INS,
    OTHER_ORDER,
    OTHER_PIXELS,
    WRONG_PATIENT,
)
from api.work import Workplace
from archive.link import Shown
from archive.record import Exam, OutboxState
from archive.telling.rows import Ending

if TYPE_CHECKING:
    from api.given_back import Held

_OTHERS = 1 << 20
"""Bytes that an archive may add to a header."""
# Two photographs of 48 megapixels are decoded, the one after the other.
_LIMITS = Limits(memory_bytes=1 << 30, silence_s=60.0)


def most_bytes_of(sent: Path) -> int:
    """How large a file may be in which an archive keeps this one, whatever the form."""
    header, samples = dcmread(sent, stop_before_pixels=True), 0
    # A document has no pixels.
    if "Rows" in header:
        frames = int(header.get("NumberOfFrames") or 1)
        samples = frames * int(header.Rows) * int(header.Columns) * int(header.SamplesPerPixel)
        samples = samples * int(header.BitsAllocated) // 8
    return 2 * (sent.stat().st_size + samples) + _OTHERS


def is_under(shown: Shown, exam: Exam) -> bool:
    """Whether an archive shows an instance under its patient and study, and nowhere else."""
    patient_id = exam.patient.patient_id if exam.patient else ""
    there = (shown.patient_id, shown.study_instance_uid)
    return shown.places == 1 and there == (patient_id, exam.study_instance_uid)


def compared(
    place: Workplace,
    both: tuple[Path, Path],
    shown: Shown,
    exam: Exam,
    *,
    corrected: bool = False,
    meanwhile: Callable[[], None] | None = None,
) -> Ending:
    """How far an archive keeps what it was sent: whose it is, its pixels, then its order.

    `both` are the file that was sent and the one that came back; `meanwhile` is called as long as
    they are read.
    What else it changed is told in the ending. A child reads what the archive gave back: a file
    that none can read must not end whoever sends. A name may be spelt otherwise, unless it was
    `corrected`. Raises what the store raises.
    """
    sent, back = both
    files = {"sent": str(sent), "back": str(back)}
    try:
        held: Held = run_limited(
            "api.tasks:held", files, _LIMITS, meanwhile=meanwhile, scratch=place.scratch
        )
    except SandboxError as error:
        if isinstance(error, Refused) and error.name in PASSING:
            raise
        return Ending(OutboxState.TASK, NOT_COMPARED)
    coerced = tuple(held["changed"])
    if not held["same_identity"]:
        why = WRONG_PATIENT if held["same_ins"] else OTHER_INS
        return Ending(OutboxState.TASK, why, coerced)
    if corrected and not held["same_name"]:
        return Ending(OutboxState.TASK, EARLIER_IDENTITY, coerced)
    if not held["same_pixels"]:
        return Ending(OutboxState.TASK, OTHER_PIXELS, coerced)
    # An archive need not tell the number.
    numbers = {shown.accession_number, held["accession_number"]}
    if exam.accession_number and not numbers <= {"", exam.accession_number}:
        return Ending(OutboxState.TASK, OTHER_ORDER, coerced)
    return Ending(OutboxState.READ_BACK, None, coerced)
