"""What an EXIF block says and may be kept: no place, no serial number, no name.

Source: EXIF 2.32 (CIPA DC-008).
"""

import struct
import warnings
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from PIL import ExifTags
from PIL.Image import Exif

ORIENTATIONS = range(1, 9)

# What Pillow raises at a damaged block.
_UNREADABLE = (SyntaxError, struct.error, ValueError, TypeError, KeyError, OSError, Warning)


@dataclass(frozen=True, slots=True)
class Camera:
    """What the EXIF block says and may be kept: no place, no serial number, no name."""

    make: str | None = None
    model: str | None = None
    taken_at: datetime | None = None
    """With a time zone only where the camera gave one."""
    orientation: int = 1


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
    )


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
