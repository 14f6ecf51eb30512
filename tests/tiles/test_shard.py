"""The index of a shard, alone and at the end of a DICOM instance."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from tests.tiles.test_instance import minimal_header, reader
from tiles.errors import DamagedShard
from tiles.frames import InMemory, Written, write_instance
from tiles.instance import read_index
from tiles.pyramid import Level
from tiles.shard import index_bytes, read_shard_index, shard_index
from tiles.trailing_index import read_trailing_index, trailing_index

U64 = st.integers(0, 2**64 - 1)
FRAMES = [bytes([n]) * (7 + 3 * n) for n in range(6)]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    header = minimal_header(Level(3 * 16, 2 * 16, 16, 16), len(FRAMES))
    return write_instance(tmp_path / "level.dcm", header, InMemory(FRAMES))


@given(places=st.lists(st.tuples(U64, U64), max_size=40))
def test_an_index_is_read_as_it_was_written(places: list[tuple[int, int]]) -> None:
    offsets = np.array([offset for offset, _ in places], "<u8")
    lengths = np.array([length for _, length in places], "<u8")
    index = shard_index(offsets, lengths)
    assert len(index) == index_bytes(len(places))
    read_offsets, read_lengths = read_shard_index(index, len(places))
    assert np.array_equal(read_offsets, offsets)
    assert np.array_equal(read_lengths, lengths)


@given(at=st.integers(0, 99), flip=st.integers(1, 255), cut=st.integers(1, 99))
def test_an_index_that_is_cut_or_changed_is_refused(at: int, flip: int, cut: int) -> None:
    index = shard_index(np.arange(6, dtype="<u8"), np.arange(6, dtype="<u8"))
    at %= len(index)
    changed = index[:at] + bytes([index[at] ^ flip]) + index[at + 1 :]
    for damaged in (changed, index[cut:], index[:-cut]):
        with pytest.raises(DamagedShard):
            read_shard_index(damaged, 6)


def test_an_instance_ends_in_the_index_of_its_frames(written: Written) -> None:
    data = written.path.read_bytes()
    offsets, lengths = read_trailing_index(reader(data), len(data), len(FRAMES))
    frames = [data[at : at + length] for at, length in zip(offsets, lengths, strict=True)]
    assert [frame[: len(own)] for frame, own in zip(frames, FRAMES, strict=True)] == FRAMES
    own = read_index(reader(data), len(data))
    assert np.array_equal(offsets, own.offsets)
    assert np.array_equal(lengths, own.lengths)
    assert written.length_bytes == len(data)


def test_dicom_readers_take_the_index_for_padding(written: Written) -> None:
    padding = dcmread(written.path)[0xFFFCFFFC]
    assert (padding.VR, len(padding.value)) == ("OB", index_bytes(len(FRAMES)))
    assert written.path.read_bytes().endswith(padding.value)
    dump = subprocess.run(["dcmdump", written.path], capture_output=True, text=True, check=True)
    assert dump.stdout.splitlines()[-1].startswith("(fffc,fffc) OB")
    assert dump.stderr == ""


@given(place=st.tuples(U64, U64), frame=st.integers(0, 5))
def test_an_index_that_leads_elsewhere_is_refused(place: tuple[int, int], frame: int) -> None:
    offsets, lengths = (np.full(6, value, "<u8") for value in (200, 16))
    offsets[frame], lengths[frame] = place
    file = bytes(300) + trailing_index(offsets, lengths)
    if sum(place) <= 300:
        assert read_trailing_index(reader(file), len(file), 6)[0][frame] == place[0]
    else:
        with pytest.raises(DamagedShard):
            read_trailing_index(reader(file), len(file), 6)


@given(data=st.data())
def test_an_instance_without_its_index_says_so(data: st.DataObject) -> None:
    file = b"\x00" * 200 + shard_index(np.arange(6, dtype="<u8"), np.arange(6, dtype="<u8"))
    cut = data.draw(st.integers(0, len(file)))
    with pytest.raises(DamagedShard):
        read_trailing_index(reader(file[:cut]), cut, 6)
