"""What a search asks is what the database finds, against the words of the standard."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from api.fhir.grammar import period
from archive.columns import UtcDateTime
from archive.identity import folded_name
from archive.resources.asked import Compare, How, Period, Value, Words
from archive.resources.conditions import begins, day, family, moment, name_part
from archive.resources.conditions import given as given_part

BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(2025, 12, 30), datetime(2026, 1, 3)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=UTC)
)
PRECISIONS = ("%Y", "%Y-%m", "%Y-%m-%d", "%Y-%m-%dT%H:%MZ", "%Y-%m-%dT%H:%M:%SZ")
PARTS = st.text(st.sampled_from("aéB -'%_"), max_size=4)

# R4, search, 3.1.1.5.6, of a value that is a single moment.
MEANT: dict[Compare, Callable[[datetime, datetime, datetime], bool]] = {
    Compare.EQ: lambda at, start, end: start <= at < end,
    Compare.NE: lambda at, start, end: not start <= at < end,
    Compare.GT: lambda at, _, end: at >= end,
    Compare.SA: lambda at, _, end: at >= end,
    Compare.LT: lambda at, start, _: at < start,
    Compare.EB: lambda at, start, _: at < start,
    Compare.GE: lambda at, start, _: at >= start,
    Compare.LE: lambda at, _, end: at < end,
}


@pytest.fixture(scope="module")
def holds() -> Iterator[Callable[[sa.ColumnElement[bool]], bool]]:
    """Asks SQLite whether a condition holds."""
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA case_sensitive_like = ON")
        yield lambda condition: bool(connection.scalar(sa.select(condition)))
    engine.dispose()


Holds = Callable[[sa.ColumnElement[bool]], bool]


@given(MOMENTS, MOMENTS, st.sampled_from(PRECISIONS), st.sampled_from(list(Compare)))
def test_moments_are_found_as_their_prefix_means(
    holds: Holds, at: datetime, asked: datetime, precision: str, compare: Compare
) -> None:
    meant: Period = period(f"{compare}{asked:{precision}}")
    assert meant.end is not None
    column = sa.literal(at, UtcDateTime)
    found = holds(moment(lambda since: column >= sa.literal(since, UtcDateTime))(meant))
    assert found is MEANT[compare](at, meant.start, meant.end)


@given(MOMENTS, MOMENTS, st.sampled_from(PRECISIONS[:3]), st.sampled_from(list(Compare)))
def test_days_are_found_as_their_prefix_means(
    holds: Holds, at: datetime, asked: datetime, precision: str, compare: Compare
) -> None:
    meant = period(f"{compare}{asked:{precision}}")
    assert meant.end is not None
    born = at.replace(hour=0, minute=0, second=0, microsecond=0)
    column: sa.ColumnElement[date] = sa.literal(born.date(), sa.Date)
    assert holds(day(column)(meant)) is MEANT[compare](born, meant.start, meant.end)
    assert not holds(day(sa.literal(None, sa.Date))(meant))


def test_the_last_year_of_the_calendar_has_no_end(holds: Holds) -> None:
    now = sa.literal(BEFORE + timedelta(days=1), UtcDateTime)
    since = moment(lambda at: now >= sa.literal(at, UtcDateTime))
    told = {text: holds(since(period(text))) for text in ("lt9999", "le9999", "gt9999", "ge9999")}
    assert told == {"lt9999": True, "le9999": True, "gt9999": False, "ge9999": False}
    born: sa.ColumnElement[date] = sa.literal(date(9999, 12, 31), sa.Date)
    noon = "9999-12-31T12:00Z"
    assert [holds(day(born)(period(f"{one}{noon}"))) for one in ("lt", "eq", "ge")] == [
        True,
        False,
        False,
    ]


@given(PARTS, PARTS, PARTS, PARTS, st.sampled_from(list(How)))
def test_parts_of_names_are_found(
    holds: Holds, surname: str, first: str, middle: str, asked: str, how: How
) -> None:
    name = f"{surname}^{first}^{middle}".rstrip("^")
    folded = folded_name(name)
    columns = [(sa.literal(name), sa.literal(folded))]
    parts = [*folded.split("^"), "", "", ""][:3]
    text = " ".join(folded_name(asked).split())

    def expected(own: list[str], plain: list[str]) -> bool:
        if how is How.EXACT:
            return any(one == asked for one in plain if one or asked)
        if not text:
            return False
        if how is How.BEGINS:
            return any(one.startswith(text) for one in own)
        return any(text in one for one in own)

    value: Value = Words(asked, how)
    if asked or how is not How.EXACT:
        exact = [*name.split("^"), "", "", ""][:3]
        assert holds(name_part(columns, family)(value)) is expected(parts[:1], exact[:1])
        assert holds(name_part(columns, given_part)(value)) is expected(parts[1:], exact[1:])


@given(PARTS, PARTS)
def test_signs_that_like_knows_mean_themselves(holds: Holds, text: str, asked: str) -> None:
    assert holds(begins(sa.literal(text), asked)) is text.startswith(asked)
