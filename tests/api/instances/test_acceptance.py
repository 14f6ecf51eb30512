"""What another sends is kept once, under whom it belongs, or refused with DICOM's own number."""

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian
from sqlalchemy import Connection

from api.instances.acceptance import Acceptance, Sender
from api.opened import open_image
from api.renderer import Renderers
from api.work import Workplace
from archive.database import Database
from archive.errors import StorageFailure
from archive.query import FoundInstance
from archive.received.outcome import Failure, Warned
from archive.record import Image, ImageState, ObjectRole
from tests.api.instances.conftest import NORTH, Make, Take, found, objects_in, picture
from tests.samples.dicom_slides import Made, Table
from tiles.decoded import items_sha256
from tiles.pyramid import Box


def image_of(place: Workplace, one: FoundInstance) -> Image:
    return place.catalog.image(one.image_id, establishment="north")


def test_an_instance_keeps_its_names_and_its_bytes(
    make: Make, take: Take, place: Workplace
) -> None:
    file = make("level")
    sent = dcmread(file)
    outcome = take(file)
    assert (outcome.failure, outcome.warning) == (None, None)
    (one,) = found(place)
    assert one.study.study_instance_uid == sent.StudyInstanceUID == outcome.study_instance_uid
    assert one.described.series.series_instance_uid == sent.SeriesInstanceUID
    assert one.sop_instance_uid == sent.SOPInstanceUID == outcome.sop_instance_uid
    assert one.described.transfer_syntax_uid == sent.file_meta.TransferSyntaxUID
    assert f"{one.study.created_at:%Y%m%d%H%M%S}" == "20260105101112"
    assert one.study.patient is not None
    assert (one.study.patient.name, one.study.patient.issuer) == ("SPECIMEN^Zoé", "registry")
    assert place.storage.read_range(one.key, 0, one.length_bytes) == file.read_bytes()
    references = [(one.sop_class_uid, one.sop_instance_uid), ("1.2", one.sop_instance_uid)]
    held = place.catalog.received.committed(
        [*references, ("1.2", "1.2.3")], place.storage, establishment="north"
    )
    assert held == (None, Failure.OF_ANOTHER_CLASS, Failure.NO_SUCH_INSTANCE)
    assert place.catalog.received.committed(
        references[:1], place.storage, establishment="south"
    ) == (Failure.NO_SUCH_INSTANCE,)
    place.storage.delete(one.key)
    assert place.catalog.received.committed(
        references[:1], place.storage, establishment="north"
    ) == (Failure.PROCESSING,)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)])
def test_the_levels_of_a_series_are_one_image_in_any_order(
    make: Make, take: Take, place: Workplace, order: tuple[int, ...]
) -> None:
    files = [
        make("base", 300, 200),
        make("small", 150, 100),
        make("label", 100, 100, Made("LABEL")),
        make("overview", 120, 60, Made("OVERVIEW")),
    ]
    ids = {take(files[one]).image_id for one in order}
    assert len(ids) == 1
    instances = found(place)
    assert len(instances) == 4
    image = image_of(place, instances[0])
    assert image.state is ImageState.PUBLISHED
    assert (image.facts["width"], image.facts["height"]) == (300, 200)
    assert image.facts["mpp_um"] == [0.5, 0.5]
    assert image.facts["barcodes"] == ["SV-00042"]
    assert [len(image.objects_as(one)) for one in (ObjectRole.LEVEL, ObjectRole.LABEL)] == [2, 1]
    opened = open_image(image, place.storage, Renderers(place.storage, place.scratch))
    assert [(one.width, one.height) for one in opened.source.pyramid.levels] == [
        (300, 200),
        (150, 100),
    ]
    pixels = opened.source.pixels(0, Box(0, 0, 300, 200)).astype(int)
    assert abs(pixels - picture(300, 200)).mean() < 2


