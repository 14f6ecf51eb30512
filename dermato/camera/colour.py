"""From the colours and depths that files have to what DICOM takes: 8 bits, grey or R, G, B."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from tiles.colour import srgb_profile
from tiles.source import Pixels

STRIP_ROWS = 256
"""What is computed at once, so that memory stays near the picture's own."""

_PROFILE_SPACE = slice(16, 20)


def profile_for(icc_profile: bytes | None, space: bytes = b"RGB ") -> bytes | None:
    """The profile, where it is one of that colour space (ICC.1, 7.2.8)."""
    if icc_profile and len(icc_profile) >= 128 and icc_profile[_PROFILE_SPACE] == space:
        return icc_profile
    return None


def in_8_bits(raw: NDArray[np.uint8 | np.uint16], bits: int) -> tuple[Pixels, tuple[str, ...]]:
    """Samples of `bits` as (rows, columns, 1 or 3) uint8, transparency laid over white.

    `raw` is (rows, columns) or (rows, columns, 1 to 4), of which the second or fourth sample is
    opacity. Values are rounded, once. Says what was done, in DICOM's English.
    """
    if raw.ndim == 2:
        raw = raw[..., np.newaxis]
    rows, columns, samples = raw.shape
    colours = samples if samples in {1, 3} else samples - 1
    most = (1 << bits) - 1
    transparent = colours < samples and bool((raw[..., -1] != most).any())
    done: tuple[str, ...] = ()
    if bits > 8:
        done += (f"Reduced from {bits} to 8 bits by rounding",)
    if transparent:
        done += ("Transparency laid over white",)
    elif bits == 8:
        return np.ascontiguousarray(raw[..., :colours]), done
    out = np.empty((rows, columns, colours), np.uint8)
    table = ((np.arange(most + 1, dtype=np.uint32) * 255 + most // 2) // most).astype(np.uint8)
    for top in range(0, rows, STRIP_ROWS):
        strip = raw[top : top + STRIP_ROWS]
        if not transparent:
            out[top : top + STRIP_ROWS] = table[strip[..., :colours]]
            continue
        opacity = strip[..., colours:].astype(np.uint64)
        mixed = strip[..., :colours] * opacity + most * (most - opacity)
        out[top : top + STRIP_ROWS] = (mixed * 255 + most * most // 2) // (most * most)
    return out, done


def print_colours_in_srgb(inks: Image.Image, icc_profile: bytes | None) -> tuple[Pixels, str]:
    """A CMYK picture as R, G, B of sRGB, through its own profile; and how it was done."""
    own = profile_for(icc_profile, b"CMYK")
    transform = _to_srgb(own) if own else None
    out = np.empty((inks.height, inks.width, 3), np.uint8)
    for top in range(0, inks.height, STRIP_ROWS):
        strip = inks.crop((0, top, inks.width, min(inks.height, top + STRIP_ROWS)))
        turned = ImageCms.applyTransform(strip, transform) if transform else strip.convert("RGB")
        if turned is None:
            raise ValueError("LittleCMS gave no picture")
        out[top : top + STRIP_ROWS] = np.asarray(turned)
    through = "their own profile" if transform else "no profile"
    return out, f"Print colours (CMYK) turned into sRGB through {through}"


def _to_srgb(own: bytes) -> ImageCms.ImageCmsTransform | None:
    """None for a profile that LittleCMS cannot use: a fault of the file's, not of the picture's."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(own))
        wanted = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
        return ImageCms.buildTransform(source, wanted, "CMYK", "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None
