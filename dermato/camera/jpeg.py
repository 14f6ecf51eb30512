"""JPEG: baseline is copied, progressive made baseline, lying pictures stood up, without loss.

What DICOM's JPEG cannot hold (R, G, B or print colours) or the grid of blocks cannot turn is
decoded, to be stored without loss.
"""

import io

import cv2
from PIL import Image

from dermato.camera.coefficients import baseline_upright, on_grid
from dermato.camera.colour import print_colours_in_srgb, profile_for
from dermato.camera.exif import Camera, read_camera
from dermato.camera.picture import Jpeg, Picture, check_size
from dermato.camera.upright import upright
from dermato.errors import DamagedPhoto, UnsupportedPhoto
from dermato.scrub import Scrubbed, scrub
from tiles.codec import decode_jpeg
from tiles.codestream import JpegHeader, parse_jpeg
from tiles.coding import JPEG_METHOD, Loss
from tiles.colour import srgb_profile
from tiles.errors import TilesError
from tiles.source import Pixels

_SEQUENTIAL, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_OTHERS = {0xC3: "lossless"}
# Turning changes the order in which a decoder rounds, by some levels at most and few on average.
_ROUNDING = 1.0


def read_jpeg(data: bytes) -> Jpeg | Picture:
    """A JPEG of any colours, Huffman-coded with 8 bits, freed of all that it says.

    Raises DamagedPhoto, UnsupportedPhoto, TooLarge.
    """
    try:
        header = parse_jpeg(data)
    except TilesError as error:
        raise DamagedPhoto(f"{error}; send the photograph again") from error
    _require(header)
    clean = scrub(data)
    camera = read_camera(clean.exif) if clean.exif else Camera()
    ratio = f"{header.width * header.height * header.samples / len(clean.jpeg):.2f}"
    losses = (Loss(JPEG_METHOD, ratio),)
    if header.samples == 4:
        return _print_colours(clean, camera, losses)
    try:
        pixels = decode_jpeg(clean.jpeg)
    except TilesError as error:
        raise DamagedPhoto(f"{error}; send the photograph again") from error
    profile = profile_for(clean.icc_profile)
    if header.rgb:
        why = "its components are R, G, B, which DICOM's JPEG has not"
        return Picture("jpeg", pixels, camera, profile, losses, recoded=why)
    standing = camera.orientation == 1
    if standing and header.baseline:
        return Jpeg(clean.jpeg, camera, profile, losses)
    if on_grid(header, camera.orientation):
        made = _baseline(clean.jpeg, camera.orientation)
        if made is not None and _shows(made, upright(pixels, camera.orientation), exact=standing):
            done = [] if header.baseline else [f"made baseline from {_kind(header)}"]
            done += [] if standing else ["turned upright"]
            said = f"{' and '.join(done)} by its coefficients, without loss"
            return Jpeg(made, camera, profile, losses, said)
    why = "its blocks cannot be turned without loss" if not standing else "it is not baseline"
    return Picture("jpeg", pixels, camera, profile, losses, recoded=why)


def _require(header: JpegHeader) -> None:
    known = header.process in {_SEQUENTIAL, _EXTENDED, _PROGRESSIVE}
    if not known or header.precision != 8:
        depth = f" with {header.precision} bits" if header.precision != 8 else ""
        raise UnsupportedPhoto(
            f"it is a JPEG of the {_kind(header)} kind{depth}; convert it to a baseline JPEG"
        )
    if header.samples not in {1, 3, 4}:
        raise UnsupportedPhoto(
            f"the JPEG has {header.samples} components; convert it to a baseline JPEG"
        )
    check_size("JPEG", header.width, header.height)


def _kind(header: JpegHeader) -> str:
    names = {_SEQUENTIAL: "extended", _EXTENDED: "extended", _PROGRESSIVE: "progressive", **_OTHERS}
    return names.get(header.process, "rare")


def _print_colours(clean: Scrubbed, camera: Camera, losses: tuple[Loss, ...]) -> Picture:
    try:
        with Image.open(io.BytesIO(clean.jpeg), formats=["JPEG"]) as image:
            pixels, done = print_colours_in_srgb(image.convert("CMYK"), clean.icc_profile)
    except (OSError, SyntaxError, ValueError) as error:
        raise DamagedPhoto("the JPEG does not decode; send the photograph again") from error
    why = "it is in print colours (CMYK)"
    return Picture("jpeg", pixels, camera, srgb_profile(), losses, (done,), why)


def _baseline(jpeg: bytes, orientation: int) -> bytes | None:
    """The JPEG recoded, or None where the library fails or needs more than baseline for it."""
    try:
        made = scrub(baseline_upright(jpeg, orientation)).jpeg
        return made if parse_jpeg(made).baseline else None
    except (OSError, TilesError, DamagedPhoto):
        return None


def _shows(jpeg: bytes, wanted: Pixels, *, exact: bool) -> bool:
    """Whether a JPEG decodes to these pixels, up to what turning changes in the rounding."""
    try:
        pixels = decode_jpeg(jpeg)
    except TilesError:
        return False
    if pixels.shape != wanted.shape:
        return False
    apart = cv2.norm(pixels, wanted, cv2.NORM_L1) / pixels.size
    return apart == 0 if exact else apart < _ROUNDING
