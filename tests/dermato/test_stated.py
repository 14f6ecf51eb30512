"""What the catalogue knows of a photograph reaches its header, its links included."""

import io
from datetime import date
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from archive.body_site import Side, site_of_code
from archive.capture import Capture, View
from archive.catalog import Catalog
from archive.lesion import LesionEvent, LesionEventKind, LesionSaid, Photograph
from archive.record import Image, ObjectRole
from archive.storage import Storage
from dermato.header import DERMOSCOPIC, VL_PHOTOGRAPHIC
from dermato.ingest import ingest_photo
from tests.dermato.archived import PATIENT, errors_of, received, stored_bytes
from tests.samples.photo import make_photo

HERE = "Hôpital A"
FOREARM = site_of_code("70559009")


def taken(folder: Path, seed: int) -> Path:
    return make_photo(folder / f"{seed}.jpg", seed=seed, width=96, height=64)


def instance(image: Image, storage: Storage) -> Dataset:
    return dcmread(io.BytesIO(stored_bytes(image, storage, ObjectRole.PHOTO)))


@pytest.mark.parametrize("overview_first", [True, False])
def test_dermoscopy_refers_to_its_overview_whichever_is_built_first(
    overview_first: bool, catalog: Catalog, storage: Storage, tmp_path: Path
) -> None:
    files = [taken(tmp_path, seed) for seed in (1, 2, 3)]
    far, before, now = (received(catalog, storage, file) for file in files)
    key = catalog.lesions.patient_key(PATIENT, establishment=HERE)
    seen = LesionEvent(LesionEventKind.FIRST_SEEN, date(2025, 3, 1))
    lesion = catalog.lesions.create(key, LesionSaid(FOREARM, Side.LEFT), seen, establishment=HERE)
    for said in (
        Photograph(far.id, Capture(View.OVERVIEW, FOREARM, Side.LEFT)),
        Photograph(before.id, Capture(View.CLOSE_UP, FOREARM, Side.LEFT), lesion.id),
        Photograph(
            now.id, Capture(View.DERMOSCOPY, FOREARM, Side.LEFT), lesion.id, far.id, before.id
        ),
    ):
        catalog.photographs.state(said, establishment=HERE)

    order = [0, 1, 2] if overview_first else [2, 1, 0]
    images = {}
    for place in order:
        image = (far, before, now)[place]
        images[place] = ingest_photo(files[place], image, catalog, storage)
    overview, earlier, data = (instance(images[place], storage) for place in range(3))

    assert (data.SOPClassUID, overview.SOPClassUID) == (DERMOSCOPIC, VL_PHOTOGRAPHIC)
    (stored,) = images[2].objects_as(ObjectRole.PHOTO)
    assert (stored.sop_class_uid, stored.sop_instance_uid) == (DERMOSCOPIC, data.SOPInstanceUID)
    assert data.TrackingUID == earlier.TrackingUID == lesion.tracking_uid
    assert data.TrackingID == "L1"
    assert [one.ReferencedSOPInstanceUID for one in data.ReferencedImageSequence] == [
        overview.SOPInstanceUID,
        earlier.SOPInstanceUID,
    ]
    assert {one.SeriesInstanceUID for one in data.ReferencedSeriesSequence} == {
        overview.SeriesInstanceUID,
        earlier.SeriesInstanceUID,
    }
    for image in images.values():
        raw = stored_bytes(image, storage, ObjectRole.PHOTO)
        assert errors_of(raw, tmp_path) == []
