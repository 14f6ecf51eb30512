"""Finished tiles in any order → the frames of one DICOM instance in order.

Tasks leave their encoded tiles in part files, one a task, written under another name and renamed
when whole. An instance is then written front to back: header, Extended Offset Table, frames. The
table stands before the frames, so it is filled in last (PS3.5 A.4, PS3.3 C.7.6.3.1.8).

After the frames stands a zarr shard index: an instance is a shard as well (`tiles.linked_zarr`).
"""

import hashlib
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from struct import Struct
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite

from tiles.codec import encode_jpeg, encode_jpeg_ls, padded
from tiles.coding import HTJ2K, JPEG_2000, JPEG_BASELINE_8BIT
from tiles.errors import DamagedInstance
from tiles.plan import Action, Plan
from tiles.sink import Task
from tiles.source import Encoding, Pixels
from tiles.trailing_index import trailing_index
from tiles.write_behind import written_behind

_COUNT = Struct("<Q")
_ENTRY = np.dtype(
    [(name, "<u8") for name in ("level", "plane", "column", "row", "offset", "length")]
)
"""One tile of a part file: its address, and where its bytes lie after the entries."""
_PLACE = np.dtype([("part", np.uint32), ("offset", np.uint64), ("length", np.uint32)])
"""One tile of a level: which part file, where in it, how long (0: never made)."""
_ITEM = b"\xfe\xff\x00\xe0"
_END_OF_ITEMS = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
_FRAMES_BEGIN = b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff" + _ITEM + bytes(4)
"""The tag of the pixel data, encapsulated, and an empty basic offset table."""
_RATIO_PLACE = "-9876543210.1234"
"""As wide as a DS may be; stands in the header until the true ratio is known."""
LOSSY = frozenset({JPEG_BASELINE_8BIT, JPEG_2000, HTJ2K})
WRITE_BYTES = 2 << 20
"""Two such runs are in memory at once."""


Progress = Callable[[int, int], None]
"""`progress(done, total)` in frames."""


class Frames(Protocol):
    """The encoded frames of one instance."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def lots(self) -> Iterator[Sequence[bytes]]:
        """All of them in frame order, one or some at a time: up to a few megabytes."""
        ...


@dataclass(frozen=True, slots=True)
class InMemory:
    """Frames that are there already, as those of a picture which is one."""

    frames: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.frames)

    def lots(self) -> Iterator[Sequence[bytes]]:
        """All of them at once."""
        yield self.frames


@dataclass(frozen=True, slots=True)
class Written:
    """An instance as it was written."""

    path: Path
    length_bytes: int
    frames_bytes: int
    ratio: str
    """Uncompressed over compressed size."""
    items: tuple[int, int]
    """Offset and length of the items that hold the frames."""

    def pixel_sha256(self) -> str:
        """The digest of the items as they lie in the file."""
        offset, length = self.items
        digest = hashlib.sha256()
        with self.path.open("rb", buffering=0) as file:
            for at in range(offset, offset + length, WRITE_BYTES):
                digest.update(os.pread(file.fileno(), min(WRITE_BYTES, offset + length - at), at))
        return digest.hexdigest()


class FrameSink:
    """Encodes tiles as planned and keeps them in part files until an instance is written from them.

    `folder` must be seen under the same path by all processes that take part.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self.folder = folder
        self.plan = plan

    def wants(self, level: int) -> bool:
        """Copied levels are not wanted: their frames come from the source."""
        return self.plan.levels[level].action is not Action.COPY

    @contextmanager
    def part(self, task: Task) -> Iterator["_FramePart"]:
        """Collect the encoded tiles of a task; a part file appears when all of them are in."""
        part = _FramePart(self.plan, self.plan.planes.index(task.plane))
        yield part
        final = self.folder / f"{task.name}.part"
        temporary = self.folder / f"{task.name}.{os.getpid()}.tmp"
        temporary.write_bytes(part.finish())
        temporary.replace(final)

    def frames(self, level: int) -> "EncodedFrames":
        """The frames of an encoded level, in order, once every task has run.

        The order is that of TILED_FULL (PS3.3 C.7.6.17.3): plane by plane, row by row.
        """
        grid = self.plan.levels[level].level
        places = np.zeros((len(self.plan.planes), grid.rows, grid.columns), _PLACE)
        parts = sorted(self.folder.glob("*.part"))
        for number, path in enumerate(parts):
            with path.open("rb") as file:
                (count,) = _COUNT.unpack(file.read(_COUNT.size))
                entries = np.fromfile(file, _ENTRY, count)
            own = entries[entries["level"] == level]
            made = np.empty(len(own), _PLACE)
            made["part"], made["length"] = number, own["length"]
            made["offset"] = own["offset"] + np.uint64(_COUNT.size + entries.nbytes)
            places[own["plane"], own["row"], own["column"]] = made
        return EncodedFrames(parts, places.reshape(-1, grid.columns))


