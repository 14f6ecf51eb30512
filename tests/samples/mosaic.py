"""Make a huge slide out of a large one, by repeating its encoded tiles.

python -m tests.samples.mosaic SOURCE.svs OUT.svs [TIMES]

Nothing is decoded, so a slide of ten gigapixels takes no longer than its bytes do. The extents of
every level of the source must be whole numbers of tiles.
"""

import os
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from slides.shared_file import SharedFile

RGB = 2


def repeat(source: Path, out: Path, times: int) -> Path:
    """Write a slide of `times` × `times` copies of another side by side.

    Raises ValueError where a level does not end with a tile.
    """
    file = SharedFile(source)
    with tifffile.TiffFile(source) as tiff, tifffile.TiffWriter(out, bigtiff=True) as target:
        base = tiff.pages.first
        for page in tiff.pages:
            if not isinstance(page, tifffile.TiffPage):
                raise TypeError("a directory that is no picture")
            if not page.is_tiled:
                target.write(page.asarray(), **_picture(page))
                continue
            if page.imagewidth % page.tilewidth or page.imagelength % page.tilelength:
                raise ValueError(f"{page.imagewidth} × {page.imagelength} are no whole tiles")
            target.write(_tiles(page, file, times), **_level(page, base, times))
    file.close()
    return out


def _tiles(page: tifffile.TiffPage, file: SharedFile, times: int) -> Iterator[bytes]:
    extents = np.array([page.dataoffsets, page.databytecounts], np.int64)
    across = page.imagewidth // page.tilewidth
    for _ in range(times):
        for first in range(0, extents.shape[1], across):
            row = list(chain.from_iterable(file.read_runs(*extents[:, first : first + across])))
            for _ in range(times):
                yield from row


def _level(page: tifffile.TiffPage, base: Any, times: int) -> dict[str, Any]:
    width, height = page.imagewidth * times, page.imagelength * times
    whole = f"{base.imagewidth}x{base.imagelength}"
    part = f"{page.imagewidth}x{page.imagelength}"
    said = page.description.replace(f"-> {part}", f"-> {width}x{height}")
    return {
        "shape": (height, width, 3),
        "dtype": page.dtype,
        "photometric": "rgb",
        "subsampling": page.subsampling,
        "tile": (page.tilelength, page.tilewidth),
        "compression": "jpeg",
        "compressionargs": {"outcolorspace": "rgb" if page.photometric == RGB else "ycbcr"},
        "jpegtables": page.jpegtables,
        "metadata": None,
        "description": said.replace(whole, f"{base.imagewidth * times}x{base.imagelength * times}"),
    }


def _picture(page: tifffile.TiffPage) -> dict[str, Any]:
    return {
        "photometric": "rgb",
        "compression": "lzw",
        "rowsperstrip": 16,
        "subfiletype": page.subfiletype,
        "metadata": None,
        "description": page.description,
    }


def main() -> None:
    """Repeat a slide."""
    source, out, *times = sys.argv[1:]
    print(os.fspath(repeat(Path(source), Path(out), int(times[0]) if times else 3)))


if __name__ == "__main__":
    main()
