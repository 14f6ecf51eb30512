"""Anything that gives, for an address, pixels or the already encoded bytes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tiles.errors import DamagedCodestream, OutsideImage
from tiles.pyramid import FIRST, Box, Plane, Pyramid

Pixels = NDArray[Any]
"""`uint8` or `uint16` arrays of shape (rows, columns, samples), samples 1 (grey) or 3 (RGB)."""


class Encoding(StrEnum):
    """How the bytes of a tile are encoded."""

    JPEG_BASELINE = "jpeg-baseline"
    JPEG = "jpeg"
    """Any other JPEG: progressive, extended, arithmetic, in strips of unequal height."""
    JPEG_LOSSLESS = "jpeg-lossless"
    JPEG_2000 = "jpeg2000"
    JPEG_2000_YCBCR = "jpeg2000-ycbcr"
    """JPEG 2000 of Y, Cb, Cr components, of which the codestream does not say what they are."""
    HTJ2K = "htj2k"
    JPEG_LS = "jpeg-ls"
    JPEG_XL = "jpeg-xl"
    JPEG_XR = "jpeg-xr"
    WEBP = "webp"
    WEBP_LOSSLESS = "webp-lossless"
    RLE = "rle"
    LZW = "lzw"
    DEFLATE = "deflate"
    ZSTD = "zstd"
    RAW = "raw"
    OPAQUE = "opaque"
    """Readable as pixels only; the encoded bytes are not to be had."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The encoded bytes of one tile, complete in themselves, edge tiles padded as stored."""

    data: bytes
    encoding: Encoding


ReadRange = Callable[[int, int], bytes]
"""`read(offset, length)` gives exactly that many bytes or raises ShortRead."""


class TileSource(Protocol):
    """An image that answers for addresses. Safe to use from several threads at once."""

    @property
    def pyramid(self) -> Pyramid:
        """Levels, tile size, samples and planes."""
        ...

    def encoding(self, level: int) -> Encoding:
        """How the tiles of a level are stored."""
        ...

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """The pixels of a box inside the level, of shape (box.height, box.width, samples).

        Raises OutsideImage for a box that leaves the level, DamagedCodestream and ShortRead for
        files that do not hold what they promise.
        """
        ...

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame | None:
        """A tile encoded as stored, or None where the source cannot give it."""
        ...

    def close(self) -> None:
        """Release files and memory; safe to call twice."""
        ...


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring tiles, each as `TileSource.frame` gives it: all of one encoding, or None."""

    tiles: Sequence[bytes | None]
    encoding: Encoding


@runtime_checkable
class InOrder(Protocol):
    """A source that gives neighbouring tiles together faster than one by one."""

    def runs(self, level: int, columns: range, rows: range, plane: Plane = FIRST) -> Iterator[Run]:
        """What `frame` gives for each of these tiles, row by row, some megabytes at a time."""
        ...


def runs_in_order(
    source: TileSource, level: int, columns: range, rows: range, plane: Plane = FIRST
) -> Iterator[Run]:
    """Tiles of a level as `source.frame` gives them, row by row."""
    if isinstance(source, InOrder):
        return source.runs(level, columns, rows, plane)
    addresses = ((column, row) for row in rows for column in columns)
    return one_by_one(source.frame(level, column, row, plane) for column, row in addresses)


def one_by_one(frames: Iterable[Frame | None]) -> Iterator[Run]:
    """Each tile as a run of its own."""
    for frame in frames:
        yield Run((None,), Encoding.OPAQUE) if frame is None else Run((frame.data,), frame.encoding)


def frames_in_order(
    source: TileSource, level: int, columns: range, rows: range, plane: Plane = FIRST
) -> Iterator[Frame | None]:
    """Tiles of a level as `source.frame` gives them, row by row, one at a time."""
    for run in runs_in_order(source, level, columns, rows, plane):
        for data in run.tiles:
            yield Frame(data, run.encoding) if data is not None else None


def first_frame(source: TileSource, level: int) -> Frame | None:
    """The first tile of a level that has bytes, in whichever plane; None where none has."""
    grid = source.pyramid.level(level)
    for plane in source.pyramid.planes:
        for row in range(grid.rows):
            for column in range(grid.columns):
                frame = source.frame(level, column, row, plane)
                if frame is not None:
                    return frame
    return None


def assemble(
    source: TileSource, level: int, box: Box, tile: Callable[[int, int], Pixels]
) -> Pixels:
    """The pixels of a box put together from `tile(column, row)`, each decoded once.

    Tiles may be padded; what lies outside the level is never copied. Raises OutsideImage for a
    box that is empty or leaves the level, DamagedCodestream for a tile smaller than its place.
    """
    grid = source.pyramid.level(level)
    if box.within(grid.width, grid.height) != box or box.width < 1 or box.height < 1:
        raise OutsideImage(f"{box} of a level of {grid.width} × {grid.height}")
    columns, rows = grid.covering(box)
    out: Pixels | None = None
    for row in rows:
        for column in columns:
            pixels = tile(column, row)
            own = grid.box(column, row)
            if pixels.shape[0] < own.height or pixels.shape[1] < own.width:
                raise DamagedCodestream(
                    f"tile ({column}, {row}) of level {level} has {pixels.shape[1]} × "
                    f"{pixels.shape[0]} pixels where {own.width} × {own.height} belong"
                )
            if own == box and pixels.shape[:2] == (box.height, box.width):
                return pixels
            if out is None:
                out = np.empty((box.height, box.width, source.pyramid.samples), pixels.dtype)
            left, top = max(own.x, box.x), max(own.y, box.y)
            right, bottom = min(own.right, box.right), min(own.bottom, box.bottom)
            out[top - box.y : bottom - box.y, left - box.x : right - box.x] = pixels[
                top - own.y : bottom - own.y, left - own.x : right - own.x
            ]
    if out is None:
        raise OutsideImage(f"{box} touches no tile")
    return out
