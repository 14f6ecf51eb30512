"""What an EXIF block says and may be kept: no place, no serial number, no name.

Source: EXIF 2.32 (CIPA DC-008).
"""

import struct
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from PIL import ExifTags
from PIL.Image import Exif
from PIL.TiffImagePlugin import IFDRational

ORIENTATIONS = range(1, 9)

_TIME_S, _F_NUMBER, _SENSITIVITY = (1e-6, 3600.0), (0.3, 256.0), (1.0, 1e7)
_FOCAL_LENGTH_MM = (0.1, 5000.0)
"""What a camera may say of itself; anything beyond is a fault of the block."""

# What Pillow raises at a damaged block.
_UNREADABLE = (SyntaxError, struct.error, ValueError, TypeError, KeyError, OSError, Warning)


@dataclass(frozen=True, slots=True)
class Exposure:
    """How a photograph was exposed, and through which lens; None for what nobody said."""

    time_s: float | None = None
    f_number: float | None = None
    sensitivity: int | None = None
    """ISO speed, as EXIF's PhotographicSensitivity."""
    focal_length_mm: float | None = None
    flash_fired: bool | None = None
    lens_make: str | None = None
    lens_model: str | None = None


@dataclass(frozen=True, slots=True)
class Camera:
    """What the EXIF block says and may be kept: no place, no serial number, no name."""

    make: str | None = None
    model: str | None = None
    taken_at: datetime | None = None
    """With a time zone only where the camera gave one."""
    orientation: int = 1
    exposure: Exposure = Exposure()


def read_camera(exif: bytes) -> Camera:
    """Maker, model, time and orientation from a TIFF structure; damaged facts are unknown ones.

    The block is dropped in any case, so a fault in it is no reason to refuse a picture.
    """
    block = Exif()
    tags: dict[int, object] = {}
    with suppress(*_UNREADABLE), warnings.catch_warnings():
        warnings.simplefilter("error")
        block.load(b"Exif\0\0" + exif)
        tags.update(block)
        tags.update(block.get_ifd(ExifTags.IFD.Exif))
    orientation = tags.get(ExifTags.Base.Orientation)
    return Camera(
        make=_text(tags.get(ExifTags.Base.Make)),
        model=_text(tags.get(ExifTags.Base.Model)),
        taken_at=_moment(
            tags.get(ExifTags.Base.DateTimeOriginal), tags.get(ExifTags.Base.OffsetTimeOriginal)
        ),
        orientation=orientation
        if isinstance(orientation, int) and orientation in ORIENTATIONS
        else 1,
        exposure=_exposure(tags),
    )


def _exposure(tags: Mapping[int, object]) -> Exposure:
    sensitivity = _number(tags.get(ExifTags.Base.ISOSpeedRatings), _SENSITIVITY)
    flash = tags.get(ExifTags.Base.Flash)
    return Exposure(
        time_s=_number(tags.get(ExifTags.Base.ExposureTime), _TIME_S),
        f_number=_number(tags.get(ExifTags.Base.FNumber), _F_NUMBER),
        sensitivity=None if sensitivity is None else round(sensitivity),
        focal_length_mm=_number(tags.get(ExifTags.Base.FocalLength), _FOCAL_LENGTH_MM),
        # Its lowest bit; the others tell of modes.
        flash_fired=bool(flash & 1) if isinstance(flash, int) else None,
        lens_make=_text(tags.get(ExifTags.Base.LensMake)),
        lens_model=_text(tags.get(ExifTags.Base.LensModel)),
    )


def _number(value: object, bounds: tuple[float, float]) -> float | None:
    """A number that a camera may have; None for any other, zero for "unknown" among them."""
    if isinstance(value, tuple) and value:
        value = value[0]
    if not isinstance(value, (int, float, IFDRational)):
        return None
    found = float(value)
    # NaN, of a fraction over zero, fails the comparison.
    return found if bounds[0] <= found <= bounds[1] else None


def _text(value: object) -> str | None:
    """A tag's text as DICOM's LO holds it; None where there is none."""
    if not isinstance(value, str):
        return None
    printable = "".join(one if one.isprintable() and one != "\\" else " " for one in value)
    return " ".join(printable.split())[:64] or None


def _moment(value: object, offset: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    text, layout = value.strip("\0 "), "%Y:%m:%d %H:%M:%S"
    zones = [offset.strip("\0 ")] if isinstance(offset, str) else []
    for suffix, pattern in [*((zone, f"{layout}%z") for zone in zones), ("", layout)]:
        try:
            return datetime.strptime(text + suffix, pattern)  # noqa: DTZ007 -- cameras may have no zone
        except ValueError:
            continue
    return None
