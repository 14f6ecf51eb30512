"""A photograph as it is stored: a source of one tile, and the facts worth keeping."""

from dataclasses import dataclass, field
from pathlib import Path

from dermato.camera.exif import Camera
from dermato.camera.kinds import read
from dermato.camera.picture import Jpeg, Picture
from dermato.camera.upright import upright
from dermato.errors import MissingPhoto, TooLarge
from tiles.codec import decode, encode_jpeg_ls
from tiles.codestream import parse_jpeg
from tiles.coding import Coding, Loss, encoded
from tiles.errors import OutsideImage
from tiles.pyramid import FIRST, Box, Level, Plane, Pyramid
from tiles.source import Encoding, Frame, Pixels, assemble

MOST_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a photograph beside its pixels."""

    format: str
    camera: Camera
    icc_profile: bytes | None = field(repr=False)
    losses: tuple[Loss, ...] = ()
    """Lossy compressions that the pixels went through, these bytes' own included."""
    derivation: str | None = None
    """What changed the values of pixels, in DICOM's English; None where they are the camera's."""
    recoded: str | None = None
    """Why these bytes are not the camera's own; None where its scan was copied."""


class Photo:
    """A picture as a TileSource: one level, one tile as large as the picture."""

    def __init__(self, frame: Frame, width: int, height: int, samples: int, facts: Facts) -> None:
        self.facts = facts
        self.whole = frame
        self._pyramid = Pyramid((Level(width, height, width, height),), samples=samples)

    @property
    def pyramid(self) -> Pyramid:
        """One level of one tile."""
        return self._pyramid

    @property
    def coding(self) -> Coding:
        """What the frame is in DICOM's terms."""
        return encoded(self._pyramid.samples, self.whole.encoding)

    def encoding(self, level: int) -> Encoding:
        """Of the whole; raises OutsideImage for any level but the first."""
        self._pyramid.level(level)
        return self.whole.encoding

    def frame(self, level: int, column: int, row: int, plane: Plane = FIRST) -> Frame:
        """The picture as stored."""
        self._pyramid.level(level).box(column, row)
        if plane != FIRST:
            raise OutsideImage(f"no {plane}")
        return self.whole

    def pixels(self, level: int, box: Box, plane: Plane = FIRST) -> Pixels:
        """Decoded pixels of a box; the whole picture is decoded for each."""
        frame = self.frame(level, 0, 0, plane)
        return assemble(self, level, box, lambda _column, _row: decode(frame))

    def close(self) -> None:
        """Nothing to release."""


def open_photo(path: Path) -> Photo:
    """Read a photograph, make sure that all of it decodes, and leave out all that it says.

    A baseline JPEG that stands upright keeps the camera's scan byte for byte; any other is stored
    without loss, which `Facts.recoded` explains. Raises MissingPhoto, NotAPhotograph,
    UnsupportedPhoto, DamagedPhoto, TooLarge.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise TooLarge(
                f"the file is larger than {MOST_BYTES >> 20} MiB: no photograph is; refused"
            )
        data = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise MissingPhoto("there is no such file; check its name") from error
    found = read(data)
    return _as_it_is(found) if isinstance(found, Jpeg) else _without_loss(found)


def _as_it_is(jpeg: Jpeg) -> Photo:
    header = parse_jpeg(jpeg.data)
    facts = Facts("jpeg", jpeg.camera, jpeg.icc_profile, jpeg.losses, recoded=jpeg.recoded)
    frame = Frame(jpeg.data, Encoding.JPEG_BASELINE)
    return Photo(frame, header.width, header.height, header.samples, facts)


def _without_loss(picture: Picture) -> Photo:
    pixels = upright(picture.pixels, picture.camera.orientation)
    rows, columns, samples = pixels.shape
    why = picture.recoded or f"DICOM has no {picture.format.upper()}"
    facts = Facts(
        picture.format,
        picture.camera,
        picture.icc_profile,
        picture.losses,
        "; ".join(picture.derivation) or None,
        f"{why}: stored without loss as JPEG-LS",
    )
    frame = Frame(encode_jpeg_ls(pixels), Encoding.JPEG_LS)
    return Photo(frame, columns, rows, samples, facts)
