"""Decode and encode tiles: the one choice of library for each encoding."""

import io
import warnings
from typing import Any

import numpy as np
import simplejpeg

from tiles.codestream import JpegHeader, parse_jpeg
from tiles.errors import DamagedCodestream, UnsupportedPixels
from tiles.jpeg2000 import parse_jpeg2000
from tiles.source import Encoding, Frame, Pixels

# Above this quality chroma is kept whole: what subsampling loses would exceed what quantization
# loses, and stains are told apart by colour.
WHOLE_CHROMA_FROM = 90


def decode(frame: Frame) -> Pixels:
    """The pixels of an encoded tile, (rows, columns, samples), colours as R, G, B.

    Raises DamagedCodestream where any part of the bytes does not decode.
    """
    if frame.encoding is Encoding.JPEG_BASELINE:
        return decode_jpeg(frame.data)
    decoder = _DECODERS.get(frame.encoding)
    if decoder is None:
        raise UnsupportedPixels(f"{frame.encoding} tiles cannot be decoded by themselves")
    import imagecodecs

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            pixels = np.asarray(getattr(imagecodecs, decoder)(frame.data))
    except (RuntimeError, ValueError, Warning) as error:
        raise DamagedCodestream(f"a {frame.encoding} tile does not decode") from error
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]


def decode_jpeg(data: bytes) -> Pixels:
    """The pixels of a JPEG, (rows, columns, 1 or 3) uint8.

    A warning of the decoder is damage: a scanner's tile has no reason to cause one.
    """
    try:
        stored = str(simplejpeg.decode_jpeg_header(data, strict=True)[2]).upper()
        if stored in {"CMYK", "YCCK"}:
            raise UnsupportedPixels("the JPEG has four components (CMYK)")
        wanted = "GRAY" if stored == "GRAY" else "RGB"
        return np.asarray(simplejpeg.decode_jpeg(data, colorspace=wanted, strict=True))
    except UnsupportedPixels:
        raise
    except ValueError as error:
        raise DamagedCodestream(f"a JPEG tile does not decode: {error}") from error


def decode_jpeg_half(data: bytes, width: int, height: int, samples: int) -> Pixels:
    """A JPEG at half its extents: see `decode_jpeg_small`."""
    return decode_jpeg_small(data, (width, height), samples, 1)


