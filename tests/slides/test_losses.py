"""What pixels lost before they came is said of them afterwards too."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import dcmread

from slides.convert import Request, convert
from slides.open import open_slide
from tests.samples import dicom_slides, vendors

EARLIER = ("ISO_10918_1", "12.50")


def _made(folder: Path, table: dicom_slides.Table, **stated: object) -> Path:
    pixels = vendors.picture()
    path = dicom_slides.write_instance(folder / "slide.dcm", pixels, dicom_slides.Made(table=table))
    data = dcmread(path)
    data.LossyImageCompression = "01"
    data.LossyImageCompressionMethod, data.LossyImageCompressionRatio = map(list, zip(EARLIER))
    for keyword, value in stated.items():
        setattr(data, keyword, value)
    data.save_as(path)
    return path


def test_pixels_that_are_raw_now_and_were_not_once(tmp_path: Path) -> None:
    source = _made(tmp_path, "native")
    convert(source, tmp_path / "out", Request(levels="source", mpp_um=(0.5, 0.5)))
    written = dcmread(tmp_path / "out" / "level-0.dcm", stop_before_pixels=True)
    assert written.LossyImageCompression == "01"
    assert list(written.LossyImageCompressionMethod) == ["ISO_10918_1", "ISO_10918_1"]
    assert written.LossyImageCompressionRatio[0] == pytest.approx(12.5)


def test_copied_frames_are_not_said_to_be_compressed_twice(tmp_path: Path) -> None:
    source = _made(tmp_path, "basic")
    convert(source, tmp_path / "out", Request(levels="source", mpp_um=(0.5, 0.5)))
    written = dcmread(tmp_path / "out" / "level-0.dcm", stop_before_pixels=True)
    assert written.LossyImageCompressionMethod == "ISO_10918_1"
    stored = sum(len(frame) for frame in _frames(tmp_path / "out" / "level-0.dcm"))
    pixels = written.Rows * written.Columns * written.NumberOfFrames * 3
    assert float(written.LossyImageCompressionRatio) == pytest.approx(pixels / stored, rel=0.01)


def test_an_earlier_generation_is_kept_when_frames_are_copied(tmp_path: Path) -> None:
    two = {
        "LossyImageCompressionMethod": ["ISO_15444_1", "ISO_10918_1"],
        "LossyImageCompressionRatio": ["20", "10"],
    }
    with open_slide(_made(tmp_path, "basic", **two)) as slide:
        assert [loss.method for loss in slide.lost(0)] == ["ISO_15444_1", "ISO_10918_1"]
        assert slide.lost(0)[0].ratio == "20"


def test_what_was_never_compressed_with_loss_says_so(tmp_path: Path) -> None:
    with open_slide(_made(tmp_path, "native", LossyImageCompression="00")) as slide:
        assert slide.lost(0) == ()


def _frames(path: Path) -> list[bytes]:
    data = pydicom.dcmread(path)
    made = pydicom.encaps.generate_frames(data.PixelData, number_of_frames=int(data.NumberOfFrames))
    return [bytes(np.frombuffer(frame, np.uint8)) for frame in made]
