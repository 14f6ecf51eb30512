"""From an address to bytes: which object it is, where in it they lie, and what must be drawn.

who may? -> which object? -> open source -> one range read -> bytes
(one keyed read,  (kept, dropped  (or drawn once, and kept)
kept a while)     on any error)
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np

from api.ahead import Ahead
from api.away import Away, Wish, take_away
from api.doors import Caller
from api.errors import NoSuchAddress, TooBusy
from api.opened import OpenImage, as_failure, has_preview, index_of, is_viewable, open_image, tag_of
from api.renderer import Renderers
from api.shelf import Shelf
from archive.advice import Who
from archive.catalog import Catalog
from archive.record import Image, ImageKind, ImageState, ObjectRole, StoredObject
from archive.storage import Storage
from tiles.codec import half
from tiles.iiif import Asked, Format, Quality
from tiles.instance import StoredImage, read_profile
from tiles.lately import Lately
from tiles.region import Colours, as_they_are, picture, to_srgb
from tiles.render import Decoded, deep_zoom_tile, thumbnail
from tiles.source import Encoding, TileSource
from tiles.tile_map import completed
from tiles.zarr_view import Chunk, decoded

T = TypeVar("T")

SEEN_AGAIN_S = 30.0
"""For how long an image that was withdrawn, or moved, may still be answered from memory."""

OPEN_IMAGES = 256
DRAWN_BYTES = 64 << 20
DRAWERS = 2
AHEAD = 2 * DRAWERS
"""Chunks made early for one reader, and at most at once: each thread has its next one waiting."""
DECODED_BYTES = 256 << 20
"""For photographs just looked at: the largest there may be fills it."""
DECODED_S = 30.0
LATELY_BYTES = 128 << 20
"""For the tiles of slides that parts were lately cut from: some 600 of 256 × 256 pixels."""
THUMBNAIL_PIXELS = 512
PICTURE_PIXELS = 2048

GiveChunk = Callable[[TileSource, Chunk], bytes | memoryview]

PICTURES = {
    "thumbnail": ObjectRole.PREVIEW,
    "label": ObjectRole.LABEL,
    "overview": ObjectRole.OVERVIEW,
}


class Sources:
    """What this process has open of the archive. For one event loop."""

    def __init__(self, catalog: Catalog, storage: Storage, renderers: Renderers) -> None:
        self._catalog, self._storage, self._renderers = catalog, storage, renderers
        self._readers = ThreadPoolExecutor(4, "read")
        self._drawers = ThreadPoolExecutor(DRAWERS, "draw")
        # Nobody's first tile waits for what drawing takes to be loaded.
        self._drawers.submit(half, np.zeros((2, 2, 3), np.uint8))
        self._images: Shelf[tuple[str | None, str], Image] = Shelf(
            4096, self._readers, lasts_s=SEEN_AGAIN_S, lasts=_is_published
        )
        self._shares: Shelf[tuple[str, str], bool] = Shelf(
            4096, self._readers, lasts_s=SEEN_AGAIN_S
        )
        self._open: Shelf[tuple[str, int | str, bool], OpenImage] = Shelf(
            OPEN_IMAGES, self._readers
        )
        self._drawn: Shelf[tuple[str, int, int, int], bytes] = Shelf(
            DRAWN_BYTES, self._drawers, weigh=len
        )
        self._ahead = Ahead(AHEAD)
        self._chunks: Shelf[tuple[str, Chunk, GiveChunk], bytes | memoryview] = Shelf(
            DRAWN_BYTES // 4, self._drawers, weigh=len
        )
        self._decoded: Shelf[str, Decoded] = Shelf(
            DECODED_BYTES, self._drawers, weigh=lambda one: one.size_bytes, lasts_s=DECODED_S
        )
        self._lately = Lately(LATELY_BYTES)
        self._regions: Shelf[tuple[str, str], bytes] = Shelf(DRAWN_BYTES, self._drawers, weigh=len)
        self._colours: Shelf[str, Colours] = Shelf(OPEN_IMAGES, self._readers)
        self._pictures: Shelf[tuple[str, str], bytes] = Shelf(
            DRAWN_BYTES // 4, self._drawers, weigh=len
        )

    def prepare(self) -> None:
        """Have a child wait that draws what only a scanner's reader can; does not block."""
        self._drawers.submit(self._renderers.prepare)

    def close(self) -> None:
        """Stop the threads, once what is under way has ended, and close the catalogue."""
        self._readers.shutdown()
        self._drawers.shutdown()
        self._renderers.close()
        self._catalog.close()

    async def image(self, caller: Caller, image_id: str) -> Image:
        """The image of that id, if something of it can be seen; NotFound for this caller's none.

        Kept apart for each establishment, so that no answer to one is ever given to another. What
        is on its way is asked for each time, so that the converted image takes over at once.
        """
        key = (caller.establishment, image_id)
        found = self._images.find(key) or await self._images.take(
            key, partial(self._catalog.image, image_id, establishment=caller.establishment)
        )
        caller.require_same(found.incarnation)
        await self.require_shared(caller, found.exam_id)
        if not (_is_published(found) or is_viewable(found) or has_preview(found)):
            raise NoSuchAddress
        return found

    async def require_shared(self, caller: Caller, exam: str) -> None:
        """Raise NoSuchAddress where another establishment's exam is not, or no longer, shown.

        Nothing is asked for who sees their own; for a share at most twice a minute.
        """
        if caller.exam is None:
            return
        caller.require_of_exam(exam)
        key = (exam, str(caller.seer))
        ask = partial(self._catalog.sharing.is_exam_shown, *key)
        if not await self._shares.take(key, ask):
            raise NoSuchAddress

    def forget(self, image_id: str) -> None:
        """Look it up anew the next time: there is more of it than is remembered."""
        self._images.forget(lambda key: key[1] == image_id)

    async def lent(self, caller: Caller, image_id: str) -> Image:
        """The image of that id, if a colleague's open request shows it to this very user.

        Asked each time, so that closing the request counts at once; NotFound for all others.
        """
        if not caller.image is caller.phone is caller.exam is None:
            raise NoSuchAddress
        who = Who(caller.establishment, caller.subject)
        ask = partial(self._catalog.advices.lent, image_id, who)
        return await asyncio.get_running_loop().run_in_executor(self._readers, ask)

    async def open(self, image: Image) -> OpenImage:
        """The image ready to be read, opened at its first use; raises NoSuchAddress for others."""
        if not is_viewable(image):
            raise NoSuchAddress
        key = _state(image)
        make = partial(open_image, image, self._storage, self._renderers)
        found = self._open.find(key)
        if found is None:
            found = await self._or_forget(image, self._open.take(key, make))
        return found

    async def tile(self, image: Image, opened: OpenImage, address: tuple[int, int, int]) -> bytes:
        """The JPEG of a Deep Zoom tile (level, column, row); raises OutsideImage.

        A whole tile of a stored level costs one range read; any other is drawn once. A photograph
        is in sRGB throughout: it is decoded whole anyway, and no stored tile lies beside another.
        """
        place = opened.place(*address)
        if place is not None and await self._own_colours(image, opened) is as_they_are:
            read = self._storage.read_range_async(place.key, place.offset, place.length)
            return completed(await self._or_forget(image, read), place.insert)
        return await self._or_forget(image, self._draw(image, opened, address))

    async def region(
        self, image: Image, opened: OpenImage, asked: Asked, tile: tuple[int, int, int] | None
    ) -> bytes:
        """Any part of an image as it is asked for; `tile` is the Deep Zoom tile that covers it.

        What viewers put together has its colours as stored wherever it lies, so that no seams
        show; other parts, and whatever asks for a quality by name, are shown in sRGB.
        """
        colours: Colours = as_they_are
        is_turned = image.kind is ImageKind.PHOTO
        if not is_turned and (tile is None or asked.quality is not Quality.DEFAULT):
            colours = await self._or_forget(image, self._colours_of(opened))
        if (
            tile is not None
            and colours is as_they_are
            and asked.format is Format.JPG
            and asked.quality in {Quality.DEFAULT, Quality.COLOR}
            and not (asked.mirrored or asked.degrees)
        ):
            return await self.tile(image, opened, tile)
        return await self._or_forget(image, self._draw_region(image, opened, asked, colours))

    async def part(
        self, image: Image, one: StoredObject, source: TileSource, asked: Asked, tag: str
    ) -> bytes:
        """A picture of one object alone, in sRGB; `tag` tells `source` from others of it."""
        key = (f"{one.key}-{tag}", asked.canonical)
        colours = await self._or_forget(
            image, self._colours.take(one.key, partial(self._to_srgb, one))
        )
        make = partial(picture, source, asked, colours)
        return await self._or_forget(image, self._regions.take(key, make))

    async def zarr_chunk(
        self, image: Image, opened: OpenImage, chunk: Chunk, give: GiveChunk = decoded
    ) -> bytes | memoryview:
        """A chunk as zarr has it; programs ask once for each, so few are kept.

        Whoever reads along a row finds the next ones made while the last was on its way.
        """
        source = opened.kept or opened.source
        made = self._chunks.take((opened.tag, chunk, give), partial(give, source, chunk))
        found = await self._or_forget(image, made)
        for soon in self._ahead.after((opened.tag, give), chunk):
            self._chunks.make_early((opened.tag, soon, give), partial(give, source, soon), AHEAD)
        return found

    async def stored(self, image: Image, key: str, offset: int, length: int) -> bytes:
        """Bytes of a stored level as they are."""
        return await self._or_forget(image, self._storage.read_range_async(key, offset, length))

    async def away(self, image: Image, wish: Wish) -> Away:
        """A picture to take away; nothing of it is kept here. Raises OutsideImage."""
        opened = await self.open(image)
        make = partial(take_away, opened, self._storage, wish)
        loop = asyncio.get_running_loop()
        return await self._or_forget(image, loop.run_in_executor(self._drawers, make))

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
        key = (tag_of(image.objects), name)
        return await self._or_forget(image, self._pictures.take(key, make))

    def picture_tag(self, image: Image, name: str) -> str:
        """What changes when that picture does; raises NoSuchAddress where there is none."""
        if name != "thumbnail" and not image.objects_as(PICTURES[name]):
            raise NoSuchAddress
        return f"{tag_of(image.objects)}-{name}"

    async def _draw(self, image: Image, opened: OpenImage, address: tuple[int, int, int]) -> bytes:
        key = (opened.tag, *address)
        kept = self._drawn.find(key)
        if kept is not None:
            return kept
        source = await self._read_from(image, opened)
        return await self._drawn.take(key, partial(deep_zoom_tile, source, *address))

    async def _draw_region(
        self, image: Image, opened: OpenImage, asked: Asked, colours: Colours
    ) -> bytes:
        key = (opened.tag, asked.canonical)
        kept = self._regions.find(key)
        if kept is not None:
            return kept
        source = await self._read_from(image, opened)
        if source is opened.source and opened.stored:
            # A part of an image rarely ends with its tiles: the next one wants the same again.
            source = self._lately.of(source, opened.tag)
        return await self._regions.take(key, partial(picture, source, asked, colours))

    async def _read_from(self, image: Image, opened: OpenImage) -> TileSource:
        source = opened.source
        if source.pyramid.level(0).tiles > 1:
            return source
        colours = await self._own_colours(image, opened)
        return await self._decoded.take(opened.tag, partial(Decoded, source, colours))

    async def _own_colours(self, image: Image, opened: OpenImage) -> Colours:
        """What is done to all of a photograph; nothing to slides."""
        if image.kind is not ImageKind.PHOTO:
            return as_they_are
        return await self._or_forget(image, self._colours_of(opened))

    async def _colours_of(self, opened: OpenImage) -> Colours:
        one = opened.profiled
        if one is None:
            return as_they_are
        return await self._colours.take(opened.tag, partial(self._to_srgb, one))

    def _to_srgb(self, one: StoredObject) -> Colours:
        profile = read_profile(partial(self._storage.read_range, one.key), one.length_bytes)
        return to_srgb(profile) if profile else as_they_are

    async def _or_forget(self, image: Image, answer: Awaitable[T]) -> T:
        """The answer; on any error of the image it is forgotten, to be opened anew."""
        try:
            return await answer
        except TooBusy:
            # To open it again would be more work for a server that has too much.
            raise
        except Exception as error:
            self._open.discard(_state(image))
            self._images.forget(lambda key: key[1] == image.id)
            raise as_failure(error) from error

    def _stored_picture(self, one: StoredObject) -> bytes:
        if one.media_type == "image/jpeg":
            return self._storage.read_range(one.key, 0, one.length_bytes)
        index = index_of(one, self._storage)
        is_one = index.encoding is Encoding.JPEG_BASELINE and index.level.is_whole(0, 0)
        if is_one and index.range(0, 0)[1]:
            return self._storage.read_range(one.key, *index.range(0, 0))
        reader = partial(self._storage.read_range, one.key)
        return thumbnail(StoredImage([(index, reader)]), PICTURE_PIXELS)

    def _small(self, opened: OpenImage) -> bytes:
        return thumbnail(opened.source, THUMBNAIL_PIXELS)


def _state(image: Image) -> tuple[str, int | str, bool]:
    """What an open image is kept by: what was opened on its way is not what is published."""
    grew_at = image.facts.get("grew_at")
    # Levels may still come to a slide that another sends.
    state = f"{image.incarnation} {grew_at}" if grew_at else image.incarnation
    return image.id, state, _is_published(image)


def _is_published(image: Image) -> bool:
    return image.state is ImageState.PUBLISHED
