"""The routes of DICOMweb, each with what answers it."""

from functools import partial

from starlette.types import Receive, Scope

from api.answer import Answer
from api.dicomweb.desk import Desk
from api.dicomweb.frames import frames_answer
from api.dicomweb.places import BULK_DATA, FRAMES, METADATA, RETRIEVED
from api.dicomweb.retrieved import bulk_data_answer, instances_answer, metadata_answer
from api.dicomweb.search import asked, search, search_answer
from api.doors import Caller
from api.zarr import Streamed


async def answered(
    desk: Desk,
    template: str,
    caller: Caller,
    fields: dict[str, str],
    scope: Scope,
    receive: Receive,
) -> Answer | Streamed:
    """The answer of one of the routes; raises what errors.py gives a status to."""
    if template == FRAMES:
        return await frames_answer(desk, caller, fields, scope, receive)
    if template in RETRIEVED:
        return await instances_answer(desk, caller, fields, scope, receive)
    if template in METADATA:
        return await metadata_answer(desk, caller, fields, scope)
    if template == BULK_DATA:
        return await bulk_data_answer(desk, caller, fields, scope, receive)
    query, is_all = asked(scope, fields)
    find = partial(
        search,
        desk.catalog.instances,
        template,
        query,
        establishment=caller.establishment,
        studies_url=desk.studies_url(scope),
    )
    told, has_more = await desk.find(find)
    return search_answer(scope, told, has_more=has_more, is_all=is_all)
