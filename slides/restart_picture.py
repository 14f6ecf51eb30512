"""The pixels of a picture that is one long JPEG with restart markers, read interval by interval.

Hamamatsu stores a level so, with the offset of every restart interval beside it. Some intervals
side by side and some rows of them are a frame: a JPEG of its own, with not a coefficient changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from slides.errors import NotAddressable
from slides.limits import check_extent
from slides.shared_file import SharedFile
from slides.slide import Addresses
from slides.tiff_structure import Page
from tiles.codec import decode_jpeg
from tiles.codestream import parse_jpeg
from tiles.coding import Loss, losses_in
from tiles.errors import DamagedCodestream
from tiles.pyramid import Level
from tiles.restarts import EOI, front_of, joined, mcu_size
from tiles.source import Encoding, Frame, Pixels, Run, one_by_one

MOST_HEADER_BYTES = 1 << 16
FRAME_PX = 512
"""Frames are about as wide as this, unless an interval is wider."""
LARGEST_SQUARE = 1024
MOST_FRAME_PIXELS = 1 << 20
PROBES = 16


@dataclass(frozen=True, eq=False)
class RestartPicture:
    """One page as a level of frames; `across` and `down` are the intervals of a frame."""

    name: str
    level: Level
    samples: int
    across: int
    down: int
    front: bytes
    offsets: NDArray[np.int64]
    """Of the intervals, row by row: shape (rows, columns)."""
    counts: NDArray[np.int64]
    file: SharedFile
    encoding: Encoding = Encoding.JPEG_BASELINE
    bits: int = 8

    @property
    def addresses(self) -> Addresses | None:
        """None: a frame lies in many pieces."""
        return None

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What was lost when it was encoded."""
        decoded = self.level.width * self.level.height * self.samples
        return losses_in(self.encoding, decoded, int(self.counts.sum()))

    def tile(self, column: int, row: int) -> Pixels:
        """The pixels of a frame, padded below and to the right as `frame` is."""
        try:
            return decode_jpeg(self.frame(column, row).data)
        except DamagedCodestream as error:
            raise DamagedCodestream(f"{self.name}, tile ({column}, {row}): {error}") from error

    def frame(self, column: int, row: int) -> Frame:
        """A frame; what lies beyond the picture repeats its last intervals."""
        self.level.box(column, row)
        first = column * self.across
        last = min(first + self.across, self.offsets.shape[1])
        return self._frame([self._intervals(y, first, last) for y in self._rows(row)])

    def runs(self, columns: range, rows: range) -> Iterator[Run]:
        """What `frame` gives for each of these tiles, row by row, out of long reads."""
        first = columns.start * self.across
        last = min(columns.stop * self.across, self.offsets.shape[1])
        for row in rows:
            band = [self._intervals(y, first, last) for y in self._rows(row)]
            yield from one_by_one(
                self._frame([line[start : start + self.across] for line in band])
                for start in range(0, last - first, self.across)
            )

    def _rows(self, row: int) -> range:
        return range(row * self.down, min((row + 1) * self.down, self.offsets.shape[0]))

    def _intervals(self, y: int, first: int, last: int) -> list[bytes]:
        """Intervals side by side, without the markers at their ends."""
        starts, counts = self.offsets[y, first:last].tolist(), self.counts[y, first:last].tolist()
        data = self.file.read(starts[0], starts[-1] + counts[-1] - starts[0])
        cut = []
        for x, start, count in zip(range(first, last), starts, counts, strict=True):
            piece = data[start - starts[0] : start - starts[0] + count]
            end = _end(piece, y * self.offsets.shape[1] + x, self.offsets.size)
            if end < 0:
                raise DamagedCodestream(
                    f"{self.name} has no restart marker at byte {start + count - 2}, where its "
                    "list of intervals says so"
                )
            cut.append(piece[:end])
        return cut

    def _frame(self, rows: list[list[bytes]]) -> Frame:
        filled = [line + line[-1:] * (self.across - len(line)) for line in rows]
        filled += filled[-1:] * (self.down - len(filled))
        return Frame(joined(self.front, chain.from_iterable(filled)), self.encoding)


def open_restarts(page: Page, name: str, file: SharedFile) -> RestartPicture:
    """A page whose tiles are the restart intervals of one JPEG, its structure checked.

    Raises NotAddressable where they are not such intervals, DamagedSlide or TooLarge.
    """
    check_extent(page.width, page.height)
    offset, length = page.strip or (0, 0)
    first = int(page.offsets[0]) - offset
    if not 0 < first <= min(MOST_HEADER_BYTES, length) or offset + length > file.size:
        raise NotAddressable(f"{name} is not one JPEG with restart markers")
    try:
        front = front_of(file.read(offset, first), 8, 8, 1)
        header = parse_jpeg(front)
    except DamagedCodestream as error:
        raise NotAddressable(f"{name} has no JPEG header: {error}") from error
    tile = page.tile_width, page.tile_height
    across, down = mcu_size(header)
    columns, rows = -(-page.width // page.tile_width), -(-page.height // page.tile_height)
    if (
        not header.baseline
        or header.samples not in {1, 3}
        or page.bits != 8
        or tile[0] % across
        or tile[1] != down
        # Intervals that run over the end of a row are no columns of tiles.
        or -(-page.width // across) != columns * (tile[0] // across)
        or len(page.offsets) != columns * rows
    ):
        raise NotAddressable(f"{name} has restart intervals that are no tiles")
    offsets = page.offsets.reshape(rows, columns)
    counts = np.diff(page.offsets, append=offset + length).reshape(rows, columns)
    if counts.min() < 2:
        raise NotAddressable(f"{name} lists its restart intervals in no order")
    wide, high = _intervals_of_a_frame(*tile, columns)
    picture = RestartPicture(
        name=name,
        level=Level(page.width, page.height, wide * tile[0], high * tile[1]),
        samples=header.samples,
        across=wide,
        down=high,
        front=front_of(front, wide * tile[0], high * tile[1], tile[0] // across),
        offsets=offsets,
        counts=counts,
        file=file,
    )
    _probe(picture)
    return picture


def _intervals_of_a_frame(width: int, height: int, columns: int) -> tuple[int, int]:
    """How many intervals side by side and above one another make a frame."""
    most = min(columns, max(1, FRAME_PX // width))
    # Without padding where that does not make frames narrow: smoothed chroma would take from it.
    even = max(number for number in range(1, most + 1) if columns % number == 0)
    across = even if even * 2 >= most else most
    side = across * width
    if side <= LARGEST_SQUARE and side % (2 * height) == 0:
        return across, side // height
    down = FRAME_PX
    while down * side > MOST_FRAME_PIXELS and down > 2 * height:
        down //= 2
    return across, down // height


def _end(piece: bytes, number: int, of: int) -> int:
    """Where an interval's entropy-coded bytes end; -1 where its marker is not there."""
    if number == of - 1:
        return piece.rfind(EOI)
    return len(piece) - 2 if piece[-2:] == bytes((0xFF, 0xD0 + number % 8)) else -1


def _probe(picture: RestartPicture) -> None:
    """Look at intervals all over the picture; raises NotAddressable where one is not as listed."""
    rows, columns = picture.offsets.shape
    for number in np.linspace(0, rows * columns - 1, PROBES).astype(int).tolist():
        y, x = divmod(number, columns)
        count = int(picture.counts[y, x])
        piece = picture.file.read(int(picture.offsets[y, x]), count)
        if _end(piece, number, rows * columns) < 0:
            raise NotAddressable(f"{picture.name} has no restart markers where it says")
