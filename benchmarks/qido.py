"""What DICOM's searches cost in a large archive: generated rows, and every usual question.

python -m benchmarks.qido [INSTANCES] [postgresql]

The catalogue is SQLite in a temporary folder, or in a PostgreSQL of its own. Questions are asked of
it as the routes ask, one after the other, in the name of one establishment of eighty and of all of
them, and written as JSON. By the clock and by the processor; beside them the same SQL alone, which
no way of asking is faster than.
"""

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from api.app import settle
from api.dicomweb.places import FOUND_INSTANCES, FOUND_SERIES, STUDIES
from api.dicomweb.search import search
from archive import schema
from archive.catalog import Catalog
from archive.described import Described, DescribedSeries
from archive.identity import folded_name
from archive.query import Query
from tests.postgresql import postgresql

ESTABLISHMENTS = 80
IMAGES, LEVELS = 2, 5
"""Of an exam: one slide of five levels, and as many photographs in one series."""
EXAMS_OF_A_PATIENT = 3
BATCH = 2000
ASKED = 40
"""Times each kind of question is asked."""
FIRST_DAY = datetime(2021, 1, 1, tzinfo=UTC)
FAMILY = ("MARTIN", "LE GALL", "DUPONT", "PETIT", "MOREAU", "LEFÈVRE", "GARNIER", "ROUSSEL")
GIVEN = ("Héloïse", "Zoé", "Jean-Luc", "Marie", "André", "Chloé", "Noël", "Inès", "Paul")
SM, DMS = "1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.840.10008.5.1.4.1.1.77.1.7"

Rows = list[dict[str, Any]]


def name_of(patient: int) -> str:
    """Some ten thousand different names."""
    family = f"{FAMILY[patient % len(FAMILY)]}{patient % 997:03d}"
    return f"{family}^{GIVEN[patient % len(GIVEN)]}"


def uid(*names: object) -> str:
    """The UID of something that is made up."""
    return f"2.25.{int(sha256(repr(names).encode()).hexdigest()[:30], 16)}"


