"""What an archive gives back of an instance that it was sent, held against that."""

from itertools import zip_longest
from pathlib import Path

from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from api.errors import PASSING, Refused, SandboxError
from api.sandbox import Limits, run_limited
from api.work import Workplace
from archive.link import Shown
from archive.outbox import Ending
from archive.record import Exam, OutboxState
from tiles.decoded import encoded_frames, instance_header
from tiles.errors import TilesError

WRONG_PATIENT = "The archive shows it under another patient or study; correct it there by hand."
OTHER_ORDER = "The archive shows it under another accession number; correct it there by hand."
NOT_SHOWN = "The archive took it and does not show it; look for it there."
OTHER_PIXELS = (
    "The archive keeps other pixels than it was sent; look at both, and correct it there."
)
NOT_COMPARED = (
    "The archive keeps it in a form that cannot be compared with what it was sent; look at both."
)

_OTHERS = 1 << 20
"""Bytes that an archive may add to a header."""
_TELLING = 40
# Two photographs of 48 megapixels are decoded, the one after the other.
_LIMITS = Limits(memory_bytes=1 << 30, silence_s=60.0)
_OF_THE_FILE = frozenset({0x0002, 0x7FE0, 0xFFFC})
_OF_THE_ENCODING = 0x0028
_RAW = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}


def most_bytes_of(sent: Path, header: Dataset) -> int:
    """How large a file may be in which an archive keeps these pixels, whatever the form."""
    frames = int(header.get("NumberOfFrames") or 1)
    samples = frames * int(header.Rows) * int(header.Columns) * int(header.SamplesPerPixel)
    return 2 * (sent.stat().st_size + samples * int(header.BitsAllocated) // 8) + _OTHERS


def is_under(shown: Shown, exam: Exam) -> bool:
    """Whether an archive shows an instance under its patient and study."""
    patient_id = exam.patient.patient_id if exam.patient else ""
    return (shown.patient_id, shown.study_instance_uid) == (patient_id, exam.study_instance_uid)


def compared(place: Workplace, sent: Path, back: Path, shown: Shown, exam: Exam) -> Ending:
    """How far an archive keeps what it was sent: whose it is, its pixels, then its order.

    What else it changed is told in the ending. Raises what the store raises.
    """
    try:
        ours, theirs = instance_header(sent), instance_header(back)
        coerced = changed(ours, theirs)
        if not _is_same_identity(ours, theirs):
            return Ending(OutboxState.TASK, WRONG_PATIENT, coerced)
        if not _is_same_pixels(place, sent, back, ours, theirs):
            return Ending(OutboxState.TASK, OTHER_PIXELS, coerced)
    except (TilesError, SandboxError) as error:
        name = error.name if isinstance(error, Refused) else type(error).__name__
        if name in PASSING:
            raise
        return Ending(OutboxState.TASK, NOT_COMPARED)
    # An archive need not tell the number.
    numbers = {shown.accession_number, str(theirs.get("AccessionNumber") or "")}
    if exam.accession_number and not numbers <= {"", exam.accession_number}:
        return Ending(OutboxState.TASK, OTHER_ORDER, coerced)
    return Ending(OutboxState.READ_BACK, None, coerced)


def changed(ours: Dataset, theirs: Dataset) -> tuple[str, ...]:
    """The keywords of what differs, was added or is gone; never a value.

    In another transfer syntax other attributes tell of the pixels: that is told by its own.
    """
    syntax = {one.file_meta.TransferSyntaxUID for one in (ours, theirs)}
    ignored = _OF_THE_FILE | ({_OF_THE_ENCODING} if len(syntax) > 1 else set())
    tags = sorted(tag for tag in {*ours.keys(), *theirs.keys()} if tag.group not in ignored)
    found = ["TransferSyntaxUID"] if len(syntax) > 1 else []
    for tag in tags:
        one, other = ours.get(tag), theirs.get(tag)
        if one != other:
            found.append(keyword_for_tag(tag) or f"({tag.group:04X},{tag.element:04X})")
    return tuple(found[:_TELLING])


def _is_same_identity(ours: Dataset, theirs: Dataset) -> bool:
    """Whether a file is of the same patient and names; a name may be spelt otherwise."""
    exact = ("SOPInstanceUID", "StudyInstanceUID", "PatientID")
    loose = ("PatientBirthDate", "PatientSex")
    said = [(str(ours.get(one) or ""), str(theirs.get(one) or "")) for one in exact]
    said += [
        both for one in loose if all(both := (str(ours.get(one) or ""), str(theirs.get(one) or "")))
    ]
    return all(one == other for one, other in said)


def _is_same_pixels(
    place: Workplace, sent: Path, back: Path, ours: Dataset, theirs: Dataset
) -> bool:
    """In one transfer syntax the frames' bytes are compared, in others what they decode to."""
    syntaxes = {str(one.file_meta.TransferSyntaxUID) for one in (ours, theirs)}
    if len(syntaxes) == 1 and not syntaxes & _RAW:
        frames = zip_longest(encoded_frames(sent), encoded_frames(back))
        return all(one == other for one, other in frames)
    named = {"one": str(sent), "other": str(back)}
    return bool(run_limited("api.tasks:same_pixels", named, _LIMITS, scratch=place.scratch))
