"""From a camera's file to a published DICOM instance, once, resumed, and validated."""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.encaps import get_frame

from archive.catalog import Catalog
from archive.record import Image as Record
from archive.record import ImageState, ObjectRole
from archive.storage import Storage
from dermato.errors import UnsupportedPhoto
from dermato.ingest import ingest_photo
from dermato.photo import open_photo
from tests.dermato.archived import PATIENT, errors_of, received, stored_bytes
from tests.dermato.pictures import GPS, MADE, UPRIGHT, photograph
from tests.samples.photo import SERIAL_NUMBER
from tiles.instance import StoredImage, read_index
from tiles.pyramid import Box

ONE_OF_EACH = (*UPRIGHT, "phone-photos/orientation/landscape_5.jpg")


@pytest.mark.parametrize("relative", ONE_OF_EACH)
def test_a_photograph_becomes_a_valid_instance(
    relative: str, catalog: Catalog, storage: Storage, tmp_path: Path
) -> None:
    path = photograph(relative)
    photo = open_photo(path)
    image = ingest_photo(path, received(catalog, storage, path), catalog, storage)

    assert image.state is ImageState.PUBLISHED
    assert (image.facts["width"], image.facts["height"]) == (
        photo.pyramid.width,
        photo.pyramid.height,
    )
    instance = stored_bytes(image, storage, ObjectRole.PHOTO)
    assert errors_of(instance, tmp_path) == []
    data = dcmread(io.BytesIO(instance))
    assert data.Modality == "XC"
    assert data.PatientName == "ESSAI^Élise"
    assert data.PhotometricInterpretation == "YBR_FULL_422"
    assert data.ImageType == ["ORIGINAL", "PRIMARY"]
    assert "DerivationDescription" not in data
    frame = get_frame(data.PixelData, 0, number_of_frames=1)
    assert frame.rstrip(b"\0") == photo.whole.data.rstrip(b"\0")
    assert data.LossyImageCompression == "01"
    ratios = np.atleast_1d(np.asarray(data.LossyImageCompressionRatio, float))
    raw = photo.pyramid.pixels * photo.pyramid.samples
    assert ratios == pytest.approx([raw / len(photo.whole.data)], abs=0.01)
    if photo.facts.icc_profile:
        assert data.ICCProfile[12:16] == b"scnr"
        assert data.ICCProfile[128:] == photo.facts.icc_profile[128:] + b"\0" * (
            len(photo.facts.icc_profile) % 2
        )


def test_what_the_server_reads_is_what_the_camera_saw(catalog: Catalog, storage: Storage) -> None:
    path = photograph(GPS[0])
    image = ingest_photo(path, received(catalog, storage, path), catalog, storage)
    (one,) = image.objects_as(ObjectRole.PHOTO)

    def read(offset: int, length: int) -> bytes:
        return storage.read_range(one.key, offset, length)

    stored = StoredImage([(read_index(read, one.length_bytes), read)])
    with Image.open(path) as picture:
        before = np.asarray(picture)
    after = stored.pixels(0, Box(0, 0, before.shape[1], before.shape[0]))
    assert np.array_equal(after, before)
    item = b"\xfe\xff\x00\xe0" + stored.place(0, 0, 0)[2].to_bytes(4, "little")
    frame = stored.frame(0, 0, 0)
    assert frame is not None
    assert one.pixel_sha256 == hashlib.sha256(item + frame.data).hexdigest()


@pytest.mark.parametrize("relative", GPS)
def test_nothing_stored_tells_where_or_with_which_device(
    relative: str, catalog: Catalog, storage: Storage
) -> None:
    path = photograph(relative)
    image = ingest_photo(path, received(catalog, storage, path), catalog, storage)
    assert image.objects_as(ObjectRole.ORIGINAL) == ()
    with Image.open(path) as picture:
        place = picture.getexif().get_ifd(0x8825)
    assert place
    for one in image.objects:
        raw = storage.read_range(one.key, 0, one.length_bytes)
        for told in (b"Exif\0", b"GPS", SERIAL_NUMBER.encode(), str(place.get(29)).encode()):
            assert told not in raw
    assert not {"gps", "serial"} & {key.lower() for key in image.facts}


