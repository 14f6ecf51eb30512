"""What a camera says of its exposure and lens is in the header; what cannot be so is not."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags
from PIL.Image import Exif
from PIL.TiffImagePlugin import IFDRational

from archive.capture import View
from dermato.camera.exif import Camera, Exposure, read_camera
from dermato.clinical import Stated
from dermato.header import header
from dermato.photo import Photo
from tests.dermato.test_header import EVERYTHING, capture, context, photo, validated

ALL = Exposure(0.0166666666666666, 1.8, 100, 5.4, True, "Sansverre", "Sample lens 24 mm")


def block(**tags: object) -> bytes:
    exif = Exif()
    inside = exif.get_ifd(ExifTags.IFD.Exif)
    for name, value in tags.items():
        inside[ExifTags.Base[name]] = value
    return exif.tobytes().removeprefix(b"Exif\0\0")


def with_exposure(exposure: Exposure) -> Photo:
    whole = photo()
    facts = replace(whole.facts, camera=Camera(exposure=exposure))
    base = whole.pyramid
    return Photo(whole.whole, base.width, base.height, base.samples, facts)


@pytest.mark.parametrize("said", [EVERYTHING, Stated(capture(View.OVERVIEW), "Hôpital A"), None])
def test_the_header_says_how_it_was_exposed(said: Stated | None, tmp_path: Path) -> None:
    data = header(with_exposure(ALL), context(said))
    assert data.ExposureTimeInSeconds == pytest.approx(1 / 60)
    assert (data.FNumber, data.PhotographicSensitivity, data.FocalLength) == (1.8, 100, 5.4)
    assert (data.FlashFiringStatus, data.LensMake) == (1, "Sansverre")
    assert data.LensModel == "Sample lens 24 mm"
    assert validated(tmp_path / "photo.dcm", data) == []


def test_what_is_not_known_is_not_written() -> None:
    data = header(with_exposure(Exposure()), context(None))
    assert [one for one in data if one.tag.group == 0x0016] == []


def test_a_cameras_block_is_read() -> None:
    said = block(
        ExposureTime=IFDRational(1, 60),
        FNumber=1.8,
        ISOSpeedRatings=100,
        FocalLength=5.4,
        Flash=25,
        LensMake="Sansverre",
        LensModel="Sample lens 24 mm",
        LensSerialNumber="SERIAL",
        BodySerialNumber="SERIAL",
        CameraOwnerName="NAME",
    )
    found = read_camera(said).exposure
    assert found.time_s == pytest.approx(1 / 60)
    assert replace(found, time_s=ALL.time_s) == ALL


@given(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    st.integers(0, 65535),
    st.integers(0, 65535),
)
def test_no_number_of_a_camera_makes_a_header_that_cannot_be(
    fraction: tuple[int, int], sensitivity: int, flash: int
) -> None:
    ratio = IFDRational(*fraction)
    said = block(
        ExposureTime=ratio,
        FNumber=ratio,
        FocalLength=ratio,
        ISOSpeedRatings=sensitivity,
        Flash=flash,
    )
    found = read_camera(said).exposure
    assert found.flash_fired is bool(flash & 1)
    assert found.sensitivity == (sensitivity or None)
    data = header(with_exposure(found), context(None))
    for keyword in ("ExposureTimeInSeconds", "FNumber", "FocalLength"):
        if (value := data.get(keyword)) is not None:
            assert 0 < value < 1e6
            assert len(str(value)) <= 16
