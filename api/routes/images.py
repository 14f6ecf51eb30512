"""Images: what the viewer must know of one."""

from dataclasses import replace

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from api.doors import require_own
from api.opened import is_viewable
from api.routes.at_the_door import CallerHere, CatalogHere, SourcesHere
from api.routes.shapes import ImageOut, across_out, image_out, lent_out
from archive.errors import NotFound
from archive.record import ImageState

router = APIRouter(tags=["images"])


@router.post("/api/images/{image}/uncover", status_code=204)
async def uncover(
    image: str, caller: CallerHere, catalog: CatalogHere, sources: SourcesHere
) -> None:
    """Open a covered picture on purpose, which is written down; needed once for each sign-in.

    A paired phone opens those of the session that it was paired for, and no others (403).
    """
    await run_in_threadpool(require_own, caller, catalog.phones, image)
    try:
        found = await run_in_threadpool(catalog.image, image, establishment=caller.establishment)
    except NotFound:
        found = await sources.lent(caller, image)
    caller.require_same(found.incarnation)
    await run_in_threadpool(catalog.covers.open, found.id, caller.subject)


@router.get("/api/images/{image}")
async def get_image(
    image: str, caller: CallerHere, catalog: CatalogHere, sources: SourcesHere
) -> ImageOut:
    """One image, whatever its state, with the facts about it and its siblings."""
    try:
        found = await run_in_threadpool(catalog.image, image, establishment=caller.establishment)
    except NotFound:
        lent = await sources.lent(caller, image)
        return lent_out(lent, await sources.open(lent))
    caller.require_same(found.incarnation)
    await sources.require_shared(caller, found.exam_id)
    exam = await run_in_threadpool(
        catalog.exam,
        found.exam_id,
        establishment=caller.establishment,
        states=tuple(ImageState),
    )
    if caller.image is not None:
        # A link opens one image and tells of no other.
        exam = replace(exam, images=())
    opened = await sources.open(found) if is_viewable(found) else None
    if caller.exam is not None:
        return across_out(found, exam, opened)
    return image_out(found, exam, opened)
