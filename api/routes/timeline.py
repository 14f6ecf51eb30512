"""The patient's page: all that may be seen of a patient by time, and what archives hold."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api.asker import Asker
from api.asking import Answered, AnswerState, together
from api.doors import require
from api.policies import Role
from api.routes.at_the_door import CallerHere, CatalogHere
from api.routes.exams import TO_BE_SEEN
from api.routes.reports import ReportOut, report_out
from api.routes.shapes import (
    ImageSummary,
    PatientOut,
    opens_across,
    patient_out,
    summary_out,
)
from archive.errors import NotFound
from archive.record import ImageKind
from archive.sharing.schema import Looked
from archive.timeline.lines import Line, keys_of

router = APIRouter(tags=["patients"])

OPENED_WITHIN = timedelta(minutes=2)
SEEN_FOR_S = 12 * 3600


class LesionShown(BaseModel):
    """A lesion that photographs of an exam show."""

    id: str
    number: int


class PlaceShown(BaseModel):
    """A body site by its code, and the side."""

    site: str
    side: str


class LineOut(BaseModel):
    """An exam; two lines that share one of their `keys`, here or in archives, are one exam.

    Of another establishment's exam, which is not `own`, the images are opened by the share alone.
    """

    exam: str
    own: bool
    establishment: str
    on: datetime
    keys: list[str]
    accession_number: str | None
    issuer: str | None
    is_provisional: bool
    case: str | None
    slides: int
    photographs: int
    images: list[ImageSummary]
    stains: list[str]
    lesions: list[LesionShown]
    places: list[PlaceShown]
    reports: list[ReportOut]


class ArchiveAsked(BaseModel):
    """An archive that may hold more, which is asked by an address of its own."""

    name: str
    establishment: str


class TimelineOut(BaseModel):
    """A patient's exams that are known here, the newest first, and who else may know some."""

    key: str
    patient: PatientOut | None
    establishment: str
    objects: bool
    """Whether the patient wants to be shown nowhere else."""
    lines: list[LineOut]
    archives: list[ArchiveAsked]


class StudyOut(BaseModel):
    """A study that an archive holds; `address` is where its own viewer shows it."""

    study_instance_uid: str
    keys: list[str]
    on: date | None
    at: time | None
    description: str
    modalities: list[str]
    body_part: str
    accession_number: str
    institution: str
    series: int
    instances: int
    address: str | None


class StudiesOut(BaseModel):
    """What an archive says; no `studies` mean that it has none where it has `answered` alone.

    `to_be_looked_into` may be the patient's, `of_others` are not: neither is shown.
    """

    archive: str
    establishment: str
    state: AnswerState
    asked_at: datetime
    studies: list[StudyOut]
    to_be_looked_into: int
    of_others: int


class ObjectionIn(BaseModel):
    """Whether the patient objects to being shown to other establishments."""

    objects: bool


class OpenedAcross(BaseModel):
    """Where another establishment's exam opens, once; what follows `#` is secret."""

    link: str


class LookOut(BaseModel):
    """That somebody elsewhere saw something of the patient."""

    looked_at: datetime
    subject: str
    establishment: str
    looked: Looked
    exam: str | None


class LooksOut(BaseModel):
    """Who looked, the latest first."""

    looks: list[LookOut]


@router.get("/api/patients/{patient}/timeline")
def get_timeline(
    patient: str, caller: CallerHere, catalog: CatalogHere, request: Request
) -> TimelineOut:
    """All exams of a patient that may be seen from here, and the archives that may hold more.

    That other establishments' were listed is written down there.
    """
    asker: Asker = request.app.state.asker
    found = catalog.timelines.of_patient(
        patient, establishment=caller.establishment, states=TO_BE_SEEN
    )
    own = found.shown[0]
    catalog.sharing.listed(own.establishment, caller.subject, found.shown)
    unsent = catalog.pictures.unsent(
        [one.id for line in found.lines for one in line.exam.images if one.kind is ImageKind.PHOTO]
    )
    lines = [line_out(one, unsent) for one in found.lines]
    return TimelineOut(
        key=own.key,
        patient=patient_out(found.patient),
        establishment=own.establishment,
        objects=catalog.sharing.objects(own.key, establishment=own.establishment),
        lines=[one for one in lines if one.slides or one.photographs or one.reports],
        archives=[
            ArchiveAsked(name=one.name, establishment=one.establishment)
            for one in asker.asked_for(found.shown)
        ],
    )


