"""What is not sound, of another kind, or not what it says, is refused, and nothing of it kept."""

import itertools
import warnings
from collections.abc import Callable

import pytest
from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

from api.work import Workplace
from archive.received.outcome import Failure
from tests.api.instances.conftest import Make, Take, found, objects_in


def without(keyword: str) -> Callable[[Dataset], None]:
    def change(data: Dataset) -> None:
        delattr(data, keyword)

    return change


def with_values(**values: object) -> Callable[[Dataset], None]:
    def change(data: Dataset) -> None:
        for keyword, value in values.items():
            setattr(data, keyword, value)

    return change


@pytest.mark.parametrize(
    ("change", "failure"),
    [
        (with_values(StudyInstanceUID="../../../etc/passwd"), Failure.CANNOT_UNDERSTAND),
        (with_values(SeriesInstanceUID="1." + "2" * 70), Failure.CANNOT_UNDERSTAND),
        (without("SeriesInstanceUID"), Failure.CANNOT_UNDERSTAND),
        (without("Rows"), Failure.DOES_NOT_MATCH),
        (without("Modality"), Failure.DOES_NOT_MATCH),
        (without("SharedFunctionalGroupsSequence"), Failure.DOES_NOT_MATCH),
        (with_values(NumberOfFrames=7), Failure.CANNOT_UNDERSTAND),
        (with_values(Rows=64), Failure.CANNOT_UNDERSTAND),
        (with_values(TotalPixelMatrixRows=100_000), Failure.CANNOT_UNDERSTAND),
        (with_values(PatientID="7\\8"), Failure.CANNOT_UNDERSTAND),
        (with_values(PatientBirthDate="31/01/70"), Failure.CANNOT_UNDERSTAND),
    ],
)
def test_what_is_not_sound_is_refused(
    make: Make,
    take: Take,
    place: Workplace,
    change: Callable[[Dataset], None],
    failure: Failure,
) -> None:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):
        # What is not DICOM has to be written first.
        patch.setattr(config.settings, "writing_validation_mode", config.IGNORE)
        patch.setattr(config.settings, "reading_validation_mode", config.IGNORE)
        file = make("level", change=change)
    outcome = take(file)
    assert outcome.failure is failure, outcome.reason
    assert outcome.reason
    assert (found(place), objects_in(place)) == ([], set())


@pytest.mark.parametrize(
    ("keyword", "value", "failure"),
    [
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.2", Failure.CLASS_NOT_SUPPORTED),
        ("TransferSyntaxUID", "1.2.840.10008.1.2.2", Failure.SYNTAX_NOT_SUPPORTED),
        # It would have to be inflated to say what it is.
        ("TransferSyntaxUID", "1.2.840.10008.1.2.1.99", Failure.SYNTAX_NOT_SUPPORTED),
    ],
)
def test_other_kinds_and_syntaxes_are_refused(
    make: Make, take: Take, keyword: str, value: str, failure: Failure
) -> None:
    data = dcmread(make("level"))
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    if keyword == "SOPClassUID":
        data.file_meta.MediaStorageSOPClassUID = UID(value)
    else:
        data.file_meta.TransferSyntaxUID = UID(value)
    meta = DicomBytesIO()
    write_file_meta_info(meta, data.file_meta)
    outcome = take(bytes(128) + b"DICM" + meta.getvalue() + b"no data set")
    assert outcome.failure is failure
    assert outcome.sop_instance_uid == data.SOPInstanceUID


def test_what_is_no_dicom_is_refused(take: Take) -> None:
    for data in (b"", b"no DICOM at all", bytes(128) + b"DICM", bytes(128) + b"DICM" + bytes(999)):
        assert take(data).failure in {Failure.CANNOT_UNDERSTAND, Failure.CLASS_NOT_SUPPORTED}


def test_a_file_that_names_two_instances_is_refused(make: Make, take: Take) -> None:
    file = make("level")
    uid = str(dcmread(file).SOPInstanceUID).encode()
    data = file.read_bytes()
    at = data.index(uid)
    assert data.count(uid) == 2
    other = data[: at + len(uid) - 1] + (b"1" if uid[-1:] != b"1" else b"2") + data[at + len(uid) :]
    assert take(other).failure is Failure.DOES_NOT_MATCH


def test_a_file_cut_anywhere_is_refused(make: Make, take: Take, place: Workplace) -> None:
    data = make("level").read_bytes()
    for end in (100, 140, 400, len(data) // 2, len(data) - 2000, len(data) - 9):
        outcome = take(data[:end])
        assert outcome.failure is not None, end
    assert (found(place), objects_in(place)) == ([], set())


def test_frames_that_lie_are_refused(make: Make, take: Take) -> None:
    """Whole by their tables, and not the pictures that are promised."""
    file = make("level").read_bytes()
    begin = file.index(b"\xff\xd8\xff")
    end = file.index(b"\xff\xd9", begin)
    for damaged in (
        file[:begin] + b"\0\0" + file[begin + 2 :],
        file[:end] + b"\0\0" + file[end + 2 :],
    ):
        assert take(damaged).failure is Failure.CANNOT_UNDERSTAND


def test_what_was_announced_is_held_against_what_it_is(make: Make, take: Take) -> None:
    outcome = take(make("level"), may_be=lambda one: Failure.DOES_NOT_MATCH)
    assert outcome.failure is Failure.DOES_NOT_MATCH
    assert outcome.sop_instance_uid


def test_a_busy_machine_is_no_fault_of_the_file(
    take: Take, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a child waited for a processor is not held against what it reads."""
    monkeypatch.setattr("api.instances.examiners.SILENCE_S", 1e-6)
    monkeypatch.setattr("api.instances.examiners.SLOWEST_BYTES_S", 1e12)
    monkeypatch.setattr("api.instances.examiners.TICK_S", 0.01)
    assert take(make("level")).failure is Failure.CANNOT_UNDERSTAND
    monkeypatch.setattr("api.instances.examiners.BUSY", 1e12)
    hours = itertools.count(0, 3600)
    monkeypatch.setattr("api.instances.examiners.queued_s", lambda _: next(hours))
    assert take(make("level")).failure is None