def test_what_shows_something_else_is_another_image(make: Make, take: Take) -> None:
    first = take(make("base", 300, 200)).image_id
    assert take(make("same-size", 300, 200, seed=1)).image_id not in {first, None}
    assert take(make("other-shape", 200, 200)).image_id not in {first, None}


@pytest.mark.parametrize(
    ("table", "fragments"),
    [("basic", 1), ("basic", 2), ("extended", 1), ("none", 1), ("native", 1)],
)
def test_frames_are_the_same_however_they_lie(
    make: Make, take: Take, place: Workplace, table: Table, fragments: int
) -> None:
    file = make("level", made=Made(table=table, fragments=fragments))
    assert take(file).failure is None
    (one,) = found(place)
    (stored,) = image_of(place, one).objects_as(ObjectRole.LEVEL)
    path = place.storage.local_path(one.key)
    assert path is not None
    assert items_sha256(path) == stored.pixel_sha256
    ours, theirs = dcmread(path), dcmread(file)
    assert (ours.pixel_array == theirs.pixel_array).all()
    assert ours.file_meta.TransferSyntaxUID == theirs.file_meta.TransferSyntaxUID
    image = image_of(place, one)
    opened = open_image(image, place.storage, Renderers(place.storage, place.scratch))
    box = Box(0, 0, 128, 128)
    assert abs(opened.source.pixels(0, box).astype(int) - theirs.pixel_array[0]).mean() < 3
    # Sent again, nothing is kept twice.
    before = objects_in(place)
    assert take(file).failure is None
    assert objects_in(place) == before


def test_implicit_vr_becomes_explicit(make: Make, take: Take, place: Workplace) -> None:
    file = make("level", made=Made(table="native"))
    data = dcmread(file)
    data.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    implicit = io.BytesIO()
    data.save_as(implicit, implicit_vr=True, little_endian=True, enforce_file_format=True)
    assert take(implicit.getvalue()).failure is None
    (one,) = found(place)
    assert one.described.transfer_syntax_uid == "1.2.840.10008.1.2.1"
    kept = dcmread(io.BytesIO(place.storage.read_range(one.key, 0, one.length_bytes)))
    assert kept.PixelData == data.PixelData
    # By another way it comes as it is kept: the same instance.
    assert take(file).failure is None
    assert len(found(place)) == 1


def test_the_same_again_is_one_and_another_under_its_name_is_refused(
    make: Make, take: Take, place: Workplace
) -> None:
    first = make("level")
    assert take(first).failure is None
    objects = objects_in(place)
    assert take(first).failure is None
    outcome = take(make("level", seed=1))
    assert outcome.failure is Failure.DUPLICATE
    assert "SPECIMEN" not in outcome.reason
    (one,) = found(place)
    assert place.storage.read_range(one.key, 0, one.length_bytes) != b""
    assert objects_in(place) == objects


def test_of_many_who_send_the_same_at_once_one_is_kept(
    make: Make, acceptance: Acceptance, place: Workplace
) -> None:
    drafts = [acceptance.folder / f"{number}.dcm" for number in range(6)]
    data = make("level").read_bytes()
    for one in drafts:
        one.write_bytes(data)
    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(lambda one: acceptance.take(one, NORTH), drafts))
    for one in drafts:
        one.unlink()
    assert [one.failure for one in outcomes] == [None] * 6
    assert len(found(place)) == len(objects_in(place)) == 1


def test_another_establishment_learns_of_nothing(make: Make, take: Take, place: Workplace) -> None:
    """The same names mean something else there, whatever they mean here."""
    take(make("level"))
    other = make("level", seed=1, PatientID="8", PatientName="OTHER^ONE", PatientSex="M")
    outcome = take(other, Sender("south"))
    assert (outcome.failure, outcome.warning, outcome.reason) == (None, None, "")
    assert [len(found(place, one)) for one in ("north", "south", None)] == [1, 1, 2]
    assert found(place)[0].study.patient != found(place, "south")[0].study.patient


