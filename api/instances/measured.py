"""How measured light is shown that others send: each optical path in its colour and window.

Without it, values of 12 bits in 16 would be shown nearly black.
"""

import os
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slides.channels import shown
from slides.slide import Channel
from tiles.composite import window_of
from tiles.instance import FrameIndex, decoded_frame, read_index
from tiles.source import ReadRange

MOST_FRAMES = 64
"""Of an optical path, spread over all that are stored."""
MOST_VALUES = 1 << 16
"""Of a frame."""
MOST_FRAME_BYTES = 64 << 20
"""Larger ones are not looked at: they would be held whole."""


def channels_of(path: Path, described: Sequence[Channel]) -> list[dict[str, Any]]:
    """The channels of a file whose frames are grey, as facts of an image tell them.

    Raises TilesError for frames that do not decode, and OSError.
    """
    with path.open("rb") as stream:
        read = partial(_pread, stream.fileno())
        index = read_index(read, os.fstat(stream.fileno()).st_size)
        windows = [_window(index, read, each) for each in range(index.optical_paths)]
    return [asdict(one) for one in shown(described, windows)]


def _window(index: FrameIndex, read: ReadRange, optical_path: int) -> tuple[int, int]:
    found = [_values(index, read, int(one)) for one in _some_frames(index, optical_path)]
    values = np.concatenate(found) if found else np.empty(0)
    # Of a part of a level that holds nothing of this light, all there may be.
    return window_of(values) if len(values) else (0, 2**index.bits - 1)


def _some_frames(index: FrameIndex, optical_path: int) -> NDArray[np.int64]:
    each = index.focal_planes * index.level.tiles
    begin, end = optical_path * each, (optical_path + 1) * each
    if index.lying is None:
        stored = np.arange(begin, end, dtype=np.int64)
    else:
        tiles = index.lying.tiles
        stored = index.lying.frames[(begin <= tiles) & (tiles < end)]
    return stored[:: len(stored) // MOST_FRAMES + 1]


def _values(index: FrameIndex, read: ReadRange, frame: int) -> NDArray[Any]:
    offset, length = int(index.offsets[frame]), int(index.lengths[frame])
    if length > MOST_FRAME_BYTES:
        return np.empty(0)
    values = decoded_frame(index, read(offset, length)).reshape(-1)
    return values[:: len(values) // MOST_VALUES + 1]


def _pread(file: int, offset: int, length: int) -> bytes:
    return os.pread(file, length, offset)
