"""What a person stated calibrates an instance; what a program read off a ruler does not."""

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
from tests.dermato.archived import received, stored_bytes
from tests.dermato.halves import dermoscopy
from tests.dermato.rulers import MILLIMETRES, Marks, with_ruler

HERE = "Hôpital A"
FOREARM = site_of_code("70559009")
PITCH_PX = 9.7
HALVES = Marks(0.5, ((10, 5.0), (5, 3.8), (1, 2.6)))
"""In tens, as millimetres are, and so are tenths of an inch: their marks tell nobody apart."""
TENTHS = Marks(2.54, HALVES.reaches_mm)
CALIBRATION = ("PixelSpacing", "PixelSpacingCalibrationType", "PixelSpacingCalibrationDescription")


class Archive:
    """A catalogue and a store, with photographs of a forearm."""

    def __init__(self, catalog: Catalog, storage: Storage, folder: Path) -> None:
        self.catalog, self.storage, self.folder = catalog, storage, folder

    def published(
        self,
        view: View,
        *,
        pitch_px: float = PITCH_PX,
        marks: Marks = MILLIMETRES,
        tilt: float = 0.0,
        stated_mm: float | None = None,
    ) -> tuple[Image, Dataset]:
        """The image of a picture with a ruler, and its instance read."""
        file = self.folder / f"{view}-{tilt}-{stated_mm}.jpg"
        long_mm = round(50 * PITCH_PX / pitch_px)
        drawn = with_ruler(
            dermoscopy(1, 800), pitch_px, 17, length_mm=long_mm, tilt=tilt, marks=marks
        )
        assert cv2.imwrite(str(file), drawn[..., ::-1])
        image = received(self.catalog, self.storage, file)
        spacing = None if stated_mm is None else (stated_mm, stated_mm)
        said = Capture(view, FOREARM, Side.LEFT, mm_per_pixel=spacing)
        self.catalog.photographs.state(Photograph(image.id, said), establishment=HERE)
        done = ingest_photo(file, image, self.catalog, self.storage)
        raw = stored_bytes(done, self.storage, ObjectRole.PHOTO)
        return done, dcmread(io.BytesIO(raw))


@pytest.fixture
def archive(catalog: Catalog, storage: Storage, tmp_path: Path) -> Archive:
    return Archive(catalog, storage, tmp_path)


@pytest.mark.parametrize("view", [View.CLOSE_UP, View.DERMOSCOPY])
def test_a_ruler_that_only_a_program_read_is_a_reading_aid(view: View, archive: Archive) -> None:
    image, data = archive.published(view)
    assert not any(keyword in data for keyword in CALIBRATION)
    spacing = archive.catalog.aids.spacing(image.id, establishment=HERE)
    assert spacing is not None
    assert spacing.scale == f"ruler {VERSION}"
    assert spacing.row_mm * PITCH_PX == pytest.approx(1, rel=0.01)
    assert 0 < spacing.share < 0.01


@pytest.mark.parametrize(("marks", "pitch_px"), [(HALVES, 20.0), (TENTHS, 6.0)])
def test_a_ruler_that_counts_otherwise_in_tens_misleads_no_instance(
    marks: Marks, pitch_px: float, archive: Archive
) -> None:
    image, data = archive.published(View.CLOSE_UP, marks=marks, pitch_px=pitch_px)
    assert not any(keyword in data for keyword in CALIBRATION)
    # Its marks are read as millimetres all the same: only who sees the ruler knows.
    read = archive.catalog.aids.ruler(image.id)
    assert read is not None
    assert read.mm_per_pixel == pytest.approx(1 / (pitch_px * marks.apart_mm), rel=0.01)


def test_a_ruler_that_leans_calibrates_nothing(archive: Archive) -> None:
    image, data = archive.published(View.CLOSE_UP, tilt=0.1)
    assert not any(keyword in data for keyword in CALIBRATION)
    read = archive.catalog.aids.ruler(image.id)
    assert read == RulerReading(image.id, VERSION, reason="tilted")


def test_what_is_stated_stands_before_a_ruler(archive: Archive) -> None:
    image, data = archive.published(View.CLOSE_UP, stated_mm=0.05)
    assert [float(one) for one in data.PixelSpacing] == [0.05, 0.05]
    assert "PixelSpacingCalibrationType" not in data
    assert archive.catalog.aids.ruler(image.id) is None


def test_an_overview_has_no_one_scale(archive: Archive) -> None:
    _, data = archive.published(View.OVERVIEW)
    assert not any(keyword in data for keyword in CALIBRATION)
