"""For each output level: copy the source's tiles, encode them, or derive them from the level above.

A plan is made by looking at the source once and is then only read. It is part of an object's
identity: the same source and the same plan give the same objects.
"""

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from tiles.codec import subsampling_for
from tiles.codestream import JpegHeader
from tiles.coding import COPYABLE, Header, header_of, obstacle_to_copying
from tiles.errors import UnsupportedPixels
from tiles.pyramid import FIRST, Level, Plane, Pyramid, dyadic
from tiles.source import Encoding, TileSource, first_frame

ENCODED_TILE = 512
"""Tile size where we choose: fewer requests than 256, still small next to a screen."""

SMALLEST_FRAME, LARGEST_FRAME = 32 * 32, 4096 * 4096
"""Pixels of a frame that is copied: drawing a tile out of it must stay a matter of milliseconds."""
LONGEST_FRAME = 0xFFFF
"""What Rows and Columns hold."""

DEFAULT_QUALITY = 90
"""For sources that are not JPEG. A JPEG's own quality is kept, within these bounds:"""
LOWEST_QUALITY, HIGHEST_QUALITY = 80, 95


LOSSY = frozenset({Encoding.JPEG_BASELINE})
"""What we encode to that does not give back the very pixels; all else we write without loss."""


class Action(StrEnum):
    """What is done to obtain a level."""

    COPY = "copy"
    ENCODE = "encode"
    DERIVE = "derive"


@dataclass(frozen=True, slots=True)
class LevelPlan:
    """One output level and why it is made as it is."""

    level: Level
    action: Action
    source_level: int | None
    """The level of the source it is read from; of a derived level, the one whose tiles are decoded
    at half scale. None where it is halved from the pixels of the level above."""
    reason: str
    blocks: Level | None = None
    """The grid on which it is read to derive others, where its own tiles suit no pyramid."""

    @property
    def grid(self) -> Level:
        """The tiles of which blocks of work consist."""
        return self.blocks or self.level


@dataclass(frozen=True, slots=True)
class Plan:
    """All output levels, largest first, and how the encoded ones are encoded."""

    levels: tuple[LevelPlan, ...]
    samples: int
    quality: int
    subsampling: str
    encoding: Encoding = Encoding.JPEG_BASELINE
    """Of the levels that are encoded or derived."""
    bits: int = 8
    planes: tuple[Plane, ...] = (FIRST,)

    @property
    def losses(self) -> tuple[int, ...]:
        """The levels made of the source's own pixels that do not keep them exactly.

        Derived levels are not among them: their pixels are new, whatever they are kept in.
        """
        lossy = self.encoding in LOSSY
        encoded = (n for n, step in enumerate(self.levels) if step.action is Action.ENCODE)
        return tuple(encoded) if lossy else ()

    @property
    def identity(self) -> str:
        """A text that is equal exactly where two plans give the same pixels and bytes."""
        steps = ",".join(
            f"{step.action}:{step.source_level}:{step.level.width}x{step.level.height}"
            f"/{step.level.tile_width}x{step.level.tile_height}"
            for step in self.levels
        )
        made = f"{self.encoding};q={self.quality};{self.subsampling}"
        plain = self.bits == 8 and len(self.planes) == 1
        stack = "" if plain else f";bits={self.bits};planes={len(self.planes)}"
        return f"{steps};samples={self.samples};{made}{stack}"

    def as_json(self) -> list[dict[str, Any]]:
        """The plan for people and machines to read."""
        return [
            {
                **asdict(step.level),
                "action": str(step.action),
                "source_level": step.source_level,
                "reason": step.reason,
            }
            for step in self.levels
        ]


def full(source: TileSource, quality: int | None = None) -> Plan:
    """A full dyadic pyramid: base copied where its tiles allow it, all other levels derived.

    A base whose tiles can be frames but are no grid to halve on is copied on its own grid, with
    the other levels on ours.

    `quality` (1-100) overrides the one taken from the source. Raises UnsupportedPixels for
    images that DICOM cannot hold.
    """
    header = _header_of(source, 0)
    base = source.pyramid.levels[0]
    obstacle, unsuited = _obstacle(source, 0, header), _obstacle_to_halving(base)
    suited = obstacle is None and unsuited is None
    levels = dyadic(base.width, base.height, base.tile_width if suited else ENCODED_TILE)
    if obstacle is not None:
        first = LevelPlan(levels[0], Action.ENCODE, 0, obstacle)
    elif unsuited is not None:
        reason = f"{source.encoding(0)} on its own grid: {unsuited}"
        first = LevelPlan(base, Action.COPY, 0, reason, blocks=levels[0])
    else:
        first = LevelPlan(levels[0], Action.COPY, 0, _copied(source, 0))
    derived = [LevelPlan(level, Action.DERIVE, None, "full pyramid") for level in levels[1:]]
    plan = _plan((first, *derived), source, header, quality)
    if derived and suited and _halves_as_well(header, plan):
        derived[0] = LevelPlan(levels[1], Action.DERIVE, 0, "decoded at half scale")
    return replace(plan, levels=(first, *derived))


def _halves_as_well(header: Header | None, plan: Plan) -> bool:
    """Whether decoding at half scale costs less than encoding does (under 0.5 dB on tissue).

    Chroma that was subsampled is where a half-scale decode and an average differ; where it is
    subsampled again the difference is lost.
    """
    if not isinstance(header, JpegHeader) or plan.quality > HIGHEST_QUALITY:
        return False
    return header.subsampling == plan.subsampling


