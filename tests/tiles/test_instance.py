"""Instances written and read back; damage to them noticed."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

from tests.tiles.arrays import OpenPicture
from tiles import plan as planning
from tiles.build import run
from tiles.codec import decode_jpeg
from tiles.errors import DamagedInstance, OutsideImage, ShortRead, TilesError
from tiles.frames import FrameSink, Written, write_instance
from tiles.instance import FrameIndex, StoredImage, read_index
from tiles.pyramid import Box, Level, Plane
from tiles.source import Encoding, ReadRange

WIDTH, HEIGHT, TILE = 2301, 1777, 512


def minimal_header(level: Level, frames: int) -> Dataset:
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.6"
    data.SOPInstanceUID = "2.25.1"
    data.SamplesPerPixel = 3
    data.PhotometricInterpretation = "YBR_FULL_422"
    data.NumberOfFrames = frames
    data.Rows, data.Columns = level.tile_height, level.tile_width
    data.BitsAllocated = 8
    data.LossyImageCompressionRatio = ["12.5", "1"]
    data.TotalPixelMatrixColumns, data.TotalPixelMatrixRows = level.width, level.height
    return data


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Written]:
    folder = tmp_path_factory.mktemp("instances")
    opener = OpenPicture(WIDTH, HEIGHT, TILE)
    plan = planning.full(opener())
    sink = FrameSink(folder, plan)
    run(opener, plan, sink)
    results = []
    for index, step in enumerate(plan.levels):
        frames = sink.frames(index)
        header = minimal_header(step.level, len(frames))
        results.append(write_instance(folder / f"{index}.dcm", header, frames))
    return results


def reader(data: bytes) -> ReadRange:
    def read(offset: int, length: int) -> bytes:
        if offset + length > len(data):
            raise ShortRead(f"{length} bytes at {offset} of {len(data)}")
        return data[offset : offset + length]

    return read


def opened(one: Written) -> tuple[FrameIndex, ReadRange]:
    read = reader(one.path.read_bytes())
    return read_index(read, one.length_bytes), read


def test_frames_are_where_pydicom_finds_them(written: list[Written]) -> None:
    for one in written:
        data = dcmread(one.path)
        index, read = opened(one)
        offsets = (data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths)
        for number in range(int(data.NumberOfFrames)):
            theirs = get_frame(data.PixelData, number, extended_offsets=offsets)
            column, row = number % index.level.columns, number // index.level.columns
            assert read(*index.range(column, row)) == theirs
        ratio = float(data.LossyImageCompressionRatio[-1])
        raw = data.NumberOfFrames * data.Rows * data.Columns * 3
        assert ratio == pytest.approx(raw / one.frames_bytes, abs=0.006)
        assert data.LossyImageCompressionRatio[0] == 12.5
        assert one.path.stat().st_size == one.length_bytes


def test_stored_image_gives_the_pixels_of_its_frames(written: list[Written]) -> None:
    image = StoredImage([opened(one) for one in reversed(written)])
    assert (image.pyramid.width, image.pyramid.height) == (WIDTH, HEIGHT)
    assert image.encoding(0) is Encoding.JPEG_BASELINE
    whole = image.pixels(0, Box(0, 0, WIDTH, HEIGHT))
    source = OpenPicture(WIDTH, HEIGHT, TILE)().array
    assert np.abs(whole.astype(int) - source).mean() < 2
    box = Box(TILE - 3, TILE - 5, 9, 11)
    area = whole[box.y : box.bottom, box.x : box.right]
    assert np.array_equal(image.pixels(0, box), area)
    last = image.pyramid.levels[0]
    frame = image.frame(0, last.columns - 1, last.rows - 1)
    assert frame is not None
    assert decode_jpeg(frame.data).shape == (TILE, TILE, 3)
    image.close()


def test_addresses_outside_are_refused(written: list[Written]) -> None:
    image = StoredImage([opened(one) for one in written])
    for address in ((0, -1, 0), (0, 99, 0), (0, 0, 99), (99, 0, 0)):
        with pytest.raises(OutsideImage):
            image.frame(*address)
    with pytest.raises(OutsideImage):
        image.frame(0, 0, 0, Plane(focal_plane=1))
    for box in (Box(0, 0, WIDTH + 1, 1), Box(-1, 0, 1, 1), Box(0, 0, 0, 1)):
        with pytest.raises(OutsideImage):
            image.pixels(0, box)
    with pytest.raises(DamagedInstance):
        StoredImage([])


@settings(max_examples=60, deadline=None)
@given(fraction=st.floats(0, 0.999))
def test_truncated_instances_are_refused(written: list[Written], fraction: float) -> None:
    index, _ = opened(written[0])
    end = int((index.offsets + index.lengths).max())
    cut = written[0].path.read_bytes()[: int(end * fraction)]
    with pytest.raises(DamagedInstance):
        read_index(reader(cut), len(cut))


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 2000), patch=st.binary(min_size=1, max_size=16))
def test_damaged_headers_raise_only_our_errors(
    written: list[Written], at: int, patch: bytes
) -> None:
    data = written[-1].path.read_bytes()
    damaged = data[:at] + patch + data[at + len(patch) :]
    try:
        with warnings.catch_warnings(action="ignore"):  # pydicom says what it stumbles over
            index = read_index(reader(damaged), len(damaged))
    except TilesError:
        return
    assert int((index.offsets + index.lengths).max()) <= len(damaged)


def test_an_object_that_went_is_not_said_to_be_damaged() -> None:
    """It may lie elsewhere by now, under another name, and whoever asks looks there."""

    def read(offset: int, length: int) -> bytes:
        raise FileNotFoundError(offset, length)

    with pytest.raises(FileNotFoundError):
        read_index(read, 1000)


def test_native_frames_are_found_by_their_extents(tmp_path: Path) -> None:
    header = minimal_header(Level(4, 4, 4, 4), 1)
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.PhotometricInterpretation = "RGB"
    del header.LossyImageCompressionRatio
    header.PixelData = bytes(range(48))
    path = tmp_path / "native.dcm"
    header.save_as(path, enforce_file_format=True)
    data = path.read_bytes()
    image = StoredImage([(read_index(reader(data), len(data)), reader(data))])
    assert image.frame(0, 0, 0) is None
    assert image.pixels(0, Box(0, 0, 4, 4)).tobytes() == bytes(range(48))
    header.Rows = header.TotalPixelMatrixRows = 5
    header.save_as(path, enforce_file_format=True)
    data = path.read_bytes()
    with pytest.raises(DamagedInstance, match="shorter"):
        read_index(reader(data), len(data))
