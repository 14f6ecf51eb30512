"""How frames are encoded, in DICOM's terms, told by their own bytes.

Source: PS3.5 8.2 and A.4 (transfer syntaxes), PS3.3 C.7.6.3.1.2 (Photometric Interpretation) and
C.7.6.1.1.5 (lossy compression).
"""

from dataclasses import dataclass

import numpy as np

from tiles import codestream, jpeg2000, jpeg_ls, scan
from tiles.codec import encode_jpeg_as
from tiles.codestream import JpegHeader, parse_jpeg
from tiles.errors import UnsupportedPixels
from tiles.jpeg2000 import Jpeg2000Header, parse_jpeg2000
from tiles.jpeg_ls import JpegLsHeader, parse_jpeg_ls
from tiles.source import Encoding, Frame, Pixels, Run

JPEG_BASELINE_8BIT = "1.2.840.10008.1.2.4.50"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR_LOSSLESS = "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
HTJ2K = "1.2.840.10008.1.2.4.203"

JPEG_METHOD = "ISO_10918_1"
JPEG_LS_METHOD = "ISO_14495_1"
JPEG_2000_METHOD = "ISO_15444_1"
HTJ2K_METHOD = "ISO_15444_15"
JPEG_XL_METHOD = "ISO_18181_1"
JPEG_XR_METHOD = "ISO_29199_2"
WEBP_METHOD = "WEBP"
"""DICOM has no term for these two; they are defined terms, which may be added to (PS3.5 6.3)."""

_LOSSY_METHODS = {
    Encoding.JPEG_BASELINE: JPEG_METHOD,
    Encoding.JPEG: JPEG_METHOD,
    Encoding.JPEG_2000: JPEG_2000_METHOD,
    Encoding.JPEG_2000_YCBCR: JPEG_2000_METHOD,
    Encoding.HTJ2K: HTJ2K_METHOD,
    Encoding.JPEG_XL: JPEG_XL_METHOD,
    Encoding.JPEG_XR: JPEG_XR_METHOD,
    Encoding.WEBP: WEBP_METHOD,
}

COPYABLE = frozenset({Encoding.JPEG_BASELINE, Encoding.JPEG_2000, Encoding.HTJ2K, Encoding.JPEG_LS})
"""Encodings whose tiles can be frames as they are."""

Header = JpegHeader | Jpeg2000Header | JpegLsHeader


@dataclass(frozen=True, slots=True)
class Coding:
    """What the frames of one instance are."""

    transfer_syntax: str
    photometric_interpretation: str
    lossy_method: str | None = None
    """Defined term of what is lost in them; None where nothing is."""


@dataclass(frozen=True, slots=True)
class Loss:
    """One lossy compression that pixels went through: its method, and sizes before over after."""

    method: str
    ratio: str


def losses_in(encoding: Encoding, decoded_bytes: int, stored_bytes: int) -> tuple[Loss, ...]:
    """What tiles of an encoding lost, given their sizes; nothing where it is lossless."""
    method = _LOSSY_METHODS.get(encoding)
    return (Loss(method, f"{decoded_bytes / max(1, stored_bytes):.2f}"),) if method else ()


def lossless(samples: int) -> Coding:
    """Of what `encode_jpeg2000_lossless` makes."""
    return Coding(JPEG_2000_LOSSLESS, "YBR_RCT" if samples == 3 else "MONOCHROME2")


def encoded(samples: int, encoding: Encoding = Encoding.JPEG_BASELINE) -> Coding:
    """Of what `encode_jpeg` and `encode_jpeg_ls` make."""
    if encoding is Encoding.JPEG_LS:
        return Coding(JPEG_LS_LOSSLESS, "RGB" if samples == 3 else "MONOCHROME2")
    # YBR_FULL_422 stands for YCbCr whatever it samples (PS3.5 8.2.1).
    colours = "YBR_FULL_422" if samples == 3 else "MONOCHROME2"
    return Coding(JPEG_BASELINE_8BIT, colours, JPEG_METHOD)


def header_of(frame: Frame) -> Header:
    """What a frame's own header says; raises DamagedCodestream, UnsupportedPixels."""
    match frame.encoding:
        case Encoding.JPEG_BASELINE:
            return parse_jpeg(frame.data)
        case Encoding.JPEG_2000 | Encoding.HTJ2K:
            return parse_jpeg2000(frame.data)
        case Encoding.JPEG_LS:
            return parse_jpeg_ls(frame.data)
    raise UnsupportedPixels(f"{frame.encoding} tiles say nothing of themselves")


