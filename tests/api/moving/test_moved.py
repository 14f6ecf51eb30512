"""Images move to another patient of their establishment: what they are then, in every way."""

import io
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydicom import dcmread

from api.ingest import Order, ingest, receive
from api.moving import move_once
from api.work import Workplace
from archive import schema
from archive.errors import DifferentPatient, NotFound, TransitionRefused
from archive.move import Destination
from archive.record import Image, ImageState, ObjectRole
from archive.sessions import Opening
from tests.api.conftest import small_file
from tests.api.moving.conftest import (
    ELSEWHERE,
    HERE,
    RIGHT,
    WHO,
    WRONG,
    header,
    instance,
    moved,
    photographed,
    seen,
)
from tests.dermato.archived import errors_of


def test_it_is_listed_and_nothing_is_changed(
    place: Workplace, three: tuple[Image, Image, Image]
) -> None:
    overview, first, last = three
    plan = place.catalog.moves.plan([first.id], Destination(RIGHT), establishment=HERE)
    assert (plan.before, plan.after, plan.is_known, plan.to_exam_id) == (WRONG, RIGHT, False, None)
    (one,) = plan.corrections
    lesion = place.catalog.photographs.photograph(first.id, establishment=HERE)
    assert lesion is not None
    assert one.dropped == {
        "lesion": lesion.lesion,
        "overview": overview.id,
        "referred_by": [last.id],
    }
    assert place.catalog.image(first.id, establishment=HERE) == first
    assert not move_once(place)


def test_a_photograph_is_the_other_patient_s_in_every_way(
    place: Workplace, three: tuple[Image, Image, Image], tmp_path: Path
) -> None:
    overview, first, last = three
    before = header(place, first)
    (after,) = moved(place, [first.id], Destination(RIGHT))
    assert (after.incarnation, after.state) == (1, ImageState.PUBLISHED)
    exam = place.catalog.exam(after.exam_id, establishment=HERE)
    assert (exam.patient, exam.accession_number) == (RIGHT, None)
    old = place.catalog.exam(first.exam_id, establishment=HERE)
    assert [one.id for one in old.images] == [overview.id, last.id]

    now = header(place, after)
    assert errors_of(instance(place, after), tmp_path) == []
    assert (str(now.PatientName), now.PatientID) == ("JUSTE^Zoé", "2")
    assert (now.AccessionNumber, now.StudyInstanceUID) == ("", exam.study_instance_uid)
    assert now.PixelData == before.PixelData
    for uid in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
        assert now[uid].value != before[uid].value
    assert now.file_meta.MediaStorageSOPInstanceUID == now.SOPInstanceUID
    assert "TrackingUID" in before
    assert not {"TrackingUID", "TrackingID", "ReferencedImageSequence"} & set(now.dir())
    assert b"FAUX" not in instance(place, after)
    (one,) = after.objects_as(ObjectRole.PHOTO)
    (was,) = first.objects_as(ObjectRole.PHOTO)
    assert one.sop_instance_uid == now.SOPInstanceUID
    assert one.pixel_sha256 == was.pixel_sha256
    with pytest.raises(NotFound):
        place.storage.size(was.key)
    for kept in three[::2]:
        assert place.catalog.image(kept.id, establishment=HERE) == kept
    said = place.catalog.photographs.photograph(last.id, establishment=HERE)
    assert said is not None
    assert (said.overview, said.earlier) == (overview.id, None)
    (told,) = place.catalog.moves.history(first.id, establishment=HERE)
    assert (told.before, told.after, told.by) == (WRONG, RIGHT, "DOCTEUR^Dr")
    assert told.done_at is not None
    assert told.dropped["referred_by"] == [last.id]


def test_it_may_show_a_lesion_of_the_right_patient(
    place: Workplace, three: tuple[Image, Image, Image], pictures: list[Path], tmp_path: Path
) -> None:
    place.catalog.receive(
        establishment=HERE,
        kind=three[0].kind,
        source_sha256="0" * 64,
        plan="full",
        patient=RIGHT,
    )
    lesion = seen(place, RIGHT)
    (after,) = moved(place, [three[1].id], Destination(RIGHT, lesion=lesion))
    known = place.catalog.lesions.lesion(lesion, establishment=HERE)
    assert header(place, after).TrackingUID == known.tracking_uid
    shown = place.catalog.photographs.of_lesion(lesion, establishment=HERE)
    assert [one.photograph.image_id for one in shown] == [after.id]
    to = Destination(WRONG, lesion=lesion)
    with pytest.raises(NotFound):
        place.catalog.moves.plan([after.id], to, establishment=HERE)


def test_a_whole_exam_keeps_what_is_within_it(
    place: Workplace, three: tuple[Image, Image, Image], tmp_path: Path
) -> None:
    overview, first, last = moved(place, [one.id for one in three], Destination(RIGHT))
    assert len({overview.exam_id, first.exam_id, last.exam_id}) == 1
    with pytest.raises(NotFound):
        place.catalog.exam(three[0].exam_id, establishment=HERE)
    (reference,) = header(place, last).ReferencedImageSequence
    assert reference.ReferencedSOPInstanceUID == header(place, overview).SOPInstanceUID
    assert errors_of(instance(place, last), tmp_path) == []
    said = place.catalog.photographs.photograph(last.id, establishment=HERE)
    assert said is not None
    assert (said.overview, said.earlier, said.lesion) == (overview.id, None, None)


