"""What is sent again is held against what is held, and against the store."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from api.instances.looks import looks_sha256
from api.opened import open_image
from api.renderer import Renderers
from api.work import Workplace
from archive.query import FoundInstance, Query
from archive.received.outcome import Failure
from tests.api.instances.conftest import Make, Take, picture
from tests.samples.dicom_slides import Made
from tiles.pyramid import Box


def only(place: Workplace) -> FoundInstance:
    (one,) = place.catalog.instances.instances(Query(), establishment="north")
    return one


def test_what_the_store_has_lost_is_had_back(make: Make, take: Take, place: Workplace) -> None:
    """Its sender still has it, and deletes it once it hears of success."""
    file = make("level")
    first = take(file)
    lost = only(place)
    for damage in (Path.unlink, lambda path: path.write_bytes(b"cut")):
        path = place.storage.local_path(only(place).key)
        assert path is not None
        damage(path)
        again = take(file)
        assert (again.failure, again.image_id) == (None, first.image_id)
        found = only(place)
        assert place.storage.read_range(found.key, 0, found.length_bytes) == file.read_bytes()
        held = place.catalog.received.committed(
            [(found.sop_class_uid, found.sop_instance_uid)], place.storage, establishment="north"
        )
        assert held == (None,)
    assert only(place).study == lost.study
    image = place.catalog.image(str(first.image_id), establishment="north")
    opened = open_image(image, place.storage, Renderers(place.storage, place.scratch))
    pixels = opened.source.pixels(0, Box(0, 0, 300, 200)).astype(int)
    assert abs(pixels - picture(300, 200)).mean() < 2


def values(**said: object) -> Callable[[Dataset], None]:
    def change(data: Dataset) -> None:
        for keyword, value in said.items():
            setattr(data, keyword, value)

    return change


def other_profile(data: Dataset) -> None:
    data.OpticalPathSequence[0].ICCProfile = (6).to_bytes(4, "big") + b"XY" + b"\0\0"


def other_spacing(data: Dataset) -> None:
    measures = data.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.PixelSpacing = [0.001, 0.001]


@pytest.mark.parametrize(
    "change",
    [
        values(PhotometricInterpretation="YBR_FULL"),
        values(PlanarConfiguration=1),
        values(TotalPixelMatrixColumns=290),
        values(ImageType=["DERIVED", "PRIMARY", "VOLUME", "RESAMPLED"]),
        values(ImageOrientationSlide=[0.0, -1.0, 0.0, -1.0, 0.0, 0.0]),
        other_profile,
        other_spacing,
    ],
)
def test_the_same_bytes_that_look_otherwise_are_another_instance(
    make: Make, take: Take, place: Workplace, change: Callable[[Dataset], None]
) -> None:
    native = Made(table="native")
    assert take(make("level", made=native)).is_kept
    before = only(place)
    outcome = take(make("level", made=native, change=change))
    assert outcome.failure is Failure.DUPLICATE
    assert only(place) == before
    # What says nothing of how it looks may be said otherwise.
    told = values(StudyDescription="Other", InstanceNumber=9)
    assert take(make("level", made=native, change=told)).is_kept


def test_a_header_looks_the_same_however_it_is_written() -> None:
    table = Dataset()
    table.LUTDescriptor = [4, 0, 16]
    table.add_new("LUTData", "US", [1, 2, 3, 4])
    header = Dataset()
    header.PixelRepresentation, header.WindowCenter = 0, "40.0"
    header.VOILUTSequence = [table]
    header.file_meta = FileMetaDataset()
    header.file_meta.MediaStorageSOPClassUID = header.SOPClassUID = UID("1.2")
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID = UID("1.3")
    looks = set()
    for header.file_meta.TransferSyntaxUID in (ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        buffer = io.BytesIO()
        header.save_as(buffer, enforce_file_format=True)
        looks.add(looks_sha256(dcmread(io.BytesIO(buffer.getvalue()))))
    assert len(looks) == 1
    table.LUTData = [1, 2, 3, 5]
    assert looks_sha256(header) not in looks
