"""Frames taken from the scanner's file as they are, and pictures stored as one frame."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from slides.errors import DamagedSlide
from slides.header import Picture
from slides.slide import AssociatedImage, Slide
from tiles.codec import decode, encode_jpeg2000_lossless, padded
from tiles.codestream import JpegHeader
from tiles.coding import (
    COPYABLE,
    Coding,
    Header,
    Loss,
    check,
    check_body,
    check_extent,
    coding_of,
    encode_as,
    header_of,
    header_of_all,
    losses_in,
    lossless,
    obstacle_to_copying,
)
from tiles.errors import DamagedCodestream
from tiles.frames import Frames, InMemory
from tiles.plan import Action, Plan
from tiles.pyramid import Level, Plane
from tiles.source import Frame, Run, TileSource, first_frame, runs_in_order


class CopiedFrames:
    """The encoded tiles of one level of a source, plane by plane, each checked before it goes on.

    A sparse tile, which the source fills with its background, is encoded like its neighbours.
    Taking them raises DamagedSlide naming the first tile that is not whole or unlike the others.
    """

    def __init__(
        self, source: TileSource, level: int, like: Header, coding: Coding, *, decoded: bool
    ) -> None:
        self._source = source
        self._number = level
        self._level = source.pyramid.level(level)
        self._like = like
        self._coding = coding
        self._vouched = coding.lossy_method is None
        self._alike: Header | None = None
        self._decoded = decoded

    def __len__(self) -> int:
        return self._level.tiles * len(self._source.pyramid.planes)

    def lots(self) -> Iterator[Sequence[bytes]]:
        """All frames, plane by plane."""
        for plane in self._source.pyramid.planes:
            first = 0
            columns, rows = range(self._level.columns), range(self._level.rows)
            for run in runs_in_order(self._source, self._number, columns, rows, plane):
                yield from self._checked(run, first, plane)
                first += len(run.tiles)

    def _checked(self, run: Run, first: int, plane: Plane) -> Iterator[Sequence[bytes]]:
        header = header_of_all(run) if not self._decoded else None
        if header is not None and header is self._alike:
            yield [tile for tile in run.tiles if tile is not None]
            return
        for number, tile in enumerate(run.tiles, first):
            row, column = divmod(number, self._level.columns)
            try:
                if tile is None:
                    yield (self._filled(column, row, plane),)
                else:
                    self._check(Frame(tile, run.encoding))
                    yield (tile,)
            except DamagedCodestream as error:
                raise DamagedSlide(
                    f"level {self._number}, tile ({column}, {row}) is damaged: {error}; "
                    "fetch the file again from the scanner"
                ) from error

    def _check(self, frame: Frame) -> None:
        header = header_of(frame)
        if header is not self._alike:
            # The same object is given for the same bytes: nearly all JPEG tiles begin alike.
            check_extent(header, self._level.tile_width, self._level.tile_height)
            known = obstacle_to_copying(header) is None
            if not known or coding_of(header, vouched=self._vouched) != self._coding:
                raise DamagedCodestream("it is encoded unlike the others")
            self._alike = header
        if not check_body(frame, header) or self._decoded:
            decode(frame)

    def _filled(self, column: int, row: int, plane: Plane) -> bytes:
        level = self._level
        pixels = self._source.pixels(self._number, level.box(column, row), plane)
        return encode_as(padded(pixels, level.tile_height, level.tile_width), self._like)


def whole_frame(image: AssociatedImage) -> tuple[bytes, Header] | None:
    """An associated image's own bytes where they are one whole codestream of its size."""
    frame = image.frame()
    if frame is None or frame.encoding not in COPYABLE:
        return None
    header = check(frame, image.width, image.height)
    deep = not isinstance(header, JpegHeader) and header.bits != 8
    if deep or obstacle_to_copying(header) is not None:
        return None
    decode(frame)
    return frame.data, header


def as_one_tile(width: int, height: int) -> Level:
    """The level of a picture that is its own only tile."""
    return Level(width, height, width, height)


def copied_levels(slide: Slide, plan: Plan) -> Iterator[tuple[Picture, CopiedFrames]]:
    """The levels of a plan whose tiles are the source's own."""
    for number, step in enumerate(plan.levels):
        if step.action is Action.COPY and step.source_level is not None:
            first = first_frame(slide.source, step.source_level)
            if first is None:
                raise LookupError("a level to be copied has no tile")
            like = header_of(first)
            told = step.source_level < len(slide.losses)
            coding, before = _judged(like, slide.lost(step.source_level) if told else None)
            picture = Picture(
                "level",
                number,
                step.level,
                like.samples,
                coding,
                derived=number > 0,
                lost_before=before,
                bits=plan.bits,
                planes=plan.planes,
            )
            # Tiles from which a level is derived are decoded for it, and damage is found there; a
            # copy of stored levels is judged by its structure, but for tiles that stand alone.
            alone = step.level.tiles == 1
            yield (
                picture,
                CopiedFrames(slide.source, step.source_level, like, coding, decoded=alone),
            )


def _judged(like: Header, lost: tuple[Loss, ...] | None) -> tuple[Coding, tuple[Loss, ...]]:
    """How frames are encoded, and what their pixels lost before.

    `lost` is what the file states of them, the frames' own loss the last; None where it is silent.
    """
    coding = coding_of(like)
    if lost is None:
        return coding, ()
    if lost and lost[-1].method == coding.lossy_method:
        return coding, lost[:-1]
    return coding_of(like, vouched=True), lost


def associated_picture(image: AssociatedImage, role: str) -> tuple[Picture, Frames]:
    """An associated image as its own bytes where DICOM can hold them, else encoded losslessly."""
    level = as_one_tile(image.width, image.height)
    own = whole_frame(image)
    if own is not None:
        data, like = own
        coding, lost = _judged(like, image.lost)
        return Picture(role, 0, level, like.samples, coding, lost_before=lost), InMemory((data,))
    pixels = image.pixels()
    frames = InMemory((encode_jpeg2000_lossless(pixels),))
    before: tuple[Loss, ...] = image.lost or ()
    if image.lost is None and image.stored_bytes:
        before = losses_in(image.encoding, pixels.size, image.stored_bytes)
    samples = pixels.shape[2]
    picture = Picture(role, 0, level, samples, lossless(samples), lost_before=before)
    return replace(picture, cleaned=image.cleaned), frames
