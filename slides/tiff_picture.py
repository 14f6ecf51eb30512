"""The pixels of one TIFF page, read tile by tile (a strip is a tile as wide as the picture)."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slides.codestreams import (
    Joining,
    Shape,
    Stated,
    decode_stated,
    read_jpeg2000,
)
from slides.errors import DamagedSlide, UnsupportedSlide
from slides.extents import check_extents
from slides.limits import check_extent, check_segment
from slides.shared_file import SharedFile
from slides.slide import WHITE, Addresses
from slides.tiff_colours import CMYK, CONVERTED, RGB, given_out, shown_samples, unpacked
from slides.tiff_kinds import (
    INFLATE,
    JPEG,
    JPEG_2000,
    JPEG_2000_YCBCR,
    PICTURES,
    UNCOMPRESSED,
    check_kind,
)
from slides.tiff_structure import Page
from tiles.codec import rgb_from_ycbcr
from tiles.codestream import complete, parse_jpeg
from tiles.coding import COPYABLE, Loss, losses_in
from tiles.errors import DamagedCodestream, TilesError
from tiles.jpeg2000 import (
    Jpeg2000Header,
    codestream_of,
    parse_jpeg2000,
    with_colour_transform,
)
from tiles.pyramid import Level
from tiles.restarts import stacked
from tiles.source import Encoding, Frame, Pixels, Run, one_by_one

STRIP_ROWS = 256
WEBP_LOSSLESS = b"VP8L"
"""What the first chunk of such a WebP is called."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One page as a level: grey pixels have one sample, all others three."""

    page: Page
    name: str
    level: Level
    encoding: Encoding
    offsets: NDArray[np.int64]
    counts: NDArray[np.int64]
    file: SharedFile
    background: tuple[int, int, int] = WHITE

    @property
    def samples(self) -> int:
        """Samples of a pixel as given out: 1 or 3."""
        return shown_samples(self.page)

    @property
    def bits(self) -> int:
        """Of a sample as given out."""
        return max(8, self.page.bits or 8)

    @property
    def _stored_type(self) -> "np.dtype[Any]":
        return np.dtype(f"u{self.bits // 8}").newbyteorder(self.page.byteorder)

    @property
    def addresses(self) -> Addresses | None:
        """Where the tiles lie; None where the samples of each lie apart."""
        if self.page.planar:
            return None
        return Addresses(self.file.path, self.offsets, np.where(self.offsets > 0, self.counts, 0))

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What the tiles lost when they were encoded."""
        decoded = int(np.count_nonzero(self.counts)) * self.level.tile_width
        decoded *= self.level.tile_height * self.samples * self.bits // 8
        return losses_in(self.encoding, decoded, int(self.counts.sum()))

    @cached_property
    def has_gaps(self) -> bool:
        """Whether some of its tiles were never stored."""
        return not np.all((self.offsets > 0) & (self.counts > 0))

    def is_stored(self, column: int, row: int) -> bool:
        """Whether a tile was ever stored."""
        index = self._index(column, row)
        return bool(self.offsets[index] and self.counts[index])

    def tile(self, column: int, row: int) -> Pixels:
        """The pixels of a tile, possibly padded; one that was never stored is background."""
        index = self._index(column, row)
        planes = []
        for plane in range(self.page.samples if self.page.planar else 1):
            stored = self._stored(index + plane * self.level.tiles)
            if stored is None:
                box, colour = self.level.box(column, row), self.background[: self.samples]
                return np.full((box.height, box.width, self.samples), colour, f"u{self.bits // 8}")
            try:
                planes.append(self._decode(stored, row))
            except (TilesError, RuntimeError, ValueError) as error:
                raise self._damaged(column, row, error) from error
        pixels = np.concatenate(planes, axis=2) if self.page.planar else planes[0]
        return given_out(pixels, self.page)

    def frame(self, column: int, row: int) -> Frame | None:
        """The tile as a codestream complete in itself, where it is one."""
        index = self._index(column, row)
        return self._framed(self._stored(index), index) if self._has_frames() else None

    def runs(self, columns: range, rows: range) -> Iterator[Run]:
        """What `frame` gives for each of these tiles, row by row, out of long reads."""
        numbers = np.add.outer(np.array(rows) * self.level.columns, np.array(columns)).ravel()
        if not self._has_frames():
            yield Run([None] * len(numbers), self.encoding)
            return
        offsets, counts = self.offsets[numbers], self.counts[numbers]
        there = (offsets > 0) & (counts > 0)
        stored = self.file.read_runs(offsets[there], counts[there])
        if there.all():
            first = 0
            for tiles in stored:
                yield from self._run(tiles, numbers[first : first + len(tiles)])
                first += len(tiles)
        else:
            each = itertools.chain.from_iterable(stored)
            yield from one_by_one(
                self._framed(next(each) if has else None, number)
                for has, number in zip(there.tolist(), numbers.tolist(), strict=True)
            )

    def _run(self, stored: list[bytes], numbers: NDArray[np.int64]) -> Iterator[Run]:
        """Tiles as frames: together where all begin alike."""
        alike = self._jpeg.together(stored) if self.page.compression == JPEG else None
        if alike is not None and alike[1].height == self.level.tile_height:
            yield Run(alike[0], Encoding.JPEG_BASELINE)
        else:
            yield from one_by_one(map(self._framed, stored, numbers.tolist()))

    def _has_frames(self) -> bool:
        return self.encoding in COPYABLE and not self.page.planar

    def _framed(self, stored: bytes | None, index: int) -> Frame | None:
        if stored is None:
            return None
        try:
            if self.page.compression != JPEG:
                return self._jpeg2000(stored).frame
            tile = self._jpeg(stored)
        except DamagedCodestream as error:
            row, column = divmod(index, self.level.columns)
            raise self._damaged(column, row, error) from error
        # A strip is stored no longer than the picture; only whole tiles can be passed on.
        whole = tile.shape is not None and tile.shape.height == self.level.tile_height
        return tile.frame if whole else None

    def one_frame(self) -> Frame | None:
        """The whole picture as one codestream, where it is such or can be put together as one."""
        if self.level.tiles == 1:
            is_padded = self.page.tiled and not self.level.is_whole(0, 0)
            return None if is_padded else self.frame(0, 0)
        if self.page.tiled or self.page.compression != JPEG or self.page.planar:
            return None
        stored = [self._stored(index) for index in range(self.level.rows)]
        strips = [self._jpeg(strip).frame.data for strip in stored if strip is not None]
        data = stacked(strips) if len(strips) == len(stored) else None
        return Frame(data, Encoding.JPEG_BASELINE) if data is not None else None

    def _index(self, column: int, row: int) -> int:
        self.level.box(column, row)
        return row * self.level.columns + column

    def _stored(self, index: int) -> bytes | None:
        offset, count = int(self.offsets[index]), int(self.counts[index])
        return self.file.read(offset, count) if offset and count else None

    def _damaged(self, column: int, row: int, error: Exception) -> DamagedCodestream:
        return DamagedCodestream(f"{self.name}, tile ({column}, {row}) does not decode: {error}")

    def _decode(self, stored: bytes, row: int) -> Pixels:
        page, level = self.page, self.level
        samples = 1 if page.planar else page.samples
        needed = min(level.tile_height, level.height - row * level.tile_height)
        if page.compression == JPEG:
            jpeg = self._jpeg(stored)
            if page.photometric == CMYK:
                # The decoder of baseline JPEG knows no inks.
                jpeg = Stated(Frame(jpeg.frame.data, Encoding.JPEG), jpeg.shape)
            return decode_stated(jpeg, self._expected(jpeg, needed, samples))
        if page.compression in JPEG_2000:
            tile = self._jpeg2000(stored)
            pixels = decode_stated(tile, self._expected(tile, needed, samples))
            # Where chroma has fewer samples the decoder itself turns it into colours.
            stays = self.encoding is not Encoding.JPEG_2000_YCBCR
            if stays or parse_jpeg2000(tile.frame.data).subsampled:
                return pixels
            return rgb_from_ycbcr(pixels)
        if page.compression in PICTURES:
            height = level.tile_height if page.tiled else needed
            pixels = np.empty((height, level.tile_width, samples), f"u{self.bits // 8}")
            PICTURES[page.compression][1](stored, out=pixels[..., 0] if samples == 1 else pixels)
            return pixels
        stored_type = self._stored_type
        row_bytes = -(-level.tile_width * samples * (page.bits or 8) // 8)
        raw: Any = stored
        if page.compression != UNCOMPRESSED:
            raw = INFLATE[page.compression][1](stored, out=row_bytes * level.tile_height)
        rows = len(raw) // row_bytes
        if rows < (level.tile_height if page.tiled else needed):
            raise DamagedCodestream(f"{rows} of {needed} rows")
        pixels = np.frombuffer(raw, stored_type, rows * row_bytes // stored_type.itemsize)
        if page.bits is not None and page.bits < 8:
            pixels = unpacked(pixels.reshape(rows, row_bytes), page.bits, level.tile_width)
        pixels = pixels.reshape(rows, level.tile_width, samples)[: level.tile_height]
        native = stored_type.newbyteorder("=")
        if page.predictor == 2 and page.compression != UNCOMPRESSED:
            return np.cumsum(pixels, axis=1, dtype=native)
        return pixels.astype(native, copy=False)

    @cached_property
    def _jpeg(self) -> Joining:
        return Joining(self.page.jpeg_tables, tagged_rgb=self.page.photometric == RGB)

    def _jpeg2000(self, stored: bytes) -> Stated:
        tile = read_jpeg2000(stored)
        if self.encoding is Encoding.JPEG_2000 and _is_ycbcr(self.page):
            # The 9-7 wavelet lets the codestream say itself what its components are.
            data = with_colour_transform(tile.frame.data)
            return Stated(Frame(data, tile.frame.encoding), tile.shape)
        return tile

    def _expected(self, tile: Stated, needed: int, samples: int) -> Shape:
        """What a codestream must state: a tile's full size; a last strip may be shorter."""
        height = self.level.tile_height
        if not self.page.tiled and tile.shape is not None:
            height = tile.shape.height if needed <= tile.shape.height < height else height
        # Twelve bits may lie in sixteen; nothing may lie in fewer than it has.
        found = tile.shape.bits if tile.shape is not None else self.bits
        bits = found if 8 < found <= self.bits else self.bits
        return Shape(self.level.tile_width, height, samples, bits)


