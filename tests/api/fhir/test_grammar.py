"""The grammar of FHIR's searches, against a second reading of it."""

import calendar
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.fhir.grammar import alternatives, period, plain, split, token
from archive.errors import InvalidQuery
from archive.resources.asked import Compare, Token

TEXT = st.text(st.sampled_from("aé|,$\\ -%_^"), min_size=1, max_size=12)
MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 28))  # noqa: DTZ001 -- zoned below
ZONES = st.integers(-14 * 60, 14 * 60)


def escaped(text: str) -> str:
    for sign in "\\,|$":
        text = text.replace(sign, f"\\{sign}")
    return text


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_values_are_had_back_whatever_signs_they_hold(values: list[str]) -> None:
    assert [plain(one) for one in alternatives(",".join(map(escaped, values)))] == values
    assert [plain(one) for one in split("|".join(map(escaped, values)), "|")] == values


@given(TEXT.map(str.strip).filter(bool), TEXT.map(str.strip).filter(bool))
def test_a_token_is_a_system_and_a_code(system: str, code: str) -> None:
    def read(text: str) -> tuple[str | None, str | None]:
        found = token(text)
        return found.system, found.value

    assert read(f"{escaped(system)}|{escaped(code)}") == (system, code)
    assert read(f"|{escaped(code)}") == ("", code)
    assert read(f"{escaped(system)}|") == (system, None)
    assert read(escaped(code)) == (None, code)
    with pytest.raises(InvalidQuery):
        token(f"{escaped(system)}|{escaped(code)}|")


def zone_of(minutes: int) -> str:
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


@given(MOMENTS, ZONES, st.sampled_from(list(Compare)), st.integers(0, 6))
def test_a_date_is_all_its_moments_in_its_zone(
    at: datetime, minutes: int, compare: Compare, digits: int
) -> None:
    zone = timezone(timedelta(minutes=minutes))
    local = at.replace(tzinfo=zone)
    second = local.replace(microsecond=0)
    step = timedelta(seconds=1)
    text = f"{local:%H:%M:%S}"
    if digits:
        unit = 10 ** (6 - digits)
        second = local.replace(microsecond=local.microsecond // unit * unit)
        step = timedelta(microseconds=unit)
        text += f".{second.microsecond:06}"[: digits + 1]
    found = period(f"{compare}{at.year:04}-{at:%m-%d}T{text}{zone_of(minutes)}")
    assert found.compare is compare
    assert found.start == second.astimezone(UTC)
    assert found.end == (second + step).astimezone(UTC)
    assert found.start <= local < found.end


@given(MOMENTS)
def test_a_date_without_a_time_is_whole_days(at: datetime) -> None:
    start = at.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    year, month = f"{at.year:04}", f"{at.year:04}-{at:%m}"
    day = period(f"{month}-{at:%d}")
    assert (day.start, day.end) == (start, start + timedelta(days=1))
    whole = period(f"ge{month}")
    days = calendar.monthrange(at.year, at.month)[1]
    assert whole.start == start.replace(day=1)
    if (at.year, at.month) < (9999, 12):
        assert whole.end == start.replace(day=1) + timedelta(days=days)
    all_year = period(f"sa{year}")
    assert all_year.start == start.replace(month=1, day=1)
    if at.year < 9999:
        assert all_year.end == datetime(at.year + 1, 1, 1, tzinfo=UTC)


NO_DATES = (
    *("", "2026-1", "20260101", "2026-02-30", "ap2026", "xx2026", "2026-01-01T10", "0000"),
    *("2026Z", "2026-01-01T10:00:00+15:00", "2026-01-01T10:00:00+01:75", "١٩٨٠"),
    "0001-01-01T00:00+10:00",
)


@pytest.mark.parametrize("text", NO_DATES)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery):
        period(text)


def test_a_plus_that_came_as_a_space_is_one() -> None:
    assert period("2026-01-01T10:00 01:00").start == datetime(2026, 1, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize("text", ["a\\b", "\\", "\\\\\\x"])
def test_a_backslash_before_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery):
        token(text)


@pytest.mark.parametrize("text", ["a\0", "a" * 5000, ",".join("a" * 101)])
def test_what_is_too_much_is_refused(text: str) -> None:
    with pytest.raises(InvalidQuery):
        alternatives(text)


def test_a_token_shows_nothing() -> None:
    assert "1234" not in repr(Token("1234"))
