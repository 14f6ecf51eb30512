"""Slides whose tiles lie in an order of their own, or in several instances, are shown as one."""

import io
import itertools
from collections.abc import Callable

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import UID

from api.moving import move_once
from api.opened import OpenImage, open_image
from api.renderer import Renderers
from api.work import Workplace
from archive.move import Destination
from archive.query import Query
from archive.received.outcome import Failure
from tests.api.conftest import Web
from tests.api.instances.conftest import Make, Take, picture
from tests.api.instances.test_moved import RIGHT
from tests.api.moving.conftest import WHO
from tests.samples.dicom_slides import Made, Table, decoded
from tiles.pyramid import Box

WHOLE = Box(0, 0, 300, 200)


def opened(place: Workplace, image_id: str | None) -> OpenImage:
    image = place.catalog.image(str(image_id), establishment="north")
    return open_image(image, place.storage, Renderers(place.storage, place.scratch))


@pytest.mark.parametrize("table", ["basic", "native", "none"])
def test_a_sparse_slide_is_shown_at_its_places(
    web: Web, make: Make, take: Take, place: Workplace, table: Table
) -> None:
    made = Made(table=table, sparse_without=(2, 4))
    file = make("level", made=made)
    outcome = take(file)
    assert outcome.failure is None, outcome.reason
    shown = opened(place, outcome.image_id).source.pixels(0, WHOLE)
    assert (shown == decoded(picture(300, 200), made)).all()
    # Its frames are told in the order in which they are stored.
    series = f"/dicomweb/studies/{outcome.study_instance_uid}/series/{outcome.series_instance_uid}"
    address = f"{series}/instances/{outcome.sop_instance_uid}"
    sent = dcmread(file)
    frames = (
        [one.tobytes() for one in sent.pixel_array]
        if table == "native"
        else list(generate_frames(sent.PixelData, number_of_frames=4))
    )
    for number in (1, 4):
        as_stored = "application/octet-stream" if table == "native" else "image/jpeg"
        frame = web.get(f"{address}/frames/{number}", headers={"accept": as_stored})
        assert frame.content.rstrip(b"\0") == frames[number - 1].rstrip(b"\0")
    whole = web.get(address, headers={"accept": "application/dicom; transfer-syntax=*"})
    assert (dcmread(io.BytesIO(whole.content)).pixel_array == sent.pixel_array).all()
    for level, tile in (("9", "1_0"), ("9", "2_0"), ("8", "0_0")):
        assert web.get(f"/deepzoom/{outcome.image_id}_files/{level}/{tile}.jpeg").status_code == 200
    assert web.get(f"{address}/rendered", headers={"accept": "image/png"}).status_code == 200


def moved(x: int, y: int) -> Callable[[Dataset], None]:
    def change(data: Dataset) -> None:
        place = data.PerFrameFunctionalGroupsSequence[1].PlanePositionSlideSequence[0]
        place.ColumnPositionInTotalImagePixelMatrix = x
        place.RowPositionInTotalImagePixelMatrix = y

    return change


def huge(data: Dataset) -> None:
    data.TotalPixelMatrixRows = data.TotalPixelMatrixColumns = 2**30


@pytest.mark.parametrize("change", [moved(2, 1), moved(257, 129), moved(1025, 1), huge])
def test_tiles_that_lie_nowhere_are_refused(
    make: Make, take: Take, change: Callable[[Dataset], None]
) -> None:
    outcome = take(make("level", made=Made(sparse_without=()), change=change))
    assert outcome.failure is Failure.CANNOT_UNDERSTAND


def parts_of(make: Make, frames: tuple[range, ...], made: Made | None = None) -> list[bytes]:
    """A slide of six tiles cut into a concatenation."""
    made = made or Made(table="native")

    def cut(number: int, own: range) -> Callable[[Dataset], None]:
        def change(data: Dataset) -> None:
            uid = UID(f"1.2.3.{number}")
            data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = uid
            data.ConcatenationUID, data.SOPInstanceUIDOfConcatenationSource = "1.2.9", "1.2.8"
            data.InConcatenationNumber, data.InConcatenationTotalNumber = number, len(frames)
            data.ConcatenationFrameOffsetNumber = own.start
            if made.table == "native":
                size = len(data.PixelData) // 6
                data.PixelData = data.PixelData[own.start * size : own.stop * size]
            else:
                every = generate_frames(data.PixelData, number_of_frames=6)
                data.PixelData = encapsulate(list(itertools.islice(every, own.start, own.stop)))
            data.NumberOfFrames = len(own)

        return change

    return [
        make(f"part-{number}", made=made, change=cut(number, own)).read_bytes()
        for number, own in enumerate(frames, 1)
    ]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_the_parts_of_a_concatenation_are_one_slide(
    web: Web, make: Make, take: Take, place: Workplace, order: tuple[int, ...]
) -> None:
    files = parts_of(make, (range(2), range(2, 3), range(3, 6)))
    first = take(files[order[0]])
    assert first.failure is None, first.reason
    # What did not come yet is white.
    begun = opened(place, first.image_id).source.pixels(0, WHOLE)
    assert (begun == 255).all(axis=2).any()
    small = take(make("small", 150, 100, made=Made(table="native")))
    rest = [take(files[one]) for one in order[1:]]
    assert {one.image_id for one in (first, small, *rest)} == {first.image_id}
    shown = opened(place, first.image_id)
    assert [one.width for one in shown.source.pyramid.levels] == [300, 150]
    assert (shown.source.pixels(0, WHOLE) == picture(300, 200)).all()
    found = place.catalog.instances.instances(Query(), establishment="north")
    assert sorted(one.described.frames for one in found) == [1, 2, 2, 3]
    # Each part is told as it was sent, with its own frames.
    address = f"/dicomweb/studies/{first.study_instance_uid}"
    for file in files:
        sent = dcmread(io.BytesIO(file))
        frame = web.get(
            f"{address}/series/{sent.SeriesInstanceUID}/instances/{sent.SOPInstanceUID}/frames/1",
            headers={"accept": "application/octet-stream"},
        )
        assert frame.content == sent.PixelData[: 128 * 128 * 3]
    assert web.get(f"/deepzoom/{first.image_id}_files/9/2_1.jpeg").status_code == 200
    assert web.get(f"/zarr/{first.image_id}/0/zarr.json").status_code == 200


