"""The JSON that leaves, and how it follows from the records."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from pydantic import BaseModel

from api.covered import cover_of
from api.opened import OpenImage, is_viewable
from archive.identity import PatientIdentity
from archive.record import Exam, Image, ImageKind, ImageState, ObjectRole, Page


class PatientOut(BaseModel):
    """A patient as the exam names them; None for what is not known."""

    name: str | None
    patient_id: str
    issuer: str | None
    birth_date: date | None
    sex: str | None


class ImageSummary(BaseModel):
    """An image in a list; the sizes are None until it is opened.

    An `older` one is a scan of a slide that was scanned again, and does not count as a slide.
    """

    id: str
    kind: ImageKind
    width: int | None
    height: int | None
    state: ImageState
    viewable: bool
    older: bool
    thumbnail: str
    covered: str | None
    """Why it has no small picture and is opened on purpose: "intimate" or "recognizable"."""


class ExamOut(BaseModel):
    """A study and its images; `patient_key` is what addresses name the patient by.

    The accession number of a provisional one is our own, until the order is known.
    """

    id: str
    patient: PatientOut | None
    patient_key: str | None
    accession_number: str | None
    issuer: str | None
    is_provisional: bool
    study_instance_uid: str
    created_at: datetime
    establishment: str
    images: list[ImageSummary]


class ExamsOut(BaseModel):
    """Some exams, newest first; `next` is the `after` that gives the following ones."""

    exams: list[ExamOut]
    next: str | None


class LevelOut(BaseModel):
    """The extent of a stored level in pixels."""

    width: int
    height: int


class ScannerOut(BaseModel):
    """What made the image."""

    manufacturer: str | None
    model: str | None


class FilesOut(BaseModel):
    """Where the small pictures are; None for those that do not exist."""

    thumbnail: str
    label: str | None = None
    overview: str | None = None


class SiblingOut(BaseModel):
    """Another image of the same exam."""

    id: str
    kind: ImageKind
    thumbnail: str


class ImageOut(BaseModel):
    """All about an image; `viewable` ones can be looked at, also before they are published.

    The tile size and the levels are None and empty until then. Of `lent` ones, which a colleague
    of another establishment shows, nothing is told of whose they are, or beside what they lie.
    """

    id: str
    exam: str
    kind: ImageKind
    state: ImageState
    viewable: bool
    width: int | None
    height: int | None
    tile_size: int | None
    levels: list[LevelOut]
    mpp_um: tuple[float, float] | None
    objective_power: float | None
    format: str | None
    scanner: ScannerOut | None
    acquired_at: str | None
    barcodes: list[str]
    icc_profile: bool
    files: FilesOut
    deepzoom: str
    source_sha256: str
    patient: PatientOut | None
    accession_number: str | None
    siblings: list[SiblingOut]
    covered: str | None = None
    lent: bool = False


def exams_out(page: Page, older: frozenset[str]) -> ExamsOut:
    """A page of exams; `older` are the ids of its older scans."""
    return ExamsOut(exams=[exam_out(exam, older) for exam in page.exams], next=page.after)


def exam_out(exam: Exam, older: frozenset[str]) -> ExamOut:
    """One exam; `older` are the ids of the older scans, of this and other exams."""
    return ExamOut(
        id=exam.id,
        patient=patient_out(exam.patient),
        patient_key=exam.patient_key,
        accession_number=exam.accession_number,
        issuer=exam.issuer_of_accession_number,
        is_provisional=exam.is_provisional,
        study_instance_uid=exam.study_instance_uid,
        created_at=exam.created_at,
        establishment=exam.establishment,
        images=[summary_out(image, is_older=image.id in older) for image in exam.images],
    )


def image_out(image: Image, exam: Exam, opened: OpenImage | None) -> ImageOut:
    """One image of that exam, whose viewable images are its siblings.

    `opened` is the image ready to be read, None where it is not to be looked at.
    """
    facts = image.facts
    pyramid = opened.source.pyramid if opened else None
    return ImageOut(
        id=image.id,
        exam=exam.id,
        kind=image.kind,
        state=image.state,
        viewable=opened is not None,
        width=pyramid.width if pyramid else facts.get("width"),
        height=pyramid.height if pyramid else facts.get("height"),
        tile_size=opened.deep_zoom.tile_size if opened else None,
        levels=[
            LevelOut(width=level.width, height=level.height)
            for level in (pyramid.levels if pyramid else ())
        ],
        mpp_um=facts.get("mpp_um"),
        objective_power=facts.get("objective_power"),
        format=facts.get("format"),
        scanner=_scanner(facts.get("scanner")),
        acquired_at=facts.get("acquired_at"),
        barcodes=list(facts.get("barcodes") or ()),
        icc_profile=bool(facts.get("icc_profile")),
        files=FilesOut(
            thumbnail=f"/images/{image.id}/thumbnail",
            label=_picture(image, ObjectRole.LABEL),
            overview=_picture(image, ObjectRole.OVERVIEW),
        ),
        deepzoom=f"/deepzoom/{image.id}.dzi",
        source_sha256=image.source_sha256,
        patient=patient_out(exam.patient),
        accession_number=exam.accession_number,
        covered=cover_of(image),
        siblings=[
            SiblingOut(id=one.id, kind=one.kind, thumbnail=f"/images/{one.id}/thumbnail")
            for one in exam.images
            if one.id != image.id and is_viewable(one)
        ],
    )


def across_out(image: Image, exam: Exam, opened: OpenImage | None) -> ImageOut:
    """One image as another establishment is shown it, and beside it what that one may open too.

    Labels stay where they were written, and so does what was read from them.
    """
    told = image_out(image, replace(exam, images=opens_across(exam)), opened)
    files = FilesOut(thumbnail=told.files.thumbnail)
    return told.model_copy(update={"files": files, "barcodes": [], "source_sha256": ""})


def opens_across(exam: Exam) -> tuple[Image, ...]:
    """What of an exam opens where it is shown to another establishment: no covered picture."""
    return tuple(
        one for one in exam.images if one.state is ImageState.PUBLISHED and cover_of(one) is None
    )


def lent_out(image: Image, opened: OpenImage) -> ImageOut:
    """One image as a colleague of another establishment is shown it."""
    nowhere = Exam("", "", None, None, None, "", image.created_at)
    told = image_out(image, nowhere, opened)
    files = FilesOut(thumbnail=told.files.thumbnail, label=None, overview=None)
    hidden = {"files": files, "barcodes": [], "source_sha256": "", "scanner": None, "lent": True}
    return told.model_copy(update=hidden)


def summary_out(image: Image, *, is_older: bool = False) -> ImageSummary:
    """An image in a list."""
    return ImageSummary(
        id=image.id,
        kind=image.kind,
        width=image.facts.get("width"),
        height=image.facts.get("height"),
        state=image.state,
        viewable=is_viewable(image),
        older=is_older,
        thumbnail=f"/images/{image.id}/thumbnail",
        covered=cover_of(image),
    )


def patient_out(patient: PatientIdentity | None) -> PatientOut | None:
    """A patient as JSON; None for none."""
    if patient is None:
        return None
    return PatientOut(
        name=patient.name or None,
        patient_id=patient.patient_id,
        issuer=patient.issuer or None,
        birth_date=patient.birth_date,
        sex=patient.sex,
    )


def _scanner(scanner: Mapping[str, Any] | None) -> ScannerOut | None:
    if not scanner:
        return None
    return ScannerOut(manufacturer=scanner.get("manufacturer"), model=scanner.get("model"))


def _picture(image: Image, role: ObjectRole) -> str | None:
    return f"/images/{image.id}/{role.value}" if image.objects_as(role) else None
