"""No search reads the archive from end to end: SQLite says by which index it goes."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from api.fhir.asked import asked_of
from api.fhir.searching import Place, search
from archive.catalog import Catalog
from archive.resources import studies
from benchmarks.fhir import BASE, add_reports, questions
from benchmarks.qido import IMAGES, LEVELS, fill

STUDIES = 40
INDEXES = {
    "patients": "ix_patient_establishment_id_id",
    "a patient by number": "ix_patient_patient_id",
    "patients by family": "ix_patient_folded_name",
    "newest studies": "ix_exam_establishment_id_created_at_id",
    "studies by patient": "ix_exam_patient_row",
    "studies by a patient's number": "ix_exam_patient_row",
    "a study by accession": "ix_exam_accession_number",
    "a study by UID": "ix_exam_study_instance_uid",
    "a study by instance": "ix_instance_sop_instance_uid",
    "newest reports": "ix_report_establishment_id_received_at_id",
    "reports by patient": "ix_exam_patient_row",
    "reports by accession": "ix_exam_accession_number",
}
SCANNED = {"SCAN page", "SCAN lineage", "SCAN move USING INDEX uq_move_undone"}
"""What is small: what was found already, and the images that are about to move."""
NOTHING = {"a modality that is not there", "how many studies"}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    url = f"sqlite:///{tmp_path_factory.mktemp('generated') / 'catalog.sqlite'}"
    assert fill(url, IMAGES * LEVELS * STUDIES) == STUDIES
    add_reports(url, STUDIES)
    with Catalog.open(url) as opened:
        yield opened


@pytest.mark.parametrize("name", sorted(questions(STUDIES)))
def test_searches_go_by_indexes(catalog: Catalog, name: str) -> None:
    kind, pairs = questions(STUDIES)[name](30)
    asked: list[tuple[str, Any]] = []

    def hear(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        asked.append((statement, values))

    with catalog._database.read() as connection:
        sa.event.listen(connection.engine, "before_cursor_execute", hear)
        try:
            place = Place(catalog.resources, "Hospital 10", "http://test")
            found = search(place, asked_of(kind, pairs, BASE))
        finally:
            sa.event.remove(connection.engine, "before_cursor_execute", hear)
        plans = [
            str(row[3])
            for statement, values in asked
            if statement != "BEGIN"
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert bool(found.resources) is (name not in NOTHING)
    assert {one for one in plans if one.startswith("SCAN")} <= SCANNED
    assert INDEXES.get(name, "") in " ".join(plans)
    # What came of a study is found by its series, and not among all that a house ever got.
    assert not [one for one in plans if "sqlite_autoindex_arrival" in one]
    # And what waits of a report by its number, not among all that a house has.
    waits = {one for one in plans if "waiting_version" in one}
    assert waits <= {one for one in waits if "ix_report_establishment_id_number_issuer" in one}


def test_what_is_nowhere_is_known_before_all_exams_are_gone_through(catalog: Catalog) -> None:
    kind, pairs = questions(STUDIES)["a modality that is not there"](30)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    with catalog._database.read() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        asked = asked_of(kind, pairs, BASE).search
        through_all = asked_of(kind, [("modality:not", "SM,DMS,XC")], BASE).search
        raw.set_progress_handler(step, 1)
        try:
            assert not studies.search(connection, asked, None)
            known, steps = steps, 0
            assert not studies.search(connection, through_all, None)
        finally:
            raw.set_progress_handler(None, 0)
    assert 10 * known < steps
