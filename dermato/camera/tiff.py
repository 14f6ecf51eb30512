"""TIFF of one picture, as cameras and dermoscopes write it, and raw files, which are refused.

Source: TIFF 6.0; TIFF/EP (ISO 12234-2); Adobe DNG 1.7.
"""

import io
import logging
import struct

import numpy as np
from PIL import Image
from tifffile import TiffFile, TiffFileError, TiffPage

from dermato.camera.colour import in_8_bits, print_colours_in_srgb, profile_for
from dermato.camera.exif import read_camera
from dermato.camera.picture import Picture, check_size
from dermato.errors import DamagedPhoto, PhotoError, UnsupportedPhoto
from tiles.coding import JPEG_METHOD, Loss
from tiles.colour import srgb_profile
from tiles.source import Pixels

DNG_VERSION, NEW_SUBFILE, ICC_PROFILE = 50706, 254, 34675
RAW = (
    "it is a raw file of a camera, which holds no finished picture; export it as JPEG, HEIC or "
    "TIFF, or let the camera store JPEG"
)

_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _INKS, _YCBCR = 0, 1, 2, 3, 5, 6
_MOSAICS = frozenset({32803, 34892})
_OLD_JPEG, _JPEG = 6, 7
_DAMAGE = (
    *(TiffFileError, struct.error, RuntimeError, ValueError, TypeError, LookupError),
    *(ArithmeticError, OSError, AttributeError),
)

# It logs what it finds odd, and quotes the file.
logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)


def read_tiff(data: bytes) -> Picture:
    """The first picture of a TIFF; raises DamagedPhoto, UnsupportedPhoto, TooLarge."""
    try:
        with TiffFile(io.BytesIO(data)) as tiff:
            page = tiff.pages.first
            if not isinstance(page, TiffPage):
                raise DamagedPhoto("the TIFF has no picture in it; send the photograph again")
            _require(page)
            profile = page.tags.valueof(ICC_PROFILE)
            # tifffile reads segments that the file lacks as zeros.
            if 0 in page.databytecounts:
                raise DamagedPhoto("the TIFF lacks a part of its picture; send it again")
            raw = np.asarray(page.asarray(maxworkers=1))
            pixels, done = _in_srgb_or_own(page, raw, profile)
    except PhotoError:
        raise
    except _DAMAGE as error:
        raise DamagedPhoto("the TIFF is damaged; send the photograph again") from error
    stored = sum(page.databytecounts)
    lossy = page.compression == _JPEG
    inks = page.photometric == _INKS
    return Picture(
        "tiff",
        pixels,
        read_camera(data),
        srgb_profile() if inks else profile_for(profile),
        (Loss(JPEG_METHOD, f"{raw.nbytes / max(1, stored):.2f}"),) if lossy else (),
        done,
    )


def _require(page: TiffPage) -> None:
    check_size("TIFF", page.imagewidth, page.imagelength)
    if page.compression == _OLD_JPEG:
        raise UnsupportedPhoto("the TIFF holds old-style JPEG; export it as JPEG")
    if DNG_VERSION in page.tags or page.photometric in _MOSAICS:
        raise UnsupportedPhoto(RAW)
    kept = {_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _INKS, _YCBCR}
    samples = page.samplesperpixel
    fits = samples <= (5 if page.photometric == _INKS else 4) and page.imagedepth == 1
    if (
        page.photometric not in kept
        or not fits
        or page.dtype is None
        or page.dtype.kind not in "ub"
    ):
        raise UnsupportedPhoto("the TIFF has colours or numbers not read here; export it as JPEG")
    if page.bitspersample not in {1, 2, 4, 8, 16}:
        raise UnsupportedPhoto(
            f"the TIFF has {page.bitspersample} bits a sample; export it with 8 or 16"
        )


def _in_srgb_or_own(
    page: TiffPage, raw: np.ndarray, profile: bytes | None
) -> tuple[Pixels, tuple[str, ...]]:
    if page.planarconfig == 2 and raw.ndim == 3:
        raw = np.moveaxis(raw, 0, -1)
    bits = page.bitspersample
    if page.photometric == _PALETTE:
        colours = np.asarray(page.colormap, np.uint16)
        # Of 16 bits the upper ones: programs widen 8 bits in several ways, and some not at all.
        wide = bool((colours > 255).any())
        table = (colours.T >> 8 if wide else colours.T).astype(np.uint8)
        return np.ascontiguousarray(table[raw]), ()
    if page.photometric == _INKS:
        inks, done = in_8_bits(raw[..., :3], bits)
        black, _ = in_8_bits(raw[..., 3], bits)
        image = Image.fromarray(np.concatenate((inks, black), axis=2), "CMYK")
        pixels, how = print_colours_in_srgb(image, profile)
        return pixels, (*done, how)
    if raw.dtype == bool:
        raw = raw.astype(np.uint8)
    if page.photometric == _WHITE_IS_ZERO:
        raw = ((1 << bits) - 1) - raw
    widened, done = in_8_bits(raw, bits)
    return widened, done


def is_raw(data: bytes) -> bool:
    """Whether a file begins as a camera's raw file that is no plain TIFF."""
    return (
        data[8:10] == b"CR"
        or data[:4] in {b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"FOVb", b"\0MRM"}
        or data.startswith(b"FUJIFILMCCD-RAW")
        or data[4:12] == b"ftypcrx "
    )
