"""Frames taken from the scanner's file as they are, and pictures stored as one frame."""

from collections.abc import Callable, Iterator

from slides.errors import DamagedSlide
from slides.slide import AssociatedImage
from tiles.codec import decode, encode_jpeg_as, padded
from tiles.codestream import JpegHeader, check
from tiles.errors import DamagedCodestream
from tiles.frames import Frames
from tiles.pyramid import Level
from tiles.source import Encoding, Frame, TileSource


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
        self._decoded = decoded

    def __len__(self) -> int:
        return self._level.tiles

    def __iter__(self) -> Iterator[bytes]:
        for row in range(self._level.rows):
            for column in range(self._level.columns):
                frame = self._source.frame(self._number, column, row)
                try:
                    yield self._filled(column, row) if frame is None else self._checked(frame)
                except DamagedCodestream as error:
                    raise DamagedSlide(
                        f"level {self._number}, tile ({column}, {row}) is damaged: {error}; "
                        "fetch the file again from the scanner"
                    ) from error

    def _checked(self, frame: Frame) -> bytes:
        header = check(frame.data, self._level.tile_width, self._level.tile_height)
        if (header.process, header.samples, header.rgb) != (
            self._like.process,
            self._like.samples,
            self._like.rgb,
        ):
            raise DamagedCodestream("it is encoded unlike the others")
        if self._decoded:
            decode(frame)
        return frame.data

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


class CountedFrames:
    """Frames that say when one of them has been taken."""

    def __init__(self, frames: Frames, each: Callable[[], None]) -> None:
        self._frames = frames
        self._each = each

    def __len__(self) -> int:
        return len(self._frames)

    def __iter__(self) -> Iterator[bytes]:
        for frame in self._frames:
            yield frame
            self._each()


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
