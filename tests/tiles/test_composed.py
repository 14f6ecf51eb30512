"""Stored instances under another header: the same frames, and every index right."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from tests.tiles.test_instance import minimal_header, reader
from tiles.codec import encode_jpeg
from tiles.composed import PART_BYTES, Composed
from tiles.errors import DamagedInstance, ShortRead
from tiles.frames import InMemory, write_instance
from tiles.instance import read_index
from tiles.pyramid import Level
from tiles.trailing_index import read_trailing_index, trailing_bytes

LEVEL = Level(150, 100, 64, 64)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("stored") / "stored.dcm"
    noise = np.random.default_rng(4).integers(0, 256, (LEVEL.tiles, 64, 64, 3), np.uint8)
    frames = [encode_jpeg(one, 90, "422") for one in noise]
    header = minimal_header(LEVEL, len(frames))
    header.PatientName = "FAUX^Anne"
    write_instance(path, header, InMemory(frames))
    return path.read_bytes()


def under(name: str, data: bytes) -> Composed:
    def change(header: Dataset) -> Dataset:
        header.SpecificCharacterSet, header.PatientName = "ISO_IR 192", name
        return header

    return Composed.of(reader(data), len(data), change)


@settings(max_examples=20)
@given(
    name=st.text("ABCDEFGHIJéœ", max_size=64),
    offset=st.integers(0, 60_000),
    length=st.integers(0, 60_000),
)
def test_frames_are_the_same_under_any_name(
    stored: bytes, name: str, offset: int, length: int
) -> None:
    composed = under(name, stored)
    whole = b"".join(composed.parts())
    assert len(whole) == composed.length_bytes
    before, after = dcmread(io.BytesIO(stored)), dcmread(io.BytesIO(whole))
    assert after.PatientName == name
    assert after.PixelData == before.PixelData
    read = reader(whole)
    index = read_index(read, len(whole))
    tiles = [read(int(o), int(n)) for o, n in zip(index.offsets, index.lengths, strict=True)]
    offsets, lengths = read_trailing_index(read, len(whole), len(tiles))
    assert offsets.tolist() == index.offsets.tolist()
    assert lengths.tolist() == index.lengths.tolist()
    tables = after.ExtendedOffsetTable, after.ExtendedOffsetTableLengths
    for number in (0, len(tiles) - 1):
        assert get_frame(after.PixelData, number, extended_offsets=tables) == tiles[number]
    assert b"".join(composed.parts(offset, length)) == whole[offset : offset + length]


def test_one_without_an_index_gets_none(stored: bytes) -> None:
    frames = int(dcmread(io.BytesIO(stored)).NumberOfFrames)
    bare = stored[: -trailing_bytes(frames)]
    whole = b"".join(under("JUSTE", bare).parts())
    assert dcmread(io.BytesIO(whole)).PixelData == dcmread(io.BytesIO(stored)).PixelData
    assert whole.endswith(bare[-500:])


def test_no_part_is_large(stored: bytes) -> None:
    assert max(map(len, under("A", stored).parts())) <= PART_BYTES


def test_what_is_damaged_is_told(stored: bytes) -> None:
    with pytest.raises(DamagedInstance):
        under("A", stored[: len(stored) // 2])
    gone = reader(stored[: len(stored) // 2])
    composed = under("A", stored)
    cut = Composed(gone, composed.head, composed.begin, composed.kept_bytes, composed.tail)
    with pytest.raises(ShortRead):
        b"".join(cut.parts())