class _FramePart:
    def __init__(self, plan: Plan, plane: int) -> None:
        self._plan = plan
        self._plane = plane
        self._index: list[tuple[int, int, int, int, int, int]] = []
        self._tiles: list[bytes] = []
        self._at = 0

    def put(self, level: int, column: int, row: int, pixels: Pixels) -> None:
        grid = self._plan.levels[level].level
        tile = _encoded(padded(pixels, grid.tile_height, grid.tile_width), self._plan)
        self._index.append((level, self._plane, column, row, self._at, len(tile)))
        self._tiles.append(tile)
        self._at += len(tile)

    def finish(self) -> bytes:
        entries = np.array(self._index, _ENTRY)
        return b"".join((_COUNT.pack(len(entries)), entries.tobytes(), *self._tiles))


def _encoded(tile: Pixels, plan: Plan) -> bytes:
    if plan.encoding is Encoding.JPEG_LS:
        return encode_jpeg_ls(tile)
    return encode_jpeg(tile, plan.quality, plan.subsampling)


class EncodedFrames:
    """The frames of one level out of the part files of the tasks that made it."""

    def __init__(self, parts: list[Path], places: NDArray[Any]) -> None:
        missing = int(np.count_nonzero(places["length"] == 0))
        if missing:
            raise DamagedInstance(f"{missing} of {places.size} tiles were never made")
        self._parts = parts
        self._places = places

    def __len__(self) -> int:
        return self._places.size

    def lots(self) -> Iterator[Sequence[bytes]]:
        """All of them, as many together as lie together in a part."""
        for row in self._places:
            same = row["part"][1:] == row["part"][:-1]
            ends = row["offset"] + row["length"]
            apart = np.flatnonzero(~(same & (row["offset"][1:] == ends[:-1]))) + 1
            for run in np.split(row, apart):
                yield self._read(run)

    def __iter__(self) -> Iterator[bytes]:
        return chain.from_iterable(self.lots())

    def _read(self, run: NDArray[Any]) -> list[bytes]:
        starts = (run["offset"] - run["offset"][0]).tolist()
        ends = (run["offset"] + run["length"] - run["offset"][0]).tolist()
        with self._parts[int(run["part"][0])].open("rb", buffering=0) as file:
            data = os.pread(file.fileno(), ends[-1], int(run["offset"][0]))
        if len(data) != ends[-1]:
            raise DamagedInstance("a part of it is shorter than when it was made")
        return [data[start:end] for start, end in zip(starts, ends, strict=True)]


def write_instance(
    path: Path, header: Dataset, frames: Frames, progress: Progress | None = None
) -> Written:
    """Write one instance with encapsulated frames and an Extended Offset Table, and sync it.

    `header` is everything but the pixel data, with its file meta information; its
    LossyImageCompressionRatio gets the true ratio as its last value where frames are lossy. Frames
    are taken one at a time; `progress` hears now and then how many are written. Raises what
    iterating them raises; the unfinished file is the caller's.
    """
    return write_frames(path, header, frames, progress).finish(header)


def write_frames(
    path: Path, draft: Dataset, frames: Frames, progress: Progress | None = None
) -> "Unfinished":
    """Write the frames of an instance behind the place that its header will take.

    `draft` is a header of the same length as the one that `finish` gets, which may not be known
    yet. Otherwise as `write_instance`.
    """
    tell = progress or _unheard
    lengths = np.zeros(len(frames), "<u8")
    head = _encoded_header(draft, len(frames))
    with written_behind(path) as file:
        file.write(bytes(len(head)) + _FRAMES_BEGIN)
        for count, items in _long_runs(frames, lengths):
            file.write(items)
            tell(count, len(lengths))
        first = np.uint64(len(head) + len(_FRAMES_BEGIN) + 8)
        file.write(_END_OF_ITEMS + trailing_index(_offsets(lengths) + first, lengths))
    tell(len(lengths), len(lengths))
    return Unfinished(path, draft, head, lengths)


def written_before(path: Path, draft: Dataset, lengths: NDArray[np.uint64]) -> "Unfinished":
    """What `write_frames` gave for a file that it has written already."""
    return Unfinished(path, draft, _encoded_header(draft, len(lengths)), lengths)


