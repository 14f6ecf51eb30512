"""What the directories of a TIFF file say, as plain values.

Source: TIFF revision 6.0 with its Technical Notes, and the BigTIFF design.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from struct import unpack, unpack_from
from typing import Literal

import numpy as np
import tifffile
from numpy.typing import NDArray

from slides.errors import DamagedSlide, UnsupportedSlide

# The library logs the file's name, which may be a patient's.
logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)

MOST_PAGES = 4096
NDPI_FORMAT, NDPI_INTERVALS = 65420, 65426
# Date and time, XMP, and what Hamamatsu's files say of lens, focus, capture and scanner.
VENDOR_TAGS = frozenset({306, 700, NDPI_FORMAT, 65421, 65424, 65441, 65449})


@dataclass(frozen=True, eq=False)
class Page:
    """The tags of one directory. A strip is a tile as wide as the picture.

    `offsets` and `counts` are the extents of its tiles in the file, in the order of the tags.
    `bits` and `sample_format` are None where the samples differ among themselves.
    """

    file: Path
    width: int
    height: int
    depth: int
    tiled: bool
    tile_width: int
    tile_height: int
    compression: int
    photometric: int
    samples: int
    extra_samples: tuple[int, ...]
    bits: int | None
    sample_format: int | None
    planar: bool
    predictor: int
    fill_order: int
    orientation: int
    subfile_type: int
    resolution: tuple[float, float, int] | None
    description: str
    make: str | None
    model: str | None
    software: str | None
    icc_profile: bytes | None = field(repr=False)
    jpeg_tables: bytes | None = field(repr=False)
    offsets: NDArray[np.int64] = field(repr=False)
    counts: NDArray[np.int64] = field(repr=False)
    palette: NDArray[np.uint16] = field(
        default_factory=lambda: np.empty((3, 0), np.uint16), repr=False
    )
    """Red, green and blue of each index, (3, indices); empty where there is none."""
    byteorder: Literal["<", ">"] = "<"
    reduced: tuple["Page", ...] = ()
    """The pages of its SubIFDs."""
    tags: Mapping[int, object] = field(default_factory=dict, repr=False)
    """Values of those tags that scanners put their facts into."""
    strip: tuple[int, int] | None = None
    """Offset and length of the one JPEG whose restart intervals are listed as tiles."""


def read_structure(path: Path) -> tuple[Page, ...]:
    """All pages of a TIFF file, without any pixel.

    Raises DamagedSlide where the directories cannot be followed.
    """
    try:
        # Left to itself the library goes by the name.
        with tifffile.TiffFile(path, is_ndpi=_is_ndpi(path)) as tiff:
            count = len(tiff.pages)
            pages = tuple(_page(page, path) for page in tiff.pages) if count <= MOST_PAGES else ()
    except Exception as error:  # a parser of foreign bytes raises anything
        raise DamagedSlide(
            "its TIFF directories cannot be followed, it is cut short or damaged; "
            "fetch it again from the scanner"
        ) from error
    if count > MOST_PAGES:
        raise UnsupportedSlide(f"it has {count} pages: stacks of pictures are not read yet")
    if not pages:
        raise DamagedSlide(
            "its list of pictures is not there: it is cut short; fetch it again from the scanner"
        )
    return pages


def _page(
    page: "tifffile.TiffPage | tifffile.TiffFrame", file: Path, *, nested: bool = False
) -> Page:
    if not isinstance(page, tifffile.TiffPage):
        raise TypeError("a directory that is no picture")
    value = page.tags.valueof
    strip_rows = min(int(page.rowsperstrip), int(page.imagelength)) if not page.is_tiled else 0
    icc, tables = value(34675), page.jpegtables
    return Page(
        file=file,
        width=int(page.imagewidth),
        height=int(page.imagelength),
        depth=int(page.imagedepth),
        tiled=bool(page.is_tiled),
        tile_width=int(page.tilewidth if page.is_tiled else page.imagewidth),
        tile_height=int(page.tilelength if page.is_tiled else strip_rows),
        compression=int(page.compression),
        photometric=int(page.photometric),
        samples=int(page.samplesperpixel),
        extra_samples=tuple(int(extra) for extra in page.extrasamples),
        bits=_one(page.bitspersample),
        sample_format=_one(value(339, 1)),
        planar=int(page.planarconfig) == 2 and int(page.samplesperpixel) > 1,
        predictor=int(page.predictor),
        fill_order=int(page.fillorder),
        orientation=_one(value(274, 1)) or 1,
        subfile_type=int(page.subfiletype),
        resolution=_resolution(value(282), value(283), value(296, 2)),
        description=page.description,
        make=_text(value(271)),
        model=_text(value(272)),
        software=_text(value(305)),
        icc_profile=bytes(icc) if isinstance(icc, bytes) and icc else None,
        jpeg_tables=bytes(tables) if tables else None,
        palette=_palette(value(320)),
        byteorder=page.parent.byteorder,
        offsets=np.asarray(page.dataoffsets, np.int64),
        counts=np.asarray(page.databytecounts, np.int64),
        reduced=() if nested else tuple(_page(sub, file, nested=True) for sub in page.pages or ()),
        tags={code: value(code) for code in VENDOR_TAGS if code in page.tags},
        strip=(int(value(273)[0]), int(value(279)[0]))
        if value(NDPI_INTERVALS) is not None
        else None,
    )


def _is_ndpi(path: Path) -> bool:
    """Whether a TIFF is Hamamatsu's kind, with offsets of 64 bits: its first page says so."""
    with path.open("rb") as stream:
        magic, at = unpack("<4sQ", stream.read(12).ljust(12, b"\0"))
        if magic != b"II*\0" or at >= path.stat().st_size:
            return False
        stream.seek(at)
        (count,) = unpack("<H", stream.read(2).ljust(2, b"\0"))
        entries = stream.read(12 * count)
    codes = (unpack_from("<H", entries, place)[0] for place in range(0, len(entries) - 11, 12))
    return NDPI_FORMAT in codes


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _palette(value: object) -> NDArray[np.uint16]:
    """Three rows; none where the tag does not hold as many of each colour."""
    entries = np.atleast_1d(np.asarray(value if value is not None else (), np.uint16)).ravel()
    return entries.reshape(3, -1) if entries.size % 3 == 0 else np.empty((3, 0), np.uint16)


def _one(value: object) -> int | None:
    if isinstance(value, tuple):
        return int(value[0]) if value and len(set(value)) == 1 else None
    return int(value)  # type: ignore[call-overload, no-any-return]


def _resolution(x: object, y: object, unit: object) -> tuple[float, float, int] | None:
    def quotient(value: object) -> float:
        match value:
            case (int() as numerator, int() as denominator) if denominator:
                return numerator / denominator
        return 0.0

    across, down = quotient(x), quotient(y)
    return (across, down, int(unit)) if across > 0 and down > 0 else None  # type: ignore[call-overload]
