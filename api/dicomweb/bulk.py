"""All that is large in a study, a series or an instance (PS3.18, 10.4.1.1.5 and 10.4.1.1.6)."""

from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial

from starlette.types import Receive, Scope

from api.answer import KEPT_BY_NOBODY
from api.dicomweb.desk import Desk, names_of
from api.dicomweb.documents import is_document, with_pixels
from api.dicomweb.frames import frame_part
from api.dicomweb.json_model import instance_url, large_of
from api.dicomweb.media import Chosen, Offer, Wanted, accepted, choose
from api.dicomweb.multipart import Part, held
from api.dicomweb.representations import OCTETS, frame_offers
from api.doors import Caller
from api.errors import NotAcceptable
from api.zarr import Streamed
from archive.query import FoundInstance
from archive.record import Exam
from archive.today import brought_up_to_date
from tiles.instance import read_header

_OCTETS = Offer(OCTETS, may_be_single=False)
_Offers = Callable[[str], tuple[Offer, ...]]


def is_bulk_wanted(wanted: Sequence[Wanted]) -> bool:
    """Whether instances are asked for as bytes of no kind, which are their bulk data (10.4.4)."""
    return {one.media_type for one in wanted} == {OCTETS}


async def all_bulk_data_answer(
    desk: Desk, caller: Caller, fields: dict[str, str], scope: Scope, receive: Receive
) -> Streamed:
    """What is large in headers, and the frames, of every instance; one after the other."""
    found = await desk.found(caller, fields)
    await desk.may_see(caller, found)
    chosen = _chosen(scope, found, _octets_alone)
    url = desk.studies_url(scope)

    async def parts() -> AsyncGenerator[Part]:
        for one, choice in zip(found, chosen, strict=True):
            where = instance_url(one, url)
            exam = await desk.find(partial(desk.today, caller, one))
            large = await desk.read(partial(_large, desk, one, exam, where))
            for place, value in large:
                yield held(value, OCTETS, place)
            async for part in _frames(desk, caller, one, choice.offer, where):
                yield part

    return _streamed(desk, parts(), _OCTETS, receive)


async def all_pixel_data_answer(
    desk: Desk, caller: Caller, fields: dict[str, str], scope: Scope, receive: Receive
) -> Streamed:
    """The frames of every instance that has any, one after the other."""
    found = with_pixels(await desk.found(caller, fields))
    await desk.may_see(caller, found)
    chosen = _chosen(scope, found, frame_offers)
    url = desk.studies_url(scope)

    async def parts() -> AsyncGenerator[Part]:
        for one, choice in zip(found, chosen, strict=True):
            async for part in _frames(desk, caller, one, choice.offer, instance_url(one, url)):
                yield part

    return _streamed(desk, parts(), chosen[0].offer, receive)


def _chosen(scope: Scope, found: Sequence[FoundInstance], offers: _Offers) -> list[Chosen]:
    wanted = accepted(scope)
    chosen = [choose(wanted, offers(one.described.transfer_syntax_uid)) for one in found]
    if not chosen[0].is_multipart:
        raise NotAcceptable
    return chosen


def _octets_alone(transfer_syntax_uid: str) -> tuple[Offer, ...]:
    return tuple(one for one in frame_offers(transfer_syntax_uid) if one.media_type == OCTETS)


def _streamed(desk: Desk, parts: AsyncGenerator[Part], offer: Offer, receive: Receive) -> Streamed:
    headers = {"cache-control": KEPT_BY_NOBODY, "vary": "accept"}
    return desk.streamed(parts, offer.content_type, headers, receive)


async def _frames(
    desk: Desk, caller: Caller, one: FoundInstance, offer: Offer, url: str
) -> AsyncGenerator[Part]:
    if is_document(one):
        return
    opened = await desk.opened(caller, names_of(one))
    for number in range(len(opened.index.lengths)):
        yield frame_part(desk, opened, number, offer, url)


def _large(desk: Desk, one: FoundInstance, exam: Exam, url: str) -> list[tuple[str, bytes]]:
    header, _ = read_header(desk.reader(one), one.length_bytes)
    return list(large_of(brought_up_to_date(header, exam), url))
