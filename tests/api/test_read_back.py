"""What an archive gives back is read by a child: an odd file is a task, and ends nobody."""

from pathlib import Path

from api.read_back import compared
from api.why import NOT_COMPARED, OTHER_PIXELS, WRONG_PATIENT
from api.work import Workplace
from archive.link import Shown
from archive.record import ObjectRole, OutboxState
from archive.telling.rows import Ending
from dermato.ingest import ingest_photo
from tests.dermato.archived import PATIENT, received, stored_bytes
from tests.samples.photo import make_photo

NAME = b"\x10\x00\x10\x00PN"
THREE_BYTES_OF_US = b"\x08\x00\x99\x99US\x03\x00abc"
OF_NO_KIND = b"\x08\x00\x99\x99ZZ\x02\x00ab"


def test_what_cannot_be_read_of_the_file_given_back_is_a_task(
    place: Workplace, tmp_path: Path
) -> None:
    file = make_photo(tmp_path / "a.jpg", width=96, height=64, seed=1)
    image = ingest_photo(
        file, received(place.catalog, place.storage, file), place.catalog, place.storage
    )
    exam = place.catalog.exam(image.exam_id, establishment=None)
    shown = Shown(PATIENT.patient_id, exam.study_instance_uid)
    sent = stored_bytes(image, place.storage, ObjectRole.PHOTO)
    ours, theirs = tmp_path / "sent.dcm", tmp_path / "back.dcm"
    ours.write_bytes(sent)

    def given_back(data: bytes) -> Ending:
        theirs.write_bytes(data)
        return compared(place, (ours, theirs), shown, exam)

    before, after = sent.split(NAME)
    for odd in (THREE_BYTES_OF_US, OF_NO_KIND):
        odd_one = given_back(before + odd + NAME + after)
        assert odd_one == Ending(OutboxState.TASK, NOT_COMPARED)
    assert given_back(sent[:400]) == Ending(OutboxState.TASK, NOT_COMPARED)
    assert given_back(sent) == Ending(OutboxState.READ_BACK)
    other = sent.replace(b"12345 ", b"54321 ")
    assert given_back(other) == Ending(OutboxState.TASK, WRONG_PATIENT, ("PatientID",))
    # The same bytes, said to be of other colours, are not shown as they were.
    assert sent.count(b"YBR_FULL_422") == 1
    recoloured = given_back(sent.replace(b"YBR_FULL_422", b"RGB         "))
    assert recoloured == Ending(OutboxState.TASK, OTHER_PIXELS, ("PhotometricInterpretation",))
