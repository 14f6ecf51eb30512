"""What each frame says of its place: read from the bytes as pydicom reads it."""

import io
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from tiles.errors import TilesError
from tiles.frame_groups import Placed, frame_groups
from tiles.instance import MOST_HEADER_BYTES, index_of, read_header, read_index

LENGTHS = st.booleans()
SMALL = st.integers(-(2**31), 2**31 - 1)
Z = st.none() | st.floats(-1e4, 1e4).map(lambda one: f"{one:.5g}")
PATHS = st.none() | st.text("ab 1.", min_size=1, max_size=16)


def sequence(data: Dataset, keyword: str, items: list[Dataset], *, is_open: bool) -> None:
    setattr(data, keyword, Sequence(items))
    data[keyword].is_undefined_length = is_open
    for one in items:
        one.is_undefined_length_sequence_item = is_open


@st.composite
def group(draw: st.DrawFn) -> Dataset:
    data, place, content = Dataset(), Dataset(), Dataset()
    place.ColumnPositionInTotalImagePixelMatrix = draw(SMALL)
    place.RowPositionInTotalImagePixelMatrix = draw(SMALL)
    if (z := draw(Z)) is not None:
        place.ZOffsetInSlideCoordinateSystem = z
    content.DimensionIndexValues = draw(st.lists(st.integers(0, 9), max_size=3))
    deeper = Dataset()
    deeper.CodeValue = "1"
    sequence(content, "PurposeOfReferenceCodeSequence", [deeper], is_open=draw(LENGTHS))
    sequence(data, "FrameContentSequence", [content], is_open=draw(LENGTHS))
    sequence(data, "PlanePositionSlideSequence", [place], is_open=draw(LENGTHS))
    if (name := draw(PATHS)) is not None:
        path = Dataset()
        path.OpticalPathIdentifier = name
        sequence(data, "OpticalPathIdentificationSequence", [path], is_open=draw(LENGTHS))
    return data


@st.composite
def headers(draw: st.DrawFn) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.77.1.6", "2.25.1"
    before = Dataset()
    before.OpticalPathIdentifier = "a"
    sequence(data, "OpticalPathSequence", [before] * draw(st.integers(0, 2)), is_open=draw(LENGTHS))
    groups = draw(st.lists(group(), min_size=1, max_size=4))
    sequence(data, "PerFrameFunctionalGroupsSequence", groups, is_open=draw(LENGTHS))
    data.PixelData = bytes(draw(st.integers(0, 2)) * 2)
    data["PixelData"].VR = "OB"
    return data


def written(data: Dataset) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore"):
        dcmwrite(buffer, data, enforce_file_format=True)
    return buffer.getvalue()


def told(placed: Placed) -> list[tuple[object, ...]]:
    numbers = placed.columns.tolist(), placed.rows.tolist(), placed.z.tolist()
    return list(zip(*numbers, placed.paths, strict=True))


@settings(max_examples=120, deadline=None)
@given(headers())
def test_places_are_those_that_pydicom_reads(data: Dataset) -> None:
    file = written(data)
    apart, known = frame_groups(file), Placed.of(dcmread(io.BytesIO(file)))
    assert apart is not None
    assert known is not None
    assert told(apart.placed) == told(known)
    rest = dcmread(io.BytesIO(file[: apart.begin] + file[apart.end :]))
    del data.PerFrameFunctionalGroupsSequence
    assert rest == dcmread(io.BytesIO(written(data)))


@settings(max_examples=60, deadline=None)
@given(headers(), st.floats(0, 1))
def test_a_beginning_that_ends_too_soon_is_known_as_such(data: Dataset, part: float) -> None:
    """Or has other bytes asked of pydicom: never are places told that are not all."""
    file = written(data)
    whole = frame_groups(file)
    assert whole is not None
    cut = file[: int(whole.end * part)]
    try:
        found = frame_groups(cut)
    except EOFError:
        return
    assert found is None or len(cut) == whole.end


