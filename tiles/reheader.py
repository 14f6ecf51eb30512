"""A stored instance under another header: the same frames, bit for bit."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from tiles.composed import Composed
from tiles.cut import StoredFrames
from tiles.frames import Frames, Progress, Written, write_frames
from tiles.instance import FrameIndex, read_header, read_index
from tiles.source import Encoding

_OF_THE_FRAMES = ("ExtendedOffsetTable", "ExtendedOffsetTableLengths", "DataSetTrailingPadding")
"""What is made anew with the file."""


def reheader(
    source: Path,
    target: Path,
    change: Callable[[Dataset], Dataset],
    progress: Progress | None = None,
) -> Written:
    """Write the instance `source` as `target`, with the header that `change` makes of its own.

    `change` gets everything but the pixel data, with the file meta information, and may return the
    same object. Memory does not grow with the instance. Raises DamagedInstance.
    """
    with source.open("rb", buffering=0) as file:
        size_bytes = os.fstat(file.fileno()).st_size
        read = partial(_pread, file.fileno())
        header, begin = read_header(read, size_bytes)
        if begin == size_bytes:
            return _document(Composed.of(read, size_bytes, change), target)
        index = read_index(read, size_bytes)
        if index.encoding is Encoding.RAW:
            return _native(Composed.of(read, size_bytes, change), index, target)
        frames = StoredFrames(read, index, range(len(index.lengths)))
        return write_under(header, frames, target, change, progress)


def write_under(
    header: Dataset,
    frames: Frames,
    target: Path,
    change: Callable[[Dataset], Dataset],
    progress: Progress | None = None,
) -> Written:
    """Write frames of an instance, all or some, as `target`, behind what becomes of its header.

    `change` gets the header without what is made anew with the file. How far the pixels were
    compressed is said as it was of the whole.
    """
    for keyword in _OF_THE_FRAMES:
        if keyword in header:
            del header[keyword]
    ratios = np.atleast_1d(np.asarray(header.get("LossyImageCompressionRatio") or [], object))
    changed = change(header)
    unfinished = write_frames(target, changed, frames, progress)
    return unfinished.finish(changed, str(ratios[-1]) if len(ratios) else None)


def _laid_down(composed: Composed, target: Path) -> None:
    with target.open("wb") as file:
        for part in composed.parts():
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def _document(composed: Composed, target: Path) -> Written:
    """The same for a document, which is of the header."""
    _laid_down(composed, target)
    return Written(target, composed.length_bytes, 0, "1", (0, composed.length_bytes))


def _native(composed: Composed, index: FrameIndex, target: Path) -> Written:
    """The same for native frames, which others send: they stay as they lie, behind another head."""
    _laid_down(composed, target)
    frames_bytes = int(index.lengths.sum())
    begin = int(index.offsets[0]) - composed.begin + len(composed.head)
    return Written(target, composed.length_bytes, frames_bytes, "1", (begin, frames_bytes))


def _pread(file: int, offset: int, length: int) -> bytes:
    return os.pread(file, length, offset)