def test_parts_keep_their_tiles_as_they_are(
    web: Web, make: Make, take: Take, place: Workplace
) -> None:
    """A whole tile is what was sent, whichever part has it."""
    files = parts_of(make, (range(4), range(4, 6)), Made(table="basic"))
    for file in files:
        outcome = take(file)
        assert outcome.failure is None, outcome.reason
    shown = opened(place, outcome.image_id)
    assert abs(shown.source.pixels(0, WHOLE).astype(int) - picture(300, 200)).mean() < 2
    for number, (column, row) in enumerate(itertools.product(range(3), range(2))):
        found = shown.place(9, column, row)
        assert (found is None) == (column == 2 or row == 1), number
        if found is not None:
            data = place.storage.read_range(found.key, found.offset, found.length)
            assert data[:2] == b"\xff\xd8"
            assert data.rstrip(b"\0")[-2:] == b"\xff\xd9"


def test_what_lies_otherwise_moves_like_all_else(make: Make, take: Take, place: Workplace) -> None:
    """And a part that comes late is refused with the slide that it belongs to."""
    *came, late = parts_of(make, (range(2), range(2, 5), range(5, 6)))
    ids = {take(one).image_id for one in came}
    sparse = Made(sparse_without=(1,), series="2")
    other = {"StudyInstanceUID": "1.2.3.4", "AccessionNumber": "A8"}
    ids.add(take(make("sparse", made=sparse, **other)).image_id)
    images = [str(one) for one in ids]
    assert len(images) == 2
    before = {one: opened(place, one).source.pixels(0, WHOLE) for one in images}
    for one in images:
        place.catalog.moves.ask([one], Destination(RIGHT), WHO, establishment="north")
        assert move_once(place)
        assert (opened(place, one).source.pixels(0, WHOLE) == before[one]).all()
    assert take(late).failure is Failure.MOVED


def test_parts_that_are_none_are_refused(make: Make, take: Take) -> None:
    (beyond,) = parts_of(make, (range(4, 6),))
    data = dcmread(io.BytesIO(beyond))
    data.ConcatenationFrameOffsetNumber = 5
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    assert take(buffer.getvalue()).failure is Failure.CANNOT_UNDERSTAND
    label = make(
        "label", 100, 100, Made("LABEL"), lambda one: setattr(one, "ConcatenationUID", "1.2")
    )
    assert take(label).failure is Failure.CANNOT_UNDERSTAND


def changed(part: bytes, **values: object) -> bytes:
    data = dcmread(io.BytesIO(part))
    for keyword, value in values.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    buffer = io.BytesIO()
    data.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_parts_that_contradict_each_other_are_refused(
    make: Make, take: Take, place: Workplace
) -> None:
    """And what came before stays as it was."""
    first, second = parts_of(make, (range(3), range(3, 6)))
    _, otherwise = parts_of(make, (range(3), range(3, 6)), Made(table="basic"))
    begun = take(first)
    assert begun.failure is None, begun.reason
    again = changed(second, SOPInstanceUID="1.2.3.7", InConcatenationNumber=1)
    over = changed(second, ConcatenationFrameOffsetNumber=2)
    more = changed(second, InConcatenationTotalNumber=3)
    for one in (otherwise, again, over, more):
        assert take(one).failure is Failure.DOES_NOT_MATCH
    rest = take(second)
    assert (rest.failure, rest.image_id) == (None, begun.image_id)
    assert (opened(place, rest.image_id).source.pixels(0, WHOLE) == picture(300, 200)).all()


@pytest.mark.parametrize(
    "change",
    [
        {"ConcatenationFrameOffsetNumber": None},
        {"InConcatenationNumber": None},
        {"InConcatenationNumber": 3},
    ],
)
def test_where_a_part_belongs_is_not_guessed(
    make: Make, take: Take, change: dict[str, object]
) -> None:
    _, second = parts_of(make, (range(3), range(3, 6)))
    assert take(changed(second, **change)).failure is Failure.CANNOT_UNDERSTAND
