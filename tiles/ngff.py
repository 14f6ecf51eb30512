"""What an OME-Zarr 0.5 image consists of: a group's document, an array's, and their chunks.

Axes are c, y, x, and c, z, y, x where there is more than one focal plane; scales are micrometres.
Source: zarr v3 core specification; https://ngff.openmicroscopy.org/0.5/.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tiles.composite import Channel
from tiles.pyramid import Level
from tiles.source import Encoding, Pixels

Json = dict[str, Any]
Shape = tuple[int, ...]

VERSION = "0.5"
LITTLE_ENDIAN_BYTES: Json = {"name": "bytes", "configuration": {"endian": "little"}}
FRAME_CODECS = {
    Encoding.JPEG_BASELINE: "imagecodecs_jpeg",
    Encoding.JPEG_2000: "imagecodecs_jpeg2k",
    Encoding.HTJ2K: "imagecodecs_htj2k",
    Encoding.JPEG_LS: "imagecodecs_jpegls",
}
"""Encoding of frames → the zarr codec that reads them, as the package imagecodecs-zarr names it."""

ZSTD_LEVEL = 1
"""Level 3 takes twice the time for 1 % less."""

_COLOURS = (("R", "FF0000"), ("G", "00FF00"), ("B", "0000FF"))
_PLAIN = "FFFFFF"


@dataclass(frozen=True, slots=True)
class Layout:
    """What the arrays of one image have in common.

    A chunk is one tile with its `samples` (1, or 3 of a colour picture) on one focal plane through
    one optical path.
    """

    samples: int
    bits: int = 8
    optical_paths: int = 1
    focal_planes: int = 1
    focal_step_um: float = 1.0

    @property
    def axes(self) -> tuple[str, ...]:
        """The names of the dimensions, slowest first."""
        return ("c", "z", "y", "x") if self.focal_planes > 1 else ("c", "y", "x")

    def shape(self, level: Level) -> Shape:
        """The real extents of a level."""
        return (self.samples * self.optical_paths, *self._depth, level.height, level.width)

    def chunk(self, level: Level) -> Shape:
        """The extents of one tile, padding included."""
        flat = (1,) * len(self._depth)
        return (self.samples, *flat, level.tile_height, level.tile_width)

    @property
    def _depth(self) -> Shape:
        return (self.focal_planes,) if self.focal_planes > 1 else ()


def whole_chunks(shape: Shape, chunk: Shape) -> Shape:
    """The extents of all the chunks that a shape touches."""
    return tuple(-(-extent // part) * part for extent, part in zip(shape, chunk, strict=True))


def sharded(chunk: Shape, codecs: Sequence[Json]) -> list[Json]:
    """The codecs of a shard of chunks, whose index stands at its end (zarr sharding 1.0)."""
    configuration = {
        "chunk_shape": list(chunk),
        "codecs": list(codecs),
        "index_codecs": [LITTLE_ENDIAN_BYTES, {"name": "crc32c"}],
        "index_location": "end",
    }
    return [{"name": "sharding_indexed", "configuration": configuration}]


def samples_last(layout: Layout) -> list[Json]:
    """The codec that turns a chunk as zarr has it into (rows, columns, samples), as JPEG has it."""
    if layout.samples == 1:
        return []
    order = [*range(1, len(layout.axes)), 0]
    return [{"name": "transpose", "configuration": {"order": order}}]


def compressed(layout: Layout) -> list[Json]:
    """The codecs of a chunk of pixels as `compress` makes it."""
    codec = {"name": "zstd", "configuration": {"level": ZSTD_LEVEL, "checksum": False}}
    return [*plain(layout), codec]


def compress(pixels: Pixels) -> bytes:
    """A chunk of (rows, columns, samples) compressed without loss.

    Samples stay beside one another: that is as small as planes apart, and half the work.
    """
    return zstd(plain_bytes(pixels))


def zstd(data: memoryview) -> bytes:
    """Bytes compressed by Zstandard."""
    import imagecodecs

    # Their types name fewer kinds of buffers than they take.
    return bytes(imagecodecs.zstd_encode(data, ZSTD_LEVEL))  # type: ignore[arg-type]


def plain(layout: Layout) -> list[Json]:
    """The codecs of a chunk of pixels as `plain_bytes` makes it."""
    return [*samples_last(layout), LITTLE_ENDIAN_BYTES]


def plain_bytes(pixels: Pixels) -> memoryview:
    """A chunk of (rows, columns, samples) as it is: no copy where it lies so in memory."""
    ordered = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    return ordered.data.cast("B")


def write_document(folder: Path, document: Json) -> None:
    """Write the zarr.json of a group or an array."""
    (folder / "zarr.json").write_text(json.dumps(document, separators=(",", ":")))


def array_document(layout: Layout, level: Level, grid: Shape, codecs: Sequence[Json]) -> Json:
    """The zarr.json of a level stored in pieces of the extents `grid`."""
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(layout.shape(level)),
        "data_type": f"uint{layout.bits}",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(grid)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0,
        "codecs": list(codecs),
        "attributes": {},
        "dimension_names": list(layout.axes),
        "storage_transformers": [],
    }


def group_document(
    layout: Layout,
    spacings_um: Sequence[tuple[float, float]],
    name: str,
    method: str,
    channels: Sequence[Channel] = (),
) -> Json:
    """The zarr.json of an image of levels with these spacings (x, y), level 0 first.

    A reduced pixel is centred between those it stands for, which its translation says. `method` is
    how levels were reduced, in words; `channels` tell how each optical path is shown.
    """
    image = {
        "name": name,
        "axes": [_axis(axis) for axis in layout.axes],
        "datasets": [
            {
                "path": str(number),
                "coordinateTransformations": _transformations(layout, spacing, spacings_um[0]),
            }
            for number, spacing in enumerate(spacings_um)
        ],
        "type": method,
    }
    attributes = {"version": VERSION, "multiscales": [image], "omero": _shown(layout, channels)}
    return {"zarr_format": 3, "node_type": "group", "attributes": {"ome": attributes}}


def _axis(name: str) -> Json:
    if name == "c":
        return {"name": name, "type": "channel"}
    return {"name": name, "type": "space", "unit": "micrometer"}


def _transformations(
    layout: Layout, spacing_um: tuple[float, float], base_um: tuple[float, float]
) -> list[Json]:
    (x, y), (base_x, base_y) = spacing_um, base_um
    deep = len(layout.axes) == 4
    step, still = ([layout.focal_step_um], [0.0]) if deep else ([], [])
    scale: Json = {"type": "scale", "scale": [1.0, *step, y, x]}
    if spacing_um == base_um:
        return [scale]
    shift = [0.0, *still, (y - base_y) / 2, (x - base_x) / 2]
    return [scale, {"type": "translation", "translation": shift}]


def _shown(layout: Layout, channels: Sequence[Channel]) -> Json:
    most = 2**layout.bits - 1
    if channels:
        told = [(one.name, bytes(one.colour).hex().upper(), one.low, one.high) for one in channels]
    elif layout.samples == 3:
        told = [(label, colour, 0, most) for label, colour in _COLOURS] * layout.optical_paths
    else:
        told = [(f"{path + 1}", _PLAIN, 0, most) for path in range(layout.optical_paths)]
    shown = [
        {
            "label": label,
            "color": colour,
            "active": True,
            "window": {"min": 0, "max": most, "start": low, "end": high},
        }
        for label, colour, low, high in told
    ]
    planes = {"defaultZ": layout.focal_planes // 2, "defaultT": 0}
    model = "color" if len(shown) > 1 or layout.samples == 3 else "greyscale"
    return {"channels": shown, "rdefs": {**planes, "model": model}}