def open_picture(page: Page, name: str, file: SharedFile) -> Picture:
    """A page of 8- or 16-bit grey or 8-bit RGB pixels, its structure checked against the file.

    Raises DamagedSlide, UnsupportedSlide or TooLarge.
    """
    check_extent(page.width, page.height)
    check_extent(page.tile_width, page.tile_height)
    check_kind(page, name)
    check_segment(
        "tile" if page.tiled else "strip",
        page.tile_width * (page.tile_height if not _splittable(page) else 1) * _pixel_bytes(page),
    )
    level = Level(page.width, page.height, page.tile_width, page.tile_height)
    offsets, counts = page.offsets, page.counts
    if _splittable(page):
        level, offsets, counts = _split(page)
    expected = level.tiles * (page.samples if page.planar else 1)
    if not len(offsets) == len(counts) == expected:
        raise DamagedSlide(
            f"{name} lists {len(offsets)} of {expected} tiles: it is damaged; fetch it again"
        )
    check_extents(offsets, counts, file.size, name, level)
    stored = np.flatnonzero((offsets > 0) & (counts > 0))
    first = None
    if stored.size:
        first = file.read(int(offsets[stored[0]]), int(counts[stored[0]]))
    try:
        encoding = _encoding(page, name, first)
    except DamagedCodestream as error:
        row, column = divmod(int(stored[0]) % level.tiles, level.columns)
        raise DamagedSlide(
            f"{name}, tile ({column}, {row}) cannot be decoded: {error}; "
            "fetch the file again from the scanner"
        ) from error
    return Picture(page, name, level, encoding, offsets, counts, file)


