"""ImageJ's TIFF: which page is which plane, and how large a pixel is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from slides.convert import Request, convert
from slides.errors import DamagedSlide, UnsupportedSlide
from slides.open import open_slide
from tests.samples import vendors
from tests.samples.dicom_planes import smooth, whole
from tests.slides.converted import complaints
from tiles.pyramid import Box


def write(path: Path, pixels: Any, **metadata: Any) -> Path:
    """A file as ImageJ writes it, two pixels a micrometre."""
    tifffile.imwrite(path, pixels, imagej=True, resolution=(2, 2), metadata=metadata)
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_channels_and_focal_planes(dtype: Any, tmp_path: Path) -> None:
    stack = smooth(2, 3, 90, 70, dtype)
    stored = stack[..., 0].swapaxes(0, 1)
    path = write(tmp_path / "a.tif", stored, axes="ZCYX", unit="um", spacing=1.5)
    with open_slide(path) as slide:
        assert np.array_equal(whole(slide), stack)
        assert slide.facts.mpp_um == (0.5, 0.5)
        assert slide.facts.focal_spacing_um == 1.5
        assert len(slide.facts.channels) == 2
    report = convert(path, tmp_path / "out", Request(verify=True))
    assert report.proof is not None
    assert not complaints(tmp_path / "out")


def test_a_file_beyond_four_gigabytes_has_one_page(tmp_path: Path) -> None:
    stack = smooth(3, 1, 90, 70, np.uint16)
    path = tmp_path / "a.tif"
    said = "ImageJ=1.53t\nimages=3\nslices=3\nunit=\\u00B5m\nspacing=2.0\n"
    how: Any = {"photometric": "minisblack", "metadata": None}
    tifffile.imwrite(path, stack[0, 0, ..., 0], description=said, resolution=(2, 2), **how)
    with tifffile.TiffFile(path) as tiff:
        end = tiff.pages.first.dataoffsets[0] + tiff.pages.first.databytecounts[0]
    assert end == path.stat().st_size
    with path.open("ab") as file:
        file.write(stack[1:, 0, ..., 0].astype("<u2").tobytes())
    with open_slide(path) as slide:
        assert np.array_equal(whole(slide)[0], stack[:, 0])
        assert slide.facts.mpp_um == (0.5, 0.5)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DamagedSlide, match="beyond the end"):
        open_slide(path)


def test_a_picture_in_colour(tmp_path: Path) -> None:
    picture = vendors.picture(300, 200)
    with open_slide(write(tmp_path / "a.tif", picture, unit="micron")) as slide:
        assert np.array_equal(slide.source.pixels(0, Box(0, 0, 300, 200)), picture)
        assert slide.facts.mpp_um == (0.5, 0.5)


def test_several_times_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tif", np.zeros((3, 50, 40), np.uint8), axes="TYX")
    with pytest.raises(UnsupportedSlide, match="3 times"):
        open_slide(path)
