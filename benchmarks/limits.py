"""What the machine allows: the least that each kind of conversion must do, and no more.

`python -m benchmarks.limits NAME SOURCE OUT` runs one of them and prints the seconds after
start-up. They know the layout of the slide they are given, check nothing and write no header, so
they are floors, not converters.
"""

import itertools
import os
import shutil
import struct
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import simplejpeg
import tifffile

from tiles.codec import subsampling_for
from tiles.codestream import JpegHeader, parse_jpeg
from tiles.plan import DEFAULT_QUALITY, HIGHEST_QUALITY, LOWEST_QUALITY

RUN_BYTES = 8 << 20
JPEG = 7
BLOCK = 16
"""Tiles along the side of what a thread makes a part of the pyramid of."""
TILE = 512
"""Side of the tiles of the slide that is compressed without loss."""


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

    def one(tile: bytes, like: JpegHeader | None) -> bytes:
        pixels = simplejpeg.decode_jpeg(tile, "RGB", min_height=128, min_width=128, min_factor=2)
        return _encode(pixels, like)

    _recode(source, out, one)


def pyramid(source: Path, out: Path) -> None:
    """A full dyadic pyramid: the base copied, all else from its tiles decoded at half scale."""
    passthrough(source, out)
    with tifffile.TiffFile(source) as tiff, source.open("rb") as file, out.open("ab") as target:
        page = _levels(tiff)[0]
        across = -(-page.imagewidth // page.tilewidth)
        extents = list(zip(page.dataoffsets, page.databytecounts, strict=True))
        middle = (page.jpegtables or b"\xff\xd8\xff\xd9")[2:-2]
        first = os.pread(file.fileno(), extents[0][1], extents[0][0])
        like = parse_jpeg(first[:2] + middle + first[2:])

        def block(place: tuple[int, int]) -> list[bytes]:
            row, column = place
            starts = ((row + down) * across + column for down in range(BLOCK))
            rows = [extents[start : start + min(BLOCK, across - column)] for start in starts]
            pixels = _halved_block(file.fileno(), [run for run in rows if run], middle, page)
            return _levels_over(pixels, page.tilewidth, like)

        rows = range(0, -(-page.imagelength // page.tilelength), BLOCK)
        places = [(row, column) for row in rows for column in range(0, across, BLOCK)]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for made in pool.map(block, places):
                target.writelines(made)
        target.flush()
        os.fsync(target.fileno())


def _halved_block(file: int, rows: list[Any], middle: bytes, page: Any) -> Any:
    side = page.tilewidth // 2
    pixels = np.empty((BLOCK * side, BLOCK * side, 3), np.uint8)
    for down, run in enumerate(rows):
        begin = run[0][0]
        data = os.pread(file, sum(run[-1]) - begin, begin)
        for index, (offset, length) in enumerate(run):
            tile = data[offset - begin : offset - begin + length]
            x, y = index * side, down * side
            pixels[y : y + side, x : x + side] = simplejpeg.decode_jpeg(
                tile[:2] + middle + tile[2:], "RGB", min_height=side, min_width=side, min_factor=2
            )
    return pixels


def _levels_over(pixels: Any, tile: int, like: JpegHeader) -> list[bytes]:
    made = []
    while pixels.shape[0] >= tile:
        for y in range(0, pixels.shape[0], tile):
            made += [
                _encode(pixels[y : y + tile, x : x + tile], like)
                for x in range(0, pixels.shape[1], tile)
            ]
        pixels = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return made


def recode(source: Path, out: Path) -> None:
    """Every tile decoded and encoded, on all cores."""
    _recode(source, out, lambda tile, like: _encode(simplejpeg.decode_jpeg(tile, "RGB"), like))


def _encode(pixels: Any, like: JpegHeader | None) -> bytes:
    """A JPEG as our converter makes it from such a source: of its quality and subsampling."""
    quality = max(LOWEST_QUALITY, min(HIGHEST_QUALITY, like.quality)) if like else DEFAULT_QUALITY
    subsampling = like.subsampling if like else subsampling_for(quality)
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels), quality=quality, colorsubsampling=subsampling
    )
    return data


def _recode(source: Path, out: Path, one: Callable[[bytes, JpegHeader | None], bytes]) -> None:
    with tifffile.TiffFile(source) as tiff, source.open("rb") as file, out.open("wb") as target:
        page = _levels(tiff)[0]
        middle = (page.jpegtables or b"\xff\xd8\xff\xd9")[2:-2]
        tiles = _tiles(file.fileno(), page.dataoffsets, page.databytecounts)
        joined = (tile[:2] + middle + tile[2:] for tile in tiles)
        first, whole = _first(joined)
        like = parse_jpeg(first) if page.compression == JPEG else None
        cores = os.cpu_count() or 1
        with ThreadPoolExecutor(cores) as pool:
            for batch in _batches(whole, 64 * cores):
                for data in pool.map(one, batch, itertools.repeat(like), chunksize=16):
                    target.write(data)
        target.flush()
        os.fsync(target.fileno())


def _first(items: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    first = next(items)
    return first, itertools.chain([first], items)


def _batches(items: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    yield batch


def _levels(tiff: tifffile.TiffFile) -> list[Any]:
    return [page for page in tiff.pages if getattr(page, "is_tiled", False)]


def _tiles(file: int, offsets: Any, counts: Any) -> Iterator[bytes]:
    """Tiles out of long reads; those of a scanner lie one after another."""
    start, run = 0, b""
    for offset, count in zip(offsets, counts, strict=True):
        if not start <= offset <= offset + count <= start + len(run):
            start, run = offset, os.pread(file, max(RUN_BYTES, count), offset)
        yield run[offset - start : offset - start + count]


def inflate(source: Path, out: Path) -> None:
    """Every tile of a Deflate TIFF decompressed and encoded, on all cores."""

    def one(tile: bytes, like: JpegHeader | None) -> bytes:
        pixels = imagecodecs.deflate_decode(tile, out=TILE * TILE * 3)
        return _encode(np.frombuffer(pixels, np.uint8).reshape(TILE, TILE, 3), like)

    _recode(source, out, one)


def inflate16(source: Path, out: Path) -> None:
    """Every grey tile of 16 bits decompressed and encoded without loss, on all cores."""

    def one(tile: bytes, _: JpegHeader | None) -> bytes:
        pixels = imagecodecs.deflate_decode(tile, out=TILE * TILE * 2)
        grey = np.frombuffer(pixels, np.uint16).reshape(TILE, TILE)
        return bytes(imagecodecs.jpegls_encode(grey))

    _recode(source, out, one)


PROGRAMS: dict[str, Callable[[Path, Path], None]] = {
    "copy": copy,
    "passthrough": passthrough,
    "half": half,
    "pyramid": pyramid,
    "recode": recode,
    "inflate": inflate,
    "inflate16": inflate16,
}


def main() -> None:
    """Run one program and print the seconds it took."""
    name, source, out = sys.argv[1:]
    started = time.perf_counter()
    PROGRAMS[name](Path(source), Path(out))
    print(f"work_s={time.perf_counter() - started:.4f}")


if __name__ == "__main__":
    main()
