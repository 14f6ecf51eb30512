"""What the reading list costs in a large laboratory: generated rows, and every sort of it.

python -m benchmarks.reading [EXAMS] [postgresql]

Exams of thirty days with six images each, of one establishment of two; two of three exams are read,
and each third has a report. By the clock and by the processor of this process, which is all that
SQLite takes.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from archive import schema
from archive.catalog import Catalog
from archive.reports.schema import report
from archive.worklist.item import Reader, Wanted, Which
from archive.worklist.schema import read_thing, reading
from benchmarks.qido import name_of, uid, without_triggers
from tests.postgresql import postgresql

IMAGES, DAYS, ASKED, BATCH = 6, 30, 10, 5000
HERE = "Hospital 1"


def fill(url: str, exams: int) -> None:
    """The rows, in a catalogue that is made."""
    Catalog.open(url).close()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        without_triggers(connection)
        for table, rows in _rows(exams).items():
            for begin in range(0, len(rows), BATCH):
                connection.execute(sa.insert(table), rows[begin : begin + BATCH])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE" if "postgresql" in url else "ANALYZE")
    engine.dispose()


def _rows(exams: int) -> dict[sa.Table, list[dict[str, Any]]]:
    now = datetime.now(UTC)
    rows: dict[sa.Table, list[dict[str, Any]]] = {
        schema.establishment: [{"id": one, "name": f"Hospital {one}"} for one in (1, 2)]
    }
    for table in (schema.patient, schema.exam, schema.image, report, reading, read_thing):
        rows[table] = []
    for number in range(exams):
        at = now - timedelta(days=DAYS) * ((number + 1) / (exams + 1))
        house, exam = number % 2 + 1, f"exam{number}"
        images = [f"{number}-{one}" for one in range(IMAGES)]
        rows[schema.patient].append(
            {
                "id": number + 1,
                "establishment_id": house,
                "issuer": "REGISTRY",
                "patient_id": f"P{number}",
                "name": name_of(number),
                "folded_name": name_of(number).lower(),
                "key": f"key{number}",
            }
        )
        rows[schema.exam].append(
            {
                "id": exam,
                "establishment_id": house,
                "patient_row": number + 1,
                "accession_number": f"A{number}",
                "issuer_of_accession_number": "LAB",
                "study_instance_uid": uid("study", number),
                "created_at": at,
            }
        )
        rows[schema.image] += [
            {
                "id": one,
                "exam_id": exam,
                "kind": "slide",
                "state": "published",
                "source_sha256": sha256(one.encode()).hexdigest(),
                "plan": "full",
                "incarnation": 0,
                "facts": {},
                "created_at": at,
                "published_at": at,
            }
            for one in images
        ]
        if number % 3 == 0:
            rows[report].append(_report(number, house, at))
            continue
        seen = {"read_by": "anne", "read_at": now, "read_version": "v"}
        rows[reading].append({"exam_id": exam, **seen})
        rows[read_thing] += [{"exam_id": exam, "thing": one} for one in images]
    return rows


def _report(exam: int, house: int, at: datetime) -> dict[str, Any]:
    name = sha256(f"report {exam}".encode()).hexdigest()
    said = {"accession_number": f"A{exam}", "accession_issuer": "LAB", "said_in": ""}
    whose = {"patient_id": f"P{exam}", "patient_issuer": "REGISTRY", "patient_name": ""}
    what = {"status": "final", "title": "Report", "code": "11526-1", "is_addendum": False}
    kept = {"media_type": "application/pdf", "key": name, "length_bytes": 1, "digest": name}
    of = {"establishment_id": house, "exam_id": f"exam{exam}", "document": "", "part": 0}
    number = {"id": name[:32], "number": f"R{exam}", "number_issuer": "LAB"}
    return {**number, **of, **said, **whose, **what, **kept, "said_at": at, "received_at": at}


@contextmanager
def _somewhere(is_postgresql: bool) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        if not is_postgresql:
            yield f"sqlite:///{folder}/catalog.sqlite"
            return
        with postgresql() as url:
            yield url


def main(exams: int, is_postgresql: bool) -> None:
    """Print what each sort of the list takes, with its counts, as the page asks."""
    with _somewhere(is_postgresql) as url:
        fill(url, exams)
        with Catalog.open(url) as catalog:
            since = datetime.now(UTC) - timedelta(days=DAYS)
            for whose in (HERE, None):
                reader = Reader("anne", whose)
                for which in Which:
                    _measure(f"{whose or 'all'}, {which}", catalog, Wanted(since, which), reader)
                named = Wanted(since, Which.ALL, words=("martin", "luc"))
                _measure(f"{whose or 'all'}, by name", catalog, named, reader)


def _measure(what: str, catalog: Catalog, wanted: Wanted, reader: Reader) -> None:
    clock, processor = [], []
    for _ in range(ASKED):
        began, busy = time.perf_counter(), time.process_time()
        catalog.worklist.page(wanted, reader)
        clock.append(1000 * (time.perf_counter() - began))
        processor.append(1000 * (time.process_time() - busy))
    both = (statistics.median(one) for one in (clock, processor))
    print(f"{what:28}", *(f"{one:8.1f} ms" for one in both))


if __name__ == "__main__":
    size = next((int(one) for one in sys.argv[1:] if one.isdigit()), 10_000)
    main(size, "postgresql" in sys.argv[1:])
