"""One zarr v3 shard: encoded chunks one after another, then an index that says where each lies.

Source: zarr v3, `sharding_indexed` codec 1.0, index at the end, encoded by `bytes` (little endian)
and `crc32c`.
"""

import os
from pathlib import Path
from struct import pack

import google_crc32c
import numpy as np

_MISSING = np.uint64(2**64 - 1)
"""Offset and length of a chunk that was never written: it reads as the fill value."""


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
        index = self._index.tobytes()
        path.parent.mkdir(exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with draft.open("wb") as file:
            file.writelines(self._chunks)
            file.write(index)
            file.write(pack("<I", google_crc32c.value(index)))
        draft.replace(path)