def test_the_original_is_deleted_once_published(catalog: Catalog, storage: Storage) -> None:
    path = photograph(GPS[0])
    image = received(catalog, storage, path)
    (original,) = image.objects_as(ObjectRole.ORIGINAL)
    ingest_photo(path, image, catalog, storage)
    with pytest.raises(LookupError):
        storage.size(original.key)
    assert path.exists()


def test_a_preview_for_lists(catalog: Catalog, storage: Storage) -> None:
    path = photograph("derm/dermoscopy/ISIC_0000000.jpg")
    image = ingest_photo(path, received(catalog, storage, path), catalog, storage)
    with Image.open(io.BytesIO(stored_bytes(image, storage, ObjectRole.PREVIEW))) as preview:
        assert max(preview.size) <= 512
        assert preview.format == "JPEG"
        assert not preview.getexif()


class StopsAfter:
    """A catalogue whose process dies right after a step."""

    def __init__(self, catalog: Catalog, step: ImageState) -> None:
        self._catalog, self._step = catalog, step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._catalog, name)

    def advance(self, image_id: str, to: ImageState, **rest: Any) -> Record:
        image = self._catalog.advance(image_id, to, **rest)
        if to is self._step:
            raise KeyboardInterrupt
        return image


@pytest.mark.parametrize("step", [ImageState.OPENED, ImageState.BUILT, ImageState.PUBLISHED])
def test_a_crash_after_any_step_is_resumed(
    step: ImageState, catalog: Catalog, storage: Storage, tmp_path: Path
) -> None:
    path = MADE(tmp_path / "photo.jpg")
    image = received(catalog, storage, path)
    dying: Any = StopsAfter(catalog, step)
    with pytest.raises(KeyboardInterrupt):
        ingest_photo(path, image, dying, storage)

    found = catalog.image(image.id, establishment=None)
    assert found.state is step
    done = ingest_photo(path, found, catalog, storage)
    assert done.state is ImageState.PUBLISHED
    assert sorted(one.role for one in done.objects) == [ObjectRole.PHOTO, ObjectRole.PREVIEW]
    assert ingest_photo(path, done, catalog, storage) == done


def test_the_same_file_gives_the_same_bytes_and_another_patient_other_uids(
    tmp_path: Path, storage: Storage
) -> None:
    path = MADE(tmp_path / "photo.jpg")
    made = []
    for name, patient in (("a", PATIENT), ("b", PATIENT), ("c", None)):
        with Catalog.open(f"sqlite:///{tmp_path / name}.sqlite") as catalog:
            image = ingest_photo(path, received(catalog, storage, path, patient), catalog, storage)
            made.append(dcmread(io.BytesIO(stored_bytes(image, storage, ObjectRole.PHOTO))))
    first, again, other = made
    assert first.SOPInstanceUID == again.SOPInstanceUID != other.SOPInstanceUID
    assert first.SeriesInstanceUID == again.SeriesInstanceUID != other.SeriesInstanceUID
    assert first.PixelData == again.PixelData == other.PixelData


def test_a_refused_file_leaves_the_image_where_it_was(
    catalog: Catalog, storage: Storage, tmp_path: Path
) -> None:
    path = tmp_path / "photo.gif"
    Image.new("RGB", (9, 9)).save(path)
    image = received(catalog, storage, path)
    with pytest.raises(UnsupportedPhoto):
        ingest_photo(path, image, catalog, storage)
    assert catalog.image(image.id, establishment=None).state is ImageState.RECEIVED


def test_a_grey_photograph_is_monochrome(
    catalog: Catalog, storage: Storage, tmp_path: Path
) -> None:
    path = tmp_path / "grey.jpg"
    Image.fromarray(np.arange(31 * 17, dtype=np.uint8).reshape(31, 17)).save(path, quality=95)
    image = ingest_photo(path, received(catalog, storage, path, None), catalog, storage)
    instance = stored_bytes(image, storage, ObjectRole.PHOTO)
    assert errors_of(instance, tmp_path) == []
    data = dcmread(io.BytesIO(instance))
    assert (data.PhotometricInterpretation, data.SamplesPerPixel) == ("MONOCHROME2", 1)
    assert "PlanarConfiguration" not in data
    with Image.open(io.BytesIO(stored_bytes(image, storage, ObjectRole.PREVIEW))) as preview:
        assert preview.size == (17, 31)
