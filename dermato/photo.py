"""A photograph as its camera stored it: a source of one tile, and the facts worth keeping."""

import struct
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import ExifTags
from PIL.Image import Exif

from dermato.errors import DamagedPhoto, MissingPhoto, NotAPhotograph, TooLarge, UnsupportedPhoto
from dermato.scrub import scrub
from tiles.codec import decode_jpeg, encode_jpeg
from tiles.codestream import JpegHeader, parse_jpeg
from tiles.errors import OutsideImage, TilesError
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Frame, Pixels, assemble

MOST_BYTES = 128 << 20
MOST_PIXELS = 64_000_000
"""What fits the memory a reader may use, decoded and turned; phones store 12 to 50 millions."""

TURNED_QUALITY = 95
"""For pictures that must be encoded anew; their chroma is kept whole."""

_NOT_YET = (
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"BM", "a BMP picture"),
    (0, b"RIFF", "a WebP picture"),
    (0, b"II*\0", "a TIFF or raw picture"),
    (0, b"MM\0*", "a TIFF or raw picture"),
    (4, b"ftyp", "a HEIC or AVIF picture, or a film"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (4, b"JXL ", "a JPEG XL picture"),
    (4, b"jP  ", "a JPEG 2000 picture"),
    (0, b"%PDF", "a PDF document"),
)
_PROCESSES = {0xC1: "extended", 0xC2: "progressive", 0xC3: "lossless"}

# What Pillow raises at a damaged block.
_UNREADABLE = (SyntaxError, struct.error, ValueError, TypeError, KeyError, OSError, Warning)

# How the stored picture is turned to stand upright, by EXIF orientation: arrays are
# (rows, columns, samples). EXIF 2.32, tag 274.
_UPRIGHT: dict[int, Callable[[Pixels], Pixels]] = {
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
    8: lambda p: np.rot90(p, 1),
}


@dataclass(frozen=True, slots=True)
class Camera:
    """What the EXIF block says and may be kept: no place, no serial number, no name."""

    make: str | None = None
    model: str | None = None
    taken_at: datetime | None = None
    """With a time zone only where the camera gave one."""
    orientation: int = 1


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a photograph beside its pixels."""

    camera: Camera
    icc_profile: bytes | None = field(repr=False)
    derivation: str | None
    """How these bytes differ from the camera's scan; None where they are the camera's own."""
    lossy_before: tuple[str, ...] = ()
    """Compression ratios the pixels went through before these bytes were encoded."""


class Photo:
    """A baseline JPEG as a TileSource: one level, one tile as large as the picture."""

    def __init__(self, jpeg: bytes, facts: Facts) -> None:
        header = parse_jpeg(jpeg)
        self.facts = facts
        self._frame = Frame(jpeg, Encoding.JPEG_BASELINE)
        level = Level(header.width, header.height, header.width, header.height)
        self._pyramid = Pyramid((level,), samples=header.samples)

    @property
    def pyramid(self) -> Pyramid:
        """One level of one tile."""
        return self._pyramid

    @property
    def jpeg(self) -> bytes:
        """The whole picture, encoded."""
        return self._frame.data

    def encoding(self, level: int) -> Encoding:
        """Baseline JPEG; raises OutsideImage for any level but the first."""
        self._pyramid.level(level)
        return self._frame.encoding

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame:
        """The picture as stored."""
        self._pyramid.level(level).box(column, row)
        if plane != FIRST:
            raise OutsideImage(f"no {plane}")
        return self._frame

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """Decoded pixels of a box; the whole picture is decoded for each."""
        jpeg = self.frame(level, 0, 0, plane).data
        return assemble(self, level, box, lambda _column, _row: decode_jpeg(jpeg))

    def close(self) -> None:
        """Nothing to release."""


def open_photo(path: Path) -> Photo:
    """Read a photograph, make sure that all of it decodes, and leave out its metadata.

    A picture that its camera stored lying down, or as R, G, B, is decoded, stood up and encoded
    anew, which `Facts.derivation` says; any other keeps the camera's scan byte for byte. Raises
    MissingPhoto, NotAPhotograph, UnsupportedPhoto, DamagedPhoto, TooLarge.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise TooLarge(
                f"the file is larger than {MOST_BYTES >> 20} MiB: no photograph is; refused"
            )
        data = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise MissingPhoto("there is no such file; check its name") from error
    _require_jpeg(data)
    try:
        header = parse_jpeg(data)
    except TilesError as error:
        raise DamagedPhoto(f"{error}; send the photograph again") from error
    _require_baseline(header)
    clean = scrub(data)
    try:
        pixels = decode_jpeg(clean.jpeg)
    except TilesError as error:
        raise DamagedPhoto(f"{error}; send the photograph again") from error
    camera = read_camera(clean.exif) if clean.exif else Camera()
    if camera.orientation == 1 and not header.rgb:
        return Photo(clean.jpeg, Facts(camera, clean.icc_profile, None))
    return _encoded_anew(pixels, len(clean.jpeg), Facts(camera, clean.icc_profile, None))


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
        orientation=orientation if isinstance(orientation, int) and orientation in _UPRIGHT else 1,
    )


def _require_jpeg(data: bytes) -> None:
    if not data:
        raise DamagedPhoto("the file is empty; send the photograph again")
    if data[:3] == b"\xff\xd8\xff":
        return
    for offset, magic, kind in _NOT_YET:
        if data[offset : offset + len(magic)] == magic:
            raise UnsupportedPhoto(f"it is {kind}; convert it to a baseline JPEG")
    raise NotAPhotograph("it is no photograph of a kind read here; send a baseline JPEG")


def _require_baseline(header: JpegHeader) -> None:
    if not header.baseline:
        kind = _PROCESSES.get(header.process, "rare")
        depth = f" with {header.precision} bits" if header.precision != 8 else ""
        raise UnsupportedPhoto(
            f"it is a JPEG of the {kind} kind{depth}; convert it to a baseline JPEG"
        )
    if header.samples not in {1, 3}:
        raise UnsupportedPhoto(
            f"the JPEG has {header.samples} components (print colours, CMYK); convert it to a "
            "baseline JPEG in RGB"
        )
    if header.width * header.height > MOST_PIXELS:
        raise TooLarge(
            f"the JPEG announces {header.width} × {header.height} pixels; reduce it below "
            f"{MOST_PIXELS // 1_000_000} megapixels"
        )


def _encoded_anew(pixels: Pixels, stored_bytes: int, facts: Facts) -> Photo:
    turn = _UPRIGHT.get(facts.camera.orientation)
    upright = np.ascontiguousarray(turn(pixels) if turn else pixels)
    jpeg = encode_jpeg(upright, TURNED_QUALITY, "444")
    done = "Turned upright" if turn else "RGB components stored as YCbCr"
    derivation = f"{done}; decoded and encoded again as JPEG of quality {TURNED_QUALITY}"
    before = (f"{pixels.size / stored_bytes:.2f}",)
    return Photo(jpeg, Facts(facts.camera, facts.icc_profile, derivation, before))


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
