"""An image ready to be read: where the bytes of each Deep Zoom tile lie, or from what it is drawn.

A published image is read from its stored levels. One that is still on its way is read from the
scanner's own file, by its tile map or through a child process with the scanner's reader; both on
the grid of the pyramid that it will become, so that the converted one takes its place at the same
addresses.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import archive.errors
from api.renderer import RenderedImage, Renderers
from archive.record import Image, ImageKind, ImageState, ObjectRole, StoredObject
from archive.storage import Storage
from tiles.aligned import Aligned
from tiles.codestream import ADOBE_RGB
from tiles.composite import Composite, channels_of, is_composite, is_measured
from tiles.errors import OutsideImage
from tiles.instance import FrameIndex, StoredImage, read_index
from tiles.parts import Parts, joined
from tiles.pyramid import FIRST, DeepZoom, Level, Plane
from tiles.source import Encoding, ReadRange, TileSource
from tiles.tile_map import MappedImage, MappedLevel, read_tile_map
from tiles.zarr_view import ZarrView

ON_ITS_WAY = frozenset({ImageState.RECEIVED, ImageState.OPENED, ImageState.BUILT})


GROWS = timedelta(days=1)
"""After an instance of an image came: until then browsers ask each time whether it is the same."""
_SHOWN = (ObjectRole.PHOTO, ObjectRole.LEVEL, ObjectRole.PREVIEW, ObjectRole.OVERVIEW)
"""What an image shows, the first that it has; of a slide whose levels did not come yet, others."""


@dataclass(frozen=True, slots=True)
class Place:
    """The bytes of a tile: a range of an object, `insert` to be put in after the first two."""

    key: str
    offset: int
    length: int
    insert: bytes = b""


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored level: its object, or those that it lies in by parts, and where its frames lie."""

    keys: tuple[str, ...]
    parts: Parts

    @property
    def index(self) -> FrameIndex:
        """Where its frames lie; in the object, where it is one."""
        return self.parts.index


Find = Callable[[int, int], Place | None]
"""Where the whole tile (column, row) of a level lies; None where it is to be drawn."""


@dataclass(frozen=True, slots=True)
class OpenImage:
    """An image ready to be read.

    `levels` are those of Deep Zoom; `finders` has for each how its tiles are found among the
    stored ones, if they are; `stored` has what `source` is made of once it is published, largest
    first, and `zarr` is the same of a slide as OME-Zarr. `kept` gives the stored values, where
    `source` shows colours made of them; `profiled` is the object whose header may say what colours
    `source` shows as stored. `tag` changes with the stored objects and tells nothing
    of them. Nothing is held open: forgetting it releases it.
    """

    source: TileSource
    deep_zoom: DeepZoom
    levels: tuple[Level, ...]
    finders: tuple[Find | None, ...]
    tag: str
    stored: tuple[Stored, ...] = ()
    zarr: ZarrView | None = None
    kept: TileSource | None = None
    profiled: StoredObject | None = None

    def require(self, level: int, column: int, row: int) -> None:
        """Raises OutsideImage where Deep Zoom has no such tile."""
        if level >= len(self.levels):
            raise OutsideImage(f"Deep Zoom level {level} of {len(self.levels)}")
        grid = self.levels[level]
        if column >= grid.columns or row >= grid.rows:
            raise OutsideImage(f"tile ({column}, {row}) of {grid.columns} × {grid.rows}")

    def place(self, level: int, column: int, row: int) -> Place | None:
        """Where the bytes of a tile lie; None where it is to be drawn."""
        find = self.finders[level]
        return None if find is None else find(column, row)


def is_viewable(image: Image) -> bool:
    """Whether the image can be looked at: published, or on its way and ready to be drawn."""
    if image.state is ImageState.PUBLISHED:
        # A document is read otherwise.
        return image.kind is not ImageKind.REPORT
    is_kept = bool(image.objects_as(ObjectRole.ORIGINAL))
    return image.state in ON_ITS_WAY and is_kept and bool(image.facts.get("early"))


def is_growing(image: Image) -> bool:
    """Whether levels may still come to an image that another sends: its tiles may yet change."""
    grew_at = image.facts.get("grew_at")
    if grew_at is None:
        return False
    return datetime.fromisoformat(grew_at) > datetime.now(UTC) - GROWS


def has_preview(image: Image) -> bool:
    """Whether a small picture shows an image on its way, though it cannot be opened yet."""
    return image.state in ON_ITS_WAY and bool(image.objects_as(ObjectRole.PREVIEW))


def open_image(image: Image, storage: Storage, renderers: Renderers) -> OpenImage:
    """A viewable image ready to be read; raises StorageFailure and DamagedInstance."""
    if image.state is ImageState.PUBLISHED:
        return _published(image, storage)
    if image.objects_as(ObjectRole.TILE_MAP):
        return _mapped(image, storage)
    source = RenderedImage(image, renderers)
    return _opened(image, source, source.pyramid.deep_zoom, lambda _: None)


def index_of(one: StoredObject, storage: Storage) -> FrameIndex:
    """Where the frames of a stored instance lie; raises StorageFailure where it is missing."""
    try:
        return read_index(partial(storage.read_range, one.key), one.length_bytes)
    except archive.errors.NotFound as error:
        raise as_failure(error) from error


