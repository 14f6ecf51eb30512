"""Bytes written behind the work: all, in their order, or an error."""

import errno
import os
from io import RawIOBase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiles.write_behind import SYNC_BYTES, written_behind


class Slow(RawIOBase):
    """A file that takes few bytes at a time, and no more than there is room for."""

    def __init__(self, at_once: int, room: int) -> None:
        self.taken = b""
        self.at_once = at_once
        self.room = room

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        if len(self.taken) >= self.room:
            raise OSError(errno.ENOSPC, "no room")
        now = bytes(data[: min(self.at_once, self.room - len(self.taken))])
        self.taken += now
        return len(now)


@given(st.lists(st.binary(max_size=40), max_size=30), st.integers(1, 50))
def test_all_bytes_are_written_in_their_order(pieces: list[bytes], at_once: int) -> None:
    whole = b"".join(pieces)
    file = Slow(at_once, len(whole))
    with written_behind(file) as behind:
        for piece in pieces:
            behind.write(piece)
    assert file.taken == whole


@pytest.mark.parametrize("count", [1, 2, 30])
def test_a_full_disk_is_told(count: int) -> None:
    def write_more_than_fits() -> None:
        with written_behind(Slow(at_once=7, room=10 * count - 1)) as behind:
            for _ in range(count):
                behind.write(b"0123456789")

    with pytest.raises(OSError, match="no room"):
        write_more_than_fits()


def test_a_long_file_is_on_its_way_to_the_disk_before_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [bytes([value]) * (SYNC_BYTES // 4 + 1) for value in range(9)]
    path = tmp_path / "long"
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    with path.open("wb", buffering=0) as file, written_behind(file) as behind:
        for piece in pieces:
            behind.write(piece)
    assert path.read_bytes() == b"".join(pieces)
    assert 1 <= len(synced) <= 2
