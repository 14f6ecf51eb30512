"""What the readers of this folder give: a picture decoded, or a JPEG that may be stored as it is.

The most that a picture may be stands here too: it is asked before anything is decoded.
"""

from dataclasses import dataclass, field

from dermato.camera.exif import Camera
from dermato.errors import TooLarge
from tiles.coding import Loss
from tiles.source import Pixels

MOST_PIXELS = 64_000_000
"""What fits the memory a reader may use, decoded and turned; phones store 12 to 50 millions."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as its file holds it, decoded, and not yet stood upright."""

    format: str
    pixels: Pixels = field(repr=False)
    """uint8 (rows, columns, 1 or 3), grey or R, G, B."""
    camera: Camera
    icc_profile: bytes | None = field(default=None, repr=False)
    losses: tuple[Loss, ...] = ()
    """Lossy compressions that the pixels went through."""
    derivation: tuple[str, ...] = ()
    """What changed their values, in DICOM's English."""
    recoded: str | None = None
    """Why the file's own bytes cannot be stored, where its format does not tell."""


@dataclass(frozen=True, slots=True)
class Jpeg:
    """A clean baseline JPEG that stands upright: it is stored as it is."""

    data: bytes = field(repr=False)
    camera: Camera
    icc_profile: bytes | None = field(repr=False)
    losses: tuple[Loss, ...]
    recoded: str | None = None
    """How it differs from the camera's own scan; None where it does not."""


def check_size(kind: str, width: int, height: int) -> None:
    """Raise TooLarge for more pixels than a camera makes."""
    if width * height > MOST_PIXELS:
        raise TooLarge(
            f"the {kind} announces {width} × {height} pixels; reduce it below "
            f"{MOST_PIXELS // 1_000_000} megapixels"
        )
