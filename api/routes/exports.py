"""Pictures taken out: a ZIP of JPEG, or a PDF for a meeting, made as it is sent."""

import asyncio
import io
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime
from typing import Annotated, Literal, Self
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from fastapi import APIRouter, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field, model_validator
from starlette.concurrency import run_in_threadpool
from starlette.types import Message, Receive, Scope, Send

from api.away import Wish
from api.captions import Language, caption, day, name_of, traits_of
from api.meeting import PAGE_PX, Pages, Sheet
from api.routes.at_the_door import CallerHere, CatalogHere, ExportsHere, SourcesHere
from api.sources import Sources
from archive.catalog import Catalog
from archive.errors import TransitionRefused
from archive.gallery import Shown
from archive.identity import PatientIdentity
from archive.leaving import Departure, Leaving, Way
from archive.record import ImageKind, ImageState
from archive.session import Purpose
from tiles.pyramid import Box

LOG = logging.getLogger("sansverre.exports")
Part = bytes | memoryview

router = APIRouter(tags=["exports"])

IN_A_ZIP, IN_A_PDF = 200, 40
AT_ONCE, RETRY_S = 2, 5
"""In each server process: a PDF is held whole, twice at its end, and a ZIP a picture at a time."""
STALLED_S = 60.0
"""For how long a client may take nothing, and how slow it may be at the beginning."""
LEAST_BYTES_S = 50e3
"""How fast a client takes a file on the whole: others wait for its turn."""
PART_BYTES = 1 << 20
PSEUDONYM = 64
_LATEST = 200


class RegionIn(BaseModel):
    """A part of an image, in pixels of its full size."""

    x: Annotated[int, Field(ge=0)]
    y: Annotated[int, Field(ge=0)]
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]


class ChosenIn(BaseModel):
    """A picture to take out, whole unless a region of it is stated."""

    image: Annotated[str, Field(max_length=32)]
    region: RegionIn | None = None

    def wish(self, kind: ImageKind, *, is_page: bool, as_stored: bool) -> Wish:
        """How it is to leave; of a slide as much as a page shows, as its full size fits nowhere."""
        one = self.region
        box = Box(one.x, one.y, one.width, one.height) if one else None
        longest = PAGE_PX if is_page or kind is ImageKind.SLIDE else None
        return Wish(box, longest, as_stored and kind is ImageKind.PHOTO)


class ExportIn(BaseModel):
    """What to take out, what for, and in which form; a name leaves for care alone."""

    form: Literal["jpeg", "pdf"]
    purpose: Purpose
    images: Annotated[list[ChosenIn], Field(min_length=1, max_length=IN_A_ZIP)]
    colours: Literal["srgb", "stored"] = "srgb"
    named: Literal["patient", "pseudonym", "nobody"] = "nobody"
    pseudonym: Annotated[str, Field(max_length=PSEUDONYM)] = ""
    per_page: Literal[1, 2] = 1
    language: Language = Language.FRENCH

    @model_validator(mode="after")
    def _fits(self) -> Self:
        is_pdf = self.form == "pdf"
        fits = (
            len(self.images) <= IN_A_PDF or not is_pdf,
            self.named == "nobody" or is_pdf,
            self.named != "patient" or self.purpose is Purpose.CARE,
            self.colours == "srgb" or not is_pdf,
            bool(self.pseudonym.strip()) == (self.named == "pseudonym"),
        )
        if not all(fits):
            raise ValueError("what is asked does not go together")
        return self

    def leaving(self) -> Leaving:
        """What is written down of it."""
        images = tuple(dict.fromkeys(one.image for one in self.images))
        return Leaving(Way(self.form), self.purpose, images, self.named == "patient")

    def sheet(self, patient: PatientIdentity | None) -> Sheet:
        """What the pages of a PDF say beside its pictures."""
        title, subtitle = self.pseudonym.strip(), ""
        if self.named == "patient" and patient is not None:
            title, subtitle = name_of(patient), traits_of(patient, self.language)
        today = day(datetime.now(UTC).date(), self.language)
        return Sheet(title, subtitle, today, self.per_page, self.language)


class DepartureOut(BaseModel):
    """What left, how and what for; `by` is the user who let it go."""

    id: str
    at: datetime
    by: str
    establishment: str
    way: Way
    purpose: Purpose
    is_named: bool
    images: list[str]


class DeparturesOut(BaseModel):
    """What left lately, newest first."""

    departures: list[DepartureOut]


@router.post("/api/exports", response_class=Response)
async def export(
    asked: ExportIn,
    caller: CallerHere,
    catalog: CatalogHere,
    sources: SourcesHere,
    exports: ExportsHere,
) -> Response:
    """Pictures of one patient as a ZIP of JPEG or as a PDF; it is written down before it is sent.

    409 says what keeps them in: `reason` and `images`. 503 says when to ask again, where others are
    being made, and 413 that they are too large for one document.
    """
    async with AsyncExitStack() as held:
        held.enter_context(exports.turn(caller.establishment))
        images = [one.image for one in asked.images]
        leaving, establishment = asked.leaving(), caller.establishment
        departures = catalog.departures
        await run_in_threadpool(departures.require_may_leave, leaving, establishment=establishment)
        # As they are at one moment, whose name they carry.
        shown = await run_in_threadpool(catalog.gallery.of_images, images)
        patient = await run_in_threadpool(_patient_of, catalog, shown[0], establishment)
        sheet = asked.sheet(patient)
        if asked.form == "pdf":
            parts = _told(await _paged(sources, asked, shown, sheet))
        else:
            parts = _zipped(sources, asked, shown)
        # However it ends, what is half written is closed in its turn.
        await held.enter_async_context(aclosing(parts))
        # A picture that cannot be had is told as such, where nothing has been sent yet.
        body = _after(await anext(parts), parts)
        # Written down as late as can be: what could not be made has not left.
        await run_in_threadpool(
            departures.record, leaving, by=caller.subject, establishment=establishment
        )
        now = await run_in_threadpool(catalog.gallery.of_images, images)
        if [_whose(one) for one in now] != [_whose(one) for one in shown]:
            raise TransitionRefused("A picture has become another patient's; ask again.")
        return _Leaving(body, asked.form == "pdf", held.pop_all())


