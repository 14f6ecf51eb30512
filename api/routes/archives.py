"""What each archive was told, what waits for it, and what a person has to see to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from api.archives import RadiologyArchive
from api.routes.at_the_door import CallerHere, CatalogHere
from api.settings import Settings
from api.why import words
from archive.catalog import Catalog
from archive.record import OutboxState, Sent
from archive.telling.rows import Telling
from archive.telling.rules import NOT_TAKEN, Corrections, Form, Takes

router = APIRouter(tags=["archives"])


class ArchiveOut(BaseModel):
    """An archive, its rule, and how much stands in each state."""

    name: str
    establishment: str
    by: str = Field(description="dicomweb, or dimse")
    takes: list[Takes]
    corrections: Corrections
    grade: OutboxState = Field(description="the best one that it can give, as far as was stated")
    counts: dict[OutboxState, int]
    lacking: int
    dropped: int = Field(description="not sent, as its kind is taken no more")


class RemovedOut(BaseModel):
    """An archive that the table names no more, and how much stands in each state."""

    name: str
    establishment: str
    collecting: bool = Field(description="whether what is published is still queued for it")
    counts: dict[OutboxState, int]


class ArchivesOut(BaseModel):
    """The archives of the caller's establishment, and those that were some of them."""

    archives: list[ArchiveOut]
    removed: list[RemovedOut]


class WhyOut(BaseModel):
    """A reason, in both languages."""

    fr: str
    en: str


class PartOut(BaseModel):
    """Which part of a level, from 1 on, and of how many."""

    number: int
    of: int


class RowOut(BaseModel):
    """One thing that an archive was told or is to be told."""

    id: int
    image: str
    exam: str
    accession_number: str | None = Field(description="of the order, where there is one")
    what: Sent
    form: Form
    part: PartOut | None = Field(description="of what goes in parts, as it is too large")
    state: OutboxState
    why: WhyOut | None
    changed: list[str]
    attempt: int
    since: datetime


class RowsOut(BaseModel):
    """Some of an archive's rows; `more` says that others follow the last of them."""

    rows: list[RowOut]
    more: bool


PAGE = 100


@router.get("/api/archives")
def list_archives(request: Request, caller: CallerHere, catalog: CatalogHere) -> ArchivesOut:
    """The archives that are told of what the caller's establishment publishes."""
    settings: Settings = request.app.state.settings
    mine = [one for one in settings.archives if caller.establishment in {None, one.establishment}]
    stated = {(one.establishment, one.name) for one in settings.archives}
    removed = catalog.backlog.removed(stated, establishment=caller.establishment)
    return ArchivesOut(
        archives=[_archive(one, catalog) for one in mine],
        removed=[
            RemovedOut(
                name=one.name,
                establishment=one.establishment,
                collecting=one.is_collecting,
                counts=dict(one.counts),
            )
            for one in removed
        ],
    )


@router.get("/api/archives/{archive}/rows")
def list_rows(
    archive: str,
    caller: CallerHere,
    catalog: CatalogHere,
    state: Annotated[list[OutboxState] | None, Query()] = None,
    after: Annotated[int, Query(description="The id of the last row of the page before.")] = 0,
) -> RowsOut:
    """An archive's rows in these states, the oldest first; without any, what waits and the tasks.

    What waits may be much: whoever is to see the tasks asks for them alone.
    """
    found = catalog.outbox.listed(
        state or [OutboxState.TASK, OutboxState.WAITING],
        establishment=caller.establishment,
        remote=archive,
        after=after,
        limit=PAGE + 1,
    )
    return _rows(found, catalog)


@router.get("/api/archives/{archive}/sent")
def list_sent(
    archive: str,
    caller: CallerHere,
    catalog: CatalogHere,
    before: Annotated[
        int | None, Query(description="The id of the last row of the page before.")
    ] = None,
) -> RowsOut:
    """What an archive was told and has, by any grade: the latest first."""
    found = catalog.outbox.sent(
        archive, establishment=caller.establishment, before=before, limit=PAGE + 1
    )
    return _rows(found, catalog)


@router.post("/api/outbox/{row}/again", status_code=204)
def ask_again(row: int, caller: CallerHere, catalog: CatalogHere) -> None:
    """Have one thing looked at once more, as somebody has seen to it."""
    catalog.outbox.ask_again(row, establishment=caller.establishment)


def _archive(one: RadiologyArchive, catalog: Catalog) -> ArchiveOut:
    backlog, here = catalog.backlog, one.establishment
    lacks = Takes.PHOTOGRAPHS in one.takes
    return ArchiveOut(
        name=one.name,
        establishment=here,
        by="dicomweb" if one.station is None else "dimse",
        takes=sorted(one.takes),
        corrections=one.corrections,
        grade=one.best,
        counts=dict(backlog.counts(here, one.name)),
        lacking=backlog.lacking(here, one.name) if lacks else 0,
        dropped=backlog.dropped(here, one.name),
    )


def _rows(found: Sequence[Telling], catalog: Catalog) -> RowsOut:
    numbers = catalog.outbox.numbers({one.exam_id for one in found})
    rows = [_row(one, numbers.get(one.exam_id)) for one in found[:PAGE]]
    return RowsOut(rows=rows, more=len(found) > PAGE)


def _row(one: Telling, number: str | None) -> RowOut:
    # What is good needs no reason of before.
    has_one = one.state in {OutboxState.TASK, OutboxState.WAITING} or one.reason == NOT_TAKEN
    said = words(one.reason) if has_one else None
    return RowOut(
        id=one.id,
        image=one.image_id,
        exam=one.exam_id,
        accession_number=number,
        what=one.kind,
        form=one.form,
        part=PartOut(number=one.part.number, of=one.part.count) if one.part else None,
        state=one.state,
        why=None if said is None else WhyOut(fr=said.fr, en=said.en),
        changed=list(one.coerced or ()),
        attempt=one.attempt,
        since=one.created_at,
    )
