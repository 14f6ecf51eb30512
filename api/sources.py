"""From an address to bytes: which object it is, where in it they lie, and what must be drawn.

who may? -> which object? -> open source -> one range read -> bytes
(one keyed read,  (kept, dropped  (or drawn once, and kept)
kept a while)     on any error)
"""

import asyncio
import hashlib
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import archive.errors
from api.doors import Caller
from api.errors import NoSuchAddress
from api.shelf import Shelf
from archive.catalog import Catalog
from archive.record import Image, ImageState, ObjectRole, StoredObject
from archive.storage import Storage
from tiles.errors import OutsideImage
from tiles.instance import FrameIndex, StoredImage, read_index
from tiles.pyramid import DeepZoom, Level
from tiles.render import Decoded, deep_zoom_tile, thumbnail
from tiles.source import Encoding, TileSource

T = TypeVar("T")

SEEN_AGAIN_S = 30.0
"""For how long an image that was withdrawn, or moved, may still be answered from memory."""

OPEN_IMAGES = 256
DRAWN_BYTES = 64 << 20
DRAWERS = 2
DECODED_BYTES = 256 << 20
"""For photographs just looked at: the largest there may be fills it."""
DECODED_S = 30.0
THUMBNAIL_PIXELS = 512
PICTURE_PIXELS = 2048

PICTURES = {
    "thumbnail": ObjectRole.PREVIEW,
    "label": ObjectRole.LABEL,
    "overview": ObjectRole.OVERVIEW,
}


@dataclass(frozen=True, slots=True)
class Stored:
    """Frames of one object that can be handed out as they are."""

    key: str
    index: FrameIndex


@dataclass(frozen=True, slots=True)
class OpenImage:
    """A published image ready to be read.

    `levels` are those of Deep Zoom; `direct` has for each the object whose whole frames are its
    tiles, if there is one. `tag` changes with the stored objects and tells nothing of them. Nothing
    is held open: forgetting it releases it.
    """

    source: StoredImage
    deep_zoom: DeepZoom
    levels: tuple[Level, ...]
    direct: tuple[Stored | None, ...]
    tag: str

    def require(self, level: int, column: int, row: int) -> None:
        """Raises OutsideImage where Deep Zoom has no such tile."""
        if level >= len(self.levels):
            raise OutsideImage(f"Deep Zoom level {level} of {len(self.levels)}")
        grid = self.levels[level]
        if column >= grid.columns or row >= grid.rows:
            raise OutsideImage(f"tile ({column}, {row}) of {grid.columns} × {grid.rows}")


