"""HEIC, HEIF and AVIF: the primary picture, turned as its own boxes say.

Source: ISO/IEC 23008-12 (HEIF), AV1 Image File Format 1.1.
"""

import io
import re
import warnings
from dataclasses import replace
from struct import unpack

import numpy as np
from PIL import Image

from dermato.camera.colour import in_8_bits, profile_for
from dermato.camera.exif import Camera, read_camera
from dermato.camera.picture import Picture, check_size
from dermato.errors import DamagedPhoto, PhotoError
from tiles.coding import Loss

HEVC_METHOD = "ISO_23008_2"
AVIF_METHOD = "AV1"
"""DICOM has no term for it; defined terms may be added to (PS3.5 6.3)."""

# Full boxes of version 0: the extents of an item, and the depths of its channels (6.5.3, 6.5.6).
_EXTENTS = re.compile(rb"ispe\0\0\0\0(.{8})", re.DOTALL)
_DEPTHS = re.compile(rb"pixi\0\0\0\0[\x01-\x04]([\x01-\x10])", re.DOTALL)


def read_heif(data: bytes) -> Picture:
    """The primary picture of a HEIC or HEIF file; raises DamagedPhoto, TooLarge."""
    import pi_heif

    _check("HEIC", data)
    try:
        file = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=False, hdr_to_16bit=False)
        found = file[file.primary_index]
        check_size("HEIC", *found.size)
        found.load()
    except PhotoError:
        raise
    except (ValueError, SyntaxError, RuntimeError, EOFError, OSError, IndexError) as error:
        raise DamagedPhoto("the HEIC is damaged; send the photograph again") from error
    raw = np.asarray(found)
    if raw.shape[:2] != found.size[::-1]:
        raise DamagedPhoto("the HEIC is damaged; send the photograph again")
    info, bits = found.info, int(found.info["bit_depth"])
    pixels, done = in_8_bits(raw, bits)
    # The library's memory goes with its object.
    pixels = pixels.copy() if np.may_share_memory(pixels, raw) else pixels
    # It has turned the pixels already, as the file's own boxes say.
    camera = replace(_camera(info.get("exif")), orientation=1)
    profile = profile_for(info.get("icc_profile"))
    return Picture(
        "heif", pixels, camera, profile, _losses(HEVC_METHOD, raw.size, bits, data), done
    )


def read_avif(data: bytes) -> Picture:
    """The picture of an AVIF file; raises DamagedPhoto, TooLarge."""
    _check("AVIF", data)
    try:
        # The library warns of odd EXIF, which is no reason to refuse a picture.
        with (
            warnings.catch_warnings(action="ignore"),
            Image.open(io.BytesIO(data), formats=["AVIF"]) as image,
        ):
            check_size("AVIF", *image.size)
            # What the file's own boxes say of turning is put there too.
            exif, profile = image.info.get("exif"), image.info.get("icc_profile")
            raw = np.asarray(image)
    except PhotoError:
        raise
    except (OSError, SyntaxError, ValueError, RuntimeError) as error:
        raise DamagedPhoto("the AVIF is damaged; send the photograph again") from error
    pixels, done = in_8_bits(raw, 8)
    stated = _DEPTHS.search(data)
    bits = stated[1][0] if stated else 8
    # The library reduces while it turns YCbCr into R, G, B, and rounds there.
    reduced = (f"Reduced from {bits} to 8 bits by rounding",) if bits > 8 else ()
    losses = _losses(AVIF_METHOD, raw.size, bits, data)
    return Picture("avif", pixels, _camera(exif), profile_for(profile), losses, (*reduced, *done))


def _check(kind: str, data: bytes) -> None:
    """Make sure that the boxes are all there and what they announce can be decoded.

    Libraries show a file that is cut off with what it has. Raises DamagedPhoto, TooLarge.
    """
    at = 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if length == 0:
            break
        if length < 8 or at + length > len(data):
            raise DamagedPhoto(f"the {kind} is cut off; send the photograph again")
        at += length
    for found in _EXTENTS.finditer(data):
        check_size(kind, *unpack(">II", found[1]))


def _camera(exif: bytes | None) -> Camera:
    return read_camera(exif.removeprefix(b"Exif\0\0")) if exif else Camera()


def _losses(method: str, samples: int, bits: int, data: bytes) -> tuple[Loss, ...]:
    return (Loss(method, f"{samples * (2 if bits > 8 else 1) / len(data):.2f}"),)
