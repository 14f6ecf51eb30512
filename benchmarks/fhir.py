"""What FHIR's searches cost in a large archive: generated rows, and every usual question.

python -m benchmarks.fhir [STUDIES]

The rows of `benchmarks.qido`, and a report of two versions for each third study, in SQLite in a
temporary folder. Questions are asked as the routes ask, from the parameters of an address to the
bytes of the answer, in the name of one establishment of eighty and of all of them.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa

from api.app import settle
from api.fhir.asked import Pair, asked_of
from api.fhir.bundle import bundle
from api.fhir.searching import Place, search
from api.fhir.telling import written
from archive.catalog import Catalog
from archive.reports.schema import report
from benchmarks.qido import (
    ESTABLISHMENTS,
    EXAMS_OF_A_PATIENT,
    FIRST_DAY,
    IMAGES,
    LEVELS,
    fill,
    name_of,
    uid,
)

BASE = "http://test/fhir"
ASKED = 20
"""Times each kind of question is asked."""
BATCH = 5000

Question = tuple[str, list[Pair]]


def add_reports(url: str, exams: int) -> None:
    """Two versions of a report for each third exam."""
    engine = sa.create_engine(url)
    rows = [_report(exam, version) for exam in range(0, exams, 3) for version in range(2)]
    for begin in range(0, len(rows), BATCH):
        with engine.begin() as connection:
            connection.execute(sa.insert(report), rows[begin : begin + BATCH])
    engine.dispose()


def _report(exam: int, version: int) -> dict[str, object]:
    at = FIRST_DAY + timedelta(minutes=20 * exam + version)
    name = sha256(f"{exam} {version}".encode()).hexdigest()
    patient = exam // EXAMS_OF_A_PATIENT
    return {
        "id": name[:32],
        "establishment_id": patient % ESTABLISHMENTS + 1,
        "number": f"R{exam}",
        "number_issuer": "LAB",
        "document": "",
        "part": 0,
        "accession_number": f"A{exam}",
        "accession_issuer": "LAB",
        "patient_id": f"P{patient}",
        "patient_issuer": "REGISTRY",
        "patient_name": name_of(patient),
        "is_addendum": False,
        "status": ("final", "amended")[version],
        "title": "Report",
        "code": "11526-1",
        "media_type": "application/pdf",
        "key": name,
        "length_bytes": 1000,
        "digest": name,
        "said_at": at,
        "said_in": "",
        "received_at": at,
        "exam_id": f"exam{exam}",
    }


def questions(exams: int) -> dict[str, Callable[[int], Question]]:
    """A question of each kind about a study, by the study's number."""

    def patient(exam: int) -> int:
        return exam // EXAMS_OF_A_PATIENT

    def week(exam: int) -> list[Pair]:
        day = FIRST_DAY + timedelta(minutes=20 * exam)
        after = day + timedelta(days=7)
        return [("started", f"ge{day:%Y-%m-%d}"), ("started", f"lt{after:%Y-%m-%d}")]

    def ask(kind: str, *pairs: tuple[str, Callable[[int], str]]) -> Callable[[int], Question]:
        return lambda exam: (kind, [(name, of(exam)) for name, of in pairs])

    def family(exam: int) -> str:
        return name_of(patient(exam)).partition("^")[0]

    number = ("identifier", lambda exam: f"REGISTRY|P{patient(exam)}")
    late = FIRST_DAY + timedelta(minutes=20 * (exams - 100))
    return {
        "patients": ask("Patient"),
        "a patient by number": ask("Patient", number),
        "patients by family": ask("Patient", ("family", family)),
        "patients by words of a name": ask("Patient", ("name", family)),
        "patients by what is in a name": ask(
            "Patient", ("family:contains", lambda e: family(e)[-6:])
        ),
        "a patient with all that is theirs": ask(
            "Patient",
            number,
            ("_revinclude", lambda _: "ImagingStudy:patient"),
            ("_revinclude", lambda _: "DiagnosticReport:patient"),
        ),
        "newest studies": ask("ImagingStudy"),
        "newest studies with patients": ask("ImagingStudy", ("_include", lambda _: "*")),
        "studies of a week": lambda exam: ("ImagingStudy", week(exam)),
        "dermoscopies of a week": lambda exam: ("ImagingStudy", [*week(exam), ("modality", "DMS")]),
        "a modality that is not there": ask("ImagingStudy", ("modality", lambda _: "CT")),
        "studies by patient": ask("ImagingStudy", ("patient", lambda e: f"key{patient(e)}")),
        "studies by a patient's number": ask(
            "ImagingStudy", ("patient.identifier", lambda e: f"REGISTRY|P{patient(e)}")
        ),
        "a study by accession": ask("ImagingStudy", ("identifier", lambda exam: f"LAB|A{exam}")),
        "a study by UID": ask("ImagingStudy", ("identifier", lambda exam: uid("study", exam))),
        "a study by instance": ask(
            "ImagingStudy", ("instance", lambda exam: uid("instance", f"{exam}-0", 3))
        ),
        "what changed lately": ask(
            "ImagingStudy", ("_lastUpdated", lambda _: f"ge{late:%Y-%m-%d}")
        ),
        "how many studies": ask("ImagingStudy", ("_summary", lambda _: "count")),
        "newest reports": ask("DiagnosticReport"),
        "reports by patient": ask("DiagnosticReport", ("patient", lambda e: f"key{patient(e)}")),
        "reports of a study": ask("DiagnosticReport", ("study", lambda exam: f"exam{exam}")),
        "reports by accession": ask(
            "DiagnosticReport", ("based-on:identifier", lambda exam: f"LAB|A{exam}")
        ),
    }