@router.get("/api/exports/record")
def list_departures(
    caller: CallerHere,
    catalog: CatalogHere,
    limit: Annotated[int, Query(ge=1, le=_LATEST)] = 50,
) -> DeparturesOut:
    """What left the caller's establishment lately: who, when, which pictures, what for."""
    found = catalog.departures.latest(establishment=caller.establishment, limit=limit)
    return DeparturesOut(departures=[_out(one) for one in found])


class _Stalled(Exception):
    """Nobody takes what is sent."""


class _Leaving(StreamingResponse):
    """A file that holds its turn as long as it is sent, however that ends.

    Who takes nothing of it for a while, or too little on the whole, does not keep others waiting.
    """

    def __init__(self, body: AsyncIterator[Part], is_pdf: bool, held: AsyncExitStack) -> None:
        ending = "pdf" if is_pdf else "zip"
        name = f"sans-verre-{datetime.now(UTC):%Y-%m-%d}.{ending}"
        super().__init__(
            body,
            media_type=f"application/{ending}",
            headers={"content-disposition": f'attachment; filename="{name}"'},
        )
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent_bytes, waited_s = 0, 0.0

        async def send_soon(message: Message) -> None:
            nonlocal sent_bytes, waited_s
            sent_bytes += len(message.get("body", b""))
            left_s = max(STALLED_S, sent_bytes / LEAST_BYTES_S) - waited_s
            begun_s = time.monotonic()
            try:
                async with asyncio.timeout(min(STALLED_S, left_s)):
                    await send(message)
            except TimeoutError as error:
                # Of its own kind, as the framework takes errors of the system for its client's end.
                raise _Stalled from error
            # What a picture takes to be made is not the client's.
            waited_s += time.monotonic() - begun_s

        async with self._held:
            try:
                await super().__call__(scope, receive, send_soon)
            except _Stalled:
                LOG.info("an export was not taken, and given up")


def _patient_of(catalog: Catalog, one: Shown, establishment: str | None) -> PatientIdentity | None:
    exam_id, states = one.image.exam_id, tuple(ImageState)
    return catalog.exam(exam_id, establishment=establishment, states=states).patient


def _whose(one: Shown) -> tuple[str, str, int]:
    return one.image.id, one.image.exam_id, one.image.incarnation


async def _paged(
    sources: Sources, asked: ExportIn, shown: Sequence[Shown], sheet: Sheet
) -> memoryview:
    pages = Pages(sheet)
    for chosen, one in zip(asked.images, shown, strict=True):
        wish = chosen.wish(one.image.kind, is_page=True, as_stored=False)
        away = await sources.away(one.image, wish)
        lines = caption(one, asked.language)
        await asyncio.to_thread(pages.add, away, lines, _mm_per_pixel(one))
    return await asyncio.to_thread(pages.finished)


async def _zipped(
    sources: Sources, asked: ExportIn, shown: Sequence[Shown]
) -> AsyncGenerator[Part]:
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_STORED) as zipped:
        for number, (chosen, one) in enumerate(zip(asked.images, shown, strict=True), 1):
            stored = asked.colours == "stored"
            wish = chosen.wish(one.image.kind, is_page=False, as_stored=stored)
            away = await sources.away(one.image, wish)
            said = one.photograph
            what = said.capture.view if said else one.image.kind
            # The year of ZipInfo's own making: the day on which it was taken is nobody's affair.
            zipped.writestr(ZipInfo(f"{number:02}-{what}.jpg"), away.jpeg)
            for part in _cut(sink.taken()):
                yield part
    for part in _cut(sink.taken()):
        yield part


async def _told(document: memoryview) -> AsyncGenerator[Part]:
    for part in _cut(document):
        yield part


def _cut(data: Part) -> Iterator[Part]:
    """Its parts in turn, so that whoever takes a large one slowly is seen to take it."""
    whole = memoryview(data)
    for at in range(0, len(whole), PART_BYTES):
        yield whole[at : at + PART_BYTES]


async def _after(begun: Part, parts: AsyncIterator[Part]) -> AsyncIterator[Part]:
    yield begun
    async for part in parts:
        yield part


class _Sink(io.RawIOBase):
    """What a ZIP is written to, and taken from as it grows."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(memoryview(data))  # type: ignore[arg-type]
        self._parts.append(part)
        return len(part)

    def taken(self) -> bytes:
        """What was written since."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def _mm_per_pixel(one: Shown) -> float | None:
    """The size of a pixel, across, where something calibrated it."""
    if one.photograph is not None and one.photograph.capture.mm_per_pixel is not None:
        return one.photograph.capture.mm_per_pixel[1]
    spacing = one.image.facts.get("mpp_um") if one.image.kind is ImageKind.SLIDE else None
    return spacing[0] / 1000 if spacing else None


def _out(one: Departure) -> DepartureOut:
    leaving = one.leaving
    return DepartureOut(
        id=one.id,
        at=one.at,
        by=one.by,
        establishment=one.establishment,
        way=leaving.way,
        purpose=leaving.purpose,
        is_named=leaving.is_named,
        images=list(leaving.images),
    )
