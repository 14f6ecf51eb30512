"""What was done already before an order, as it was found when the order came."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter
from pydantic import BaseModel

from api.doors import Caller
from api.routes.at_the_door import CallerHere, CatalogHere
from api.routes.cases import Days, Limit, Offset
from archive.catalog import Catalog
from archive.priors.priors import Before, Prior
from archive.sharing.patients import PatientKey

router = APIRouter(tags=["cases"])


class PriorOut(BaseModel):
    """An exam that was done: `exam` where it is known here or shown, else in an `archive`.

    One that is not `own` is opened from the patient's timeline.
    """

    establishment: str
    own: bool
    on: str | None
    kinds: list[str]
    description: str
    exam: str | None
    archive: str | None
    address: str | None


class BeforeOut(BaseModel):
    """Earlier exams, the newest first; what `unanswered` archives hold is not known."""

    exams: list[PriorOut]
    unanswered: list[str]
    over: bool


class ShortOut(BaseModel):
    """How many earlier exams there are before a case, and the day of the last."""

    case: str
    exams: int
    last: str | None


class BeforeAllOut(BaseModel):
    """What was done before the cases of the last days."""

    cases: list[ShortOut]


@router.get("/api/cases/{case}/priors")
def priors_of_case(case: str, caller: CallerHere, catalog: CatalogHere) -> BeforeOut:
    """What was done already, everywhere that may be shown, found when the order came.

    That other establishments' exams were listed is written down there.
    """
    known = catalog.cases.case(case, establishment=caller.establishment)
    found = catalog.priors.of_cases([known.id], establishment=caller.establishment)
    _write_down(catalog, caller, found.values())
    before = found.get(known.id, Before(known.establishment, (), (), is_over=True))
    return before_out(before)


@router.get("/api/priors")
def priors_of_cases(
    caller: CallerHere,
    catalog: CatalogHere,
    days: Days = 30,
    limit: Limit = 200,
    offset: Offset = 0,
) -> BeforeAllOut:
    """Which of these cases, as they are listed, are of somebody who was examined before.

    That other establishments' exams are among them is written down there.
    """
    since = datetime.now(UTC) - timedelta(days=days)
    cases = catalog.cases.list_cases(
        establishment=caller.establishment, since=since, limit=limit, offset=offset
    )
    found = catalog.priors.of_cases([one.id for one in cases], establishment=caller.establishment)
    _write_down(catalog, caller, found.values())
    return BeforeAllOut(
        cases=[
            ShortOut(case=case, exams=len(before.exams), last=before.exams[0].on)
            for case, before in found.items()
            if before.exams
        ]
    )


def _write_down(catalog: Catalog, caller: Caller, shown: Iterable[Before]) -> None:
    records: dict[str, set[PatientKey]] = defaultdict(set)
    for one in shown:
        records[one.establishment].update(one.others)
    for seer, theirs in records.items():
        catalog.sharing.listed(seer, caller.subject, theirs)


def before_out(before: Before) -> BeforeOut:
    """What was done already, as JSON for the establishment whose case it is."""
    return BeforeOut(
        exams=[_prior_out(one, before.establishment) for one in before.exams],
        unanswered=list(before.unanswered),
        over=before.is_over,
    )


def _prior_out(one: Prior, establishment: str) -> PriorOut:
    same = PriorOut.model_fields.keys() - {"kinds", "own"}
    told = {name: getattr(one, name) for name in same}
    return PriorOut(kinds=list(one.kinds), own=one.establishment == establishment, **told)
