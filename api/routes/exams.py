"""Exams: the list a pathologist starts from."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.opened import ON_ITS_WAY
from api.routes.at_the_door import CallerHere, CatalogHere
from api.routes.shapes import ExamOut, ExamsOut, exam_out, exams_out
from archive.record import ImageState

router = APIRouter(tags=["exams"])

TO_BE_SEEN = (*sorted(ON_ITS_WAY), ImageState.PUBLISHED)


@router.get("/api/exams")
def list_exams(
    caller: CallerHere,
    catalog: CatalogHere,
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most.")] = 50,
    after: Annotated[
        str | None, Query(max_length=200, description="The `next` of the page before.")
    ] = None,
) -> ExamsOut:
    """Exams with images, newest first; those on their way are among them."""
    page = catalog.exams(
        establishment=caller.establishment, limit=limit, after=after, states=TO_BE_SEEN
    )
    return exams_out(page)


@router.get("/api/exams/{exam}")
def get_exam(exam: str, caller: CallerHere, catalog: CatalogHere) -> ExamOut:
    """One exam with its images, those on their way among them."""
    return exam_out(catalog.exam(exam, establishment=caller.establishment, states=TO_BE_SEEN))
