"""How a slide is shown as it came, before it is converted: by a tile map, or drawn."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from slides.slide import WHITE, Addressed, Addresses, Slide
from tiles import composite
from tiles import plan as planning
from tiles.aligned import Aligned
from tiles.codestream import parse_jpeg
from tiles.composite import Composite, is_composite, is_measured, windows
from tiles.errors import DamagedCodestream, ShortRead
from tiles.pyramid import Box, Pyramid
from tiles.source import Encoding, TileSource
from tiles.tile_map import MappedImage, MappedLevel, TileMap

PROBES = 3
"""How many tiles of a level are looked at: all of a level are completed alike or not at all."""


def early_tile_size(slide: Slide) -> int | None:
    """The tile size of the pyramid to come; None where the slide cannot be drawn meanwhile.

    Drawn small, a slide without reduced levels would be decoded whole.
    """
    levels = tuple(step.level for step in planning.full(slide.source).levels)
    tile_size = Pyramid(levels).deep_zoom.tile_size
    return tile_size if Aligned(slide.source, tile_size).is_cheap else None


def tile_map_of(slide: Slide, tile_size: int) -> TileMap | None:
    """The map of the levels that consist of addressable JPEG tiles.

    None where the base, or all that is cheaply drawn small, is not such, and where a tile is no
    picture by itself. The files are numbered as in `slide.files`.
    """
    if is_composite(slide.source.pyramid):
        return None
    levels = []
    for number in range(len(slide.source.pyramid.levels)):
        mapped = _mapped(slide, number)
        if mapped is None and number == 0:
            return None
        if mapped is not None:
            levels.append(mapped)
    samples = slide.source.pyramid.samples
    background = _background(slide.source, levels)
    found = TileMap(tile_size, samples, background, tuple(levels))
    image = MappedImage(found, [_unread] * len(slide.files))
    return found if Aligned(image, tile_size).is_cheap else None


def drawn(
    slide: Slide, tile_size: int, channels: Sequence[composite.Channel] | None = None
) -> tuple[TileSource, tuple[composite.Channel, ...]]:
    """The picture that a slide is seen as, and how its channels are shown, where it has such.

    The channels given, of an earlier call, are not looked for again.
    """
    aligned = Aligned(slide.source, tile_size)
    if not is_composite(aligned.pyramid):
        return aligned, ()
    found = tuple(channels or ())
    if not found and is_measured(aligned.pyramid):
        from slides.channels import shown  # which loads what is read of written DICOM

        found = shown(slide.facts.channels, windows(aligned.pixels, aligned.pyramid))
    return Composite(aligned, found), found


def _background(source: TileSource, levels: list[MappedLevel]) -> tuple[int, ...]:
    """What the source shows where no tile is stored; white where all are."""
    for mapped in levels:
        missing = np.flatnonzero(mapped.lengths == 0)
        if missing.size:
            row, column = divmod(int(missing[0]), mapped.level.columns)
            box = mapped.level.box(column, row)
            level = source.pyramid.levels.index(mapped.level)
            pixel = source.pixels(level, Box(box.x, box.y, 1, 1))[0, 0]
            return tuple(int(sample) for sample in pixel)
    return WHITE[: source.pyramid.samples]


def _unread(offset: int, length: int) -> bytes:
    raise ShortRead(f"{length} bytes asked for at {offset} where only the grid is looked at")


def _mapped(slide: Slide, number: int) -> MappedLevel | None:
    source = slide.source
    if not isinstance(source, Addressed) or source.encoding(number) is not Encoding.JPEG_BASELINE:
        return None
    places = source.addresses(number)
    if places is None or places.file not in slide.files:
        return None
    inserts = {_insert(source, number, places, index) for index in _probes(places.lengths)}
    if len(inserts) != 1:
        return None
    (insert,) = inserts
    if insert is None:
        return None
    return MappedLevel(
        source.pyramid.levels[number],
        slide.files.index(places.file),
        insert,
        places.offsets.astype(np.uint64),
        places.lengths.astype(np.uint32),
    )


def _probes(lengths: NDArray[np.int64]) -> list[int]:
    """The first, the last and what lies between, of the tiles that are stored."""
    stored = np.flatnonzero(lengths)
    at = np.linspace(0, max(0, stored.size - 1), PROBES).astype(int)
    return [int(one) for one in stored[at[: stored.size]]]


def _insert(source: TileSource, number: int, places: Addresses, index: int) -> bytes | None:
    """What a stored tile lacks of the complete JPEG that the source gives, after SOI.

    None where the difference is another, or the JPEG is not its tile.
    """
    level = source.pyramid.levels[number]
    row, column = divmod(index, level.columns)
    frame = source.frame(number, column, row)
    if frame is None:
        return None
    with places.file.open("rb") as stream:
        stream.seek(int(places.offsets[index]))
        stored = stream.read(int(places.lengths[index]))
    rest = memoryview(stored)[2:]
    added = len(frame.data) - len(stored)
    if added < 0 or frame.data[:2] != stored[:2] or frame.data[2 + added :] != rest:
        return None
    try:
        header = parse_jpeg(frame.data)
    except DamagedCodestream:
        return None
    fits = (header.width, header.height) == (level.tile_width, level.tile_height)
    return frame.data[2 : 2 + added] if fits and header.baseline else None
