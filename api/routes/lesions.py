"""Lesions of a patient: where they are, their history, and the pictures of each."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from api.doors import require_reached
from api.routes.aids import MeasureOut, measure_out
from api.routes.at_the_door import CallerHere, CatalogHere
from archive.body_site import BodySite, Side, search_sites, site_of_code
from archive.capture import View
from archive.catalog import Catalog
from archive.lesion import (
    Lesion,
    LesionEvent,
    LesionEventKind,
    LesionSaid,
    MapPosition,
    MapView,
)
from archive.overviews import Marked
from archive.photographs import Taken
from archive.reading_aids import Measure
from archive.record import ImageState

router = APIRouter(tags=["lesions"])


class SiteOut(BaseModel):
    """A body site; `paired` ones have a side, `also` are other words that people use."""

    code: str
    scheme: str
    region: str
    paired: bool
    fr: str
    en: str
    also: list[str]


class SitesOut(BaseModel):
    """Body sites, the closest to what was asked first."""

    sites: list[SiteOut]


class PositionIn(BaseModel):
    """A point of a drawing of the body, in fractions of its width and height."""

    view: MapView
    x: float = Field(ge=0, le=1)
    y: float = Field(ge=0, le=1)


class EventIn(BaseModel):
    """A day of a lesion's history; `by` is who says so, FAMILY^GIVEN."""

    kind: LesionEventKind
    on: date
    by: str = Field("", max_length=200)


class BiopsyIn(BaseModel):
    """The exam with the slides of a biopsy."""

    exam: str = Field(max_length=32)


class LesionIn(BaseModel):
    """A new lesion of a patient (the `patient_key` of their exams), on a site by its code."""

    patient: str = Field(max_length=32)
    site: str = Field(max_length=32)
    side: Side | None = None
    label: str = Field("", max_length=200)
    position: PositionIn | None = None
    first_seen: date
    by: str = Field("", max_length=200)


class LatestOut(BaseModel):
    """The last photograph of a lesion."""

    image: str
    taken_at: datetime
    thumbnail: str
    covered: str | None


class LesionOut(BaseModel):
    """A lesion; `tracking_uid` is in the header of every picture of it.

    `biopsies` are the exams that hold the slides of it, `latest` its last photograph.
    """

    id: str
    patient: str
    number: int
    tracking_id: str
    tracking_uid: str
    site: SiteOut
    side: Side
    label: str
    position: PositionIn | None
    status: LesionEventKind
    history: list[EventIn]
    biopsies: list[str]
    photographs: int
    latest: LatestOut | None
    created_at: datetime


class LesionsOut(BaseModel):
    """The lesions of a patient, by number."""

    lesions: list[LesionOut]


class PictureOut(BaseModel):
    """A photograph of a lesion, with those that locate it and that came before."""

    image: str
    exam: str
    state: ImageState
    taken_at: datetime
    view: View
    thumbnail: str
    covered: str | None
    mm_per_pixel: tuple[float, float] | None
    overview: str | None
    earlier: str | None
    measures: list[MeasureOut]


class MarkedOut(BaseModel):
    """A lesion marked in an overview, in fractions of its width and height."""

    lesion: str
    number: int
    x: float
    y: float


class OverviewOut(BaseModel):
    """An overview that leads to a lesion, with all lesions that are marked in it."""

    image: str
    taken_at: datetime
    thumbnail: str
    covered: str | None
    pins: list[MarkedOut]


class PicturesOut(BaseModel):
    """The photographs of a lesion, the earliest first; its overviews, the latest first."""

    photographs: list[PictureOut]
    overviews: list[OverviewOut]


@router.get("/api/body-sites")
def list_sites(
    q: Annotated[str, Query(max_length=100, description="Words, French or English.")] = "",
) -> SitesOut:
    """Body sites that a lesion or a photograph may be of, as DICOM codes them (CID 4029)."""
    return SitesOut(sites=[site_out(one) for one in search_sites(q)])


@router.get("/api/patients/{patient}/lesions")
def list_lesions(patient: str, caller: CallerHere, catalog: CatalogHere) -> LesionsOut:
    """The lesions of a patient, named by the `patient_key` of their exams."""
    found = catalog.lesions.of_patient(patient, establishment=caller.establishment)
    return LesionsOut(lesions=_told(found, catalog))


@router.post("/api/lesions", status_code=201)
def create_lesion(said: LesionIn, caller: CallerHere, catalog: CatalogHere) -> LesionOut:
    """A new lesion of a patient, with the day on which it was first seen."""
    require_reached(caller, catalog.phones, {"patient": said.patient})
    position = said.position
    lesion = catalog.lesions.create(
        said.patient,
        LesionSaid(
            site_of_code(said.site),
            said.side,
            said.label,
            MapPosition(position.view, position.x, position.y) if position else None,
        ),
        LesionEvent(LesionEventKind.FIRST_SEEN, said.first_seen, said.by),
        establishment=caller.establishment,
    )
    return _told([lesion], catalog)[0]


