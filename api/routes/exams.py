"""Exams: the list a pathologist starts from."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.routes.at_the_door import CallerHere, CatalogHere
from api.routes.shapes import ExamOut, ExamsOut, exam_out, exams_out

router = APIRouter(tags=["exams"])


@router.get("/api/exams")
def list_exams(
    caller: CallerHere,
    catalog: CatalogHere,
    limit: Annotated[int, Query(ge=1, le=200, description="How many at most.")] = 50,
    after: Annotated[
        str | None, Query(max_length=200, description="The `next` of the page before.")
    ] = None,
) -> ExamsOut:
    """Exams with published images, newest first."""
    return exams_out(catalog.exams(establishment=caller.establishment, limit=limit, after=after))


@router.get("/api/exams/{exam}")
def get_exam(exam: str, caller: CallerHere, catalog: CatalogHere) -> ExamOut:
    """One exam with its published images."""
    return exam_out(catalog.exam(exam, establishment=caller.establishment))
