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


def places_of(header: Dataset, level: Level) -> Places | None:
    """Where the frames lie that do not lie as TILED_FULL has them, None where they do.

    Raises DamagedInstance for frames that lie nowhere, and for more tiles than there may be.
    """
    groups = header.get("PerFrameFunctionalGroupsSequence") or []
    is_full = header.get("DimensionOrganizationType") == "TILED_FULL"
    if not is_full and groups and all(one.get("PlanePositionSlideSequence") for one in groups):
        return _sparse(header, list(groups), level)
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


def _sparse(header: Dataset, groups: list[Dataset], level: Level) -> Places:
    described = header.get("OpticalPathSequence") or [Dataset()]
    paths = [_identifier(one) for one in described]
    paths = paths[: int(header.get("NumberOfOpticalPaths") or len(paths))]
    placed = [one.PlanePositionSlideSequence[0] for one in groups]
    depth = int(header.get("TotalPixelMatrixFocalPlanes") or 1)
    z = [float(one.get("ZOffsetInSlideCoordinateSystem") or 0) for one in placed]
    heights = sorted(set(z)) if depth > 1 else z[:1]
    if len(heights) > max(depth, 1):
        raise DamagedInstance("its tiles are focused each by itself")
    _require_places(level, len(paths) * len(heights))
    tiles = np.empty(len(groups), np.int64)
    usual = _path_of(_shared(header)) or paths[0]
    for number, (group, position) in enumerate(zip(groups, placed, strict=True)):
        column, over_x = divmod(
            int(position.ColumnPositionInTotalImagePixelMatrix) - 1, level.tile_width
        )
        row, over_y = divmod(
            int(position.RowPositionInTotalImagePixelMatrix) - 1, level.tile_height
        )
        path = _path_of(group) or usual
        is_inside = 0 <= column < level.columns and 0 <= row < level.rows
        if over_x or over_y or not is_inside or path not in paths:
            raise DamagedInstance("a tile lies on no grid, or outside its matrix")
        height = heights.index(z[number]) if depth > 1 else 0
        plane = paths.index(path) * len(heights) + height
        tiles[number] = plane * level.tiles + row * level.columns + column
    lying = Lying.of(tiles, np.arange(len(tiles), dtype=np.int64))
    return Places(len(paths), len(heights), lying)


def _shared(header: Dataset) -> Dataset:
    groups = header.get("SharedFunctionalGroupsSequence") or [Dataset()]
    return Dataset(groups[0])


def _path_of(group: Dataset) -> str:
    named = group.get("OpticalPathIdentificationSequence")
    return _identifier(named[0]) if named else ""


def _identifier(path: Dataset) -> str:
    return str(path.get("OpticalPathIdentifier", "")).strip()