OTHER = {"PatientID": "8", "PatientName": "OTHER^ONE", "PatientBirthDate": "", "PatientSex": ""}


@pytest.mark.parametrize(
    ("header", "failure"),
    [
        # Its study, its order, and its number, are another one's.
        ({**OTHER, "AccessionNumber": "A8"}, Failure.OF_ANOTHER_PATIENT),
        ({**OTHER, "StudyInstanceUID": "1.2.3.4"}, Failure.OF_ANOTHER_PATIENT),
        ({"PatientName": "OTHER^ONE"}, Failure.OF_ANOTHER_PATIENT),
        ({"PatientBirthDate": "19710131"}, Failure.OF_ANOTHER_PATIENT),
        ({"PatientSex": "M"}, Failure.OF_ANOTHER_PATIENT),
        ({"PatientID": ""}, Failure.OF_ANOTHER_PATIENT),
        ({"IssuerOfPatientID": "other"}, Failure.OF_ANOTHER_PATIENT),
        # Its series is of one study.
        ({"StudyInstanceUID": "1.2.3.4"}, Failure.DOES_NOT_MATCH),
    ],
)
def test_one_study_is_never_of_two(
    make: Make, take: Take, place: Workplace, header: dict[str, str], failure: Failure
) -> None:
    take(make("level"))
    before = objects_in(place)
    outcome = take(make("other", 150, 100, **header))
    assert outcome.failure is failure
    assert not {"SPECIMEN", "OTHER", "19710131"} & set(outcome.reason.split())
    assert len(found(place)) == 1
    assert objects_in(place) == before


def test_what_is_known_otherwise_is_said(make: Make, take: Take, place: Workplace) -> None:
    take(make("level"))
    outcome = take(make("small", 150, 100, PatientName="SPECIMEN^Zoe^Anne"))
    assert (outcome.failure, outcome.warning) == (None, Warned.COERCED)
    assert {one.study.patient.name for one in found(place) if one.study.patient} == {"SPECIMEN^Zoé"}


def test_numbers_without_issuer_are_the_senders(make: Make, take: Take, place: Workplace) -> None:
    take(make("level", IssuerOfPatientID=""), replace(NORTH, issuer="registry"))
    (one,) = found(place)
    assert one.study.patient is not None
    assert one.study.patient.issuer == "registry"


def test_a_universal_issuer_is_not_the_senders(make: Make, take: Take, place: Workplace) -> None:
    def elsewhere(data: Dataset) -> None:
        item = Dataset()
        item.UniversalEntityID, item.UniversalEntityIDType = "1.2.250.9", "ISO"
        data.IssuerOfPatientIDQualifiersSequence = [item]

    assert take(make("level")).is_kept
    other = make(
        "other",
        150,
        100,
        Made(series="9"),
        elsewhere,
        IssuerOfPatientID="",
        StudyInstanceUID="1.2.3.9",
        AccessionNumber="",
    )
    assert take(other, replace(NORTH, issuer="registry")).is_kept
    issuers = {one.study.patient.issuer for one in found(place) if one.study.patient}
    assert issuers == {"registry", "1.2.250.9"}


def test_a_commit_whose_answer_is_lost_loses_nothing(
    make: Make, take: Take, place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = Database.write

    @contextmanager
    def cut(database: Database) -> Iterator[Connection]:
        with done(database) as connection:
            yield connection
        raise StorageFailure("The answer is lost.")

    level = make("level")
    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", cut)
        assert take(level).failure is Failure.PROCESSING
    assert take(level).is_kept
    (one,) = found(place)
    assert place.storage.size(one.key) == one.length_bytes


def test_a_number_alone_is_doubt(make: Make, take: Take) -> None:
    bare = {"PatientName": "", "PatientBirthDate": "", "PatientSex": ""}
    assert take(make("level")).is_kept
    outcome = take(make("other", 150, 100, **bare))
    assert outcome.failure is Failure.OF_ANOTHER_PATIENT
