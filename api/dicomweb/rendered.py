"""Pictures of what is stored, for those who read no DICOM (PS3.18, 10.4.1.1.4 and 10.4.1.1.5).

They are made where viewers' pictures are made, and kept there: a part of a slide at any size costs
what the same costs by IIIF.
"""

from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial

from starlette.types import Receive, Scope

from api.answer import ASKED_EACH_TIME, KEPT, Answer, holds, unchanged
from api.covered import cover_of
from api.dicomweb.desk import Desk, names_of, tag_of
from api.dicomweb.documents import document_answer, is_document, with_pixels
from api.dicomweb.frames import listed_frames
from api.dicomweb.media import Chosen, Offer, accepted, choose
from api.dicomweb.multipart import Part, each, single
from api.dicomweb.wishes import LIMITS, Wishes, wishes
from api.doors import Caller
from api.errors import Covered, NotAcceptable
from api.opened import OpenImage
from api.sources import THUMBNAIL_PIXELS
from api.zarr import Streamed
from archive.errors import NotFound
from archive.query import FoundInstance
from archive.record import ObjectRole
from tiles.iiif import Asked, Format
from tiles.instance import FrameIndex, StoredImage
from tiles.pyramid import Box, Level
from tiles.source import TileSource
from tiles.window import Windowed

FORMATS = {
    "image/jpeg": Format.JPG,
    "image/png": Format.PNG,
    "image/gif": Format.GIF,
    "image/webp": Format.WEBP,
}
SHOWN_BITS = 8
"""What is deeper is shown through a window."""
_OFFERS = tuple(Offer(one) for one in FORMATS)
_ALONE = tuple(replace(one, may_be_multipart=False) for one in _OFFERS)

_OF_THE_GLASS = frozenset({ObjectRole.LABEL, ObjectRole.OVERVIEW})

