"""DICOM frames that lost nothing are copied, of 16 bits too, and go on being called lossless."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.encaps import generate_frames

from slides.convert import Request, convert
from slides.open import open_slide
from slides.slide import colours
from tests.samples import vendors
from tests.samples.dicom_planes import Cut, smooth, whole, write_stack
from tests.slides.converted import complaints

LOSSLESS = {
    "JPEG-LS": "1.2.840.10008.1.2.4.80",
    "JPEG 2000 lossless": "1.2.840.10008.1.2.4.90",
    "HTJ2K lossless": "1.2.840.10008.1.2.4.201",
}


def frames_of(path: Path) -> list[bytes]:
    data = dcmread(path)
    found = generate_frames(data.PixelData, number_of_frames=int(data.NumberOfFrames))
    return [frame.rstrip(b"\0") for frame in found]


@pytest.mark.parametrize("syntax", LOSSLESS)
@pytest.mark.parametrize(("dtype", "samples"), [(np.uint16, 1), (np.uint8, 1), (np.uint8, 3)])
@pytest.mark.parametrize("paths", [1, 2])
def test_lossless_frames_are_copied_and_stay_lossless(
    syntax: str, dtype: Any, samples: int, paths: int, tmp_path: Path
) -> None:
    stack = smooth(paths if samples == 1 else 1, 2, 700, 300, dtype, samples)
    (path,) = write_stack(tmp_path, "a", stack, Cut(syntax, tile=256, fluorescent=samples == 1))
    report = convert(path, tmp_path / "out", Request(to="both", verify=True, lossless_only=True))
    assert str(report.plan.levels[0].action) == "copy"
    written = dcmread(tmp_path / "out" / "level-0.dcm")
    assert str(written.file_meta.TransferSyntaxUID) == LOSSLESS[syntax]
    assert written.LossyImageCompression == "00"
    assert written.BitsStored == 8 * stack.itemsize
    assert frames_of(tmp_path / "out" / "level-0.dcm") == frames_of(path)
    with open_slide(tmp_path / "out") as slide:
        assert np.array_equal(whole(slide), stack)
    assert complaints(tmp_path / "out") == []


def test_what_lost_something_before_is_not_called_lossless(tmp_path: Path) -> None:
    stack = smooth(1, 1, 700, 300, np.uint8, 3)
    (path,) = write_stack(
        tmp_path, "a", stack, Cut("JPEG 2000 lossless", tile=256, fluorescent=False)
    )
    data = dcmread(path)
    data.LossyImageCompression = "01"
    data.LossyImageCompressionMethod, data.LossyImageCompressionRatio = "ISO_10918_1", "12.5"
    data.save_as(path)
    convert(path, tmp_path / "out", Request())
    written = dcmread(tmp_path / "out" / "level-0.dcm", stop_before_pixels=True)
    # The frames lost nothing; their pixels had, before.
    assert str(written.file_meta.TransferSyntaxUID) == LOSSLESS["JPEG 2000 lossless"]
    assert written.LossyImageCompression == "01"
    assert written.LossyImageCompressionMethod == "ISO_10918_1"
    assert float(written.LossyImageCompressionRatio) == 12.5
    assert complaints(tmp_path / "out") == []


def test_a_label_without_loss_stays_so_however_often_it_is_converted(tmp_path: Path) -> None:
    path = vendors.ventana(tmp_path / "a.bif", vendors.picture(1024, 768))
    convert(path, tmp_path / "first", Request())
    with open_slide(tmp_path / "first") as slide:
        names = {"label": "label", "macro": "overview"}
        expected = {names[name]: one.pixels() for name, one in slide.associated.items()}
    convert(tmp_path / "first", tmp_path / "second", Request())
    for name in expected:
        first, second = (dcmread(tmp_path / out / f"{name}.dcm") for out in ("first", "second"))
        assert first.file_meta.TransferSyntaxUID == second.file_meta.TransferSyntaxUID
        for keyword in ("LossyImageCompression", "LossyImageCompressionMethod"):
            assert first.get(keyword) == second.get(keyword)
    with open_slide(tmp_path / "second") as slide:
        for name, one in slide.associated.items():
            assert np.array_equal(one.pixels(), expected[names[name]])
            assert colours(slide.source).shape[2] == 3
