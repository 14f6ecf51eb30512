"""What was written is read again and held against the slide, tile by tile.

Every tile of the source and of the result is decoded strictly. A copied tile must be the source's
bytes; what is kept without loss must be its pixels; what is compressed must be about as close to
its model as its codec allows. The model of an encoded tile is the source's pixels, that of a
derived one the average of the level above as it was written.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from slides.errors import NotFaithful
from slides.proof import Proof, Tally, proof_of
from slides.slide import AssociatedImage, Slide, in_colour
from slides.written import Reopened, reopened
from tiles.codec import decode_jpeg, encode_jpeg, half, padded
from tiles.errors import TilesError
from tiles.likeness import psnr_db, squared_error, ssim
from tiles.plan import LOSSY, Action, Plan
from tiles.pyramid import Box, Level, Plane
from tiles.source import Pixels, TileSource

LOSS_DB = 3.0
"""How much further from its model a tile may be than its codec's own best: what is above is
itself compressed, and half-scale decoding is not quite the average."""

CLOSE_DB = 45.0
"""Closer to its model than this no tile is judged: nobody sees it, and the best may be perfect."""

WRITTEN_BESIDE = ("label", "macro")
BLOCK_PX = 1024
IN_FLIGHT = 64

Progress = Callable[[int, int], None]
_Out = TypeVar("_Out")


def verify(
    slide: Slide, plan: Plan, folder: Path, mpp_um: tuple[float, float], progress: Progress
) -> Proof:
    """Read what a conversion wrote into a folder, all of it, and hold it against the slide.

    The slide is the one that was written: without the pictures that were to be left out.
    Memory is bounded by the blocks in flight. Raises NotFaithful naming the first fault, and
    DamagedCodestream and ShortRead for what is wrong with the source.
    """
    used = {step.source_level for step in plan.levels}
    unused = [n for n in range(len(slide.source.pyramid.levels)) if n not in used]
    levels = [slide.source.pyramid.levels[n] for n in unused]
    total = sum(one.tiles for one in (*levels, *(step.level for step in plan.levels)))
    total *= len(plan.planes)
    done = 0

    def tell(tiles: int) -> None:
        nonlocal done
        done += tiles
        progress(done, total)

    with (
        reopened(folder, plan, mpp_um) as result,
        ThreadPoolExecutor(os.cpu_count(), "verify") as pool,
    ):
        if result.instances:
            _judge_beside(slide, result)
        judge = _Judge(slide.source, result, plan)
        proofs = []
        for number, step in enumerate(plan.levels):
            tally = Tally()
            for plane in plan.planes:
                judged = _spread(pool, partial(judge, number, plane), _blocks(step.level))
                for box, found in judged:
                    tally += found
                    tell(_tiles(step.level, box))
                    if tally.fault:
                        raise NotFaithful(tally.fault)
            proofs.append(proof_of(number, step, len(plan.planes), tally))
        for number, level in zip(unused, levels, strict=True):
            for plane in plan.planes:
                read = partial(slide.source.pixels, number, plane=plane)
                for box, _ in _spread(pool, read, _blocks(level)):
                    tell(_tiles(level, box))
    return Proof(tuple(proofs), result.instances)


def _judge_beside(slide: Slide, result: Reopened) -> None:
    """Label and overview must be the slide's own pixels, or absent where it has none to show."""
    for name in WRITTEN_BESIDE:
        own, made = slide.associated.get(name), result.beside.get(name)
        if own is None and made is None:
            continue
        if own is None or made is None:
            what = "was to be left out" if own is None else "was not written"
            raise NotFaithful(f"the {name} {what}")
        try:
            same = _same_picture(made, own)
        except TilesError as error:
            raise NotFaithful(f"the {name} as written does not decode: {error}") from error
        if not same:
            raise NotFaithful(f"the {name} as written is another picture")


def _same_picture(made: AssociatedImage, own: AssociatedImage) -> bool:
    """Whether a picture is another one's bytes, or its pixels; either way it is decoded."""
    pixels, frame, copied = made.pixels(), own.frame(), made.frame()
    if frame is not None and copied is not None and _same_bytes(copied.data, frame.data):
        return True
    return np.array_equal(in_colour(pixels), in_colour(own.pixels()))


def _spread(
    pool: ThreadPoolExecutor, work: Callable[[Box], _Out], boxes: Iterable[Box]
) -> Iterator[tuple[Box, _Out]]:
    """The results of all boxes, a bounded number of them under way."""
    rest = iter(boxes)
    while some := list(islice(rest, IN_FLIGHT)):
        yield from zip(some, pool.map(work, some), strict=True)