def sparse(frames: int, *, is_open: bool) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID, data.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.77.1.6", "2.25.1"
    data.DimensionOrganizationType = "TILED_SPARSE"
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns, data.BitsAllocated = 2, 1, 8
    data.TotalPixelMatrixColumns, data.TotalPixelMatrixRows = 100, 2 * -(-frames // 100)
    data.NumberOfFrames = frames
    groups = []
    for number in reversed(range(frames)):
        one, place = Dataset(), Dataset()
        place.ColumnPositionInTotalImagePixelMatrix = number % 100 + 1
        place.RowPositionInTotalImagePixelMatrix = 2 * (number // 100) + 1
        sequence(one, "PlanePositionSlideSequence", [place], is_open=is_open)
        groups.append(one)
    sequence(data, "PerFrameFunctionalGroupsSequence", groups, is_open=is_open)
    data.PixelData = bytes(2 * frames)
    data["PixelData"].VR = "OB"
    return data


DAMAGED = {is_open: written(sparse(6, is_open=is_open)) for is_open in (True, False)}


@pytest.mark.parametrize("is_open", [True, False])
def test_frames_are_found_as_by_the_whole_header(is_open: bool) -> None:
    data = written(sparse(1501, is_open=is_open))

    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    began = time.process_time()
    found = read_index(read, len(data))
    took_s = time.process_time() - began
    began = time.process_time()
    known = index_of(*read_header(read, len(data)), read, len(data))
    assert took_s < (time.process_time() - began) / 2
    assert found.lying is not None
    assert known.lying is not None
    assert np.array_equal(found.offsets, known.offsets)
    assert np.array_equal(found.lying.tiles, known.lying.tiles)
    assert np.array_equal(found.lying.frames, known.lying.frames)
    assert found.range(0, 0) == (int(found.offsets[1500]), 2)


@settings(max_examples=150, deadline=None)
@given(st.booleans(), st.integers(132, 900), st.binary(min_size=1, max_size=12))
def test_a_damaged_header_is_read_as_pydicom_reads_it_or_refused(
    is_open: bool, at: int, patch: bytes
) -> None:
    file = DAMAGED[is_open]
    data = file[:at] + patch + file[at + len(patch) :]

    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    with warnings.catch_warnings(action="ignore"):
        try:
            known = index_of(*read_header(read, len(data)), read, len(data))
        except TilesError:
            known = None
        try:
            found = read_index(read, len(data))
        except TilesError:
            found = None
    if found is None or known is None:
        return
    assert (found.level, found.planes) == (known.level, known.planes)
    assert np.array_equal(found.offsets, known.offsets)
    assert (found.lying is None) == (known.lying is None)
    if found.lying is not None and known.lying is not None:
        assert np.array_equal(found.lying.tiles, known.lying.tiles)
        assert np.array_equal(found.lying.frames, known.lying.frames)


def test_what_is_written_otherwise_is_left_to_pydicom() -> None:
    data = sparse(2, is_open=False)
    place = data.PerFrameFunctionalGroupsSequence[0].PlanePositionSlideSequence[0]
    place.add_new(0x0048021E, "IS", "2")
    assert frame_groups(written(data)) is None
    file = written(data)
    index = read_index(lambda offset, length: file[offset : offset + length], len(file))
    assert index.range(0, 0) == (int(index.offsets[1]), 2)
    implicit = sparse(2, is_open=True)
    implicit.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    assert frame_groups(written(implicit)) is None


def test_sequences_without_end_in_each_other_are_bounded() -> None:
    head = written(sparse(1, is_open=True))[:-20]
    sequence_begins = bytes.fromhex("48001a02") + b"SQ\0\0" + b"\xff" * 4
    item_begins = bytes.fromhex("feff00e0") + b"\xff" * 4
    start = head.index(bytes.fromhex("00523092"))
    hostile = head[:start] + bytes.fromhex("00523092") + b"SQ\0\0" + b"\xff" * 4
    hostile += item_begins + (sequence_begins + item_begins) * 100_000
    assert len(hostile) < MOST_HEADER_BYTES
    assert frame_groups(hostile) is None
    with pytest.raises(TilesError):
        read_index(lambda offset, length: hostile[offset : offset + length], len(hostile))