@router.get("/api/lesions/{lesion}")
def get_lesion(lesion: str, caller: CallerHere, catalog: CatalogHere) -> LesionOut:
    """One lesion with its history."""
    found = catalog.lesions.lesion(lesion, establishment=caller.establishment)
    return _told([found], catalog)[0]


@router.post("/api/lesions/{lesion}/history", status_code=201)
def add_event(lesion: str, event: EventIn, caller: CallerHere, catalog: CatalogHere) -> LesionOut:
    """A day more of a lesion's history; the same again changes nothing."""
    said = LesionEvent(event.kind, event.on, event.by)
    known = catalog.lesions.record(lesion, said, establishment=caller.establishment)
    return _told([known], catalog)[0]


@router.post("/api/lesions/{lesion}/biopsies", status_code=201)
def link_biopsy(lesion: str, said: BiopsyIn, caller: CallerHere, catalog: CatalogHere) -> LesionOut:
    """The exam of the same patient that holds the slides of a lesion's biopsy."""
    catalog.biopsies.link(lesion, said.exam, establishment=caller.establishment)
    return get_lesion(lesion, caller, catalog)


@router.delete("/api/lesions/{lesion}/biopsies/{exam}")
def unlink_biopsy(lesion: str, exam: str, caller: CallerHere, catalog: CatalogHere) -> LesionOut:
    """Takes the link to a biopsy back."""
    catalog.biopsies.unlink(lesion, exam, establishment=caller.establishment)
    return get_lesion(lesion, caller, catalog)


@router.get("/api/lesions/{lesion}/photographs")
def list_pictures(lesion: str, caller: CallerHere, catalog: CatalogHere) -> PicturesOut:
    """The photographs of a lesion in the order in which they were taken."""
    found = catalog.photographs.of_lesion(lesion, establishment=caller.establishment)
    images = [one.photograph.image_id for one in found]
    measures: dict[str, list[Measure]] = {image: [] for image in images}
    for one in catalog.aids.measures(images):
        measures[one.image].append(one)
    return PicturesOut(
        photographs=[_picture(one, measures[one.photograph.image_id]) for one in found],
        overviews=[
            _overview(*one)
            for one in catalog.photographs.overviews(lesion, establishment=caller.establishment)
        ],
    )


def site_out(site: BodySite) -> SiteOut:
    """A body site as JSON."""
    return SiteOut(
        code=site.code,
        scheme=site.scheme,
        region=site.region,
        paired=site.is_paired,
        fr=site.fr,
        en=site.en,
        also=list(site.also),
    )


def _told(lesions: Sequence[Lesion], catalog: Catalog) -> list[LesionOut]:
    named = [one.id for one in lesions]
    biopsies = catalog.biopsies.of(named)
    taken = catalog.photographs.of_lesions(named)
    return [_out(one, biopsies[one.id], taken[one.id]) for one in lesions]


def _out(lesion: Lesion, biopsies: Sequence[str], taken: Sequence[Taken]) -> LesionOut:
    said = lesion.said
    position = said.position
    return LesionOut(
        id=lesion.id,
        patient=lesion.patient_key,
        number=lesion.number,
        tracking_id=lesion.tracking_id,
        tracking_uid=lesion.tracking_uid,
        site=site_out(said.site),
        side=said.site.side(said.side),
        label=said.label,
        position=PositionIn(view=position.view, x=position.x, y=position.y) if position else None,
        status=lesion.status,
        history=[EventIn(kind=one.kind, on=one.on, by=one.by) for one in lesion.events],
        biopsies=list(biopsies),
        photographs=len(taken),
        latest=_latest(taken[-1]) if taken else None,
        created_at=lesion.created_at,
    )


def _latest(taken: Taken) -> LatestOut:
    image = taken.photograph.image_id
    return LatestOut(
        image=image,
        taken_at=taken.taken_at,
        thumbnail=f"/images/{image}/thumbnail",
        covered=taken.covered,
    )


def _picture(taken: Taken, measures: Sequence[Measure]) -> PictureOut:
    said = taken.photograph
    return PictureOut(
        image=said.image_id,
        exam=taken.exam_id,
        state=taken.state,
        taken_at=taken.taken_at,
        view=said.capture.view,
        thumbnail=f"/images/{said.image_id}/thumbnail",
        covered=taken.covered,
        mm_per_pixel=said.capture.mm_per_pixel,
        overview=said.overview,
        earlier=said.earlier,
        measures=[measure_out(one) for one in measures],
    )


def _overview(taken: Taken, marked: Sequence[Marked]) -> OverviewOut:
    image = taken.photograph.image_id
    return OverviewOut(
        image=image,
        taken_at=taken.taken_at,
        thumbnail=f"/images/{image}/thumbnail",
        covered=taken.covered,
        pins=[MarkedOut(lesion=one.lesion, number=one.number, x=one.x, y=one.y) for one in marked],
    )