def decode_jpeg_small(data: bytes, extents: tuple[int, int], samples: int, halvings: int) -> Pixels:
    """A JPEG halved (rounded up) up to three times, by a smaller inverse transform.

    Halved once within 42 dB of the average of 2 × 2 decoded pixels, on tissue; whole blocks alone,
    so the padding of an edge tile enters its last column. Raises as `decode_jpeg`, and before
    decoding where the header states other extents than the ones given.
    """
    width, height = extents
    header = parse_jpeg(data)
    if (header.width, header.height, header.samples) != (width, height, samples):
        raise DamagedCodestream(
            f"the JPEG states {header.width} × {header.height} pixels of {header.samples} samples, "
            f"not {width} × {height} of {samples}"
        )
    scale = 1 << halvings
    try:
        return np.asarray(
            simplejpeg.decode_jpeg(
                data,
                colorspace="GRAY" if samples == 1 else "RGB",
                # The exact extents: the factor alone lets the library choose a smaller one.
                min_height=-(-height // scale),
                min_width=-(-width // scale),
                min_factor=scale,
                strict=True,
            )
        )
    except ValueError as error:
        raise DamagedCodestream(f"a JPEG tile does not decode: {error}") from error


def decode_jpeg2000_small(
    data: bytes, extents: tuple[int, int], samples: int, halvings: int
) -> Pixels:
    """A JPEG 2000 of 8 bits, halved by its wavelet: at most so often, and as often as it can be.

    What the wavelet gives lies half a pixel of its own size up and left of the average. Raises as
    `decode_jpeg_small`.
    """
    from PIL import Image
    from PIL.Jpeg2KImagePlugin import (
        Jpeg2KImageFile,  # the other library decodes at full size alone
    )

    header = parse_jpeg2000(data)
    if (header.width, header.height, header.samples, header.bits) != (*extents, samples, 8):
        raise DamagedCodestream("the JPEG 2000 codestream states other pixels than its level")
    try:
        with Image.open(io.BytesIO(data)) as image:
            if isinstance(image, Jpeg2KImageFile):
                image.reduce = min(halvings, header.halvings)
            pixels = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise DamagedCodestream("a jpeg2000 tile does not decode") from error
    return pixels if pixels.ndim == 3 else pixels[..., np.newaxis]


def rgb_from_ycbcr(pixels: Pixels) -> Pixels:
    """Full-range BT.601, as in JFIF, for encodings that do not convert by themselves."""
    y, cb, cr = np.moveaxis(pixels.astype(np.float32), 2, 0)
    cb, cr = cb - 128, cr - 128
    rgb = np.stack((y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb), axis=2)
    converted: Pixels = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return converted


def encode_jpeg(pixels: Pixels, quality: int, subsampling: str) -> bytes:
    """A baseline JPEG of (rows, columns, 1 or 3) uint8 pixels; colours are stored as YCbCr.

    `subsampling` is one of 444, 422, 420; grey images have none.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in {1, 3}:
        raise UnsupportedPixels(f"JPEG baseline holds 8-bit grey or RGB, not {_kind(pixels)}")
    grey = pixels.shape[2] == 1
    encoded: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(pixels),
        quality=quality,
        colorspace="GRAY" if grey else "RGB",
        colorsubsampling="gray" if grey else subsampling,
    )
    return encoded


def encode_jpeg_as(pixels: Pixels, like: JpegHeader) -> bytes:
    """A baseline JPEG whose components mean what those of another JPEG mean: YCbCr, RGB or grey."""
    if not like.rgb:
        return encode_jpeg(pixels, like.quality, _nearest_subsampling(like))
    import imagecodecs

    # The faster library writes YCbCr alone.
    return bytes(
        imagecodecs.jpeg8_encode(
            np.ascontiguousarray(pixels),
            level=like.quality,
            colorspace="rgb",
            outcolorspace="rgb",
            subsampling="444",
        )
    )


def encode_jpeg2000_lossless(pixels: Pixels) -> bytes:
    """A lossless JPEG 2000 of (rows, columns, 1 or 3) uint8 pixels, colours as YBR_RCT."""
    import imagecodecs

    grey = pixels.shape[2] == 1
    return bytes(
        imagecodecs.jpeg2k_encode(
            np.ascontiguousarray(pixels[..., 0] if grey else pixels),
            level=0,
            codecformat="j2k",
            mct=not grey,
            reversible=True,
        )
    )


def encode_jpeg_ls(pixels: Pixels) -> bytes:
    """A lossless JPEG-LS of grey uint8 or uint16 pixels, or of R, G, B in uint8, as they are."""
    import imagecodecs

    if pixels.ndim != 3 or pixels.shape[2] not in {1, 3}:
        raise UnsupportedPixels(f"JPEG-LS holds grey or RGB here, not {_kind(pixels)}")
    samples = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    return bytes(imagecodecs.jpegls_encode(np.ascontiguousarray(samples)))


def _nearest_subsampling(like: JpegHeader) -> str:
    return like.subsampling if like.subsampling in {"444", "422", "420", "gray"} else "444"


def subsampling_for(quality: int) -> str:
    """The chroma subsampling that suits a quality."""
    return "444" if quality >= WHOLE_CHROMA_FROM else "420"


def padded(pixels: Pixels, height: int, width: int) -> Pixels:
    """Pixels continued to a full tile by repeating their last row and column.

    Any other padding would put an edge into the last block of the JPEG and ring into the picture.
    """
    rows, columns = pixels.shape[:2]
    if (rows, columns) == (height, width):
        return pixels
    return np.pad(pixels, ((0, height - rows), (0, width - columns), (0, 0)), mode="edge")


def half(pixels: Pixels) -> Pixels:
    """Every 2 × 2 pixels averaged, extents rounded up: see `half_into`."""
    rows, columns, samples = pixels.shape
    reduced = np.empty((-(-rows // 2), -(-columns // 2), samples), pixels.dtype)
    half_into(pixels, reduced)
    return reduced


def half_into(pixels: Pixels, out: Pixels) -> None:
    """Every 2 × 2 pixels averaged into `out`, of half the extents rounded up.

    A last odd row or column is averaged over the pixels it has, so nothing from beyond the image
    enters it. A half is rounded up, in 8 and in 16 bits.
    """
    import cv2

    if pixels.dtype not in {np.dtype(np.uint8), np.dtype(np.uint16)}:
        raise UnsupportedPixels(f"only 8- and 16-bit pixels can be reduced, not {_kind(pixels)}")
    rows, columns, samples = pixels.shape
    even = padded(pixels, rows + rows % 2, columns + columns % 2)
    place = out if samples > 1 else out[..., 0]
    size = place.shape[1], place.shape[0]
    if cv2.resize(even, size, dst=place, interpolation=cv2.INTER_AREA) is not place:
        raise ValueError(f"{even.shape} cannot be halved into {out.shape}")


def _kind(pixels: "np.ndarray[Any, Any]") -> str:
    return f"{pixels.shape[2] if pixels.ndim == 3 else 1} samples of {pixels.dtype}"


_DECODERS: dict[Encoding, str] = {
    Encoding.JPEG: "jpeg8_decode",
    Encoding.JPEG_LOSSLESS: "jpeg8_decode",
    Encoding.JPEG_2000: "jpeg2k_decode",
    Encoding.HTJ2K: "jpeg2k_decode",
    Encoding.JPEG_LS: "jpegls_decode",
    Encoding.JPEG_XL: "jpegxl_decode",
}