def _splittable(page: Page) -> bool:
    """Whether the picture is one uncompressed strip, whose rows can be read by themselves."""
    lone = len(page.offsets) == 1 and not page.tiled and not page.planar
    return lone and page.compression == UNCOMPRESSED


def _pixel_bytes(page: Page) -> int:
    return max(1, page.samples * (page.bits or 8) // 8)


def _split(page: Page) -> tuple[Level, NDArray[np.int64], NDArray[np.int64]]:
    level = Level(page.width, page.height, page.width, min(page.height, STRIP_ROWS))
    row_bytes = -(-page.width * page.samples * (page.bits or 8) // 8)
    first_rows = np.arange(level.rows, dtype=np.int64) * level.tile_height
    rows = np.minimum(level.tile_height, page.height - first_rows)
    return level, page.offsets[0] + first_rows * row_bytes, rows * row_bytes


def _encoding(page: Page, name: str, first: bytes | None) -> Encoding:
    """What the tiles are, told by the first one stored (None: none is)."""
    if page.compression == UNCOMPRESSED:
        return Encoding.RAW
    if page.compression in INFLATE:
        return INFLATE[page.compression][0]
    if page.compression in PICTURES:
        encoding = PICTURES[page.compression][0]
        lossless = first is not None and first[12:16] == WEBP_LOSSLESS
        return Encoding.WEBP_LOSSLESS if encoding is Encoding.WEBP and lossless else encoding
    if first is None:
        return Encoding.OPAQUE
    if page.compression in JPEG_2000:
        return _encoding_2000(page, parse_jpeg2000(codestream_of(first)))
    header = parse_jpeg(complete(first, page.jpeg_tables, rgb=False))
    if header.precision != 8:
        raise UnsupportedSlide(f"{name} has JPEG tiles of {header.precision} bits a sample")
    # A last strip that is shorter than the others cannot be a frame beside them.
    uneven = not page.tiled and page.height % page.tile_height
    copied = header.baseline and not uneven and page.photometric not in CONVERTED
    return Encoding.JPEG_BASELINE if copied else Encoding.JPEG


def _encoding_2000(page: Page, header: Jpeg2000Header) -> Encoding:
    if header.subsampled:
        return Encoding.JPEG_2000_YCBCR
    if _is_ycbcr(page) and (header.colour_transform or header.reversible or not header.uniform):
        return Encoding.JPEG_2000_YCBCR
    return Encoding.HTJ2K if header.high_throughput else Encoding.JPEG_2000


def _is_ycbcr(page: Page) -> bool:
    """Whether the components of JPEG 2000 tiles are Y, Cb, Cr, of which they say nothing.

    The photometric interpretation of Aperio's files does not say it, the compression does.
    """
    return page.compression == JPEG_2000_YCBCR
