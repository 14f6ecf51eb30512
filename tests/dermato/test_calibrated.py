"""A ruler beside a lesion calibrates its picture; one that leans, or is none, does not."""

import io
from pathlib import Path

import cv2
import pytest
from pydicom import Dataset, dcmread

from archive.body_site import Side, site_of_code
from archive.capture import Capture, View
from archive.catalog import Catalog
from archive.lesion import Photograph
from archive.reading_aids import RulerReading
from archive.record import Image, ObjectRole
from archive.storage import Storage
from dermato.ingest import ingest_photo
from dermato.ruler import VERSION
from tests.dermato.archived import errors_of, received, stored_bytes
from tests.dermato.halves import dermoscopy
from tests.dermato.rulers import with_ruler

HERE = "Hôpital A"
FOREARM = site_of_code("70559009")
PITCH_PX = 9.7
CALIBRATION = ("PixelSpacing", "PixelSpacingCalibrationType", "PixelSpacingCalibrationDescription")


class Archive:
    """A catalogue and a store, with photographs of a forearm."""

    def __init__(self, catalog: Catalog, storage: Storage, folder: Path) -> None:
        self.catalog, self.storage, self.folder = catalog, storage, folder

    def published(
        self, view: View, *, tilt: float = 0.0, stated_mm: float | None = None
    ) -> tuple[Image, Dataset, bytes]:
        """The image of a picture with a ruler, its instance read, and its bytes."""
        file = self.folder / f"{view}-{tilt}-{stated_mm}.jpg"
        drawn = with_ruler(dermoscopy(1, 800), PITCH_PX, 17, tilt=tilt)
        assert cv2.imwrite(str(file), drawn[..., ::-1])
        image = received(self.catalog, self.storage, file)
        spacing = None if stated_mm is None else (stated_mm, stated_mm)
        said = Capture(view, FOREARM, Side.LEFT, mm_per_pixel=spacing)
        self.catalog.photographs.state(Photograph(image.id, said), establishment=HERE)
        done = ingest_photo(file, image, self.catalog, self.storage)
        raw = stored_bytes(done, self.storage, ObjectRole.PHOTO)
        return done, dcmread(io.BytesIO(raw)), raw


@pytest.fixture
def archive(catalog: Catalog, storage: Storage, tmp_path: Path) -> Archive:
    return Archive(catalog, storage, tmp_path)


@pytest.mark.parametrize("view", [View.CLOSE_UP, View.DERMOSCOPY])
def test_a_ruler_beside_a_lesion_calibrates_the_instance(view: View, archive: Archive) -> None:
    image, data, raw = archive.published(view)
    assert [float(one) * PITCH_PX for one in data.PixelSpacing] == pytest.approx([1, 1], rel=0.01)
    assert data.PixelSpacingCalibrationType == "FIDUCIAL"
    assert f"ruler {VERSION}," in data.PixelSpacingCalibrationDescription
    assert errors_of(raw, archive.folder) == []
    # Who measures in the picture has the same scale, with its uncertainty.
    spacing = archive.catalog.aids.spacing(image.id, establishment=HERE)
    assert spacing is not None
    assert spacing.scale == f"ruler {VERSION}"
    assert spacing.row_mm == pytest.approx(float(data.PixelSpacing[0]))
    assert 0 < spacing.share < 0.01


def test_a_ruler_that_leans_calibrates_nothing(archive: Archive) -> None:
    image, data, _ = archive.published(View.CLOSE_UP, tilt=0.1)
    assert not any(keyword in data for keyword in CALIBRATION)
    read = archive.catalog.aids.ruler(image.id)
    assert read == RulerReading(image.id, VERSION, reason="tilted")


def test_what_is_stated_stands_before_a_ruler(archive: Archive) -> None:
    image, data, _ = archive.published(View.CLOSE_UP, stated_mm=0.05)
    assert [float(one) for one in data.PixelSpacing] == [0.05, 0.05]
    assert "PixelSpacingCalibrationType" not in data
    assert archive.catalog.aids.ruler(image.id) is None


def test_an_overview_has_no_one_scale(archive: Archive) -> None:
    _, data, _ = archive.published(View.OVERVIEW)
    assert not any(keyword in data for keyword in CALIBRATION)
