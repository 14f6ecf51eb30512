"""Bytes written behind the work: all, in their order, or an error."""

import errno
import os
import random
from fcntl import F_GETFL, fcntl
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tiles import write_behind
from tiles.write_behind import written_behind

LOT = 8192


@pytest.fixture
def small_lots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_behind, "LOT_BYTES", LOT)
    monkeypatch.setattr(write_behind, "DIRECT_FROM", 2 * LOT)


def random_pieces(sizes: list[int]) -> list[bytes]:
    return [random.Random(size).randbytes(size) for size in sizes]


def write(path: Path, pieces: list[bytes]) -> None:
    with written_behind(path) as file:
        for piece in pieces:
            file.write(piece)


@pytest.mark.usefixtures("small_lots")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(st.integers(0, 3 * LOT) | st.just(LOT), max_size=12))
def test_all_bytes_are_written_in_their_order(tmp_path: Path, sizes: list[int]) -> None:
    pieces = random_pieces(sizes)
    write(tmp_path / "file", pieces)
    assert (tmp_path / "file").read_bytes() == b"".join(pieces)


@pytest.mark.usefixtures("small_lots")
@pytest.mark.parametrize("when", ["opened", "written"])
def test_a_file_system_that_writes_through_its_cache_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    open_, pwrite, refused = os.open, os.pwrite, []

    def refuse() -> int:
        refused.append(when)
        raise OSError(errno.EINVAL, "Invalid argument")

    def open_cached(path: Path, flags: int, mode: int = 0o777) -> int:
        direct = flags & write_behind.O_DIRECT
        if when == "opened" and direct:
            return refuse()
        return open_(path, flags, mode)

    def write_cached(file: int, data: memoryview, at: int) -> int:
        direct = fcntl(file, F_GETFL) & write_behind.O_DIRECT
        return refuse() if when == "written" and direct else pwrite(file, data, at)

    monkeypatch.setattr(os, "open", open_cached)
    monkeypatch.setattr(os, "pwrite", write_cached)
    pieces = random_pieces([LOT * 5 + 3])
    write(tmp_path / "file", pieces)
    assert (tmp_path / "file").read_bytes() == b"".join(pieces)
    assert refused


@pytest.mark.parametrize("size", [1, 40 << 20])
def test_a_full_disk_is_told(size: int) -> None:
    with pytest.raises(OSError, match="No space left"):
        write(Path("/dev/full"), [bytes(1 << 20)] * (size >> 20) + [b"1"])


def test_a_long_file(tmp_path: Path) -> None:
    pieces = random_pieces([write_behind.DIRECT_FROM + 3 * write_behind.LOT_BYTES + 5])
    write(tmp_path / "file", pieces)
    assert (tmp_path / "file").read_bytes() == b"".join(pieces)
