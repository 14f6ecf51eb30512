"""A photograph at a glance: what is known of it, and a small one to show.

Somebody waits for it with the photograph before them: nothing is loaded here that takes long.
"""

from typing import Any

import numpy as np
import simplejpeg
from PIL import Image as Pictures

from dermato.photo import Photo
from tiles.codec import decode, half
from tiles.render import srgb_jpeg
from tiles.source import Encoding, Pixels

PREVIEW_PX = 512


def facts_of(photo: Photo) -> dict[str, Any]:
    """What the catalogue keeps of a photograph: nothing that identifies a patient or a place."""
    camera, base = photo.facts.camera, photo.pyramid
    return {
        "format": photo.facts.format,
        "width": base.width,
        "height": base.height,
        "scanner": {"manufacturer": camera.make, "model": camera.model},
        "acquired_at": camera.taken_at.isoformat() if camera.taken_at else None,
        "icc_profile": photo.facts.icc_profile is not None,
        "derivation": photo.facts.derivation,
        "recoded": photo.facts.recoded,
    }


def preview(photo: Photo) -> bytes:
    """The photograph as a JPEG in sRGB, its longer side at most PREVIEW_PX pixels."""
    pixels = _small(photo)
    picture = Pictures.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])
    picture.thumbnail((PREVIEW_PX, PREVIEW_PX), Pictures.Resampling.LANCZOS)
    return srgb_jpeg(picture, photo.facts.icc_profile)


def _small(photo: Photo) -> Pixels:
    """The photograph decoded at a size somewhat above that of a preview."""
    base = photo.pyramid
    if photo.whole.encoding is Encoding.JPEG_BASELINE:
        scale = min(1.0, 2 * PREVIEW_PX / max(base.width, base.height))
        # The codec decodes at a reduced size; reading by address would decode all.
        return np.asarray(
            simplejpeg.decode_jpeg(
                photo.whole.data,
                colorspace="RGB" if base.samples == 3 else "GRAY",
                min_width=max(1, int(base.width * scale)),
                min_height=max(1, int(base.height * scale)),
                min_factor=1,
            )
        )
    pixels = decode(photo.whole)
    while max(pixels.shape) >= 4 * PREVIEW_PX:
        pixels = half(pixels)
    return pixels