Make = Callable[[], Coroutine[None, None, bytes]]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A request for pictures, and the form it gets."""

    desk: Desk
    caller: Caller
    wishes: Wishes
    form: Format


async def rendered_answer(
    desk: Desk, caller: Caller, fields: dict[str, str], scope: Scope, receive: Receive
) -> Answer | Streamed:
    """Pictures of instances, or of frames of one.

    Raises MalformedRequest, NotAcceptable, Covered, NotFound, OutsideImage.
    """
    wanted = wishes(scope)
    found = await desk.found(caller, fields)
    if len(found) == 1 and is_document(found[0]):
        return await document_answer(desk, caller, found[0], scope)
    found = with_pixels(found)
    kept = _kept(fields, await desk.may_see(caller, found))
    if "frames" in fields:
        opened = await desk.opened(caller, fields)
        numbers: Sequence[int | None] = listed_frames(fields["frames"], len(opened.index.lengths))
        pairs = [(found[0], number) for number in numbers]
    else:
        pairs = [(one, None) for one in found]
    chosen = _chosen(scope, len(pairs))
    made = _Wanted(desk, caller, wanted, FORMATS[chosen.offer.media_type])
    tag = tag_of(*(f"{one.key} {number}" for one, number in pairs), f"{made.wishes} {chosen}")
    if holds(scope, tag):
        return unchanged(tag, kept)
    headers = {"cache-control": kept, "etag": tag, "vary": "accept"}
    if wanted.unheard:
        headers["warning"] = f'299 sansverre "{wanted.unheard}"'
    makes = [partial(_picture, made, one, number) for one, number in pairs]
    if len(makes) == 1:
        return single(await makes[0](), chosen, headers, scope)
    parts = (_part(chosen.offer, make) for make in makes)
    return desk.streamed(each(parts), chosen.offer.content_type, headers, receive)


async def thumbnail_answer(
    desk: Desk, caller: Caller, fields: dict[str, str], scope: Scope, _: Receive
) -> Answer:
    """One small picture that stands for a study, a series, an instance or a frame.

    Raises as `rendered_answer`; Covered also for who has opened it, as in all lists.
    """
    wanted = wishes(scope, is_small=True)
    first, kept = await _standing_for(desk, caller, await desk.found(caller, fields))
    kept = _kept(fields, kept)
    number = None
    if "frames" in fields:
        opened = await desk.opened(caller, fields)
        number = listed_frames(fields["frames"], len(opened.index.lengths))[0]
    chosen = _chosen(scope, 1)
    tag = tag_of(first.key, str(number), f"small {wanted} {chosen}")
    if holds(scope, tag):
        return unchanged(tag, kept)
    made = _Wanted(desk, caller, wanted, FORMATS[chosen.offer.media_type])
    body = await _picture(made, first, number, THUMBNAIL_PIXELS)
    return single(body, chosen, {"cache-control": kept, "etag": tag, "vary": "accept"}, scope)


async def _standing_for(
    desk: Desk, caller: Caller, found: Sequence[FoundInstance]
) -> tuple[FoundInstance, str]:
    """The instance of which there may be a small picture, and how long that may be kept.

    Raises NotFound where there are labels and overviews alone: both show what stands on the glass,
    which may name the patient (10.4.3.3.4).
    """
    for one in sorted(with_pixels(found), key=_extent, reverse=True):
        if cover_of(await desk.sources.image(caller, one.image_id)) is not None:
            raise Covered("lists have no small picture of it")
        kept = await desk.may_see(caller, [one])
        image = await desk.sources.image(caller, one.image_id)
        if all(each.role not in _OF_THE_GLASS for each in image.objects if each.key == one.key):
            return one, kept
    raise NotFound("There is nothing of which a small picture may be shown.")


def _kept(fields: dict[str, str], kept: str) -> str:
    """How long pictures of an address may be kept that may be kept so long themselves.

    A study or a series gets and loses instances: what was moved may not be shown from a cache.
    """
    return ASKED_EACH_TIME if kept == KEPT and "instance" not in fields else kept


def _extent(one: FoundInstance) -> tuple[int, int]:
    return one.described.frames, one.described.rows


def _chosen(scope: Scope, count: int) -> Chosen:
    """One picture is not wrapped unless that is asked for; several are (8.7.4)."""
    wanted = accepted(scope)
    if count == 1:
        try:
            return choose(wanted, _ALONE)
        except NotAcceptable:
            return choose(wanted, _OFFERS)
    chosen = choose(wanted, _OFFERS)
    if not chosen.is_multipart:
        raise NotAcceptable
    return chosen


def _part(offer: Offer, make: Make) -> Part:
    async def parts() -> AsyncGenerator[bytes | memoryview]:
        yield await make()

    return Part(offer.content_type, parts)


async def _picture(
    made: _Wanted, one: FoundInstance, number: int | None, most: int = LIMITS.width
) -> bytes:
    """The whole of an instance, drawn from its image's levels; or a frame, or a window, alone."""
    desk = made.desk
    index = (await desk.opened(made.caller, names_of(one))).index
    image = await desk.sources.image(made.caller, one.image_id)
    window = made.wishes.window if index.samples == 1 else None
    if number is None and window is None:
        view = await desk.sources.open(image)
        if any(stored.keys == (one.key,) for stored in view.stored):
            asked = _in_base(made.wishes, view, index.level, made.form, most)
            return await desk.sources.region(image, view, asked, None)
    if number is not None:
        index = _frame_index(index, number)
    source: TileSource = StoredImage([(index, desk.reader(one))])
    if index.samples == 1 and (window or index.bits != SHOWN_BITS):
        source = Windowed(source, window)
    asked = made.wishes.asked(index.level.width, index.level.height, made.form, most)
    (stored,) = (each for each in image.objects if each.key == one.key)
    return await desk.sources.part(image, stored, source, asked, str(number))


def _in_base(wanted: Wishes, view: OpenImage, level: Level, form: Format, most: int) -> Asked:
    """What is asked of a level, in pixels of the largest one."""
    asked, base = wanted.asked(level.width, level.height, form, most), view.source.pyramid.level(0)
    across, down = base.width / level.width, base.height / level.height
    x, y = round(asked.region.x * across), round(asked.region.y * down)
    right, bottom = round(asked.region.right * across), round(asked.region.bottom * down)
    box = Box(x, y, right - x, bottom - y)
    return replace(asked, region=box, canonical=f"{asked.canonical} {box}")


def _frame_index(index: FrameIndex, number: int) -> FrameIndex:
    """One frame as an image of its own."""
    width, height = index.level.tile_width, index.level.tile_height
    return replace(
        index,
        level=Level(width, height, width, height),
        offsets=index.offsets[number : number + 1],
        lengths=index.lengths[number : number + 1],
        optical_paths=1,
        focal_planes=1,
        lying=None,
    )
