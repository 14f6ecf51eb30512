"""Which frame of a DICOM slide shows which tile of which plane.

Source: PS3.3 C.7.6.17.3 (order of TILED_FULL), C.8.12.6.1 (plane position of a slide's tiles).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from slides.errors import DamagedSlide, UnsupportedSlide


class PlaneKey(NamedTuple):
    """What tells a plane of a slide from the others, in the order of TILED_FULL."""

    optical_path: str
    z_um: float


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The planes of an instance, and the number of the frame of each of their tiles.

    `frames` has the shape (planes, tiles), tiles row by row; -1 where none is stored.
    """

    planes: tuple[PlaneKey, ...]
    frames: NDArray[np.int64]


def arrange(headers: Sequence[Dataset], count: int, columns: int, rows: int) -> Arrangement:
    """Arrange `count` frames; `headers` are those of the parts of a concatenation, in order.

    Raises DamagedSlide where frames and tiles do not agree, UnsupportedSlide off the grid.
    """
    groups = list(
        chain.from_iterable(
            header.get("PerFrameFunctionalGroupsSequence") or [] for header in headers
        )
    )
    header = headers[0]
    sparse = header.get("DimensionOrganizationType") != "TILED_FULL" and bool(groups)
    if not sparse or not all(group.get("PlanePositionSlideSequence") for group in groups):
        return _full(header, count, columns * rows)
    if len(groups) != count:
        raise DamagedSlide(f"it places {len(groups)} of {count} frames; fetch it again")
    return _sparse(header, [_place(header, group) for group in groups], columns, rows)


def arrange_part(header: Dataset, count: int, columns: int, rows: int) -> Arrangement:
    """Arrange the frames of one part of a concatenation, whose others are not there.

    Raises as `arrange`.
    """
    groups = header.get("PerFrameFunctionalGroupsSequence") or []
    is_full = header.get("DimensionOrganizationType") == "TILED_FULL"
    if not is_full and groups and all(one.get("PlanePositionSlideSequence") for one in groups):
        return arrange([header], count, columns, rows)
    first = int(header.get("ConcatenationFrameOffsetNumber") or 0)
    tiles = columns * rows
    planes = _full_planes(header)
    if first < 0 or first + count > len(planes) * tiles:
        raise DamagedSlide("its frames go on beyond the last tile; fetch it again")
    frames = np.full(len(planes) * tiles, -1, np.int64)
    frames[first : first + count] = np.arange(count)
    return Arrangement(planes, frames.reshape(len(planes), tiles))


def optical_paths(header: Dataset) -> list[Dataset]:
    """The optical paths that the frames show, at least one."""
    described = list(header.get("OpticalPathSequence") or [Dataset()])
    return described[: int(header.get("NumberOfOpticalPaths") or len(described))]


def identifier(path: Dataset) -> str:
    """What the frames call an optical path."""
    return str(path.get("OpticalPathIdentifier", "")).strip()


def _full(header: Dataset, count: int, tiles: int) -> Arrangement:
    """First along rows, then down, then from the glass to the coverslip, then by optical path."""
    planes = _full_planes(header)
    if count < len(planes) * tiles:
        raise DamagedSlide(
            f"its header promises {count} of {len(planes) * tiles} tiles; fetch it again"
        )
    return Arrangement(planes, np.arange(len(planes) * tiles).reshape(len(planes), tiles))


def _full_planes(header: Dataset) -> tuple[PlaneKey, ...]:
    depth = _focal_planes(header)
    measures = _shared(header, "PixelMeasuresSequence")
    apart_um = 1000 * float(measures.get("SpacingBetweenSlices") or 0) or 1.0
    origin = header.get("TotalPixelMatrixOriginSequence") or [Dataset()]
    first_um = float(
        _shared(header, "PlanePositionSlideSequence").get("ZOffsetInSlideCoordinateSystem")
        or origin[0].get("ZOffsetInSlideCoordinateSystem")
        or 0
    )
    return tuple(
        PlaneKey(identifier(path), first_um + number * apart_um)
        for path in optical_paths(header)
        for number in range(depth)
    )


class _Place(NamedTuple):
    optical_path: str
    z_um: float
    x: int
    y: int


def _place(header: Dataset, group: Dataset) -> _Place:
    position = group.PlanePositionSlideSequence[0]
    own = group.get("OpticalPathIdentificationSequence")
    path = own[0] if own else _shared(header, "OpticalPathIdentificationSequence")
    return _Place(
        str(path.get("OpticalPathIdentifier") or identifier(optical_paths(header)[0])).strip(),
        float(position.get("ZOffsetInSlideCoordinateSystem") or 0),
        int(position.ColumnPositionInTotalImagePixelMatrix) - 1,
        int(position.RowPositionInTotalImagePixelMatrix) - 1,
    )


def _sparse(header: Dataset, places: list[_Place], columns: int, rows: int) -> Arrangement:
    paths = [identifier(path) for path in optical_paths(header)]
    depth = _focal_planes(header)
    heights = sorted({place.z_um for place in places}) if depth > 1 else [places[0].z_um]
    if len(heights) > depth:
        raise UnsupportedSlide("its tiles are focused each by itself; export it as TILED_FULL")
    planes = tuple(PlaneKey(path, z_um) for path in paths for z_um in heights)
    frames = np.full((len(planes), columns * rows), -1, np.int64)
    for number, place in enumerate(places):
        column, over_x = divmod(place.x, int(header.Columns))
        row, over_y = divmod(place.y, int(header.Rows))
        if over_x or over_y:
            raise UnsupportedSlide("its tiles lie on no grid; export it as TILED_FULL")
        if not (0 <= column < columns and 0 <= row < rows):
            raise DamagedSlide("it places a tile outside the picture; fetch it again")
        if place.optical_path not in paths:
            raise DamagedSlide("a tile names light that is not described; fetch it again")
        height = heights.index(place.z_um) if depth > 1 else 0
        plane = paths.index(place.optical_path) * len(heights) + height
        frames[plane, row * columns + column] = number
    return Arrangement(planes, frames)


def _focal_planes(header: Dataset) -> int:
    return max(int(header.get("TotalPixelMatrixFocalPlanes") or 1), 1)


def _shared(header: Dataset, macro: str) -> Dataset:
    """The only item of a functional group that all frames share, empty where there is none."""
    for group in header.get("SharedFunctionalGroupsSequence") or []:
        for item in group.get(macro) or []:
            return Dataset(item)
    return Dataset()
