"""Which frame of an instance shows which tile, where that is not the order of TILED_FULL.

Source: PS3.3 C.7.6.17.3 and C.8.12.6.1 (TILED_SPARSE: each frame says where it lies), C.7.6.16.1
(concatenations: frames of one matrix go on from instance to instance).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tiles.errors import DamagedInstance
from tiles.frame_groups import Placed, identifier_of, path_of
from tiles.pyramid import Level

MOST_PLACES = 1 << 22
"""Of tiles in all planes of one matrix, stored or not."""


@dataclass(frozen=True, slots=True, eq=False)
class Lying:
    """Which tiles are stored, in ascending order, and which frame shows each.

    Tiles are counted by optical path, then by focal plane, then row by row. What is held is as
    much as is stored, however large the matrix says it is.
    """

    tiles: NDArray[np.int64]
    frames: NDArray[np.int64]

    @classmethod
    def of(cls, tiles: NDArray[np.int64], frames: NDArray[np.int64]) -> Self:
        """Of the tile of each frame, in any order; where several show one tile, the last does."""
        found, at = np.unique(tiles[::-1], return_index=True)
        return cls(found, frames[::-1][at])

    @property
    def nbytes(self) -> int:
        """What it takes of memory."""
        return self.tiles.nbytes + self.frames.nbytes

    def frame_of(self, tile: int) -> int:
        """The frame that shows a tile, -1 for none."""
        at = int(np.searchsorted(self.tiles, tile))
        is_stored = at < len(self.tiles) and self.tiles[at] == tile
        return int(self.frames[at]) if is_stored else -1


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """The planes of an instance, and how its frames lie in them."""

    optical_paths: int
    focal_planes: int
    lying: Lying


def places_of(header: Dataset, level: Level, apart: Placed | None = None) -> Places | None:
    """Where the frames lie that do not lie as TILED_FULL has them, None where they do.

    `apart` is what each frame says of its place, where the header does not hold that. Raises
    DamagedInstance for frames that lie nowhere, and for more tiles than there may be.
    """
    if header.get("DimensionOrganizationType") != "TILED_FULL":
        placed = apart or Placed.of(header)
        if placed is not None:
            return _sparse(header, placed, level)
    if header.get("ConcatenationUID"):
        return _part(header, level)
    return None


def _require_places(level: Level, planes: int) -> int:
    if level.tiles * planes > MOST_PLACES:
        raise DamagedInstance("its matrix has more tiles than any scanner makes")
    return level.tiles * planes


def _part(header: Dataset, level: Level) -> Places:
    paths = int(header.get("NumberOfOpticalPaths") or 1)
    depth = int(header.get("TotalPixelMatrixFocalPlanes") or 1)
    most = _require_places(level, paths * depth)
    first = int(header.get("ConcatenationFrameOffsetNumber") or 0)
    count = int(header.get("NumberOfFrames") or 1)
    if first < 0 or first + count > most:
        raise DamagedInstance("its frames go on beyond the last tile")
    frames = np.arange(count, dtype=np.int64)
    return Places(paths, depth, Lying(first + frames, frames))


def _sparse(header: Dataset, placed: Placed, level: Level) -> Places:
    described = header.get("OpticalPathSequence") or [Dataset()]
    paths = [identifier_of(one) for one in described]
    paths = paths[: int(header.get("NumberOfOpticalPaths") or len(paths))]
    depth = int(header.get("TotalPixelMatrixFocalPlanes") or 1)
    z = placed.z if depth > 1 else np.zeros(len(placed.z))
    heights, height = np.unique(z, return_inverse=True)
    if len(heights) > max(depth, 1):
        raise DamagedInstance("its tiles are focused each by itself")
    _require_places(level, len(paths) * len(heights))
    columns, over_x = np.divmod(placed.columns - 1, level.tile_width)
    rows, over_y = np.divmod(placed.rows - 1, level.tile_height)
    is_inside = (columns >= 0) & (columns < level.columns) & (rows >= 0) & (rows < level.rows)
    usual = path_of(_shared(header)) or paths[0]
    numbers = {path: paths.index(path) for path in paths}
    path = np.array([numbers.get(one or usual, -1) for one in placed.paths], np.int64)
    if over_x.any() or over_y.any() or not is_inside.all() or path.min() < 0:
        raise DamagedInstance("a tile lies on no grid, or outside its matrix")
    plane = path * len(heights) + height
    tiles = plane * level.tiles + rows * level.columns + columns
    lying = Lying.of(tiles, np.arange(len(tiles), dtype=np.int64))
    return Places(len(paths), len(heights), lying)


def _shared(header: Dataset) -> Dataset:
    groups = header.get("SharedFunctionalGroupsSequence") or [Dataset()]
    return Dataset(groups[0])
