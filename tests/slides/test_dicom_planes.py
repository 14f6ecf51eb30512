"""DICOM slides of several planes, of 16 bits, cut into parts, and in every transfer syntax."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread

from slides.errors import DamagedSlide, UnsupportedSlide
from slides.open import open_slide
from tests.samples.dicom_planes import (
    ENCAPSULATED,
    SYNTAXES,
    Cut,
    smooth,
    whole,
    write_stack,
)
from tests.samples.dicom_slides import cut as cut_short
from tiles.errors import OutsideImage
from tiles.pyramid import Box, Plane
from tiles.source import Encoding, frames_in_order

LOSSY = {"JPEG", "JPEG extended", "JPEG-LS near", "JPEG 2000", "JPEG XL", "JPEG XL of JPEG"}


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(("dtype", "samples"), [(np.uint16, 1), (np.uint8, 1), (np.uint8, 3)])
def test_every_transfer_syntax(syntax: str, dtype: Any, samples: int, tmp_path: Path) -> None:
    if syntax == "JPEG extended":
        dtype, samples = np.uint16, 1
    if syntax in {"JPEG", "JPEG XL of JPEG"}:
        dtype = np.uint8
    stack = smooth(1, 1, 100, 90, dtype, samples)
    (path,) = write_stack(tmp_path, "a", stack, Cut(syntax))
    with open_slide(path) as slide:
        found = whole(slide)
        assert slide.source.pyramid.bits == 8 * stack.itemsize
        assert found.dtype == stack.dtype
        frame = slide.source.frame(0, 1, 1)
    apart = np.abs(found.astype(int) - stack.astype(int))
    most = 255 if dtype == np.uint8 else 4095
    assert apart.max() <= (most // 15 if syntax in LOSSY else 0)
    bare = syntax in {"RLE", "deflated frames"} or syntax not in ENCAPSULATED
    assert (frame is None) == bare


@given(
    paths=st.integers(1, 3),
    depth=st.integers(1, 3),
    width=st.integers(1, 150),
    height=st.integers(1, 150),
    parts=st.integers(1, 4),
    sparse=st.booleans(),
    syntax=st.sampled_from(["explicit", "JPEG-LS"]),
)
@settings(max_examples=40, deadline=None)
def test_planes_come_from_their_own_frames(
    paths: int,
    depth: int,
    width: int,
    height: int,
    parts: int,
    sparse: bool,
    syntax: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    stack = smooth(paths, depth, width, height, np.uint16)
    tiles = paths * depth * -(-width // 64) * -(-height // 64)
    cut = Cut(syntax, parts=parts if tiles >= parts * parts else 1, sparse=sparse)
    files = write_stack(tmp_path_factory.mktemp("stack"), "a", stack, cut)
    with open_slide(files[-1]) as slide:
        planes = tuple(Plane(z, c) for c in range(paths) for z in range(depth))
        assert slide.source.pyramid.planes == planes
        assert np.array_equal(whole(slide), stack)
        assert set(slide.files) == set(files)
        assert [one.name for one in slide.facts.channels] == [f"Dye {c}" for c in range(paths)]
        assert slide.facts.focal_spacing_um == (pytest.approx(2.0) if depth > 1 else None)
        for plane in planes:
            columns, rows = range(-(-width // 64)), range(-(-height // 64))
            at = [(column, row) for row in rows for column in columns]
            one_by_one = [slide.source.frame(0, *place, plane) for place in at]
            assert list(frames_in_order(slide.source, 0, columns, rows, plane)) == one_by_one
        with pytest.raises(OutsideImage):
            slide.source.pixels(0, Box(0, 0, 1, 1), Plane(depth, 0))


@pytest.mark.parametrize("total_known", [True, False])
@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_missing_part_is_named(missing: int, total_known: bool, tmp_path: Path) -> None:
    stack = smooth(1, 1, 300, 200, np.uint8)
    files = write_stack(tmp_path, "a", stack, Cut(parts=3, total_known=total_known))
    files.pop(missing).unlink()
    for given_path in (*files, tmp_path):
        with pytest.raises(DamagedSlide, match=r"missing|promises"):
            open_slide(given_path)


def test_a_part_that_is_there_twice_is_read_once(tmp_path: Path) -> None:
    stack = smooth(1, 1, 300, 200, np.uint8)
    files = write_stack(tmp_path, "a", stack, Cut(parts=2))
    (tmp_path / "copy.dcm").write_bytes(files[1].read_bytes())
    with open_slide(files[0]) as slide:
        assert np.array_equal(whole(slide), stack)


def test_a_part_that_is_cut_short_is_damage(tmp_path: Path) -> None:
    files = write_stack(tmp_path, "a", smooth(1, 1, 300, 200, np.uint8), Cut(parts=2))
    cut_short(files[1], files[1], 0.8)
    with pytest.raises(DamagedSlide, match="cut"):
        open_slide(files[0])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_tiles_that_were_never_stored_are_dark_under_fluorescence(
    dtype: Any, tmp_path: Path
) -> None:
    stack = smooth(2, 2, 128, 64, dtype)
    cut = Cut(sparse=True, without=frozenset({0, 7}))
    (path,) = write_stack(tmp_path, "a", stack, cut)
    stack[0, 0, :, :64] = 0
    stack[1, 1, :, 64:] = 0
    with open_slide(path) as slide:
        assert np.array_equal(whole(slide), stack)
        assert slide.source.frame(0, 0, 0) is None


def test_channels_in_instances_of_their_own_are_one_slide(tmp_path: Path) -> None:
    """Some scanners write an instance for each channel, or for each focal plane."""
    stack = smooth(3, 2, 150, 100, np.uint16)
    files = []
    for path in range(3):
        for focal in range(2):
            one = stack[path : path + 1, focal : focal + 1]
            cut = Cut("JPEG-LS", first_path=path, first_um=focal * 2.0)
            files += write_stack(tmp_path, f"{path}-{focal}", one, cut)
    # A reduced level that has one of the channels alone says nothing of the others.
    write_stack(tmp_path, "small", stack[:1, :1, ::2, ::2])
    with open_slide(files[3]) as slide:
        assert len(slide.source.pyramid.levels) == 1
        assert np.array_equal(whole(slide), stack)
        assert [one.excitation_nm for one in slide.facts.channels] == [400, 480, 560]
        assert slide.facts.focal_spacing_um == 2


def test_channels_with_other_focal_planes_are_refused(tmp_path: Path) -> None:
    stack = smooth(2, 2, 100, 100, np.uint16)
    write_stack(tmp_path, "a", stack[:1])
    write_stack(tmp_path, "b", stack[1:, :1], Cut(first_path=1))
    with pytest.raises(UnsupportedSlide, match="focal planes"):
        open_slide(tmp_path)


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("BitsAllocated", 32, "32-bit"),
        ("PixelRepresentation", 1, "signed 16-bit"),
        ("PhotometricInterpretation", "MONOCHROME1", "MONOCHROME1"),
    ],
)
def test_what_is_not_read_is_refused(
    keyword: str, value: object, reason: str, tmp_path: Path
) -> None:
    (path,) = write_stack(tmp_path, "a", smooth(1, 1, 100, 100, np.uint16), Cut("JPEG-LS"))
    header = dcmread(path)
    setattr(header, keyword, value)
    header.save_as(path)
    with pytest.raises(UnsupportedSlide, match=reason):
        open_slide(path)


def test_a_picture_of_a_part_of_a_slide_is_read(tmp_path: Path) -> None:
    stack = smooth(1, 1, 120, 90, np.uint8, 3)
    (path,) = write_stack(tmp_path, "a", stack, Cut(tile=120, fluorescent=False))
    header = dcmread(path)
    header.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.3"
    del header.SharedFunctionalGroupsSequence, header.DimensionOrganizationType
    del header.TotalPixelMatrixRows, header.TotalPixelMatrixColumns, header.NumberOfFrames
    header.save_as(path)
    with open_slide(path) as slide:
        assert slide.source.pyramid.levels[0].height == 120
        found = slide.source.pixels(0, Box(0, 0, 120, 90))
        assert np.array_equal(found, stack[0, 0])
        assert slide.facts.mpp_um is None
        assert slide.source.encoding(0) is Encoding.RAW