def tag_of(objects: tuple[StoredObject, ...]) -> str:
    """What changes with the objects; the keys are the store's own affair."""
    return hashlib.sha256("|".join(one.key for one in objects).encode()).hexdigest()[:20]


def as_failure(error: Exception) -> Exception:
    """What the catalogue names and the store lacks is our failure, not a wrong address."""
    if isinstance(error, archive.errors.NotFound):
        return archive.errors.StorageFailure("an object of an image is missing")
    return error


def _published(image: Image, storage: Storage) -> OpenImage:
    objects = _pixels_of(image)
    stored = _levels_in(objects, storage)
    if not stored:
        raise archive.errors.StorageFailure("a published image has no pixels")
    stored.sort(key=lambda one: -one.index.level.width * one.index.level.height)
    kept = StoredImage([(one.index, _reader(one, storage)) for one in stored])
    source: TileSource = kept
    plane: Plane | None = FIRST
    if is_composite(kept.pyramid):
        composite = Composite(kept, channels_of(image.facts.get("channels"), kept.pyramid))
        source, plane = composite, composite.whole

    def find(wanted: Level) -> Find | None:
        for one in stored:
            if one.index.level == wanted and one.index.encoding is Encoding.JPEG_BASELINE:
                return partial(_frame, one, plane) if plane else None
        return None

    zarr = None
    if image.kind is ImageKind.SLIDE:
        x, y = image.facts["mpp_um"]
        measured = is_measured(kept.pyramid)
        told = channels_of(image.facts.get("channels"), kept.pyramid) if measured else ()
        step_um = image.facts.get("focal_spacing_um") or 1.0
        zarr = ZarrView([one.index for one in stored], (x, y), told, step_um)
    opened = _opened(image, source, source.pyramid.deep_zoom, find)
    profiled = objects[0] if kept.pyramid.samples == 3 else None
    return replace(opened, stored=tuple(stored), zarr=zarr, kept=kept, profiled=profiled)


def _levels_in(objects: Sequence[StoredObject], storage: Storage) -> list[Stored]:
    """The levels that are stored; what has the extents of another is a part of it."""
    found: dict[Level, list[tuple[StoredObject, FrameIndex]]] = {}
    for one in objects:
        index = index_of(one, storage)
        found.setdefault(index.level, []).append((one, index))
    return [
        Stored(
            tuple(one.key for one, _ in parts),
            joined([(index, one.length_bytes) for one, index in parts]),
        )
        for parts in found.values()
    ]


def _reader(one: Stored, storage: Storage) -> ReadRange:
    return one.parts.reader([partial(storage.read_range, key) for key in one.keys])


def _pixels_of(image: Image) -> tuple[StoredObject, ...]:
    for role in (*_SHOWN, ObjectRole.LABEL):
        objects = [one for one in image.objects_as(role) if one.sop_instance_uid is not None]
        if objects:
            # Only levels are of one picture; of others the first is shown.
            return tuple(objects if role is ObjectRole.LEVEL else objects[:1])
    return ()


def _mapped(image: Image, storage: Storage) -> OpenImage:
    (one,) = image.objects_as(ObjectRole.TILE_MAP)
    try:
        data = storage.read_range(one.key, 0, one.length_bytes)
    except archive.errors.NotFound as error:
        raise as_failure(error) from error
    tile_map = read_tile_map(data)
    readers = [partial(storage.read_range, key) for key in tile_map.keys]
    source = Aligned(MappedImage(tile_map, readers), tile_map.tile_size)
    shown = {(one.width, one.height): n for n, one in enumerate(source.pyramid.levels)}

    def find(wanted: Level) -> Find | None:
        number = source.stored_level(shown[wanted.width, wanted.height])
        if number is None:
            return None
        mapped = tile_map.levels[number]
        if (mapped.level.tile_width, mapped.level.tile_height) != (tile_map.tile_size,) * 2:
            return None
        return partial(_mapped_tile, tile_map.keys, mapped, wanted)

    return _opened(image, source, source.pyramid.deep_zoom, find)


def _opened(
    image: Image, source: TileSource, deep_zoom: DeepZoom, find: Callable[[Level], Find | None]
) -> OpenImage:
    levels = tuple(deep_zoom.level(index) for index in range(deep_zoom.count))
    finders = tuple(find(level) for level in levels)
    return OpenImage(source, deep_zoom, levels, finders, tag_of(image.objects))


def _frame(stored: Stored, plane: Plane, column: int, row: int) -> Place | None:
    index = stored.index
    if not index.level.is_whole(column, row):
        return None
    offset, length = index.range(column, row, plane)
    if not length:
        return None
    number, offset = stored.parts.part(offset)
    return Place(stored.keys[number], offset, length, ADOBE_RGB if index.is_silent_rgb else b"")


def _mapped_tile(
    keys: Sequence[str], mapped: MappedLevel, shown: Level, column: int, row: int
) -> Place | None:
    stored = mapped.level
    # Where the scanner rounded down, the last tile of the view may be no tile of the file.
    if not shown.is_whole(column, row) or column >= stored.columns or row >= stored.rows:
        return None
    offset, length = mapped.range(column, row)
    if length == 0 or not stored.is_whole(column, row):
        return None
    return Place(keys[mapped.file], offset, length, mapped.insert)
