"""What the machine allows: the least that each kind of conversion must do, and no more.

`python -m benchmarks.limits NAME SOURCE OUT` runs one of them and prints the seconds after
start-up. They know the layout of the slide they are given, check nothing and write no header, so
they are floors, not converters.
"""

import os
import shutil
import struct
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
import tifffile

RUN_BYTES = 8 << 20


def copy(source: Path, out: Path) -> None:
    """The file as it is, on disk."""
    shutil.copyfile(source, out)
    with out.open("rb") as file:
        os.fsync(file.fileno())


def passthrough(source: Path, out: Path) -> None:
    """Every tile of every level as a DICOM item: long reads, tables joined, an offset table."""
    with tifffile.TiffFile(source) as tiff, source.open("rb") as file, out.open("wb") as target:
        descriptor = file.fileno()
        for page in _levels(tiff):
            middle = (page.jpegtables or b"\xff\xd8\xff\xd9")[2:-2]
            offsets = []
            at = 0
            for tile in _tiles(descriptor, page.dataoffsets, page.databytecounts):
                length = len(tile) + len(middle)
                padding = length & 1
                offsets.append(at)
                target.write(struct.pack("<4sI", b"\xfe\xff\x00\xe0", length + padding))
                target.write(tile[:2])
                target.write(middle)
                target.write(tile[2:])
                target.write(b"\0" * padding)
                at += 8 + length + padding
            target.write(struct.pack(f"<{len(offsets)}Q", *offsets))
        target.flush()
        os.fsync(target.fileno())


def half(source: Path, out: Path) -> None:
    """Every tile decoded at half scale and encoded, on all cores: the first halving."""

    def one(tile: bytes) -> bytes:
        pixels = simplejpeg.decode_jpeg(tile, "RGB", min_height=128, min_width=128, min_factor=2)
        return _encode(pixels)

    _recode(source, out, one)


def recode(source: Path, out: Path) -> None:
    """Every tile decoded and encoded, on all cores."""
    _recode(source, out, lambda tile: _encode(simplejpeg.decode_jpeg(tile, "RGB")))


def _encode(pixels: Any) -> bytes:
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=80, colorsubsampling="420"
    )
    return data


def _recode(source: Path, out: Path, one: Callable[[bytes], bytes]) -> None:
    with tifffile.TiffFile(source) as tiff, source.open("rb") as file, out.open("wb") as target:
        page = _levels(tiff)[0]
        middle = (page.jpegtables or b"\xff\xd8\xff\xd9")[2:-2]
        tiles = _tiles(file.fileno(), page.dataoffsets, page.databytecounts)
        whole = (tile[:2] + middle + tile[2:] for tile in tiles)
        cores = os.cpu_count() or 1
        with ThreadPoolExecutor(cores) as pool:
            for batch in _batches(whole, 64 * cores):
                for data in pool.map(one, batch, chunksize=16):
                    target.write(data)
        target.flush()
        os.fsync(target.fileno())


def _batches(items: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    yield batch


def _levels(tiff: tifffile.TiffFile) -> list[Any]:
    return [page for page in tiff.pages if page.is_tiled]


def _tiles(file: int, offsets: Any, counts: Any) -> Iterator[bytes]:
    """Tiles out of long reads; those of a scanner lie one after another."""
    start, run = 0, b""
    for offset, count in zip(offsets, counts, strict=True):
        if not start <= offset <= offset + count <= start + len(run):
            start, run = offset, os.pread(file, max(RUN_BYTES, count), offset)
        yield run[offset - start : offset - start + count]


PROGRAMS: dict[str, Callable[[Path, Path], None]] = {
    "copy": copy,
    "passthrough": passthrough,
    "half": half,
    "recode": recode,
}


def main() -> None:
    """Run one program and print the seconds it took."""
    name, source, out = sys.argv[1:]
    started = time.perf_counter()
    PROGRAMS[name](Path(source), Path(out))
    print(f"work_s={time.perf_counter() - started:.4f}")


if __name__ == "__main__":
    main()