def check(frame: Frame, width: int, height: int) -> Header:
    """Make sure that a frame is structurally whole and of the promised size.

    Raises DamagedCodestream.
    """
    header = header_of(frame)
    check_extent(header, width, height)
    check_body(frame, header)
    return header


def check_extent(header: Header, width: int, height: int) -> None:
    """Make sure that a frame has the promised size and what it is decoded by.

    Raises DamagedCodestream.
    """
    if isinstance(header, JpegHeader):
        codestream.check_header(header, width, height)
    elif isinstance(header, JpegLsHeader):
        jpeg_ls.check_header(header, width, height)
    else:
        jpeg2000.check_header(header, width, height)


def check_body(frame: Frame, header: Header) -> bool:
    """Make sure that what follows a frame's header is whole; raises DamagedCodestream.

    False where its end may have come too soon, which only a decoder can tell.
    """
    if isinstance(header, JpegHeader):
        return scan.check_scan(frame.data, header)
    if isinstance(header, JpegLsHeader):
        return False
    jpeg2000.check_tile_parts(frame.data, header)
    return True


def header_of_all(run: Run) -> Header | None:
    """The header of all tiles of a run where they begin alike and are surely whole.

    None says nothing: then each is to be looked at by itself. Raises DamagedCodestream for a first
    tile without header.
    """
    tiles = [tile for tile in run.tiles if tile is not None]
    if run.encoding is not Encoding.JPEG_BASELINE or len(tiles) < max(2, len(run.tiles)):
        return None
    header = parse_jpeg(tiles[0])
    return header if scan.whole_at_a_glance(tiles, header) else None


def coding_of(header: Header, *, vouched: bool = False) -> Coding:
    """The coding of a frame with this header; raises UnsupportedPixels where DICOM has none.

    Whether layers of a reversible JPEG 2000 were cut off cannot be told: it is called lossless
    only where the file it comes from vouches for it.
    """
    obstacle = obstacle_to_copying(header)
    if obstacle is not None:
        raise UnsupportedPixels(obstacle)
    if isinstance(header, JpegHeader):
        if header.rgb:
            return Coding(JPEG_BASELINE_8BIT, "RGB", JPEG_METHOD)
        return encoded(header.samples)
    colours = "MONOCHROME2" if header.samples == 1 else "RGB"
    if isinstance(header, JpegLsHeader):
        if header.near:
            return Coding(JPEG_LS_NEAR_LOSSLESS, colours, JPEG_LS_METHOD)
        return Coding(JPEG_LS_LOSSLESS, colours)
    return _coding_2000(header, colours, vouched=vouched)


def _coding_2000(header: Jpeg2000Header, colours: str, *, vouched: bool) -> Coding:
    if header.colour_transform:
        colours = "YBR_RCT" if header.reversible else "YBR_ICT"
    if vouched and header.reversible:
        return Coding(HTJ2K_LOSSLESS if header.high_throughput else JPEG_2000_LOSSLESS, colours)
    if header.high_throughput:
        return Coding(HTJ2K, colours, HTJ2K_METHOD)
    return Coding(JPEG_2000, colours, JPEG_2000_METHOD)


def obstacle_to_copying(header: Header) -> str | None:
    """Why DICOM cannot hold frames with this header as they are, or None."""
    if header.samples not in {1, 3}:
        return f"the source's tiles have {header.samples} components"
    if isinstance(header, JpegHeader):
        if not header.baseline:
            return f"the source's JPEG is not baseline (process {header.process - 0xC0})"
        return None
    kind = "JPEG-LS" if isinstance(header, JpegLsHeader) else "JPEG 2000"
    if header.bits not in {8, 16} or (header.bits == 16 and header.samples > 1):
        return f"the source's {kind} has {header.bits}-bit samples"
    if isinstance(header, JpegLsHeader):
        wrong = "turns colours as no standard says" if header.turned else None
    else:
        wrong = "has subsampled components" if header.subsampled else None
        wrong = "has signed samples" if header.signed else wrong
    return f"the source's {kind} {wrong}" if wrong else None


def encode_as(pixels: Pixels, like: Header) -> bytes:
    """Pixels as a frame of the same coding as the one with this header."""
    if isinstance(like, JpegHeader):
        return encode_jpeg_as(pixels, like)
    import imagecodecs

    plain = np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    if isinstance(like, JpegLsHeader):
        return bytes(imagecodecs.jpegls_encode(plain, level=like.near))
    return bytes(
        imagecodecs.jpeg2k_encode(
            plain,
            level=0,
            codecformat="j2k",
            reversible=like.reversible,
            mct=like.colour_transform,
        )
    )
