"""Cases of the laboratory: what was ordered, what was scanned, and what waits to be linked."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from api.establishment import ESTABLISHMENT
from api.routes.at_the_door import CallerHere, CatalogHere
from api.routes.case_shapes import (
    CaseId,
    CaseOut,
    CasesOut,
    ConsultIn,
    LinkIn,
    OrderPlacedIn,
    WaitingListOut,
    case_out,
    summary_of,
    waiting_out,
)
from archive.cases.label import Position
from archive.move import Author

router = APIRouter(tags=["cases"])

Days = Annotated[int, Query(ge=1, le=3660, description="Of how many days.")]
Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="How many come before.")]


@router.get("/api/cases")
def list_cases(
    caller: CallerHere,
    catalog: CatalogHere,
    days: Days = 30,
    limit: Limit = 200,
    offset: Offset = 0,
) -> CasesOut:
    """The cases of the last days: frozen sections first, then urgent ones, then the newest."""
    since = datetime.now(UTC) - timedelta(days=days)
    found = catalog.cases.list_cases(
        establishment=caller.establishment, since=since, limit=limit + 1, offset=offset
    )
    return CasesOut(cases=[summary_of(one) for one in found[:limit]], more=len(found) > limit)


@router.get("/api/cases/waiting")
def list_waiting(caller: CallerHere, catalog: CatalogHere) -> WaitingListOut:
    """The slides that are linked to no case, and why: up to a hundred, the newest first."""
    found = catalog.cases.waiting(establishment=caller.establishment)
    return WaitingListOut(slides=[waiting_out(one) for one in found])


@router.get("/api/cases/{case}")
def get_case(case: str, caller: CallerHere, catalog: CatalogHere) -> CaseOut:
    """A case: its specimens, blocks and slides, expected and scanned."""
    return case_out(catalog.cases.case(case, establishment=caller.establishment))


@router.post("/api/orders")
def place_order(said: OrderPlacedIn, caller: CallerHere, catalog: CatalogHere) -> CaseId:
    """Keep a version of an order: new, changed or cancelled. Again changes nothing."""
    establishment = caller.establishment or ESTABLISHMENT
    laboratory = catalog.cases.laboratory(establishment)
    return CaseId(case=catalog.cases.place(said.placed(establishment, laboratory.issuer)))


@router.post("/api/consults", status_code=201)
def open_consult(said: ConsultIn, caller: CallerHere, catalog: CatalogHere) -> CaseId:
    """Open a case that came for a second opinion, under an accession number of our own."""
    establishment = caller.establishment or ESTABLISHMENT
    return CaseId(case=catalog.cases.open_consult(said.placed(establishment)))


@router.post("/api/images/{image}/link", status_code=202)
def link_slide(image: str, said: LinkIn, caller: CallerHere, catalog: CatalogHere) -> CaseOut:
    """Link a slide to its place in a case; within moments it is under its patient and number."""
    where = Position(said.specimen, said.block, said.slide)
    author = Author(caller.subject)
    catalog.cases.link(image, said.case, where, author, establishment=caller.establishment)
    return case_out(catalog.cases.case(said.case, establishment=caller.establishment))