def test_back_again_is_the_exam_it_came_from_and_new_uids(
    place: Workplace, three: tuple[Image, Image, Image]
) -> None:
    first = three[1]
    (there,) = moved(place, [first.id], Destination(RIGHT))
    (back,) = moved(place, [first.id], Destination(WRONG))
    assert (back.exam_id, back.incarnation) == (first.exam_id, 2)
    uids = {str(header(place, one).SOPInstanceUID) for one in (back,)}
    uids |= {str(one.objects_as(ObjectRole.PHOTO)[0].sop_instance_uid) for one in (first, there)}
    assert len(uids) == 3


def test_the_same_file_is_the_right_patient_s_from_then_on(
    place: Workplace, pictures: list[Path]
) -> None:
    taken = ingest(place, pictures[0], Order(HERE, WRONG))
    image = place.catalog.image(taken.image, establishment=HERE)
    with pytest.raises(DifferentPatient) as refused:
        receive(place, pictures[0], Order(HERE, RIGHT))
    assert refused.value.image_id == image.id
    other = receive(place, pictures[0], Order(ELSEWHERE, RIGHT))
    assert other.id != image.id
    (after,) = moved(place, [image.id], Destination(RIGHT))
    assert receive(place, pictures[0], Order(HERE, RIGHT)).id == after.id
    with pytest.raises(DifferentPatient):
        receive(place, pictures[0], Order(HERE, WRONG))


def test_a_slide_moves_with_every_level(place: Workplace, tmp_path: Path) -> None:
    file = small_file(tmp_path)
    taken = ingest(place, file, Order(HERE, WRONG, "A1"))
    before = place.catalog.image(taken.image, establishment=HERE)
    (after,) = moved(place, [taken.image], Destination(RIGHT, accession_number="B7"))
    assert place.catalog.exam(after.exam_id, establishment=HERE).accession_number == "B7"
    levels = after.objects_as(ObjectRole.LEVEL)
    assert len(levels) == len(before.objects_as(ObjectRole.LEVEL)) > 1
    for one in levels:
        data = place.storage.read_range(one.key, 0, one.length_bytes)
        told = dcmread(io.BytesIO(data))
        assert (told.PatientID, told.SOPInstanceUID) == ("2", one.sop_instance_uid)
        assert errors_of(data, tmp_path) == []
    assert (
        len(
            {dcm.pixel_sha256 for dcm in levels}
            ^ {one.pixel_sha256 for one in before.objects_as(ObjectRole.LEVEL)}
        )
        == 0
    )
    verified = ingest(place, file, Order(HERE, RIGHT, "B7", verify=True))
    assert verified.image == after.id
    assert verified.verified is not None


@pytest.mark.parametrize(
    ("to", "error"),
    [
        (Destination(WRONG), TransitionRefused),
        (Destination(key="0" * 32), NotFound),
        (Destination(RIGHT, accession_number="A1"), DifferentPatient),
        (Destination(RIGHT, lesion="0" * 32), NotFound),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_done(
    place: Workplace, pictures: list[Path], to: Destination, error: type[Exception]
) -> None:
    image = photographed(place, pictures[0])
    with pytest.raises(error):
        place.catalog.moves.ask([image.id], to, WHO, establishment=HERE)
    with pytest.raises(NotFound):
        place.catalog.moves.plan([image.id], Destination(RIGHT), establishment=ELSEWHERE)
    assert not move_once(place)


@pytest.mark.places
def test_what_a_visit_knew_of_a_picture_ends_with_the_move(
    place: Workplace, three: tuple[Image, Image, Image]
) -> None:
    overview, first, _ = three
    visit = place.catalog.sessions.open(HERE, Opening(WRONG, accession_number="A1"))
    known = place.catalog.photographs.photograph(first.id, establishment=HERE)
    assert known is not None
    pin = {"image_id": overview.id, "lesion_id": known.lesion, "x": 0.5, "y": 0.5}
    patient_row = sa.select(schema.exam.c.patient_row).where(schema.exam.c.id == overview.exam_id)
    with place.catalog._database.write() as connection:
        row = connection.scalar(patient_row)
        connection.execute(sa.insert(schema.pin).values(**pin, patient_row=row))
        connection.execute(
            sa.insert(schema.picture).values(
                image_id=overview.id,
                exam_id=overview.exam_id,
                session_id=visit.id,
                kept_despite=False,
            )
        )
    to = Destination(RIGHT)
    (one,) = place.catalog.moves.plan([overview.id], to, establishment=HERE).corrections
    assert (one.dropped["pins"], one.dropped["session"]) == ([known.lesion], visit.id)
    (after,) = moved(place, [overview.id], to)
    assert place.catalog.exam(after.exam_id, establishment=HERE).patient == RIGHT
    left = place.catalog.sessions.session(visit.id, establishment=HERE)
    assert left.pictures == ()
    (told,) = place.catalog.moves.history(overview.id, establishment=HERE)
    assert told.dropped["session"] == visit.id
