"""Instances cut into parts say together what the whole said, and are read as one again."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

from slides.convert import Request, convert
from slides.errors import TooLarge
from slides.open import open_slide
from tests.samples.slide import make_slide
from tests.slides.converted import complaints
from tiles.cut import neighbours
from tiles.pyramid import Box

MOST = 150_000
# What tells a part from its neighbours; all else is the whole's.
OF_A_PART = {
    "SOPInstanceUID",
    "ConcatenationUID",
    "SOPInstanceUIDOfConcatenationSource",
    "InConcatenationNumber",
    "InConcatenationTotalNumber",
    "ConcatenationFrameOffsetNumber",
    "NumberOfFrames",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "PixelData",
    "DataSetTrailingPadding",
}


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("slide") / "a.svs"
    return make_slide(path, 1500, 1100, mpp=0.5, quality=95)


@pytest.fixture(scope="module")
def whole(slide: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "out"
    convert(slide, out, Request())
    return out


@pytest.fixture(scope="module")
def parted(slide: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("parted") / "out"
    report = convert(slide, out, Request(max_instance_bytes=MOST, verify=True))
    assert set(report.files) == {path.name for path in out.iterdir()}
    return out


def parts_of(folder: Path, stem: str) -> list[Dataset]:
    found = [dcmread(path) for path in folder.glob(f"{stem}-part-*.dcm")]
    return sorted(found, key=lambda part: int(part.InConcatenationNumber))


def frames_of(data: Dataset) -> list[bytes]:
    table = (data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths)
    count = int(data.NumberOfFrames)
    return list(generate_frames(data.PixelData, number_of_frames=count, extended_offsets=table))


def test_no_instance_is_larger_and_validators_have_nothing_to_say(parted: Path) -> None:
    sizes = [path.stat().st_size for path in parted.iterdir()]
    assert max(sizes) <= MOST
    assert not (parted / "level-0.dcm").exists()
    # The tool counts the frames of one instance against the whole matrix, where C.7.6.17.3 says
    # that TILED_FULL goes on "across all Instances of a Concatenation".
    rest = [
        one
        for one in complaints(parted)
        if "NumberOfFrames does not match" not in one or "with Concatenation" not in one
    ]
    assert rest == []


def test_small_instances_are_left_as_they_are(whole: Path, parted: Path) -> None:
    small = [path for path in whole.iterdir() if path.stat().st_size <= MOST]
    assert small
    for path in small:
        assert (parted / path.name).read_bytes() == path.read_bytes()


def test_the_parts_are_the_whole(whole: Path, parted: Path) -> None:
    one = dcmread(whole / "level-0.dcm")
    parts = parts_of(parted, "level-0")
    assert len(parts) > 2
    assert [frame for part in parts for frame in frames_of(part)] == frames_of(one)
    offset = 0
    for number, part in enumerate(parts, 1):
        assert part.InConcatenationNumber == number
        assert part.InConcatenationTotalNumber == len(parts)
        assert part.ConcatenationFrameOffsetNumber == offset
        assert part.SOPInstanceUIDOfConcatenationSource == one.SOPInstanceUID
        assert part.ConcatenationUID == parts[0].ConcatenationUID
        assert part.file_meta.MediaStorageSOPInstanceUID == part.SOPInstanceUID
        offset += int(part.NumberOfFrames)
        for element in one:
            if element.keyword not in OF_A_PART:
                assert part[element.tag] == element
    assert offset == one.NumberOfFrames
    assert len({part.SOPInstanceUID for part in parts} | {one.SOPInstanceUID}) == len(parts) + 1


def test_our_own_reader_joins_them(slide: Path, parted: Path) -> None:
    with open_slide(slide) as before, open_slide(parted) as after:
        assert after.source.pyramid.levels[0] == before.source.pyramid.levels[0]
        box = Box(300, 200, 900, 700)
        assert np.array_equal(after.source.pixels(0, box), before.source.pixels(0, box))
        assert set(after.associated) == {"label", "macro"}


def test_the_same_parts_come_out_again(slide: Path, parted: Path, tmp_path: Path) -> None:
    convert(slide, tmp_path / "out", Request(max_instance_bytes=MOST))
    assert {path.name: path.read_bytes() for path in parted.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()
    }


def test_a_tile_that_is_too_large_alone_is_told(slide: Path, tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match=r"allow [0-9]+ bytes more"):
        convert(slide, tmp_path / "out", Request(max_instance_bytes=20_000))
    assert list(tmp_path.iterdir()) == []


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(50, 200))
def test_groups_follow_one_another_and_have_room(sizes: list[int], room: int) -> None:
    groups = neighbours(sizes, room)
    assert [number for group in groups for number in group] == list(range(len(sizes)))
    assert all(sum(sizes[number] for number in group) <= room for group in groups)
    for one, following in pairwise(groups):
        assert sum(sizes[number] for number in one) + sizes[following.start] > room
