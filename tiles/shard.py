"""One zarr v3 shard: encoded chunks one after another, then an index that says where each lies.

Source: zarr v3, `sharding_indexed` codec 1.0, index at the end, encoded by `bytes` (little endian)
and `crc32c`.
"""

import os
from pathlib import Path
from struct import Struct

import google_crc32c
import numpy as np
from numpy.typing import NDArray

from tiles.errors import DamagedShard

_MISSING = np.uint64(2**64 - 1)
"""Offset and length of a chunk that was never written: it reads as the fill value."""
_CHECKSUM = Struct("<I")
_ENTRY_BYTES = 16

Places = NDArray[np.uint64]


def shard_index(offsets: Places, lengths: Places) -> bytes:
    """The index of a shard: offset from its first byte and length of each chunk, then a CRC-32C."""
    entries = np.column_stack((offsets, lengths)).astype("<u8", copy=False).tobytes()
    return entries + _CHECKSUM.pack(google_crc32c.value(entries))


def index_bytes(chunks: int) -> int:
    """The length of the index of so many chunks."""
    return _ENTRY_BYTES * chunks + _CHECKSUM.size


def read_shard_index(index: bytes, chunks: int) -> tuple[Places, Places]:
    """Offsets and lengths of so many chunks out of what `shard_index` gives.

    Raises DamagedShard where the bytes are not such an index, or not one that was kept whole.
    """
    entries = index[: -_CHECKSUM.size]
    if len(index) != index_bytes(chunks):
        raise DamagedShard(f"{len(index)} bytes are no index of {chunks} chunks")
    if _CHECKSUM.pack(google_crc32c.value(entries)) != index[-_CHECKSUM.size :]:
        raise DamagedShard("the checksum of the shard index is wrong")
    places = np.frombuffer(entries, "<u8").reshape(chunks, 2)
    return places[:, 0], places[:, 1]


class Shard:
    """Collects the encoded chunks of one shard and writes them as one file."""

    def __init__(self, chunks: int) -> None:
        self._index = np.full((chunks, 2), _MISSING, "<u8")
        self._chunks: list[bytes] = []
        self._at = 0

    def put(self, number: int, chunk: bytes) -> None:
        """Take a chunk by its number in the shard, in C order of the shard's grid."""
        self._index[number] = self._at, len(chunk)
        self._chunks.append(chunk)
        self._at += len(chunk)

    def write(self, path: Path) -> None:
        """Write the shard under its name once it is whole; replaces an equal one.

        Makes the last folder on the way and no other: where a build was given up, nothing
        comes back.
        """
        index = shard_index(self._index[:, 0], self._index[:, 1])
        path.parent.mkdir(exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with draft.open("wb") as file:
            file.writelines(self._chunks)
            file.write(index)
        draft.replace(path)
