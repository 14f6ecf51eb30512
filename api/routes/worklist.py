"""The reading worklist: what is unread, urgent, mine; taking an exam, and having read it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.doors import Caller, require
from api.policies import Role
from api.routes.at_the_door import CallerHere, CatalogHere
from api.routes.shapes import PatientOut, patient_out
from archive.cases.order import Priority
from archive.catalog import Catalog
from archive.record import ImageKind
from archive.worklist.item import Item, News, Reader, Wanted, Which

router = APIRouter(tags=["worklist"])

MOST_WORDS = 8


class ByOut(BaseModel):
    """Who did something: `name` where they have a card, `me` where it is the caller."""

    name: str | None
    me: bool


class ReadOut(BaseModel):
    """Who read an exam, when, and the version that it had then."""

    by: ByOut
    at: datetime
    version: str


class ItemOut(BaseModel):
    """An exam of the list; `news` says why it is unread, and is empty for what is read.

    `version` names what is in it now: reading is of a version.
    """

    exam: str
    case: str | None
    establishment: str
    patient: PatientOut | None
    accession_number: str | None
    priority: Priority
    consult: bool
    slides: int
    photographs: int
    reports: int
    arrived_at: datetime
    news: list[News]
    taken: ByOut | None
    mine: bool
    read: ReadOut | None
    version: str


class CountsOut(BaseModel):
    """How many exams there are of each sort, whatever is searched for."""

    unread: int
    urgent: int
    mine: int
    all: int


class WorklistOut(BaseModel):
    """What is to be read: urgent exams first, then those that wait longest; `more` follow."""

    items: list[ItemOut]
    counts: CountsOut
    more: bool


class WorklistIn(BaseModel):
    """What of the list is wanted, of how many days, and from which exam on."""

    which: Which = Which.UNREAD
    kind: ImageKind | None = None
    days: int = Field(30, ge=1, le=3660)
    limit: int = Field(50, ge=1, le=200)
    offset: int = Field(0, ge=0, le=100_000)


class WorklistSearchIn(WorklistIn):
    """The same with words of a name or a number."""

    q: str = Field("", max_length=200)


class TakeIn(BaseModel):
    """`over` takes an exam from whoever has it, for those who sign off."""

    over: bool = False


class ReadIn(BaseModel):
    """The `version` of the exam that was looked at."""

    version: str = Field(max_length=16)


@router.get("/api/worklist")
def list_worklist(
    caller: CallerHere, catalog: CatalogHere, asked: Annotated[WorklistIn, Query()]
) -> WorklistOut:
    """The exams into which something came in the last days, as they are to be read."""
    return _listed(caller, catalog, asked, "")


@router.post("/api/worklist/search")
def search_worklist(
    said: WorklistSearchIn, caller: CallerHere, catalog: CatalogHere
) -> WorklistOut:
    """The same, those alone of which all words occur: no name of anybody stands in an address."""
    return _listed(caller, catalog, said, said.q)


def _listed(caller: Caller, catalog: Catalog, asked: WorklistIn, q: str) -> WorklistOut:
    since = datetime.now(UTC) - timedelta(days=asked.days)
    words = tuple(q.replace("^", " ").split())[:MOST_WORDS]
    reader = _reader(caller)
    wanted = Wanted(since, asked.which, asked.kind, words, asked.limit + 1, asked.offset)
    found, counts = catalog.worklist.page(wanted, reader)
    return WorklistOut(
        items=[_item(one, reader) for one in found[: asked.limit]],
        counts=CountsOut(
            unread=counts.unread, urgent=counts.urgent, mine=counts.mine, all=counts.all
        ),
        more=len(found) > asked.limit,
    )


@router.get("/api/worklist/{exam}")
def get_item(exam: str, caller: CallerHere, catalog: CatalogHere) -> ItemOut:
    """One exam, however old, as the list has it."""
    reader = _reader(caller)
    return _item(catalog.worklist.item(exam, reader), reader)


@router.post("/api/worklist/{exam}/take")
def take(
    exam: str, caller: CallerHere, catalog: CatalogHere, said: TakeIn | None = None
) -> ItemOut:
    """Take an exam to read it: 409 where somebody else has it, whoever comes first."""
    reader, over = _reader(caller), _over(caller, said)
    return _item(catalog.worklist.take(exam, reader, over=over), reader)


@router.post("/api/worklist/{exam}/release")
def release(
    exam: str, caller: CallerHere, catalog: CatalogHere, said: TakeIn | None = None
) -> ItemOut:
    """Let an exam be anybody's again."""
    reader, over = _reader(caller), _over(caller, said)
    return _item(catalog.worklist.release(exam, reader, over=over), reader)


@router.post("/api/worklist/{exam}/read")
def mark_read(exam: str, said: ReadIn, caller: CallerHere, catalog: CatalogHere) -> ItemOut:
    """Keep that the exam was read as it was in this version; 409 where something came since."""
    reader = _reader(caller)
    return _item(catalog.worklist.mark_read(exam, said.version, reader), reader)


@router.post("/api/worklist/{exam}/unread")
def mark_unread(exam: str, caller: CallerHere, catalog: CatalogHere) -> ItemOut:
    """Let the exam be unread again."""
    reader = _reader(caller)
    return _item(catalog.worklist.mark_unread(exam, reader), reader)


def _reader(caller: Caller) -> Reader:
    return Reader(caller.subject, caller.establishment)


def _over(caller: Caller, said: TakeIn | None) -> bool:
    if said is None or not said.over:
        return False
    require(caller, Role.PHYSICIAN)
    return True


def _item(one: Item, reader: Reader) -> ItemOut:
    def by(user: str) -> ByOut:
        return ByOut(name=one.names.get(user), me=user == reader.subject)

    read = one.read
    return ItemOut(
        exam=one.exam_id,
        case=one.case_id,
        establishment=one.establishment,
        patient=patient_out(one.patient),
        accession_number=one.accession_number,
        priority=one.priority,
        consult=one.is_consult,
        slides=one.slides,
        photographs=one.photographs,
        reports=one.reports,
        arrived_at=one.arrived_at,
        news=list(one.news),
        taken=None if one.taken_by is None else by(one.taken_by),
        mine=one.is_mine,
        read=None if read is None else ReadOut(by=by(read.by), at=read.at, version=read.version),
        version=one.version,
    )
