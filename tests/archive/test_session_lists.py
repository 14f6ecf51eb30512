"""Lists of sessions: page by page, by as many questions for few as for many."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from archive.catalog import Catalog
from archive.errors import NotFound
from archive.session import Listed
from archive.uploads import Announced
from tests.archive.conftest import ELSEWHERE, HERE
from tests.archive.sessions import ROOM, begun, shot


@contextmanager
def asked() -> Iterator[list[str]]:
    """What databases are asked meanwhile."""
    statements: list[str] = []

    def hear(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", hear)
    try:
        yield statements
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", hear)


def test_a_list_is_read_in_pages_and_counts_what_is_there(catalog: Catalog) -> None:
    sessions = [begun(catalog) for _ in range(5)]
    for number in range(3):
        shot(catalog, sessions[1], f"picture {number}")
    for number in range(2):
        announced = Announced(f"{number}.jpg", 10, None)
        catalog.pictures.announce(sessions[1].id, announced, ROOM, establishment=HERE)
    found: list[Listed] = []
    after: str | None = None
    for size in (2, 2, 1):
        page = catalog.sessions.between(None, None, establishment=HERE, limit=2, after=after)
        assert len(page.listed) == size
        found += page.listed
        after = page.after
    assert after is None
    assert [one.session.id for one in found] == [one.id for one in reversed(sessions)]
    counts = {one.session.id: (one.count, one.arriving) for one in found}
    whole = [catalog.sessions.session(one.id, establishment=HERE) for one in sessions]
    assert counts == {one.id: (len(one.pictures), len(one.arriving)) for one in whole}
    assert counts[sessions[1].id] == (3, 2)
    with pytest.raises(NotFound):
        catalog.sessions.between(None, None, establishment=ELSEWHERE, after=sessions[0].id)


def test_many_sessions_with_many_pictures_are_one_question(catalog: Catalog) -> None:
    for number in range(4):
        session = begun(catalog)
        shot(catalog, session, f"one {number}")
    with asked() as statements:
        page = catalog.sessions.between(None, None, establishment=HERE)
    assert [one.count for one in page.listed] == [1] * 4
    assert len([one for one in statements if one.lstrip().startswith("SELECT")]) == 1
