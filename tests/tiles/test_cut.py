"""Frames that are read apart from their neighbours are the same, and known by their digest."""

import hashlib
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiles import cut
from tiles.cut import StoredFrames, digests, lie_together, neighbours, sizes_of
from tiles.errors import DamagedInstance, ShortRead
from tiles.instance import FrameIndex
from tiles.pyramid import Level
from tiles.source import Encoding, ReadRange

FRAMES = st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=30)


def laid(frames: list[bytes], before: int = 5) -> tuple[bytes, FrameIndex]:
    """Items one behind the other, after some other bytes."""
    items = [b"\xfe\xff\x00\xe0" + bytes(4) + one + bytes(len(one) % 2) for one in frames]
    begins = [before, *accumulate(map(len, items), initial=before)][1:-1]
    offsets = np.array([one + 8 for one in begins], np.uint64)
    lengths = np.array([len(one) for one in frames], np.uint64)
    level = Level(len(frames), 1, 1, 1)
    index = FrameIndex(level, 3, 8, Encoding.JPEG_BASELINE, offsets, lengths)
    return bytes(before) + b"".join(items), index


def reading(data: bytes) -> ReadRange:
    return lambda offset, length: data[offset : offset + length]


@given(FRAMES, st.data())
def test_neighbours_are_read_as_they_are_however_many_at_once(
    frames: list[bytes], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(frames) - 1))
    to = data.draw(st.integers(at + 1, len(frames)))
    stored, index = laid(frames)
    digest = hashlib.sha256(b"".join(frames[at:to])).hexdigest()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cut, "WRITE_BYTES", data.draw(st.integers(1, 60)))
        read = StoredFrames(reading(stored), index, range(at, to), digest)
        assert [one for lot in read.lots() for one in lot] == frames[at:to]
        assert len(read) == to - at
        room = data.draw(st.integers(50, 200))
        groups = neighbours(sizes_of(index), room)
        heard: list[None] = []
        whole, each = digests(reading(stored), index, groups, lambda: heard.append(None))
    assert lie_together(index)
    assert whole == hashlib.sha256(stored[5:]).hexdigest()
    own = [b"".join(frames[one.start : one.stop]) for one in groups]
    assert each == [hashlib.sha256(one).hexdigest() for one in own]
    assert len(heard) >= len(groups)


@given(FRAMES, st.data())
def test_other_frames_than_those_that_were_meant_are_known(
    frames: list[bytes], data: st.DataObject
) -> None:
    stored, index = laid(frames)
    number = data.draw(st.integers(0, len(frames) - 1))
    digest = hashlib.sha256(b"".join(frames)).hexdigest()
    damaged = bytearray(stored)
    damaged[int(index.offsets[number])] ^= 1
    read = StoredFrames(reading(bytes(damaged)), index, range(len(frames)), digest)
    with pytest.raises(DamagedInstance):
        list(read.lots())


def test_an_object_that_ends_too_soon_is_known() -> None:
    stored, index = laid([b"12345678", b"12345678"])
    with pytest.raises(ShortRead):
        list(StoredFrames(reading(stored[:-1]), index, range(2)).lots())
    with pytest.raises(ShortRead):
        digests(reading(stored[:-1]), index, [range(2)], lambda: None)


def test_what_lies_apart_is_read_apart() -> None:
    stored, index = laid([b"ab", b"cd", b"ef"])
    index.offsets[:] = index.offsets[::-1].copy()
    assert not lie_together(index)
    read = StoredFrames(reading(stored), index, range(3))
    assert [one for lot in read.lots() for one in lot] == [b"ef", b"cd", b"ab"]
