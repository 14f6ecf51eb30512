"""Whole instances, their metadata, and what is large in it (PS3.18, 10.4.1.1)."""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from http import HTTPStatus

from pydicom.dataset import Dataset
from starlette.types import Receive, Scope

from api.answer import KEPT_BY_NOBODY, Answer, holds, unchanged
from api.dicomweb.bulk import all_bulk_data_answer, is_bulk_wanted
from api.dicomweb.desk import Desk, tag_of
from api.dicomweb.documents import is_document
from api.dicomweb.frames import frames_answer
from api.dicomweb.json_model import PIXEL_DATA, header_json, instance_url
from api.dicomweb.media import Chosen, Offer, accepted, choose
from api.dicomweb.multipart import Part, each, held, single
from api.dicomweb.representations import EXPLICIT_VR_LITTLE_ENDIAN, OCTETS, instance_offers
from api.dicomweb.search import MODEL_OFFERS, json_array, model_written, models_answer
from api.doors import Caller
from api.errors import NoSuchAddress, NotAcceptable
from api.zarr import Streamed
from archive.query import FoundInstance
from archive.record import Exam
from archive.today import brought_up_to_date
from tiles.composed import Composed
from tiles.instance import read_header, read_index
from tiles.native import LONGEST, Native, is_representable

_OFFERS = (Offer(OCTETS), Offer(OCTETS, EXPLICIT_VR_LITTLE_ENDIAN))


async def instances_answer(
    desk: Desk, caller: Caller, fields: dict[str, str], scope: Scope, receive: Receive
) -> Answer | Streamed:
    """Instances as files, each under its patient and order of today."""
    found = await desk.found(caller, fields)
    await desk.may_see(caller, found)
    wanted = accepted(scope)
    if is_bulk_wanted(wanted):
        return await all_bulk_data_answer(desk, caller, fields, scope, receive)
    chosen = [choose(wanted, await _offers(desk, one)) for one in found]
    is_multipart = chosen[0].is_multipart
    if "instance" not in fields and not is_multipart:
        raise NotAcceptable
    parts = [
        _part(desk, caller, one, choice.offer) for one, choice in zip(found, chosen, strict=True)
    ]
    # Whose it is may be corrected, and stands in it.
    headers = {"cache-control": KEPT_BY_NOBODY, "vary": "accept"}
    if is_multipart:
        return desk.streamed(each(parts), parts[0].content_type, headers, receive)
    (one,) = parts
    headers["content-type"] = one.content_type
    return Streamed(HTTPStatus.OK, None, headers, one.parts(), receive)


async def metadata_answer(
    desk: Desk, caller: Caller, fields: dict[str, str], scope: Scope, receive: Receive
) -> Answer | Streamed:
    """What the headers say, without what is large; of many, one is held while it is sent."""
    found = await desk.found(caller, fields)
    chosen = choose(accepted(scope), MODEL_OFFERS)
    url = desk.studies_url(scope)
    exam = await desk.find(partial(desk.today, caller, found[0]))

    async def told() -> AsyncGenerator[bytes]:
        # One after the other: others read in between.
        for one in found:
            yield await desk.read(partial(_metadata, desk, one, exam, url, chosen))

    headers = {"cache-control": KEPT_BY_NOBODY, "vary": "accept"}
    if len(found) == 1:
        # It says how long it is, as it can.
        return models_answer([one async for one in told()], chosen, headers)
    kind = chosen.offer.content_type
    if chosen.is_multipart:
        return desk.streamed((held(one, kind) async for one in told()), kind, headers, receive)
    headers["content-type"] = chosen.offer.media_type
    return Streamed(HTTPStatus.OK, None, headers, json_array(told()), receive)


async def bulk_data_answer(
    desk: Desk, caller: Caller, fields: dict[str, str], scope: Scope, receive: Receive
) -> Answer | Streamed:
    """One large value of a header, or all frames (10.4.1.5); raises NoSuchAddress."""
    path = fields["path"].split("/")
    if path == [PIXEL_DATA]:
        return await frames_answer(desk, caller, fields, scope, receive)
    (one, *_) = await desk.found(caller, fields)
    kept = await desk.may_see(caller, [one])
    chosen = choose(accepted(scope), _OFFERS)
    if is_document(one):
        # Whose it is stands inside, and may be corrected.
        kept = KEPT_BY_NOBODY
    # What metadata do not name any more, of one that was moved, is not there.
    today = _today(await desk.find(partial(desk.today, caller, one)))
    header = await desk.read(lambda: today(_header(desk, one)))
    value = _value(header, path)
    tag = tag_of(one.key, fields["path"], str(chosen.is_multipart), sha256(value).hexdigest())
    if holds(scope, tag):
        return unchanged(tag, kept)
    headers = {"cache-control": kept, "etag": tag, "vary": "accept"}
    place = f"{instance_url(one, desk.studies_url(scope))}/bulkdata/{fields['path']}"
    return single(value, chosen, headers, scope, place)


async def _offers(desk: Desk, one: FoundInstance) -> tuple[Offer, ...]:
    told = one.described
    grey = told.rows * told.columns * told.frames * (told.bits_allocated // 8)
    # How many samples a pixel has is asked only where it decides.
    fits = 3 * grey <= LONGEST or (grey <= LONGEST and await desk.read(partial(_fits, desk, one)))
    return instance_offers(told.transfer_syntax_uid, fits=fits)


def _fits(desk: Desk, one: FoundInstance) -> bool:
    return is_representable(read_index(desk.reader(one), one.length_bytes))


def _today(exam: Exam) -> Callable[[Dataset], Dataset]:
    return lambda header: brought_up_to_date(header, exam)


def _part(desk: Desk, caller: Caller, one: FoundInstance, offer: Offer) -> Part:
    def made() -> Iterator[bytes]:
        today = _today(desk.today(caller, one))
        form = Composed if offer.is_stored or is_document(one) else Native
        return form.of(desk.reader(one), one.length_bytes, today).parts()

    run = desk.read if offer.is_stored else desk.decode
    return Part(offer.content_type, lambda: desk.flowing(made, run))


def _metadata(
    desk: Desk, one: FoundInstance, exam: Exam, studies_url: str, chosen: Chosen
) -> bytes:
    header = brought_up_to_date(_header(desk, one), exam)
    return model_written(header_json(header, instance_url(one, studies_url)), chosen)


def _header(desk: Desk, one: FoundInstance) -> Dataset:
    return read_header(desk.reader(one), one.length_bytes)[0]


def _value(header: Dataset, path: Sequence[str]) -> bytes:
    data = header
    for tag, number in zip(path[:-1:2], path[1:-1:2], strict=True):
        if int(tag, 16) not in data or data[int(tag, 16)].VR != "SQ":
            raise NoSuchAddress
        items = data[int(tag, 16)].value
        if int(number) >= len(items):
            raise NoSuchAddress
        data = items[int(number)]
    value = data[int(path[-1], 16)].value if int(path[-1], 16) in data else None
    if not isinstance(value, bytes):
        raise NoSuchAddress
    return value
