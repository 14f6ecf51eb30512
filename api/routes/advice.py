"""Asking a colleague about pictures, and answering; each of the two sees the whole, nobody else."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints, model_validator

from api.doors import Caller
from api.routes.at_the_door import CallerHere, CatalogHere
from api.routes.gallery import ShownOut, shown_out
from archive.advice import Advice, Card, Who
from archive.catalog import Catalog

router = APIRouter(tags=["advice"])

PICTURES = 40

Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000)]


class CardIn(BaseModel):
    """By which name, and as what, colleagues know the caller."""

    name: Annotated[Line, Field(min_length=1)]
    title: Line = ""


class CardOut(BaseModel):
    """The caller's own card; `code` is what a colleague of another establishment asks by."""

    id: str
    name: str
    title: str
    code: str


class ColleagueOut(BaseModel):
    """A colleague as their card says."""

    id: str
    name: str
    title: str


class ColleaguesOut(BaseModel):
    """The colleagues of the caller's establishment, by name."""

    colleagues: list[ColleagueOut]


class CodeIn(BaseModel):
    """A code, in groups or not, in capitals or not."""

    code: Annotated[str, Field(min_length=1, max_length=40)]


class AdviceIn(BaseModel):
    """A question about pictures of one patient, to a colleague of the list or by their code."""

    question: Text
    images: Annotated[list[str], Field(min_length=1, max_length=PICTURES)]
    to: Annotated[str | None, Field(max_length=32)] = None
    code: Annotated[str | None, Field(max_length=40)] = None

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.to is None) == (not self.code):
            raise ValueError("a colleague, or the code of one")
        return self


class WordsIn(BaseModel):
    """An answer, or a further question."""

    text: Text


class WordsOut(BaseModel):
    """What one of the two wrote."""

    by: str
    mine: bool
    text: str
    at: datetime


class AdviceSummary(BaseModel):
    """A request in a list; `other` is the colleague, `new` whether something is new to the caller.

    `latest` is when the last word was written, or when it was closed.
    """

    id: str
    other: ColleagueOut
    mine: bool
    question: str
    asked_at: datetime
    latest: datetime
    closed: bool
    new: bool
    images: int


class AdviceOut(AdviceSummary):
    """A request with its words and pictures; those that can be opened are told, if any."""

    elsewhere: bool
    closed_at: datetime | None
    closed_by_me: bool
    words: list[WordsOut]
    pictures: list[ShownOut]


class MineOut(BaseModel):
    """What was asked of the caller and what they asked, newest first; `unread` has news."""

    of_me: list[AdviceSummary]
    by_me: list[AdviceSummary]
    unread: int


@router.get("/api/me/card")
def my_card(caller: CallerHere, catalog: CatalogHere) -> CardOut | None:
    """The caller's own card, null before there is one."""
    card = catalog.advices.card(_who(caller))
    return None if card is None else _card(card)


@router.put("/api/me/card")
def write_card(said: CardIn, caller: CallerHere, catalog: CatalogHere) -> CardOut:
    """Make the caller's card, or correct it; the code stays."""
    return _card(catalog.advices.write_card(_who(caller), said.name, said.title))


@router.post("/api/me/card/code")
def renew_code(caller: CallerHere, catalog: CatalogHere) -> CardOut:
    """Another code; the one before leads nowhere."""
    return _card(catalog.advices.renew_code(_who(caller)))


@router.get("/api/colleagues")
def list_colleagues(caller: CallerHere, catalog: CatalogHere) -> ColleaguesOut:
    """Who has a card in the caller's establishment; nobody of another one."""
    found = catalog.advices.colleagues(_who(caller))
    return ColleaguesOut(colleagues=[_colleague(one) for one in found])


@router.post("/api/colleagues/named")
def find_colleague(given: CodeIn, catalog: CatalogHere) -> ColleagueOut:
    """Whose code it is, to be sure before anything is sent."""
    return _colleague(catalog.advices.named(given.code))


@router.post("/api/advice", status_code=201)
def ask(said: AdviceIn, caller: CallerHere, catalog: CatalogHere) -> AdviceOut:
    """Ask a colleague; one of another establishment sees these pictures until it is closed.

    409 says what keeps pictures in: `reason` and `images`; `card` where the caller has none.
    """
    advice = catalog.advices.ask(
        _who(caller), said.question, said.images, to=said.to, code=said.code or ""
    )
    return _out(advice, caller, catalog)


@router.get("/api/me/advice")
def my_advice(caller: CallerHere, catalog: CatalogHere) -> MineOut:
    """What was asked of the caller, and what they asked."""
    found = [_summary(one, caller) for one in catalog.advices.mine(_who(caller))]
    return MineOut(
        of_me=[one for one in found if not one.mine],
        by_me=[one for one in found if one.mine],
        unread=sum(one.new for one in found),
    )


@router.get("/api/advice/{advice}")
def get_advice(advice: str, caller: CallerHere, catalog: CatalogHere) -> AdviceOut:
    """One request of which the caller is a part."""
    return _out(catalog.advices.advice(_who(caller), advice), caller, catalog)


@router.post("/api/advice/{advice}/seen", status_code=204)
def seen(advice: str, caller: CallerHere, catalog: CatalogHere) -> None:
    """Nothing of it is new to the caller any more."""
    catalog.advices.seen(_who(caller), advice)


@router.post("/api/advice/{advice}/words", status_code=201)
def say(advice: str, said: WordsIn, caller: CallerHere, catalog: CatalogHere) -> AdviceOut:
    """Answer, or ask further; 409 once it is closed."""
    return _out(catalog.advices.say(_who(caller), advice, said.text), caller, catalog)


@router.post("/api/advice/{advice}/close")
def close(advice: str, caller: CallerHere, catalog: CatalogHere) -> AdviceOut:
    """End it for both: from now on its pictures cannot be opened elsewhere; 409 the second time."""
    return _out(catalog.advices.close(_who(caller), advice), caller, catalog)


def _who(caller: Caller) -> Who:
    return Who(caller.establishment, caller.subject)


def _card(card: Card) -> CardOut:
    return CardOut(id=card.id, name=card.name, title=card.title, code=card.code)


def _colleague(card: Card) -> ColleagueOut:
    return ColleagueOut(id=card.id, name=card.name, title=card.title)


def _summary(advice: Advice, caller: Caller) -> AdviceSummary:
    mine = advice.asker.who == _who(caller)
    return AdviceSummary(
        id=advice.id,
        other=_colleague(advice.asked if mine else advice.asker),
        mine=mine,
        question=advice.words[0].text,
        asked_at=advice.asked_at,
        latest=advice.closed_at or advice.words[-1].at,
        closed=not advice.is_open,
        new=advice.is_new,
        images=len(advice.images),
    )


def _out(advice: Advice, caller: Caller, catalog: Catalog) -> AdviceOut:
    summary = _summary(advice, caller)
    own = advice.asker.id if summary.mine else advice.asked.id
    is_guest = advice.is_elsewhere and not summary.mine
    # Once it is closed, a guest is told of no picture.
    hidden = is_guest and not advice.is_open
    names = {advice.asker.id: advice.asker.name, advice.asked.id: advice.asked.name}
    return AdviceOut(
        **summary.model_dump(),
        elsewhere=advice.is_elsewhere,
        closed_at=advice.closed_at,
        closed_by_me=advice.closer == own,
        words=[
            WordsOut(by=names[one.by], mine=one.by == own, text=one.text, at=one.at)
            for one in advice.words
        ],
        pictures=[
            shown_out(one, is_alone=is_guest)
            for one in (() if hidden else catalog.gallery.of_images(advice.images))
        ],
    )
