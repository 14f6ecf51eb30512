"""The day's list: who is expected, as the hospital announces it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from api.routes.at_the_door import CallerHere, CatalogHere
from api.routes.shapes import PatientOut, patient_out

router = APIRouter(tags=["cases"])


class ExpectedOut(BaseModel):
    """Somebody who is expected; `patient_key` is None for who has nothing here yet."""

    patient: PatientOut | None
    patient_key: str | None
    starts_at: datetime
    what: str
    cancelled: bool
    accession_number: str | None


class SourceOut(BaseModel):
    """A worklist that is asked; where it does not answer, who is expected may be incomplete."""

    name: str
    answered_at: datetime | None
    answers: bool


class DayOut(BaseModel):
    """Who is expected, the earliest first, and those who were cancelled last."""

    expected: list[ExpectedOut]
    sources: list[SourceOut]


@router.get("/api/day")
def list_day(
    caller: CallerHere,
    catalog: CatalogHere,
    start: Annotated[datetime | None, Query(description="With a zone; now, without.")] = None,
    hours: Annotated[int, Query(ge=1, le=744)] = 24,
) -> DayOut:
    """Who is expected in the hours from a moment on."""
    begin = start or datetime.now(UTC)
    begin = begin if begin.tzinfo else begin.replace(tzinfo=UTC)
    end = begin + timedelta(hours=hours)
    found = catalog.cases.day.between(begin, end, establishment=caller.establishment)
    return DayOut(
        expected=[
            ExpectedOut(
                patient=patient_out(one.patient),
                patient_key=one.key,
                starts_at=one.starts_at,
                what=one.what,
                cancelled=one.is_cancelled,
                accession_number=one.accession_number,
            )
            for one in found
        ],
        sources=[
            SourceOut(name=one.name, answered_at=one.answered_at, answers=one.answers)
            for one in catalog.cases.day.sources(establishment=caller.establishment)
        ],
    )
