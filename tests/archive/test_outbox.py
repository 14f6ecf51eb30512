"""The queue gives an archive what is for it, and nothing that another may not see."""

from archive.catalog import Catalog
from archive.record import OutboxState
from archive.telling.rules import Takes
from tests.archive.conftest import ELSEWHERE, HERE
from tests.archive.test_backlog import photographed, told

PACS = "pacs"


def test_an_archive_that_is_another_establishments_now_gets_nothing_of_the_first(
    catalog: Catalog,
) -> None:
    catalog.outbox.know(HERE, PACS)
    before = photographed(catalog, "before", HERE)
    catalog.outbox.know(ELSEWHERE, PACS)
    after = photographed(catalog, "after", HERE)
    assert catalog.outbox.claim("w", ELSEWHERE, PACS, 60) is None
    assert [one.state for one in told(catalog, [before])] == [OutboxState.WAITING]
    assert told(catalog, [after]) == []
    theirs = photographed(catalog, "theirs", ELSEWHERE)
    telling = catalog.outbox.claim("w", ELSEWHERE, PACS, 60)
    assert telling is not None
    assert telling.image_id == theirs.id


def test_an_archive_that_is_given_back_is_told_on(catalog: Catalog) -> None:
    catalog.outbox.know(HERE, PACS)
    before = photographed(catalog, "before", HERE)
    catalog.outbox.know(ELSEWHERE, PACS)
    catalog.outbox.know(HERE, PACS, frozenset({Takes.PHOTOGRAPHS}))
    telling = catalog.outbox.claim("w", HERE, PACS, 60)
    assert telling is not None
    assert telling.image_id == before.id
    assert len(told(catalog, [photographed(catalog, "again", HERE)])) == 1
