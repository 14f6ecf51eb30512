"""Reading aids: comparisons, rulers and measures, none of them a diagnosis.

What takes a worker is asked for by the first who wants it and `waiting` until it is found.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.covered import cover_of
from api.routes.at_the_door import CallerHere, CatalogHere, CoversHere
from api.wanted import COMPARE, DIAMETER, RULER
from archive.measure import MARKING_PX, STATED, Segment
from archive.proposals import Proposal
from archive.reading_aids import Comparison, Matrix, Measure, RulerReading

router = APIRouter(tags=["reading aids"])

Pixels = Annotated[float, Field(ge=-0.5, le=1e6)]


class AidState(StrEnum):
    """Whether a worker has answered."""

    WAITING = "waiting"
    DONE = "done"


class ComparisonOut(BaseModel):
    """How the first photograph lies on the second, or why that cannot be said.

    `matrix` is 3 × 3, of pixel centres. Not aligned never means that the lesions are different.
    """

    state: AidState
    aligned: bool
    matrix: Matrix | None
    model: str | None
    agreement: float | None
    reason: str | None
    version: str | None


class RulerOut(BaseModel):
    """What a pixel measures, by what (`stated`, or `ruler` and its version), or why not known.

    `uncertainty_mm` is one standard deviation of `mm_per_pixel`; None where nobody stated it.
    """

    state: AidState
    mm_per_pixel: float | None
    row_mm_per_pixel: float | None
    uncertainty_mm: float | None
    angle_deg: float | None
    marks: int | None
    reason: str | None
    scale: str | None
    version: str | None


class ProposalOut(BaseModel):
    """Where a program would mark a lesion's diameter, or why nowhere: an aid, not a diagnosis.

    Ends are in pixels (x, y); `marking_px` is one standard deviation of each, by the width of the
    lesion's border. Millimetres follow from the ruler's scale, where there is one.
    """

    state: AidState
    start: tuple[float, float] | None
    end: tuple[float, float] | None
    marking_px: float | None
    reason: str | None
    version: str | None


class MeasureIn(BaseModel):
    """Both ends of a diameter in pixels (x, y), and how exactly they are marked, in the same."""

    start: tuple[Pixels, Pixels]
    end: tuple[Pixels, Pixels]
    marking_px: float = Field(MARKING_PX, ge=0.1, le=1000)


class MeasureOut(BaseModel):
    """A diameter, its standard deviation, and what said how large a pixel is.

    `proposed_by` is the version of the method whose proposal was kept unmoved; none by hand.
    """

    id: str
    image: str
    start: tuple[float, float]
    end: tuple[float, float]
    mm: float
    uncertainty_mm: float
    scale: str
    measured_at: datetime
    proposed_by: str | None


async def may_be_seen(
    image: str, caller: CallerHere, catalog: CatalogHere, covers: CoversHere
) -> None:
    """Let in who may see the pixels of which an answer tells.

    Raises NotFound, Covered, and NoSuchAddress where a link was made before the image moved.
    """
    # Asked each time: what is remembered of an image may be of before its move.
    found = await run_in_threadpool(catalog.image, image, establishment=caller.establishment)
    caller.require_same(found.incarnation)
    if cover_of(found) is not None:
        await covers.require_open(caller, found)


@router.get("/api/lesions/{lesion}/comparison")
def compare(
    lesion: str,
    caller: CallerHere,
    catalog: CatalogHere,
    first: Annotated[str, Query(max_length=32, description="A photograph of the lesion.")],
    second: Annotated[str, Query(max_length=32, description="Another, on which it is laid.")],
) -> ComparisonOut:
    """How two photographs of a lesion lie on each other."""
    found = catalog.aids.ask_comparison(lesion, first, second, establishment=caller.establishment)
    if found is None:
        found = Comparison(first, second)
    elif not found.is_done:
        catalog.jobs.enqueue(COMPARE, second, {})
    return ComparisonOut(
        state=AidState.DONE if found.is_done else AidState.WAITING,
        aligned=found.matrix is not None,
        matrix=found.matrix,
        model=found.model,
        agreement=found.agreement,
        reason=found.reason,
        version=found.version,
    )


@router.get("/api/images/{image}/ruler", dependencies=[Depends(may_be_seen)])
def read_ruler(image: str, caller: CallerHere, catalog: CatalogHere) -> RulerOut:
    """What a pixel of a photograph measures: as stated with it, else as a ruler in it says."""
    spacing = catalog.aids.spacing(image, establishment=caller.establishment)
    if spacing is not None and spacing.scale == STATED:
        return RulerOut(
            state=AidState.DONE,
            mm_per_pixel=spacing.column_mm,
            row_mm_per_pixel=spacing.row_mm,
            uncertainty_mm=None,
            angle_deg=None,
            marks=None,
            reason=None,
            scale=STATED,
            version=None,
        )
    found = catalog.aids.ask_ruler(image, establishment=caller.establishment)
    if found is None:
        found = RulerReading(image)
    elif not found.is_done:
        catalog.jobs.enqueue(RULER, image, {})
    return RulerOut(
        state=AidState.DONE if found.is_done else AidState.WAITING,
        mm_per_pixel=found.mm_per_pixel,
        row_mm_per_pixel=found.mm_per_pixel,
        uncertainty_mm=found.uncertainty_mm,
        angle_deg=found.angle_deg,
        marks=found.marks,
        reason=found.reason,
        scale=spacing.scale if spacing else None,
        version=found.version,
    )


@router.get("/api/images/{image}/diameter", dependencies=[Depends(may_be_seen)])
def propose_diameter(image: str, caller: CallerHere, catalog: CatalogHere) -> ProposalOut:
    """Where the lesion of a photograph is longest, as a program sees it."""
    found = catalog.proposals.ask(image, establishment=caller.establishment)
    if found is None:
        found = Proposal(image)
    elif not found.is_done:
        catalog.jobs.enqueue(DIAMETER, image, {})
    ends = found.segment
    return ProposalOut(
        state=AidState.DONE if found.is_done else AidState.WAITING,
        start=ends.start if ends else None,
        end=ends.end if ends else None,
        marking_px=ends.marking_px if ends else None,
        reason=found.reason,
        version=found.version,
    )


@router.post("/api/images/{image}/measures", status_code=201)
def mark_measure(
    image: str, said: MeasureIn, caller: CallerHere, catalog: CatalogHere
) -> MeasureOut:
    """A diameter, marked by its two ends in a photograph that has a scale."""
    segment = Segment(said.start, said.end, said.marking_px)
    return measure_out(catalog.aids.measure(image, segment, establishment=caller.establishment))


@router.delete("/api/images/{image}/measures/{measure}", status_code=204)
def forget_measure(image: str, measure: str, caller: CallerHere, catalog: CatalogHere) -> None:
    """Takes a measure back."""
    catalog.aids.forget_measure(image, measure, establishment=caller.establishment)


def measure_out(measure: Measure) -> MeasureOut:
    """A measure as JSON."""
    return MeasureOut(
        id=measure.id,
        image=measure.image,
        start=measure.segment.start,
        end=measure.segment.end,
        mm=measure.length.mm,
        uncertainty_mm=measure.length.uncertainty_mm,
        scale=measure.scale,
        measured_at=measure.measured_at,
        proposed_by=measure.proposed_by,
    )