@dataclass(frozen=True)
class Unfinished:
    """An instance that lacks its header: no reader takes it for DICOM."""

    path: Path
    draft: Dataset
    head: bytes
    lengths: NDArray[np.uint64]

    def finish(self, header: Dataset, ratio: str | None = None) -> Written:
        """Put the header in its place, with the tables of the frames, and sync the file.

        `ratio` is that of the whole of which these frames are a part; else it is their own.
        Raises ValueError for a header of another length than the draft's.
        """
        known = header is self.draft
        head = self.head if known else _encoded_header(header, len(self.lengths))
        if len(head) != len(self.head):
            raise ValueError(f"a header of {len(head)} bytes in a place of {len(self.head)}")
        frames_bytes = int(self.lengths.sum())
        ratio = ratio or _ratio(header, frames_bytes)
        with self.path.open("r+b", buffering=0) as file:
            file.write(head)
            _fill_in(file.fileno(), head, _offsets(self.lengths), self.lengths, ratio)
            os.fsync(file.fileno())
            total = os.fstat(file.fileno()).st_size
        items = len(head) + len(_FRAMES_BEGIN), frames_bytes + 8 * len(self.lengths)
        return Written(self.path, total, frames_bytes, ratio, items)


def _offsets(lengths: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Where each item begins, counted from the first: a tag and a length come before a frame."""
    items = lengths + np.uint64(8)
    return np.asarray(np.cumsum(items) - items, "<u8")


def _long_runs(frames: Frames, lengths: NDArray[np.uint64]) -> Iterator[tuple[int, bytes]]:
    """The items of all frames, joined into runs of about WRITE_BYTES; how many came before each."""
    run: list[bytes] = []
    size = first = 0
    for lot in frames.lots():
        run += lot
        size += sum(map(len, lot))
        if size >= WRITE_BYTES:
            yield first, _items(run, lengths[first : first + len(run)])
            first += len(run)
            run.clear()
            size = 0
    yield first, _items(run, lengths[first:])


def _items(frames: Sequence[bytes], lengths: NDArray[np.uint64]) -> bytes:
    """Frames as items: a tag and a length before each, and behind it what makes it even."""
    lengths[:] = np.fromiter(map(len, frames), "<u8", len(frames))
    lengths += lengths % 2
    begin = np.empty(len(frames), [("tag", "S4"), ("length", "<u4")])
    begin["tag"], begin["length"] = _ITEM, lengths
    begins = begin.tobytes()
    parts = [b""] * (3 * len(frames))
    parts[0::3] = [begins[at : at + 8] for at in range(0, len(begins), 8)]
    parts[1::3] = frames
    parts[2::3] = [b"\0" * (len(frame) & 1) for frame in frames]
    return b"".join(parts)


def _unheard(_done: int, _total: int) -> None:
    return


def _encoded_header(header: Dataset, count: int) -> bytes:
    """Preamble, file meta information and data set up to the end of an empty offset table."""
    whole = Dataset()
    whole.update(header)
    whole.file_meta = FileMetaDataset(header.file_meta)
    whole.ExtendedOffsetTable = bytes(8 * count)
    whole.ExtendedOffsetTableLengths = bytes(8 * count)
    if whole.file_meta.TransferSyntaxUID in LOSSY and "LossyImageCompressionRatio" in whole:
        element = whole["LossyImageCompressionRatio"]
        earlier = [] if element.VM <= 1 else list(element.value)[:-1]
        whole.LossyImageCompressionRatio = [*map(str, earlier), _RATIO_PLACE]
    buffer = io.BytesIO()
    dcmwrite(buffer, whole, enforce_file_format=True)
    return buffer.getvalue()


def _ratio(header: Dataset, encoded_bytes: int) -> str:
    """Uncompressed over compressed size (PS3.3 C.7.6.1.1.5)."""
    uncompressed = (
        int(header.Rows)
        * int(header.Columns)
        * int(header.get("NumberOfFrames", 1))
        * int(header.SamplesPerPixel)
        * (int(header.BitsAllocated) // 8)
    )
    return f"{uncompressed / max(1, encoded_bytes):.2f}"


def _fill_in(
    file: int,
    head: bytes,
    offsets: NDArray[np.uint64],
    lengths: NDArray[np.uint64],
    ratio: str,
) -> None:
    # Both tables are the last elements of the header: 12 bytes of tag, VR and length each.
    size = 8 * len(lengths)
    os.pwrite(file, lengths.tobytes(), len(head) - size)
    os.pwrite(file, offsets.tobytes(), len(head) - size - 12 - size)
    place = head.find(_RATIO_PLACE.encode())
    if place >= 0:
        os.pwrite(file, ratio.ljust(len(_RATIO_PLACE)).encode(), place)
