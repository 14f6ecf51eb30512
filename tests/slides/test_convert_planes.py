"""What stacks become: conformant, without loss, and read alike by other people's software."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from highdicom.io import ImageFileReader
from pydicom import dcmread
from pydicom.pixels.utils import pixel_array
from wsidicom import WsiDicom
from yaozarrs import validate_zarr_store

from slides.convert import Request, convert
from slides.instances import LINKED
from slides.open import open_slide
from tests.samples.dicom_planes import Cut, smooth, whole, write_stack
from tests.slides.converted import complaints
from tests.tiles.arrays import halved_by_definition
from tiles.pyramid import Box
from tiles.source import Encoding


@pytest.mark.parametrize(
    ("paths", "depth", "dtype", "samples"),
    [
        (1, 1, np.uint16, 1),
        (3, 1, np.uint16, 1),
        (2, 3, np.uint16, 1),
        (1, 4, np.uint8, 1),
        (2, 1, np.uint8, 1),
    ],
)
def test_measured_planes_are_kept_exactly(
    paths: int, depth: int, dtype: Any, samples: int, tmp_path: Path
) -> None:
    stack = smooth(paths, depth, 1300, 700, dtype, samples)
    (path,) = write_stack(tmp_path, "a", stack, Cut("RLE", tile=256))
    out = tmp_path / "out"
    report = convert(path, out, Request(to="both", verify=True, lossless_only=True))
    assert [step.action for step in report.plan.levels] == ["encode", "derive", "derive"]
    assert complaints(out) == []
    with open_slide(out / "level-0.dcm") as slide:
        assert slide.source.encoding(0) is Encoding.JPEG_LS
        assert np.array_equal(whole(slide), stack)
        assert [one.name for one in slide.facts.channels] == [f"Dye {c}" for c in range(paths)]
        assert all(one.fluorescent for one in slide.facts.channels)
        for number, level in enumerate(slide.source.pyramid.levels):
            for plane in slide.source.pyramid.planes:
                model = stack[plane.optical_path, plane.focal_plane]
                for _ in range(number):
                    model = halved_by_definition(model)
                box = Box(0, 0, level.width, level.height)
                assert np.array_equal(slide.source.pixels(number, box, plane), model)
    group = out / LINKED
    validate_zarr_store(str(group))
    array = zarr.open_group(group, mode="r")["0"]
    assert isinstance(array, zarr.Array)
    own = stack[..., 0] if depth > 1 else stack[:, 0, ..., 0]
    assert np.array_equal(np.asarray(array[:]), own)


def test_other_readers_find_the_same_pixels(tmp_path: Path) -> None:
    stack = smooth(2, 2, 700, 600, np.uint16)
    (path,) = write_stack(tmp_path, "a", stack, Cut(tile=256))
    out = tmp_path / "out"
    convert(path, out, Request())
    base = out / "level-0.dcm"
    tiles = [
        np.pad(plane, ((0, 424), (0, 324)), mode="edge")[y : y + 512, x : x + 512]
        for plane in stack[..., 0].reshape(4, 600, 700)
        for y in (0, 512)
        for x in (0, 512)
    ]
    header = dcmread(base)
    assert (header.BitsAllocated, header.BitsStored, header.HighBit) == (16, 16, 15)
    assert (header.TotalPixelMatrixFocalPlanes, header.NumberOfOpticalPaths) == (2, 2)
    assert header.LossyImageCompression == "00"
    lights = header.OpticalPathSequence
    assert [one.IlluminationTypeCodeSequence[0].CodeValue for one in lights] == ["111743"] * 2
    assert [one.IlluminationWaveLength for one in lights] == [400, 480]
    spacing = header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    assert spacing.SpacingBetweenSlices == pytest.approx(0.002)
    assert np.array_equal(pixel_array(base), np.stack(tiles))
    with ImageFileReader(base) as reader:
        assert np.array_equal(reader.read_frame(13, correct_color=False), tiles[13])
    with WsiDicom.open(out) as other:
        heights = sorted(other.levels.base_level.focal_planes)
        assert len(heights) == 2
        for number, optical in enumerate(("0", "1")):
            for z, height in zip(range(2), heights, strict=True):
                found = other.read_region((0, 0), 0, (700, 600), z=height, path=optical)
                assert np.array_equal(np.asarray(found), stack[number, z, ..., 0])


def test_a_stack_of_colours_keeps_its_jpegs(tmp_path: Path) -> None:
    """Focal planes in colour: every plane is copied, every plane has its pyramid."""
    stack = smooth(1, 3, 900, 600, np.uint8, 3)
    (path,) = write_stack(tmp_path, "a", stack, Cut("JPEG", tile=256, fluorescent=False))
    out = tmp_path / "out"
    report = convert(path, out, Request(to="both", verify=True))
    assert report.plan.levels[0].action == "copy"
    assert complaints(out) == []
    with open_slide(path) as before, open_slide(out / "level-0.dcm") as after:
        assert np.array_equal(whole(after), whole(before))
        assert after.facts.focal_spacing_um == pytest.approx(2.0)
        for plane in before.source.pyramid.planes:
            made, kept = after.source.frame(0, 1, 1, plane), before.source.frame(0, 1, 1, plane)
            assert made is not None
            assert kept is not None
            assert made.data.rstrip(b"\0") == kept.data.rstrip(b"\0")
            small = after.source.pixels(1, Box(0, 0, 450, 300), plane).astype(int)
            model = halved_by_definition(stack[0, plane.focal_plane])
            assert np.abs(small - model).mean() < 3
    array = zarr.open_group(out / LINKED, mode="r")["0"]
    assert isinstance(array, zarr.Array)
    assert array.shape == (3, 3, 600, 900)


def test_the_same_stack_gives_the_same_objects(tmp_path: Path) -> None:
    (path,) = write_stack(tmp_path, "a", smooth(2, 2, 700, 600, np.uint16))
    first, second = tmp_path / "first", tmp_path / "second"
    convert(path, first, Request())
    convert(path, second, Request())
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes()


@pytest.mark.parametrize("told", [True, False])
def test_what_was_lost_before_is_told(told: bool, tmp_path: Path) -> None:
    """Kept without loss from here on, and never called lossless."""
    (path,) = write_stack(tmp_path, "a", smooth(1, 1, 200, 100, np.uint16), Cut("JPEG extended"))
    header = dcmread(path)
    if told:
        header.LossyImageCompression, header.LossyImageCompressionRatio = "01", "7.5"
        header.LossyImageCompressionMethod = "ISO_10918_1"
    header.save_as(path)
    convert(path, tmp_path / "out", Request())
    made = dcmread(tmp_path / "out" / "level-0.dcm")
    assert made.LossyImageCompression == "01"
    assert made.LossyImageCompressionMethod == "ISO_10918_1"
    assert float(made.LossyImageCompressionRatio) > 1
