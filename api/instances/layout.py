"""How the frames of an instance that somebody sends lie in its matrix, and of which whole it is."""

import hashlib
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from slides.dicom_structure import Instance
from slides.errors import UnsupportedSlide
from slides.limits import check_extent
from tiles.positions import MOST_PLACES, places_of
from tiles.pyramid import Level


def check_grid(header: Dataset) -> None:
    """Refuse a matrix of more tiles than are held in memory, before any is counted.

    Raises SlideError.
    """
    level = Level(
        int(header.get("TotalPixelMatrixColumns", header.Columns)),
        int(header.get("TotalPixelMatrixRows", header.Rows)),
        int(header.Columns),
        int(header.Rows),
    )
    check_extent(level.width, level.height)
    check_extent(level.tile_width, level.tile_height)
    if level.tiles > MOST_PLACES:
        raise UnsupportedSlide("its matrix has more tiles than any scanner makes")


MOST_PARTS = 1000
"""Of one level: each is opened before the first tile is shown."""
_ALIKE = (
    *("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "PhotometricInterpretation"),
    *("PlanarConfiguration", "NumberOfOpticalPaths", "TotalPixelMatrixFocalPlanes"),
)
"""What parts of one level have in common, their transfer syntax and optical paths apart."""


def part_of(header: Dataset) -> list[Any]:
    """Of which concatenation it is a part, and which, as `archive.received.arrived.Part` has it.

    Nothing for a whole. Raises UnsupportedSlide for a part that does not say where it belongs.
    """
    whole = str(header.get("ConcatenationUID") or "")
    if not whole:
        return []
    number = int(header.get("InConcatenationNumber") or 0)
    total = int(header.get("InConcatenationTotalNumber") or 0)
    if header.get("ConcatenationFrameOffsetNumber") is None or number < 1 or 0 < total < number:
        raise UnsupportedSlide("it does not say which part of its level it is")
    if max(number, total) > MOST_PARTS:
        raise UnsupportedSlide("its level is cut into more parts than are put together here")
    is_full = header.get("DimensionOrganizationType") == "TILED_FULL"
    if not is_full and int(header.get("TotalPixelMatrixFocalPlanes") or 1) > 1:
        # The heights of all planes stand in no part alone.
        raise UnsupportedSlide("its level is cut into parts, and focused each by itself")
    return [
        whole[:64],
        number,
        total,
        int(header.ConcatenationFrameOffsetNumber),
        int(header.get("NumberOfFrames") or 1),
        _kind_of(header),
    ]


def _kind_of(header: Dataset) -> str:
    paths = [one.get("OpticalPathIdentifier") for one in header.get("OpticalPathSequence") or []]
    said = [header.file_meta.TransferSyntaxUID, *map(header.get, _ALIKE), *paths]
    return hashlib.sha256("\0".join(map(str, said)).encode()).hexdigest()


def check_tiles(header: Dataset, instance: Instance, count: int) -> None:
    """Refuse frames that do not show a tile each, its own, where it will be read.

    Raises UnsupportedSlide and TilesError.
    """
    level = Level(instance.width, instance.height, instance.tile_width, instance.tile_height)
    places = places_of(header, level)
    found = instance.frames.reshape(-1)
    if places is None:
        are_right = np.array_equal(found, np.arange(count))
    else:
        lying = places.lying
        stored = int((found >= 0).sum())
        are_right = stored == count and np.array_equal(found[lying.tiles], lying.frames)
    if not are_right:
        raise UnsupportedSlide("several of its frames show one tile, or some show none")
