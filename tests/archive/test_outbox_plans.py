"""How SQLite finds what an archive was told, among millions: never by reading all of it."""

from pathlib import Path

import sqlalchemy as sa

from archive.catalog import Catalog
from archive.concatenation import parts_of
from archive.record import OutboxState
from archive.telling.forms import VL_PHOTOGRAPHIC
from archive.telling.rows import Telling
from archive.telling.rules import Form
from tests.archive.conftest import HERE
from tests.archive.test_backlog import photographed

PACS = "pacs"
BY_ARCHIVE = "SEARCH outbox USING INDEX sqlite_autoindex_outbox_1 (remote_id=? AND kind=?)"
"""All that one archive was ever told."""


COUNTED = {
    "SEARCH outbox USING COVERING INDEX ix_outbox_remote_id_state_due_at (remote_id=?)",
    "SEARCH outbox USING INDEX ix_outbox_cut (remote_id=?)",
}
"""How much there is in each state: no row is read but of what is cut."""


def test_no_question_reads_all_that_an_archive_was_told(tmp_path: Path) -> None:
    with Catalog.open(f"sqlite:///{tmp_path / 'catalog.sqlite'}") as catalog:
        plans = plans_of(catalog)
    assert any("outbox" in one for one in plans)
    assert BY_ARCHIVE not in plans
    by_remote = {one for one in plans if "outbox" in one and "(remote_id=?)" in one}
    assert by_remote == COUNTED
    assert {one for one in plans if one.startswith("SCAN outbox")} <= {
        "SCAN outbox USING INDEX ix_outbox_held"
    }


def plans_of(catalog: Catalog) -> set[str]:
    """How the database looks for what publishing, telling and the page ask for."""
    asked: list[tuple[str, tuple[object, ...]]] = []

    def hear(
        _: object, __: object, statement: str, values: tuple[object, ...], *___: object
    ) -> None:
        asked.append((statement, values))

    engine = catalog._database._engine
    out = catalog.outbox
    out.know(HERE, PACS)
    sa.event.listen(engine, "before_cursor_execute", hear)
    try:
        photographed(catalog, "one")
        telling = out.claim("w", HERE, PACS, 60)
        assert isinstance(telling, Telling)
        out.fall_back(telling, "refused", Form.PHOTOGRAPH, f"{VL_PHOTOGRAPHIC}.1")
        assert out.holders() == frozenset()
        assert catalog.backlog.lacking(HERE, PACS) == 0
        assert catalog.backlog.counts(HERE, PACS)[OutboxState.TASK] == 1
        assert not out.shares_number(telling)
        photographed(catalog, "two")
        whole = out.claim("w", HERE, PACS, 60)
        assert isinstance(whole, Telling)
        out.cut(whole, parts_of(whole.object_uid, [range(1)]), lambda *_: "1.2.3")
        assert out.reached(whole) == {OutboxState.WAITING}
        assert out.claim("w", HERE, PACS, 60) is not None
    finally:
        sa.event.remove(engine, "before_cursor_execute", hear)
    with catalog._database.read() as connection:
        return {
            str(row[3])
            for statement, values in asked
            if "outbox" in statement and not statement.startswith("INSERT")
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        }
