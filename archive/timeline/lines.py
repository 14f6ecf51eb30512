"""What of a patient stands here: a line an exam, with its case, lesions and reports."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa

from archive import reading, schema
from archive.cases.case import scanned_at
from archive.cases.rescans import older_scans
from archive.cases.schema import container, lab_case, lab_order, scan
from archive.database import Database
from archive.identity import PatientIdentity
from archive.photographs import stated_of, taken_at
from archive.record import Exam, Image, ImageKind, ImageState
from archive.reports.reading import of_patient
from archive.reports.report import Report
from archive.sharing.patients import PatientKey, patients_shown
from archive.studies.judge import Patient
from archive.studies.whose import newcomer_asked, patient_asked

_exam, _case, _scan = schema.exam.c, lab_case.c, scan.c
_lesion = schema.lesion.c
PUBLISHED = (ImageState.PUBLISHED,)


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the body a picture was taken."""

    site: str
    side: str


@dataclass(frozen=True, slots=True)
class Line:
    """An exam on the timeline; `case` and `lesions` are addresses here, of one's own exams."""

    exam: Exam
    on: datetime
    is_own: bool
    case: str | None = None
    stains: tuple[str, ...] = ()
    older: frozenset[str] = frozenset()
    """Images, of this exam and others, of slides that were scanned again."""
    lesions: tuple[tuple[str, int], ...] = ()
    """Ids and numbers of those that its photographs show."""
    places: tuple[Place, ...] = ()
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True, slots=True)
class Timeline:
    """All of a patient that may be seen from where it is asked, the newest first."""

    patient: PatientIdentity = field(repr=False)
    shown: tuple[PatientKey, ...]
    """One's own record of the patient, then those that others show."""
    lines: tuple[Line, ...]


def keys_of(
    establishment: str, study_instance_uid: str, accession_number: str | None, issuer: str | None
) -> tuple[str, ...]:
    """What an exam is known by wherever it is held: two that share one of these are one exam.

    The number of an order counts only with who gave it: bare numbers of two systems collide.
    """
    study = f"study {study_instance_uid}"
    if not accession_number or not issuer:
        return (study,)
    return study, f"order {len(establishment)} {establishment} {len(issuer)} {issuer} " + (
        accession_number
    )


class Timelines:
    """The timelines of a catalogue, reached as `catalog.timelines`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_patient(
        self,
        patient: str,
        *,
        establishment: str | None,
        states: Collection[ImageState] = PUBLISHED,
    ) -> Timeline:
        """What is known of a patient; raises NotFound.

        Of one's own also exams in these states; of others' what is published.
        """
        with self._database.read() as connection:
            shown = patients_shown(connection, establishment, patient)
            own, *others = shown
            exams = reading.exams_of_patient(connection, own.key, own.establishment, states)
            reports = of_patient(connection, own.key, own.establishment)
            lines = _lines(connection, exams, reports)
            for one in others:
                theirs = reading.exams_of_patient(connection, one.key, one.establishment, PUBLISHED)
                lines += _theirs(connection, theirs)
            lines.sort(key=lambda line: (line.on, line.exam.id), reverse=True)
            whose = reading.patient(connection, own.key, own.establishment)
            return Timeline(whose, shown, tuple(lines))

    def patient_asked(self, patient: str, *, establishment: str) -> Patient:
        """By which numbers archives are asked for a patient; raises NotFound."""
        with self._database.read() as connection:
            return patient_asked(connection, establishment, patient)

    def newcomer_asked(self, said: PatientIdentity, *, establishment: str) -> Patient:
        """The same for somebody who is new here, as an order says who they are."""
        with self._database.read() as connection:
            return newcomer_asked(connection, establishment, said)


def _lines(
    connection: sa.Connection, exams: Sequence[Exam], reports: Sequence[Report]
) -> list[Line]:
    said: dict[str, list[Report]] = defaultdict(list)
    for report in reports:
        said[report.exam_id].append(report)
    # A report may come where nothing was scanned.
    bare = [reading.exam_alone(connection, one) for one in said.keys() - {one.id for one in exams}]
    cases = _cases(connection, [one.id for one in exams])
    slides = {
        image.id: image for exam in exams for image in exam.images if image.kind is ImageKind.SLIDE
    }
    stains = _stained(connection, slides)
    older = older_scans(connection, slides.values())
    pictures = {
        image.id: exam.id
        for exam in exams
        for image in exam.images
        if image.kind is ImageKind.PHOTO
    }
    lesions, places = _shown(connection, pictures)
    return [
        Line(
            exam,
            _moment(exam, said[exam.id]),
            is_own=True,
            case=cases.get(exam.id),
            stains=tuple(sorted(stains[exam.id])),
            older=older,
            lesions=tuple(sorted(lesions[exam.id], key=lambda one: one[1])),
            places=tuple(sorted(places[exam.id], key=lambda one: (one.site, one.side))),
            reports=tuple(said[exam.id]),
        )
        for exam in (*exams, *bare)
    ]


def _theirs(connection: sa.Connection, exams: Sequence[Exam]) -> list[Line]:
    """The lines of another establishment's exams, which name nothing that opens there alone."""
    older = older_scans(connection, [image for exam in exams for image in exam.images])
    return [Line(exam, _moment(exam), is_own=False, older=older) for exam in exams]