def _blocks(level: Level) -> Iterator[Box]:
    """Boxes of whole tiles, about BLOCK_PX a side, that cover a level."""
    across = level.tile_width * max(1, BLOCK_PX // level.tile_width)
    down = level.tile_height * max(1, BLOCK_PX // level.tile_height)
    for y in range(0, level.height, down):
        for x in range(0, level.width, across):
            yield Box(x, y, across, down).within(level.width, level.height)


def _tiles(level: Level, box: Box) -> int:
    columns, rows = level.covering(box)
    return len(columns) * len(rows)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Judges the tiles of a block of a level."""

    source: TileSource
    result: Reopened
    plan: Plan

    def __call__(self, number: int, plane: Plane, box: Box) -> Tally:
        """Judge all tiles of a plane in a box of whole tiles."""
        step = self.plan.levels[number]
        tally = Tally()
        columns, rows = step.level.covering(box)
        model = None if step.action is Action.COPY else self._model(number, plane, box)
        for row in rows:
            for column in columns:
                own = step.level.box(column, row)
                try:
                    pixels = self._pixels(number, plane, own)
                    if model is None:
                        tally += self._copied(number, plane, (column, row), pixels)
                    else:
                        y, x = own.y - box.y, own.x - box.x
                        expected = model[y : y + own.height, x : x + own.width]
                        tally += self._made(step.level, pixels, expected)
                except _Unlike as unlike:
                    where = f"tile ({column}, {row}){self._plane(plane)}"
                    tally += Tally(fault=f"level {number}, {where} {unlike}")
        return tally

    def _plane(self, plane: Plane) -> str:
        if len(self.plan.planes) == 1:
            return ""
        return f" of optical path {plane.optical_path}, focal plane {plane.focal_plane}"

    def _pixels(self, number: int, plane: Plane, box: Box) -> Pixels:
        try:
            pixels = self.result.source.pixels(number, box, plane)
        except TilesError as error:
            raise _Unlike(f"cannot be read as it was written: {error}") from error
        group = self.result.group
        if group is not None and not np.array_equal(group.pixels(number, box, plane), pixels):
            raise _Unlike("shows other pixels in the zarr group than in DICOM")
        return pixels

    def _model(self, number: int, plane: Plane, box: Box) -> Pixels:
        """What a block should show: the source's pixels, or the average of the level above."""
        step = self.plan.levels[number]
        if step.action is Action.ENCODE and step.source_level is not None:
            return self.source.pixels(step.source_level, box, plane)
        above = self.plan.levels[number - 1].level
        double = Box(2 * box.x, 2 * box.y, 2 * box.width, 2 * box.height)
        inside = double.within(above.width, above.height)
        try:
            return half(self.result.source.pixels(number - 1, inside, plane))
        except TilesError as error:
            raise NotFaithful(f"level {number - 1} as written cannot be read: {error}") from error

    def _copied(self, number: int, plane: Plane, tile: tuple[int, int], pixels: Pixels) -> Tally:
        step = self.plan.levels[number]
        assert step.source_level is not None
        own = self.source.frame(step.source_level, *tile, plane)
        if own is None:
            # Never scanned: its background was encoded like its neighbours.
            box = step.level.box(*tile)
            return self._made(step.level, pixels, self.source.pixels(step.source_level, box, plane))
        made = self.result.source.frame(number, *tile, plane)
        if made is None:
            raise _Unlike("is missing")
        if not _same_bytes(made.data, own.data):
            raise _Unlike("is not the source's bytes")
        return Tally(copied=1)

    def _made(self, level: Level, pixels: Pixels, model: Pixels) -> Tally:
        if np.array_equal(pixels, model):
            return Tally(equal=1)
        if self.plan.encoding not in LOSSY:
            raise _Unlike("is not the pixels it was made from")
        squared = squared_error(pixels, model)
        found = psnr_db(squared, model.size)
        if found < CLOSE_DB:
            tile = padded(np.ascontiguousarray(model), level.tile_height, level.tile_width)
            ideal = decode_jpeg(encode_jpeg(tile, self.plan.quality, self.plan.subsampling))
            ideal = ideal[: model.shape[0], : model.shape[1]]
            best = psnr_db(squared_error(ideal, model), model.size)
            if best - found > LOSS_DB:
                raise _Unlike(f"is {found:.1f} dB from its model, where {best:.1f} dB are possible")
        alike = ssim(pixels, model)
        return Tally(
            compared=1,
            squared=squared,
            samples=model.size,
            likeness=alike * model.size,
            lowest_psnr_db=found,
            lowest_ssim=alike,
        )


def _same_bytes(made: bytes, own: bytes) -> bool:
    """Whether a frame is a tile, but for the byte that makes its length even (PS3.5 A.4)."""
    return made == own or made == own + b"\0"


class _Unlike(Exception):
    """What is wrong with a tile, to follow its name."""
