"""No search reads the archive from end to end: SQLite says by which index it goes."""

from typing import Any

import pytest
import sqlalchemy as sa

from api.dicomweb.search import search
from archive import conditions
from archive.catalog import Catalog
from benchmarks.qido import fill, questions

EXAMS = 40
INDEXES = {
    "the newest of one establishment": "ix_exam_establishment_id_created_at_id",
    "the newest of all": "ix_exam_created_at_id",
    "patient's number": "ix_patient_patient_id",
    "accession number": "ix_exam_accession_number",
    "study of an instance": "ix_instance_sop_instance_uid",
    "series of a study": "ix_exam_study_instance_uid",
    "newest series": "ix_exam_establishment_id_created_at_id",
    "instances of a series": "ix_series_series_instance_uid",
    "one instance": "ix_instance_sop_instance_uid",
}
BY_PART = {"something in a name", "words of a name"}
NOTHING = {"a modality that is not there"}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Any:
    url = f"sqlite:///{tmp_path_factory.mktemp('generated') / 'catalog.sqlite'}"
    assert fill(url, 10 * EXAMS) == EXAMS
    with Catalog.open(url) as opened:
        yield opened


@pytest.mark.parametrize("of_all", [False, True])
@pytest.mark.parametrize("kind", sorted(questions(EXAMS)))
def test_searches_go_by_indexes(
    catalog: Catalog, kind: str, of_all: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As many as in a large archive, beside what is generated here.
    monkeypatch.setattr(conditions, "FEW", EXAMS // 4)
    where, query, house = questions(EXAMS)[kind]()
    establishment = None if of_all else house
    asked: list[tuple[str, Any]] = []

    def hear(_: Any, __: Any, statement: str, values: Any, *___: Any) -> None:
        asked.append((statement, values))

    with catalog._database.read() as connection:
        sa.event.listen(connection.engine, "before_cursor_execute", hear)
        try:
            told, _ = search(
                catalog.instances, where, query, establishment=establishment, studies_url="u"
            )
        finally:
            sa.event.remove(connection.engine, "before_cursor_execute", hear)
        plans = [
            str(row[3])
            for statement, values in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert bool(told) is (kind not in NOTHING)
    scanned = {one for one in plans if one.startswith("SCAN") and "USING" not in one}
    # That no exam is one of none is asked of one row; a part of a name, of all patients' alone.
    by_part = {"SCAN patient"} if of_all and kind in BY_PART else set()
    assert {one for one in scanned if "CONSTANT" not in one and "subquery" not in one} <= by_part
    index = INDEXES.get(kind, "")
    if of_all:
        index = index.replace("exam_establishment_id_created", "exam_created")
    assert index in " ".join(plans)
