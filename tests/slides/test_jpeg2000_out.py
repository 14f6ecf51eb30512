"""Copied JPEG 2000 shows the same colours to everybody who reads it."""

from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import openslide
import pytest
from pydicom import dcmread
from wsidicom import WsiDicom

from slides.convert import Request, convert
from slides.open import open_slide
from tests.samples import vendors
from tiles.pyramid import Box


@pytest.mark.parametrize(
    ("more", "colours"),
    [
        ({"mct": True}, "YBR_ICT"),
        ({"mct": True, "reversible": True}, "YBR_RCT"),
        ({}, "RGB"),
        ({"compression": 33003}, "YBR_ICT"),
    ],
)
def test_every_reader_shows_the_same_colours(
    more: dict[str, Any], colours: str, tmp_path: Path
) -> None:
    path = vendors.aperio_jpeg_2000(tmp_path / "a.svs", vendors.picture(300, 280), **more)
    report = convert(path, tmp_path / "out", Request())
    instance = tmp_path / "out" / "level-0.dcm"
    data = dcmread(instance)
    assert str(data.file_meta.TransferSyntaxUID) == "1.2.840.10008.1.2.4.91"
    assert colours == data.PhotometricInterpretation
    with open_slide(path) as slide:
        expected = slide.source.pixels(0, Box(0, 0, 256, 256))
        (loss,) = slide.lost(0)
    assert np.array_equal(data.pixel_array[0], expected)
    assert np.array_equal(highdicom.Image.from_dataset(data).get_frame(1), expected)
    with openslide.OpenSlide(instance) as theirs:
        region = theirs.read_region((0, 0), 0, (256, 256)).convert("RGB")
        assert np.array_equal(np.asarray(region), expected)
    with WsiDicom.open(tmp_path / "out") as series:
        assert np.array_equal(np.asarray(series.read_region((0, 0), 0, (256, 256))), expected)
    assert data.LossyImageCompressionMethod == loss.method == "ISO_15444_1"
    assert float(data.LossyImageCompressionRatio) == pytest.approx(float(loss.ratio), rel=0.01)
    reduced = dcmread(tmp_path / "out" / "level-1.dcm", stop_before_pixels=True)
    assert list(reduced.LossyImageCompressionMethod) == ["ISO_15444_1", "ISO_10918_1"]
    assert report.plan.quality == 90