class Sources:
    """What this process has open of the archive. For one event loop."""

    def __init__(self, catalog: Catalog, storage: Storage) -> None:
        self._catalog, self._storage = catalog, storage
        self._readers = ThreadPoolExecutor(4, "read")
        self._drawers = ThreadPoolExecutor(DRAWERS, "draw")
        self._images: Shelf[tuple[str | None, str], Image] = Shelf(
            4096, self._readers, lasts_s=SEEN_AGAIN_S
        )
        self._open: Shelf[tuple[str, int], OpenImage] = Shelf(OPEN_IMAGES, self._readers)
        self._drawn: Shelf[tuple[str, int, int, int], bytes] = Shelf(
            DRAWN_BYTES, self._drawers, weigh=len
        )
        self._decoded: Shelf[str, Decoded] = Shelf(
            DECODED_BYTES, self._drawers, weigh=lambda one: one.size_bytes, lasts_s=DECODED_S
        )
        self._pictures: Shelf[tuple[str, str], bytes] = Shelf(
            DRAWN_BYTES // 4, self._drawers, weigh=len
        )

    def close(self) -> None:
        """Stop the threads, once what is under way has ended, and close the catalogue."""
        self._readers.shutdown()
        self._drawers.shutdown()
        self._catalog.close()

    async def image(self, caller: Caller, image_id: str) -> Image:
        """The published image of that id; raises NotFound where this caller sees none.

        Kept apart for each establishment, so that no answer to one is ever given to another.
        """
        key = (caller.establishment, image_id)
        found = self._images.find(key) or await self._images.take(
            key, partial(self._catalog.image, image_id, establishment=caller.establishment)
        )
        if found.state is not ImageState.PUBLISHED:
            self._images.discard(key)
            raise NoSuchAddress
        return found

    async def open(self, image: Image) -> OpenImage:
        """The image ready to be read, opened at its first use."""
        key = (image.id, image.incarnation)
        return self._open.find(key) or await self._open.take(key, partial(self._opened, image))

    async def tile(self, image: Image, opened: OpenImage, address: tuple[int, int, int]) -> bytes:
        """The JPEG of a Deep Zoom tile (level, column, row); raises OutsideImage.

        A whole tile of a stored level costs one range read; any other is drawn once.
        """
        level, column, row = address
        stored = opened.direct[level]
        if stored is not None and opened.levels[level].is_whole(column, row):
            offset, length = stored.index.range(column, row)
            return await self._or_forget(
                image, self._storage.read_range_async(stored.key, offset, length)
            )
        return await self._or_forget(image, self._draw(opened, address))

    async def picture(self, image: Image, name: str) -> bytes:
        """The JPEG of the thumbnail, the label or the overview; raises NoSuchAddress."""
        objects = image.objects_as(PICTURES[name])
        if not objects and name != "thumbnail":
            raise NoSuchAddress
        make = (
            partial(self._stored_picture, objects[0])
            if objects
            else partial(self._small, await self.open(image))
        )
        key = (_tag(image.objects), name)
        return await self._or_forget(image, self._pictures.take(key, make))

    def picture_tag(self, image: Image, name: str) -> str:
        """What changes when that picture does; raises NoSuchAddress where there is none."""
        if name != "thumbnail" and not image.objects_as(PICTURES[name]):
            raise NoSuchAddress
        return f"{_tag(image.objects)}-{name}"

    async def _draw(self, opened: OpenImage, address: tuple[int, int, int]) -> bytes:
        key = (opened.tag, *address)
        kept = self._drawn.find(key)
        if kept is not None:
            return kept
        source: TileSource = opened.source
        if source.pyramid.level(0).tiles == 1:
            source = await self._decoded.take(opened.tag, partial(Decoded, source))
        return await self._drawn.take(key, partial(deep_zoom_tile, source, *address))

    async def _or_forget(self, image: Image, answer: Awaitable[T]) -> T:
        """The answer; on any error the image is forgotten, to be opened anew."""
        try:
            return await answer
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._open.discard((image.id, image.incarnation))
            self._images.forget(lambda key: key[1] == image.id)
            raise _as_failure(error) from error

    def _opened(self, image: Image) -> OpenImage:
        role = ObjectRole.PHOTO if image.objects_as(ObjectRole.PHOTO) else ObjectRole.LEVEL
        stored = [Stored(one.key, self._index(one)) for one in image.objects_as(role)]
        if not stored:
            raise archive.errors.StorageFailure("a published image has no pixels")
        source = StoredImage([(one.index, self._reader(one.key)) for one in stored])
        deep_zoom = source.pyramid.deep_zoom
        levels = tuple(deep_zoom.level(index) for index in range(deep_zoom.count))
        return OpenImage(
            source=source,
            deep_zoom=deep_zoom,
            levels=levels,
            direct=tuple(_direct(level, stored) for level in levels),
            tag=_tag(image.objects),
        )

    def _index(self, one: StoredObject) -> FrameIndex:
        try:
            return read_index(self._reader(one.key), one.length_bytes)
        except archive.errors.NotFound as error:
            raise _as_failure(error) from error

    def _stored_picture(self, one: StoredObject) -> bytes:
        if one.media_type == "image/jpeg":
            return self._storage.read_range(one.key, 0, one.length_bytes)
        index = self._index(one)
        if index.encoding is Encoding.JPEG_BASELINE and index.level.is_whole(0, 0):
            return self._storage.read_range(one.key, *index.range(0, 0))
        return thumbnail(StoredImage([(index, self._reader(one.key))]), PICTURE_PIXELS)

    def _small(self, opened: OpenImage) -> bytes:
        return thumbnail(opened.source, THUMBNAIL_PIXELS)

    def _reader(self, key: str) -> "partial[bytes]":
        return partial(self._storage.read_range, key)


def _direct(wanted: Level, stored: list[Stored]) -> Stored | None:
    for one in stored:
        if one.index.level == wanted and one.index.encoding is Encoding.JPEG_BASELINE:
            return one
    return None


def _tag(objects: tuple[StoredObject, ...]) -> str:
    # The keys are the store's own affair, so only their digest leaves.
    return hashlib.sha256("|".join(one.key for one in objects).encode()).hexdigest()[:20]


def _as_failure(error: BaseException) -> BaseException:
    """What the catalogue names and the store lacks is our failure, not a wrong address."""
    if isinstance(error, archive.errors.NotFound):
        return archive.errors.StorageFailure("an object of a published image is missing")
    return error
