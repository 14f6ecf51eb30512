"""The routes of DICOMweb, each with what answers it."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from starlette.types import Receive, Scope

from api.answer import Answer
from api.dicomweb.bulk import all_bulk_data_answer, all_pixel_data_answer
from api.dicomweb.capabilities import capabilities_answer
from api.dicomweb.charsets import require_known_charset
from api.dicomweb.desk import Desk
from api.dicomweb.frames import frames_answer
from api.dicomweb.included import told_more
from api.dicomweb.places import (
    ALL_BULK_DATA,
    ALL_PIXEL_DATA,
    BULK_DATA,
    CAPABILITIES,
    FRAMES,
    METADATA,
    PIXEL_DATA,
    RENDERED,
    RETRIEVED,
    THUMBNAILS,
)
from api.dicomweb.rendered import rendered_answer, thumbnail_answer
from api.dicomweb.retrieved import bulk_data_answer, instances_answer, metadata_answer
from api.dicomweb.search import asked, search, search_answer
from api.dicomweb.stow import store_answer
from api.doors import Caller
from api.establishment import ESTABLISHMENT
from api.instances.acceptance import Sender
from api.zarr import Streamed

Answering = Callable[[Desk, Caller, dict[str, str], Scope, Receive], Awaitable[Answer | Streamed]]

_RETRIEVING: Mapping[str, Answering] = {
    **dict.fromkeys((FRAMES, PIXEL_DATA), frames_answer),
    BULK_DATA: bulk_data_answer,
    **dict.fromkeys(ALL_BULK_DATA, all_bulk_data_answer),
    **dict.fromkeys(ALL_PIXEL_DATA, all_pixel_data_answer),
    **dict.fromkeys(RETRIEVED, instances_answer),
    **dict.fromkeys(METADATA, metadata_answer),
    **dict.fromkeys(RENDERED, rendered_answer),
    **dict.fromkeys(THUMBNAILS, thumbnail_answer),
}


async def answered(
    desk: Desk,
    template: str,
    caller: Caller,
    fields: dict[str, str],
    scope: Scope,
    receive: Receive,
) -> Answer | Streamed:
    """The answer of one of the routes; raises what errors.py gives a status to."""
    require_known_charset(scope)
    if template == CAPABILITIES:
        return capabilities_answer(scope, desk.origin(scope))
    if scope["method"] == "POST":
        sender = Sender(caller.establishment or ESTABLISHMENT)
        url, study = desk.studies_url(scope), fields.get("study")
        return await store_answer(desk.store, sender, study, url, scope, receive)
    retrieve = _RETRIEVING.get(template)
    if retrieve is not None:
        return await retrieve(desk, caller, fields, scope, receive)
    searched, url = asked(scope, template, fields), desk.studies_url(scope)
    find = partial(
        search,
        desk.catalog.instances,
        template,
        searched.query,
        establishment=caller.establishment,
        studies_url=url,
    )
    told, has_more = await desk.find(find)
    if searched.included:
        told = await told_more(desk, caller, searched.included, told, url)
    write = partial(search_answer, scope, told, has_more=has_more, undone=searched.undone)
    # A thousand results are written in a while in which others are answered.
    return await desk.find(write)
