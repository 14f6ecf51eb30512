"""Exams: the list a pathologist starts from."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query

from api.opened import ON_ITS_WAY
from api.routes.at_the_door import CallerHere, CatalogHere
from api.routes.shapes import ExamOut, ExamsOut, exam_out, exams_out
from archive.catalog import Catalog
from archive.record import Exam, ImageKind, ImageState

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
    seen = tuple(one for one in _recorded(catalog, page.exams) if one.images)
    return exams_out(replace(page, exams=seen), catalog.cases.older_scans(seen))


@router.get("/api/exams/{exam}")
def get_exam(exam: str, caller: CallerHere, catalog: CatalogHere) -> ExamOut:
    """One exam with its images, those on their way among them."""
    found = catalog.exam(exam, establishment=caller.establishment, states=TO_BE_SEEN)
    (seen,) = _recorded(catalog, [found])
    return exam_out(seen, catalog.cases.older_scans([seen]))


def _recorded(catalog: Catalog, exams: Sequence[Exam]) -> list[Exam]:
    """The exams without what is still being photographed: it may be taken back."""
    on_their_way = [
        image.id
        for exam in exams
        for image in exam.images
        if image.kind is ImageKind.PHOTO and image.state is ImageState.RECEIVED
    ]
    unsent = catalog.pictures.unsent(on_their_way)
    return [
        replace(exam, images=tuple(one for one in exam.images if one.id not in unsent))
        for exam in exams
    ]