@dataclass(frozen=True)
class Taken:
    """How long the answers to one kind of question took, and how much was found."""

    name: str
    wall_ms: list[float]
    processor_ms: list[float]
    found: int


def answered(catalog: Catalog, exams: int, *, of_all: bool) -> Iterator[Taken]:
    """Each kind of question, asked and answered."""
    for name, make in questions(exams).items():
        wall, processor, found = [], [], 0
        for _ in range(ASKED):
            exam = random.randrange(exams // 3) * 3
            kind, pairs = make(exam)
            house = f"Hospital {exam // EXAMS_OF_A_PATIENT % ESTABLISHMENTS}"
            place = Place(catalog.resources, None if of_all else house, "http://test")
            begun, computing = time.perf_counter(), time.process_time()
            asked = asked_of(kind, pairs, BASE)
            told = search(place, asked)
            written(bundle(asked, told, place.origin, {}))
            wall.append(1000 * (time.perf_counter() - begun))
            processor.append(1000 * (time.process_time() - computing))
            found += len(told.resources)
        yield Taken(name, wall, processor, found)


def main() -> None:
    """Fill a catalogue, ask, and tell."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    random.seed(1)
    with tempfile.TemporaryDirectory() as folder:
        url, begun = f"sqlite:///{Path(folder, 'catalog.sqlite')}", time.perf_counter()
        exams = fill(url, studies * IMAGES * LEVELS)
        add_reports(url, exams)
        print(f"{exams} studies in {time.perf_counter() - begun:.0f} s")
        settle()
        with Catalog.open(url) as catalog:
            for of_all in (False, True):
                _tell(list(answered(catalog, exams, of_all=of_all)), of_all=of_all)


def _tell(taken: list[Taken], *, of_all: bool) -> None:
    whose = "of all establishments" if of_all else "of one establishment"
    print(f"{whose:36}{'median':>9}{'p95':>9}{'p95 of processor':>18}{'found':>9}")
    every = Taken(
        "all",
        [each for one in taken for each in one.wall_ms],
        [each for one in taken for each in one.processor_ms],
        sum(one.found for one in taken),
    )
    for one in (*taken, every):
        figures = f"{statistics.median(one.wall_ms):9.1f}{_p95(one.wall_ms):9.1f}"
        print(f"{one.name:36}{figures}{_p95(one.processor_ms):18.1f}{one.found:9}")


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


if __name__ == "__main__":
    main()
