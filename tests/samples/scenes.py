"""Files that hold several pictures, as microscopes and scanners write them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from tests.samples.vendors import MPP_UM, RGB, halves, thumbnail

TILE = 128


def ome_scenes(
    path: Path,
    pictures: Sequence[RGB],
    *,
    label: bool = True,
    flat: bool = False,
    compression: str | None = "jpeg",
) -> Path:
    """An OME-TIFF of several pictures, each with its levels, and perhaps a label.

    `flat` levels follow their picture as pages of their own; else they are in its SubIFDs.
    """
    metadata = {
        "axes": "YXS",
        "PhysicalSizeX": MPP_UM,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": MPP_UM,
        "PhysicalSizeYUnit": "µm",
    }
    usual: dict[str, Any] = {
        "photometric": "rgb",
        "compression": compression,
        "tile": (TILE, TILE),
    }
    with tifffile.TiffWriter(path, ome=True) as tiff:
        for picture in pictures:
            first, *reduced = halves(picture)
            own: dict[str, Any] = {} if flat else {"subifds": len(reduced)}
            tiff.write(first, metadata=metadata, **own, **usual)
            for level in reduced:
                tiff.write(level, subfiletype=1, metadata=None, **usual)
        if label:
            small = np.ascontiguousarray(thumbnail(pictures[0]))
            tiff.write(small, photometric="rgb", metadata={"axes": "YXS", "Name": "label"})
    return path