def _moment(exam: Exam, reports: Sequence[Report] = ()) -> datetime:
    """When an exam was made, as far as its images say; else when it is heard of."""
    taken = [
        scanned_at(one)
        if one.kind is ImageKind.SLIDE
        else taken_at(one.facts, one.created_at).astimezone(UTC)
        for one in exam.images
    ]
    return min(taken or [one.said_at for one in reports] or [exam.created_at])


def _cases(connection: sa.Connection, exam_ids: Collection[str]) -> dict[str, str]:
    """The cases of exams, by their orders."""
    same = sa.and_(
        _case.establishment_id == _exam.establishment_id,
        _case.accession_number == _exam.accession_number,
        _case.issuer == sa.func.coalesce(_exam.issuer_of_accession_number, ""),
    )
    found = connection.execute(
        sa.select(_exam.id, _case.id.label("case"))
        .select_from(schema.exam.join(lab_case, same))
        .where(_exam.id.in_(list(exam_ids)))
    )
    return {row.id: row.case for row in found}


def _stained(connection: sa.Connection, slides: dict[str, Image]) -> dict[str, set[str]]:
    """The stains of exams' slides."""
    rows = connection.execute(
        sa.select(_scan.image_id, _scan.stain, container.c.stain.label("ordered"))
        .select_from(
            scan.outerjoin(lab_order, lab_order.c.case_id == _scan.case_id).outerjoin(
                container,
                sa.and_(
                    container.c.order_id == lab_order.c.id,
                    container.c.specimen == _scan.to_specimen,
                    container.c.block == _scan.to_block,
                    container.c.slide == _scan.to_slide,
                ),
            )
        )
        .where(_scan.image_id.in_(list(slides)))
    ).all()
    stains: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        if stain := row.ordered or row.stain:
            stains[slides[row.image_id].exam_id].add(stain)
    return stains


def _shown(
    connection: sa.Connection, pictures: dict[str, str]
) -> tuple[dict[str, set[tuple[str, int]]], dict[str, set[Place]]]:
    """The lesions that the photographs of exams show, and where they were taken."""
    said = stated_of(connection, list(pictures))
    named = {one.lesion for one in said.values() if one.lesion is not None}
    rows = connection.execute(sa.select(_lesion.id, _lesion.number).where(_lesion.id.in_(named)))
    numbers = {row.id: row.number for row in rows}
    lesions: dict[str, set[tuple[str, int]]] = defaultdict(set)
    places: dict[str, set[Place]] = defaultdict(set)
    for image_id, one in said.items():
        exam_id = pictures[image_id]
        places[exam_id].add(Place(one.capture.site.code, str(one.capture.side or "")))
        if one.lesion is not None:
            lesions[exam_id].add((one.lesion, numbers[one.lesion]))
    return lesions, places