def fill(url: str, instances: int) -> int:
    """Write the rows of about as many instances into a new catalogue; gives the number of exams."""
    exams = max(1, instances // (IMAGES * LEVELS))
    Catalog.open(url).close()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        without_triggers(connection)
        told = [{"id": n + 1, "name": f"Hospital {n}"} for n in range(ESTABLISHMENTS)]
        connection.execute(sa.insert(schema.establishment), told)
    for begin in range(0, exams, BATCH):
        with engine.begin() as connection:
            without_triggers(connection)
            for table, rows in _rows(range(begin, min(exams, begin + BATCH))).items():
                connection.execute(sa.insert(table), rows)
    if engine.dialect.name == "postgresql":
        # As its own housekeeping does within a minute.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()
    return exams


def without_triggers(connection: sa.Connection) -> None:
    """They let nothing be published that was not received before."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        return
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for (name,) in names.all():
        connection.exec_driver_sql(f"DROP TRIGGER {name}")


def _rows(exams: range) -> dict[sa.Table, Rows]:
    rows: dict[sa.Table, Rows] = {
        table: []
        for table in (
            schema.patient,
            schema.exam,
            schema.image,
            schema.stored_object,
            schema.series,
            schema.instance,
        )
    }
    for number in exams:
        patient = number // EXAMS_OF_A_PATIENT
        house = patient % ESTABLISHMENTS + 1
        at = FIRST_DAY + timedelta(minutes=20 * number)
        if number % EXAMS_OF_A_PATIENT == 0:
            rows[schema.patient].append(_patient(patient, house))
        rows[schema.exam].append(
            {
                "id": f"exam{number}",
                "establishment_id": house,
                "patient_row": patient + 1,
                "accession_number": f"A{number}",
                "issuer_of_accession_number": "LAB",
                "study_instance_uid": uid("study", number),
                "created_at": at,
            }
        )
        for image in range(IMAGES):
            _add_image(rows, number, image, at)
    return rows


def _patient(number: int, house: int) -> dict[str, Any]:
    return {
        "id": number + 1,
        "establishment_id": house,
        "issuer": "REGISTRY",
        "patient_id": f"P{number}",
        "name": name_of(number),
        "folded_name": folded_name(name_of(number)),
        "birth_date": date(1930, 1, 1) + timedelta(days=number % 30_000),
        "sex": "FM"[number % 2],
        "key": f"key{number}",
    }


def _add_image(rows: dict[sa.Table, Rows], exam: int, image: int, at: datetime) -> None:
    is_slide = image == 0
    name, row = f"{exam}-{image}", exam * IMAGES + image + 1
    rows[schema.image].append(
        {
            "id": name,
            "exam_id": f"exam{exam}",
            "kind": "slide" if is_slide else "photo",
            "state": "published",
            "source_sha256": sha256(name.encode()).hexdigest(),
            "plan": "full",
            "incarnation": 1,
            "facts": {},
            "created_at": at,
            "published_at": at,
        }
    )
    series = DescribedSeries(uid("series", name), "SM" if is_slide else "DMS", image + 1)
    rows[schema.series].append({"id": row, "exam_id": f"exam{exam}", **asdict(series)})
    told = asdict(Described(series, "1.2.840.10008.1.2.4.50", 1, 256, 256, 12, 8))
    del told["series"]
    for level in range(LEVELS):
        instance = {
            "key": f"k{name}-{level}",
            "image_id": name,
            "sop_class_uid": SM if is_slide else DMS,
            "sop_instance_uid": uid("instance", name, level),
        }
        rows[schema.stored_object].append(
            {
                **instance,
                "role": "level" if is_slide else "photo",
                "level": level if is_slide else None,
                "length_bytes": 1000,
                "media_type": "application/dicom",
            }
        )
        mine = {"exam_id": f"exam{exam}", "series_id": row, "instance_number": level + 1}
        rows[schema.instance].append({**told, **instance, **mine})


def questions(exams: int) -> dict[str, Callable[[], tuple[str, Query, str | None]]]:
    """A maker of questions of each kind: where, what, and in whose name it is asked."""

    def some() -> int:
        return random.randrange(exams)

    def house(exam: int) -> str:
        return f"Hospital {exam // EXAMS_OF_A_PATIENT % ESTABLISHMENTS}"

    def day(exam: int) -> datetime:
        return FIRST_DAY + timedelta(minutes=20 * exam)

    def ask(
        where: str, **make: Callable[[int], str]
    ) -> Callable[[], tuple[str, Query, str | None]]:
        def made() -> tuple[str, Query, str | None]:
            exam = some()
            return where, Query({name: of(exam) for name, of in make.items()}), house(exam)

        return made

    def week(exam: int) -> str:
        return f"{day(exam):%Y%m%d}-{day(exam) + timedelta(days=7):%Y%m%d}"

    def patient(exam: int) -> int:
        return exam // EXAMS_OF_A_PATIENT

    def fuzzy() -> tuple[str, Query, str | None]:
        exam = some()
        words = " ".join(reversed(name_of(patient(exam)).split("^")))
        return STUDIES, Query({"PatientName": words}, fuzzy=True), house(exam)

    return {
        "the newest of one establishment": ask(STUDIES),
        "the newest of all": lambda: (STUDIES, Query(), None),
        "one week": ask(STUDIES, StudyDate=week),
        "one week, dermoscopies": ask(STUDIES, StudyDate=week, ModalitiesInStudy=lambda _: "DMS"),
        "patient's number": ask(STUDIES, PatientID=lambda exam: f"P{patient(exam)}"),
        "beginning of a name": ask(
            STUDIES, PatientName=lambda exam: f"{name_of(patient(exam)).partition('^')[0]}*"
        ),
        "something in a name": ask(
            STUDIES, PatientName=lambda exam: f"*{name_of(patient(exam)).partition('^')[0][-6:]}^*"
        ),
        "words of a name": fuzzy,
        "accession number": ask(STUDIES, AccessionNumber=lambda exam: f"A{exam}"),
        "study of an instance": ask(
            STUDIES, SOPInstanceUID=lambda exam: uid("instance", f"{exam}-0", 3)
        ),
        "a modality that is not there": ask(STUDIES, ModalitiesInStudy=lambda _: "CT"),
        "series of a study": ask(FOUND_SERIES[1], StudyInstanceUID=lambda exam: uid("study", exam)),
        "newest series": ask(FOUND_SERIES[0], Modality=lambda _: "SM"),
        "instances of a series": ask(
            FOUND_INSTANCES[2], SeriesInstanceUID=lambda exam: uid("series", f"{exam}-0")
        ),
        "one instance": ask(
            FOUND_INSTANCES[0], SOPInstanceUID=lambda exam: uid("instance", f"{exam}-0", 3)
        ),
        "newest instances": ask(FOUND_INSTANCES[0]),
    }


@dataclass(frozen=True)
class Taken:
    """How long the answers to one kind of question took, and how much was found."""

    name: str
    wall_ms: list[float] = field(default_factory=list)
    processor_ms: list[float] = field(default_factory=list)
    sql_ms: list[float] = field(default_factory=list)
    """By the clock, of the same statements alone, straight to the driver."""
    found: list[int] = field(default_factory=list)

    def told(self) -> str:
        """A line of the table."""
        times = (self.wall_ms, self.processor_ms, self.sql_ms)
        return f"{self.name:32}{statistics.median(self.wall_ms):8.1f}" + "".join(
            f"{one:11.1f}" for one in map(_p95, times)
        )


HEAD = f"{'ms':32}{'median':>8}{'p95':>11}{'processor':>11}{'SQL alone':>11}{'found':>9}"


def answered(url: str, exams: int, *, of_all: bool) -> Iterator[Taken]:
    """Each kind of question, asked and answered; `of_all` is in no establishment's name."""
    with Catalog.open(url) as catalog, _driver(url) as driver, _heard() as statements:
        # What is done once in a process's life is no part of it.
        search(catalog.instances, STUDIES, Query(), establishment=None, studies_url="u")
        for name, make in questions(exams).items():
            taken = Taken(name)
            for _ in range(ASKED):
                where, query, house = make()
                statements.clear()
                begun, computing = time.perf_counter(), time.process_time()
                told, _more = search(
                    catalog.instances,
                    where,
                    query,
                    establishment=None if of_all else house,
                    studies_url="u",
                )
                taken.wall_ms.append(1000 * (time.perf_counter() - begun))
                taken.processor_ms.append(1000 * (time.process_time() - computing))
                taken.found.append(len(told))
                taken.sql_ms.append(_alone(driver, statements))
            yield taken


@contextmanager
def _driver(url: str) -> Iterator[Any]:
    """A cursor of the database's own driver."""
    engine = sa.create_engine(url)
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        if engine.dialect.name == "sqlite":
            cursor.execute("PRAGMA case_sensitive_like = ON")
        yield cursor
    finally:
        connection.close()
        engine.dispose()


@contextmanager
def _heard() -> Iterator[list[tuple[str, Any]]]:
    """What is asked of databases meanwhile."""
    statements: list[tuple[str, Any]] = []

    def hear(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        statements.append((statement, values))

    sa.event.listen(sa.Engine, "before_cursor_execute", hear)
    try:
        yield statements
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", hear)


def _alone(driver: Any, statements: list[tuple[str, Any]]) -> float:
    selects = [one for one in statements if one[0].startswith("SELECT")]
    begun = time.perf_counter()
    for statement, values in selects:
        driver.execute(statement, values)
        driver.fetchall()
    return 1000 * (time.perf_counter() - begun)


@contextmanager
def place(database: str) -> Iterator[str]:
    """The address of an empty database of that kind, which is gone afterwards."""
    if database == "postgresql":
        with postgresql() as url:
            yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder, 'catalog.sqlite')}"


def main() -> None:
    """Fill a catalogue, ask, and tell."""
    numbers = [int(one) for one in sys.argv[1:] if one.isdecimal()]
    instances = numbers[0] if numbers else 1_000_000
    database = "postgresql" if "postgresql" in sys.argv[1:] else "sqlite"
    random.seed(1)
    with place(database) as url:
        begun = time.perf_counter()
        exams = fill(url, instances)
        taken_s = time.perf_counter() - begun
        print(f"{instances} instances of {exams} studies in {taken_s:.0f} s ({database})")
        settle()
        for of_all in (False, True):
            _tell(list(answered(url, exams, of_all=of_all)), of_all=of_all)


def _tell(taken: list[Taken], *, of_all: bool) -> None:
    whose = "all establishments at once" if of_all else "one establishment of eighty"
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"\nIn the name of {whose}; load {load} on {os.cpu_count()} processors")
    print(HEAD)
    for one in taken:
        print(f"{one.told()}{sum(one.found):9}")
    everything = Taken(
        "all kinds",
        [time for one in taken for time in one.wall_ms],
        [time for one in taken for time in one.processor_ms],
        [time for one in taken for time in one.sql_ms],
    )
    print(everything.told())


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


if __name__ == "__main__":
    main()
