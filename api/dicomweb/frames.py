"""Frames (PS3.18, 10.4.1.1.6): as they are stored, each in one read."""

from collections.abc import AsyncGenerator, Sequence
from functools import partial

from starlette.types import Receive, Scope

from api.answer import Answer, holds, unchanged
from api.dicomweb.desk import Desk, Opened, tag_of
from api.dicomweb.json_model import instance_url, pixels_url
from api.dicomweb.media import Offer, accepted, choose
from api.dicomweb.multipart import Part, each, single
from api.dicomweb.representations import frame_offers
from api.doors import Caller
from api.errors import NotAcceptable
from api.zarr import Streamed
from archive.errors import InvalidQuery, NotFound, StorageFailure
from tiles.errors import OutsideImage
from tiles.native import decoded, frame_bytes
from tiles.source import Frame


async def frames_answer(
    desk: Desk, caller: Caller, fields: dict[str, str], scope: Scope, receive: Receive
) -> Answer | Streamed:
    """The frames of a list, counted from 1, or all of them.

    Raises OutsideImage, NotAcceptable, Covered, NotFound.
    """
    try:
        return await _answer(desk, caller, fields, scope, receive)
    except NotFound:
        # What was remembered may have been moved since.
        desk.forget(caller, fields)
    try:
        return await _answer(desk, caller, fields, scope, receive)
    except NotFound as error:
        desk.forget(caller, fields)
        if await desk.found(caller, fields):
            raise StorageFailure("an object of an image is missing") from error
        raise


async def _answer(
    desk: Desk, caller: Caller, fields: dict[str, str], scope: Scope, receive: Receive
) -> Answer | Streamed:
    opened = await desk.opened(caller, fields)
    kept = await desk.may_see(caller, [opened.found])
    count = len(opened.index.lengths)
    listed = fields.get("frames")
    numbers = range(count) if listed is None else listed_frames(listed, count)
    chosen = choose(accepted(scope), frame_offers(opened.found.described.transfer_syntax_uid))
    if not chosen.is_multipart and len(numbers) > 1:
        raise NotAcceptable
    offer = chosen.offer
    form = f"{offer.content_type} {chosen.is_multipart}"
    tag = tag_of(opened.found.key, listed or "all", form)
    if holds(scope, tag):
        return unchanged(tag, kept)
    headers = {"cache-control": kept, "etag": tag, "vary": "accept"}
    url = instance_url(opened.found, desk.studies_url(scope))
    if len(numbers) == 1:
        data = await _frame(desk, opened, numbers[0], offer)
        return single(data, chosen, headers, scope, pixels_url(url))
    parts = (frame_part(desk, opened, one, offer, url) for one in numbers)
    return desk.streamed(each(parts), offer.content_type, headers, receive)


async def _frame(desk: Desk, opened: Opened, number: int, offer: Offer) -> bytes:
    index = opened.index
    offset, length = int(index.offsets[number]), int(index.lengths[number])
    data = await desk.storage.read_range_async(opened.found.key, offset, length)
    if offer.is_stored:
        return data
    return await desk.decode(partial(decoded, index, Frame(data, index.encoding)))


def frame_part(desk: Desk, opened: Opened, number: int, offer: Offer, url: str) -> Part:
    """A frame, counted from 0, of the instance that is retrieved at an address."""

    async def parts() -> AsyncGenerator[bytes | memoryview]:
        yield await _frame(desk, opened, number, offer)

    index = opened.index
    length = int(index.lengths[number]) if offer.is_stored else frame_bytes(index)
    return Part(offer.content_type, parts, length, pixels_url(url))


def listed_frames(text: str, count: int) -> Sequence[int]:
    """Frames counted from 0, of a list in which each is named once (10.4.1.6).

    Raises InvalidQuery, and OutsideImage for one that is not there.
    """
    numbers = [int(one) - 1 for one in text.replace("%2C", ",").split(",")]
    if len(set(numbers)) != len(numbers):
        raise InvalidQuery("A frame is listed more than once.")
    if not all(0 <= one < count for one in numbers):
        raise OutsideImage(f"frames of {count}")
    return numbers