@router.get("/api/patients/{patient}/archives/{archive}")
async def ask_archive(
    patient: str, archive: str, caller: CallerHere, catalog: CatalogHere, request: Request
) -> StudiesOut:
    """What one archive holds of a patient, asked now or half a minute ago.

    An archive that does not answer within eight seconds is `silent`: what it holds is not known.
    """
    asker: Asker = request.app.state.asker
    shown = await run_in_threadpool(
        catalog.sharing.patients_shown, patient, establishment=caller.establishment
    )
    rule, keys = asker.named(archive, shown)
    await run_in_threadpool(catalog.sharing.listed, shown[0].establishment, caller.subject, keys)
    asked = [
        await run_in_threadpool(
            catalog.timelines.patient_asked, one.key, establishment=one.establishment
        )
        for one in keys
    ]
    return studies_out(together(await asyncio.gather(*(asker.said(rule, one) for one in asked))))


@router.post("/api/patients/{patient}/shown/{exam}", status_code=201)
def open_across(patient: str, exam: str, caller: CallerHere, catalog: CatalogHere) -> OpenedAcross:
    """Open another establishment's exam, which is written down there; good for that exam alone."""
    own = catalog.sharing.patients_shown(patient, establishment=caller.establishment)[0]
    owner = catalog.sharing.open_exam(exam, own.establishment, caller.subject)
    images = opens_across(catalog.exam(exam, establishment=owner))
    unsent = catalog.pictures.unsent([one.id for one in images])
    first = next((one for one in images if one.id not in unsent), None)
    if first is None:
        raise NotFound("Nothing of this exam is opened elsewhere.")
    claims = {
        "establishment": owner,
        "exam": exam,
        "seer": own.establishment,
        "subject": caller.subject,
        "lasts_s": SEEN_FOR_S,
    }
    key = catalog.issue_key(claims, datetime.now(UTC) + OPENED_WITHIN)
    return OpenedAcross(link=f"/view/{first.id}#key={key}")


@router.post("/api/patients/{patient}/objection", status_code=204)
def state_objection(
    patient: str, said: ObjectionIn, caller: CallerHere, catalog: CatalogHere
) -> None:
    """Write down that the patient wants to be shown nowhere else, or, for physicians, no longer."""
    if said.objects:
        catalog.sharing.object(patient, caller.subject, establishment=caller.establishment)
        return
    require(caller, Role.PHYSICIAN)
    catalog.sharing.withdraw_objection(patient, caller.subject, establishment=caller.establishment)


@router.get("/api/patients/{patient}/looks")
def list_looks(patient: str, caller: CallerHere, catalog: CatalogHere) -> LooksOut:
    """Who of other establishments saw something of this patient's record here."""
    found = catalog.sharing.looks(patient, establishment=caller.establishment)
    same = LookOut.model_fields
    return LooksOut(looks=[LookOut(**{name: getattr(one, name) for name in same}) for one in found])


def line_out(line: Line, unsent: frozenset[str] = frozenset()) -> LineOut:
    """A line of the timeline, without pictures that are still being taken, and older scans."""
    exam = line.exam
    images = [one for one in exam.images if one.id not in unsent | line.older]
    kinds = [one.kind for one in images]
    return LineOut(
        exam=exam.id,
        own=line.is_own,
        establishment=exam.establishment,
        on=line.on,
        keys=list(
            keys_of(
                exam.establishment,
                exam.study_instance_uid,
                exam.accession_number,
                exam.issuer_of_accession_number,
            )
        ),
        accession_number=exam.accession_number,
        issuer=exam.issuer_of_accession_number,
        is_provisional=exam.is_provisional,
        case=line.case,
        slides=kinds.count(ImageKind.SLIDE),
        photographs=kinds.count(ImageKind.PHOTO),
        # Their small pictures are for those who open the exam.
        images=[summary_out(one) for one in images] if line.is_own else [],
        stains=list(line.stains),
        lesions=[LesionShown(id=one, number=number) for one, number in line.lesions],
        places=[PlaceShown(site=one.site, side=one.side) for one in line.places],
        reports=[report_out(one) for one in line.reports],
    )


def studies_out(said: Answered) -> StudiesOut:
    """What an archive said, as JSON."""
    studies = []
    for one in said.held:
        study = one.study
        same = StudyOut.model_fields.keys() - {"keys", "address", "modalities"}
        studies.append(
            StudyOut(
                **{name: getattr(study, name) for name in same},
                keys=list(said.keys(one)),
                address=one.address,
                modalities=list(study.modalities),
            )
        )
    return StudiesOut(
        archive=said.archive,
        establishment=said.establishment,
        state=said.state,
        asked_at=said.asked_at,
        studies=studies,
        to_be_looked_into=said.to_be_looked_into,
        of_others=said.of_others,
    )
