"""Whether an instance that was written is what it was to be: its header, its tables, its frames.

Read with another parser than the one that wrote it, from the first byte to the last.
"""

from collections.abc import Iterator
from pathlib import Path
from struct import error as StructError  # noqa: N812  (it is a class in disguise)
from struct import unpack
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset

from slides.shared_file import SharedFile
from tiles.codestream import parse_jpeg
from tiles.errors import TilesError
from tiles.instance import ENCODINGS
from tiles.pyramid import Level
from tiles.source import Encoding
from tiles.trailing_index import read_trailing_index

ITEM, SEQUENCE_END = 0xE000FFFE, 0xE0DDFFFE


def faults_of_instance(path: Path) -> Iterator[str]:
    """What is wrong with an instance's tables and frames, whatever it shows; one line each."""
    with path.open("rb") as stream:
        header = dcmread(stream, stop_before_pixels=True)
        try:
            offsets, lengths, first = _items(stream)
        except StructError:
            yield "it ends inside its frames"
            return
        except ValueError as error:
            yield str(error)
            return
    yield from _table_faults(header, offsets, lengths)
    yield from _index_faults(path, offsets + np.uint64(first + 8), lengths)
    if ENCODINGS.get(str(header.file_meta.TransferSyntaxUID)) is Encoding.JPEG_BASELINE:
        with path.open("rb") as stream:
            stream.seek(first + 8)
            yield from _colour_faults(header, stream.read(int(lengths[0])))


def _items(stream: BinaryIO) -> tuple[NDArray[np.uint64], NDArray[np.uint64], int]:
    """Offsets (from the first item) and lengths of all frames, by walking from one to the next."""
    start = stream.tell()
    stream.seek(start + 12)
    tag, empty = unpack("<II", stream.read(8))
    if tag != ITEM or empty:
        raise ValueError("its frames do not begin with an empty offset table")
    first = start + 20
    offsets: list[int] = []
    lengths: list[int] = []
    while True:
        at = stream.tell()
        tag, length = unpack("<II", stream.read(8))
        if tag == SEQUENCE_END:
            return np.array(offsets, "<u8"), np.array(lengths, "<u8"), first
        if tag != ITEM:
            raise ValueError(f"frame {len(offsets)} does not begin where the one before ends")
        offsets.append(at - first)
        lengths.append(length)
        stream.seek(length, 1)


def _table_faults(
    header: Dataset, offsets: NDArray[np.uint64], lengths: NDArray[np.uint64]
) -> Iterator[str]:
    count = int(header.get("NumberOfFrames", 1))
    if len(offsets) != count:
        yield f"{count - len(offsets)} of {count} frames are missing"
    empty = np.flatnonzero(lengths == 0)
    if empty.size:
        yield f"frame {empty[0]} and {empty.size - 1} more are empty"
    for name, found in (("ExtendedOffsetTable", offsets), ("ExtendedOffsetTableLengths", lengths)):
        if not np.array_equal(np.frombuffer(header.get(name, b""), "<u8"), found):
            yield f"its {name} is not where its frames are"


def _index_faults(
    path: Path, offsets: NDArray[np.uint64], lengths: NDArray[np.uint64]
) -> Iterator[str]:
    file = SharedFile(path)
    try:
        at, long = read_trailing_index(file.read, file.size, len(offsets))
    except TilesError as error:
        yield str(error)
        return
    finally:
        file.close()
    if not (np.array_equal(at, offsets) and np.array_equal(long, lengths)):
        yield "the index at its end is not that of its frames"


def _colour_faults(header: Dataset, frame: bytes) -> Iterator[str]:
    like = parse_jpeg(frame)
    told = str(header.PhotometricInterpretation)
    truth = "MONOCHROME2" if like.samples == 1 else "RGB" if like.rgb else "YBR_FULL_422"
    if told != truth:
        yield f"its header says {told}, its frames are {truth}"
    if str(header.get("LossyImageCompression")) != "01":
        yield "its header does not say that it was compressed with loss"


def faults_of_level(header: Dataset, level: Level, *, reduced: bool) -> Iterator[str]:
    """Where a level's header differs from what was planned."""
    expected = {
        "TotalPixelMatrixColumns": level.width,
        "TotalPixelMatrixRows": level.height,
        "Columns": level.tile_width,
        "Rows": level.tile_height,
    }
    for name, value in expected.items():
        if header.get(name) != value:
            yield f"its {name} is {header.get(name)}, not {value}"
    kind = ["DERIVED", "RESAMPLED"] if reduced else ["ORIGINAL", "NONE"]
    if [header.ImageType[0], header.ImageType[3]] != kind:
        yield f"its Image Type is {'/'.join(header.ImageType)}"


def faults_of_spacing(
    header: Dataset, level: Level, extent_um: tuple[float, float]
) -> Iterator[str]:
    """Whether a level's pixels, one or none more, cover what the slide's do."""
    measures = header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    down, across = (float(value) * 1000 for value in measures.PixelSpacing)
    for what, own, pixels, whole in (
        ("wide", across, level.width, extent_um[0]),
        ("high", down, level.height, extent_um[1]),
    ):
        if abs(own * pixels - whole) > own * 1.001:
            yield f"it is said to be {own * pixels:.0f} µm {what}, the slide {whole:.0f}"