def stored(source: TileSource, quality: int | None = None) -> Plan:
    """The source's own levels as they are: copied where they can be, else encoded."""
    steps = []
    for index, level in enumerate(source.pyramid.levels):
        obstacle = _obstacle(source, index, _header_of(source, index))
        if obstacle is None:
            steps.append(LevelPlan(level, Action.COPY, index, _copied(source, index)))
        else:
            own = Level(level.width, level.height, ENCODED_TILE, ENCODED_TILE)
            steps.append(LevelPlan(own, Action.ENCODE, index, obstacle))
    return _plan(tuple(steps), source, _header_of(source, 0), quality)


def pixels_only(source: TileSource, tile: int) -> Plan:
    """A full dyadic pyramid of decoded pixels, for sinks that keep no JPEG."""
    levels = dyadic(source.pyramid.width, source.pyramid.height, tile)
    first = LevelPlan(levels[0], Action.ENCODE, 0, "kept as pixels")
    derived = (LevelPlan(level, Action.DERIVE, None, "full pyramid") for level in levels[1:])
    pyramid = source.pyramid
    return Plan(
        levels=(first, *derived),
        samples=pyramid.samples,
        quality=100,
        subsampling="444",
        encoding=Encoding.ZSTD,
        bits=pyramid.bits,
        planes=pyramid.planes,
    )


def _copied(source: TileSource, level: int) -> str:
    return f"{source.encoding(level)} on the output grid"


def _header_of(source: TileSource, level: int) -> Header | None:
    """The header of the level's first tile that has bytes, if they could be copied."""
    if source.encoding(level) not in COPYABLE:
        return None
    frame = first_frame(source, level)
    return None if frame is None else header_of(frame)


def _obstacle(source: TileSource, level: int, header: Header | None) -> str | None:
    """Why the tiles of a level cannot be copied into DICOM frames, or None."""
    grid = source.pyramid.levels[level]
    encoding = source.encoding(level)
    if encoding is Encoding.OPAQUE:
        return "the source's tiles can be read as pixels alone"
    if header is None:
        return f"the source's tiles are {encoding}"
    if (header.width, header.height) != (grid.tile_width, grid.tile_height):
        return "the source's codestreams are not its tiles"
    size = f"tiles of {grid.tile_width} × {grid.tile_height} pixels"
    seen = SMALLEST_FRAME <= grid.tile_width * grid.tile_height <= LARGEST_FRAME
    if not seen or max(grid.tile_width, grid.tile_height) > LONGEST_FRAME:
        return f"{size} are no frames to view" if not seen else f"{size} fit no DICOM frame"
    bits = 8 if isinstance(header, JpegHeader) else header.bits
    less = f"the source's tiles have {bits} of {source.pyramid.bits} bits"
    return obstacle_to_copying(header) if bits == source.pyramid.bits else less


def _obstacle_to_halving(base: Level) -> str | None:
    """Why a copied base cannot carry a pyramid of halves on its own grid, or None."""
    if base.tile_width != base.tile_height:
        return "the source's tiles are not square"
    if base.tile_width % 2 or not 64 <= base.tile_width <= 2048:
        return f"the source's tiles of {base.tile_width} pixels do not suit a pyramid"
    return None


def _plan(
    steps: tuple[LevelPlan, ...], source: TileSource, header: Header | None, quality: int | None
) -> Plan:
    """The plan of these levels; `header` is that of a tile of the largest, where it has one."""
    pyramid = source.pyramid
    encoding = _encoding(pyramid, header)
    quality, subsampling = _parameters(pyramid, header, quality)
    return Plan(
        levels=steps,
        samples=pyramid.samples,
        quality=quality if encoding in LOSSY else 100,
        subsampling=subsampling,
        encoding=encoding,
        bits=pyramid.bits,
        planes=pyramid.planes,
    )


def _encoding(pyramid: Pyramid, header: Header | None) -> Encoding:
    """How levels that are not copied are encoded: without loss where pixels are measurements.

    That is, of more than 8 bits or of grey planes, unless they came as baseline JPEG. Raises
    UnsupportedPixels for what DICOM cannot hold (PS3.3 C.8.12.4.1).
    """
    if pyramid.samples not in {1, 3} or pyramid.bits not in {8, 16}:
        raise UnsupportedPixels(f"{pyramid.samples} samples of {pyramid.bits} bits are no slide")
    if pyramid.bits > 8 and pyramid.samples > 1:
        raise UnsupportedPixels(f"DICOM slides cannot hold {pyramid.bits}-bit colours")
    measured = pyramid.bits > 8 or (pyramid.samples == 1 and len(pyramid.planes) > 1)
    if measured and not isinstance(header, JpegHeader):
        return Encoding.JPEG_LS
    return Encoding.JPEG_BASELINE


def _parameters(pyramid: Pyramid, header: Header | None, quality: int | None) -> tuple[int, str]:
    if quality is None:
        own = header.quality if isinstance(header, JpegHeader) else DEFAULT_QUALITY
        quality = max(LOWEST_QUALITY, min(HIGHEST_QUALITY, own))
    if pyramid.samples == 1:
        return quality, "gray"
    if isinstance(header, JpegHeader) and header.subsampling in {"444", "422", "420"}:
        return quality, header.subsampling
    return quality, subsampling_for(quality)
