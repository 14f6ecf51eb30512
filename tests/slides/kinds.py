"""Every kind of file that becomes DICOM: how it is made, and what is to become of its base."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.samples import vendors
from tests.samples.dicom_slides import Made, write_instance
from tests.samples.hamamatsu import Scan, ndpi
from tests.samples.mirax import write_mirax
from tests.samples.slide import make_slide
from tiles.plan import Action

# Odd in both directions, and one column and row over whole tiles of 256.
PICTURE = vendors.picture(1025, 769)
WHOLE_TILES = vendors.picture(1024, 768)
MPP_UM = (0.5, 0.5)


def _grey(path: Path, **more: Any) -> Path:
    usual: dict[str, Any] = {"photometric": "minisblack"}
    return vendors.generic(path, np.ascontiguousarray(PICTURE[..., 1]), **(usual | more))


def _see_through(path: Path) -> Path:
    alpha = np.full(PICTURE.shape[:2], 255, np.uint8)
    alpha[:, :300] = 0
    pixels = np.dstack((PICTURE, alpha))
    raw = {"compression": "deflate", "compressionargs": None, "extrasamples": ["unassalpha"]}
    return vendors.generic(path, pixels, **raw)


def _set(path: Path) -> Path:
    """A series as converters leave it: levels, label, overview and thumbnail side by side."""
    path.parent.mkdir()
    for number, level in enumerate(vendors.halves(PICTURE, 2)):
        write_instance(path.with_name(f"{number}.dcm"), level, Made(mpp_um=0.5 * 2**number))
    for flavour, size in (("LABEL", 128), ("OVERVIEW", 300), ("THUMBNAIL", 60)):
        small = vendors.picture(size, size)
        write_instance(path.with_name(f"{flavour}.dcm"), small, Made(flavour=flavour))
    return path.with_name("0.dcm")


def _dicom(path: Path, made: Made) -> Path:
    path.parent.mkdir()
    return write_instance(path, PICTURE, made)


@dataclass(frozen=True)
class Kind:
    """How to make a file, and what is to become of its base."""

    make: Callable[[Path], Path]
    action: Action = Action.ENCODE
    tolerance: int = 0
    """By how much other software may round colours otherwise."""


COPY = Action.COPY
OWN_CODEC: dict[str, Any] = {"compressionargs": None}
JPEG_2000: dict[str, Any] = {
    "compression": 34712,
    "compressionargs": {"level": 45, "reversible": False},
}
KINDS: dict[str, Kind] = {
    "rgb.svs": Kind(partial(make_slide, width=1025, height=769, mpp=0.5, icc=True), COPY),
    "ycbcr.svs": Kind(
        partial(make_slide, width=1025, height=769, mpp=0.5, form="complete-ycbcr"), COPY
    ),
    "33003.svs": Kind(
        partial(vendors.aperio_jpeg_2000, pixels=PICTURE, compression=33003), COPY, 2
    ),
    "33003-reversible.svs": Kind(
        partial(vendors.aperio_jpeg_2000, pixels=PICTURE, compression=33003, reversible=True)
    ),
    "33005.svs": Kind(partial(vendors.aperio_jpeg_2000, pixels=PICTURE), COPY),
    "33005-ict.svs": Kind(partial(vendors.aperio_jpeg_2000, pixels=PICTURE, mct=True), COPY),
    "33005-rct.svs": Kind(
        partial(vendors.aperio_jpeg_2000, pixels=PICTURE, mct=True, reversible=True), COPY
    ),
    "34712.tif": Kind(partial(vendors.generic, pixels=PICTURE, **JPEG_2000), COPY),
    "generic.tif": Kind(partial(vendors.generic, pixels=PICTURE), COPY),
    "1024.tif": Kind(partial(vendors.generic, pixels=PICTURE, tile=(1024, 1024)), COPY),
    "oblong.tif": Kind(partial(vendors.generic, pixels=PICTURE, tile=(128, 240)), COPY),
    "tiny.tif": Kind(partial(vendors.generic, pixels=PICTURE, tile=(16, 48))),
    "whole.tif": Kind(partial(vendors.strips, pixels=PICTURE, rows=769, compression="jpeg"), COPY),
    "jpeg-strips.tif": Kind(
        partial(vendors.strips, pixels=WHOLE_TILES, rows=64, compression="jpeg"), COPY
    ),
    "uneven-strips.tif": Kind(partial(vendors.strips, pixels=PICTURE, rows=64, compression="jpeg")),
    "lzw.tif": Kind(
        partial(vendors.generic, pixels=PICTURE, compression="lzw", compressionargs=None)
    ),
    "webp.tif": Kind(partial(vendors.generic, pixels=PICTURE, **OWN_CODEC, compression="webp")),
    "jpegxl.tif": Kind(partial(vendors.generic, pixels=PICTURE, **OWN_CODEC, compression="jpegxl")),
    "lerc.tif": Kind(partial(vendors.generic, pixels=PICTURE, **OWN_CODEC, compression="lerc")),
    "lzma.tif": Kind(partial(vendors.generic, pixels=PICTURE, **OWN_CODEC, compression="lzma")),
    "alpha.tif": Kind(_see_through),
    "planar.tif": Kind(partial(vendors.planar, pixels=PICTURE)),
    "strips.tif": Kind(partial(vendors.strips, pixels=PICTURE)),
    "grey.tif": Kind(_grey, COPY),
    "grey-raw.tif": Kind(partial(_grey, compression=None, compressionargs=None)),
    "a.ome.tif": Kind(partial(vendors.ome_pyramid, pixels=PICTURE), COPY),
    "trestle.tif": Kind(partial(vendors.trestle, pixels=PICTURE), COPY),
    "philips.tiff": Kind(partial(vendors.philips, pixels=PICTURE, empty=(1, 7)), COPY),
    "squares.ndpi": Kind(partial(ndpi, pixels=WHOLE_TILES, scan=Scan(512)), COPY),
    "bands.ndpi": Kind(partial(ndpi, pixels=WHOLE_TILES, scan=Scan(1024, "4:4:4")), COPY),
    "a.bif": Kind(partial(vendors.ventana, pixels=WHOLE_TILES), COPY),
    "overlapping.bif": Kind(partial(vendors.ventana, pixels=WHOLE_TILES, overlap=8)),
    "jpeg.mrxs": Kind(partial(write_mirax, pixels=WHOLE_TILES)),
    "png.mrxs": Kind(partial(write_mirax, pixels=WHOLE_TILES, image_format="PNG")),
    "set/a.dcm": Kind(_set, COPY),
    "fragments/a.dcm": Kind(partial(_dicom, made=Made(fragments=3)), COPY),
    "sparse/a.dcm": Kind(partial(_dicom, made=Made(sparse_without=(3, 7))), COPY),
    "native/a.dcm": Kind(partial(_dicom, made=Made(table="native"))),
}
