"""Frames taken from the scanner's file as they are, and pictures stored as one frame."""

from collections.abc import Iterator

from slides.errors import DamagedSlide
from slides.slide import AssociatedImage
from tiles.codec import decode, encode_jpeg_as, padded
from tiles.codestream import JpegHeader, check, check_header, check_scan, parse_jpeg
from tiles.errors import DamagedCodestream
from tiles.pyramid import Level
from tiles.source import Encoding, Frame, TileSource, frames_in_order


class CopiedFrames:
    """The encoded tiles of one level of a source, each checked before it is handed on.

    A sparse tile, which the source fills with its background, is encoded like its neighbours.
    Iterating raises DamagedSlide naming the first tile that is not whole or unlike the others.
    """

    def __init__(self, source: TileSource, level: int, like: JpegHeader, *, decoded: bool) -> None:
        self._source = source
        self._number = level
        self._level = source.pyramid.level(level)
        self._like = like
        self._alike: JpegHeader | None = None
        self._decoded = decoded

    def __len__(self) -> int:
        return self._level.tiles

    def __iter__(self) -> Iterator[bytes]:
        columns = self._level.columns
        for number, frame in enumerate(frames_in_order(self._source, self._number)):
            try:
                if frame is None:
                    yield self._filled(number % columns, number // columns)
                else:
                    self._check(frame)
                    yield frame.data
            except DamagedCodestream as error:
                raise DamagedSlide(
                    f"level {self._number}, tile ({number % columns}, {number // columns}) is "
                    f"damaged: {error}; fetch the file again from the scanner"
                ) from error

    def _check(self, frame: Frame) -> None:
        header = parse_jpeg(frame.data)
        if header is not self._alike:
            # The same object is given for the same bytes: nearly all tiles begin alike.
            check_header(header, self._level.tile_width, self._level.tile_height)
            like = self._like
            if (header.process, header.samples, header.rgb) != (
                like.process,
                like.samples,
                like.rgb,
            ):
                raise DamagedCodestream("it is encoded unlike the others")
            self._alike = header
        check_scan(frame.data, header)
        if self._decoded:
            decode(frame)

    def _filled(self, column: int, row: int) -> bytes:
        level = self._level
        pixels = self._source.pixels(self._number, level.box(column, row))
        return encode_jpeg_as(padded(pixels, level.tile_height, level.tile_width), self._like)


class SingleFrame:
    """One picture as the only frame of an instance."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[bytes]:
        yield self._data


def whole_jpeg(image: AssociatedImage) -> tuple[bytes, JpegHeader] | None:
    """An associated image's own bytes where they are one whole baseline JPEG of its size."""
    frame = image.frame()
    if frame is None or frame.encoding is not Encoding.JPEG_BASELINE:
        return None
    header = check(frame.data, image.width, image.height)
    if not header.baseline or header.samples not in {1, 3}:
        return None
    decode(frame)
    return frame.data, header


def as_one_tile(width: int, height: int) -> Level:
    """The level of a picture that is its own only tile."""
    return Level(width, height, width, height)
