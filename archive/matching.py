"""DICOM's ways to match an attribute (PS3.4 C.2.2.2), as conditions on a column.

An empty value matches anything. Each function gives None then.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from archive.errors import InvalidQuery
from archive.identity import folded, folded_name

Condition = sa.ColumnElement[bool]
Match = Callable[[str], Condition | None]
"""The condition for a value of a query; raises InvalidQuery."""

MOST_WORDS, MOST_CODES = 8, 64
_WILD = re.compile(r"[*?]")
_NUMBER = re.compile(r"[+-]?\d{1,9}", re.ASCII)
_DATE = re.compile(r"\d{8}", re.ASCII)
_TIME = re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?", re.ASCII)


def uids(column: sa.ColumnElement[str]) -> Match:
    """A UID, or several of them (C.2.2.2.2), between commas or backslashes."""

    def match(value: str) -> Condition | None:
        asked = _several(value)
        if asked == ["*"]:
            return None
        return column.in_(asked) if asked else None

    return match


def texts(column: sa.ColumnElement[str]) -> Match:
    """A single value, or one with wildcards (C.2.2.2.1, C.2.2.2.4); letters as they are."""

    def match(value: str) -> Condition | None:
        value = value.strip()
        if not value.strip("*"):
            return None
        return _like(column, value) if _WILD.search(value) else column == value

    return match


def codes(column: sa.ColumnElement[str]) -> Match:
    """A Code String, or any of several between commas or backslashes, which none holds (PS3.5 6.2).

    What several mean is left open where Multiple Value Matching was not agreed on (C.2.2.2.8).
    """
    one = texts(column)

    def match(value: str) -> Condition | None:
        asked = _several(value)
        if len(asked) > MOST_CODES:
            raise InvalidQuery("A code is looked for among a few.")
        told = [condition for code in asked if (condition := one(code)) is not None]
        return sa.or_(*told) if asked and len(told) == len(asked) else None

    return match


def names(column: sa.ColumnElement[str]) -> Match:
    """A Person Name against a folded one: accents and case do not count (C.2.2.2.1.1)."""

    def match(value: str) -> Condition | None:
        asked = folded_name(value.strip())
        if not asked.strip("*^="):
            return None
        return _like(column, asked) if _WILD.search(asked) else column == asked

    return match


def fuzzy_names(column: sa.ColumnElement[str]) -> Match:
    """A Person Name of which each word that is asked for begins a word, in any order."""

    def match(value: str) -> Condition | None:
        words = re.findall(r"\w+", folded(value))
        if not words:
            return None
        if len(words) > MOST_WORDS:
            raise InvalidQuery("A name is looked for by a few words.")
        spaced = sa.literal(" ") + sa.func.replace(column, "^", " ")
        return sa.and_(*(_like(spaced, f"* {word}*") for word in words))

    return match


def either(one: Match, other: Match) -> Match:
    """What matches one of two columns, which both say the same or nothing of an empty value."""

    def match(value: str) -> Condition | None:
        first, second = one(value), other(value)
        return None if first is None or second is None else sa.or_(first, second)

    return match


def numbers(column: sa.ColumnElement[int]) -> Match:
    """A whole number."""

    def match(value: str) -> Condition | None:
        value = value.strip()
        if not value.strip("*"):
            return None
        if not _NUMBER.fullmatch(value):
            raise InvalidQuery("A number is written with at most nine digits.")
        return column == int(value)

    return match


def dates_of(column: sa.ColumnElement[datetime]) -> Match:
    """A date or a range of dates (C.2.2.2.5) of a moment in UTC."""

    def match(value: str) -> Condition | None:
        first, last = _bounds(value, _DATE, "a date is written YYYYMMDD")
        conditions = []
        if first:
            conditions.append(column >= _day(first))
        # The last day of the calendar is no end.
        if last and last < "99991231":
            conditions.append(column < _day(last) + timedelta(days=1))
        return sa.and_(*conditions) if conditions else None

    return match


def days(column: sa.ColumnElement[object]) -> Match:
    """A date or a range of dates of a day."""

    def match(value: str) -> Condition | None:
        first, last = _bounds(value, _DATE, "a date is written YYYYMMDD")
        conditions = []
        if first:
            conditions.append(column >= _day(first).date())
        if last:
            conditions.append(column <= _day(last).date())
        return sa.and_(*conditions) if conditions else None

    return match


def times_of(column: sa.ColumnElement[str]) -> Match:
    """A time or a range of times of a column that holds HHMMSS.

    A time that is not written to its end stands for all that begin so.
    """

    def match(value: str) -> Condition | None:
        first, last = _bounds(value, _TIME, "a time is written HHMMSS")
        conditions = []
        if first:
            conditions.append(column >= first[:6].ljust(6, "0"))
        if last:
            conditions.append(column <= last[:6].ljust(6, "9"))
        return sa.and_(*conditions) if conditions else None

    return match


def moments(column: sa.ColumnElement[datetime], dates: str, times: str) -> Condition | None:
    """A range of dates and one of times as one range of moments in UTC (C.2.2.2.5.3)."""
    first, last = _bounds(dates, _DATE, "a date is written YYYYMMDD")
    begin, end = _bounds(times, _TIME, "a time is written HHMMSS")
    conditions = []
    if first:
        conditions.append(column >= _moment(first, begin[:6].ljust(6, "0")))
    if last:
        conditions.append(column < _moment(last, end[:6].ljust(6, "9")) + timedelta(seconds=1))
    return sa.and_(*conditions) if conditions else None


def _several(value: str) -> list[str]:
    return [one.strip() for one in re.split(r"[,\\]", value) if one.strip()]


def _bounds(value: str, form: re.Pattern[str], otherwise: str) -> tuple[str, str]:
    value = value.strip()
    if not value.strip("*"):
        return "", ""
    first, hyphen, last = value.partition("-")
    if not hyphen:
        last = first
    for one in (first, last):
        if one and not form.fullmatch(one):
            raise InvalidQuery(f"The query cannot be read: {otherwise}.")
    return first, last


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidQuery("The query names a day that is in no calendar.") from error


def _moment(day: str, time: str) -> datetime:
    """A second of a day; a time that is not written to its end is filled up beyond the clock's."""
    hours, minutes, seconds = (int(time[at : at + 2]) for at in (0, 2, 4))
    within = timedelta(hours=min(hours, 23), minutes=min(minutes, 59), seconds=min(seconds, 59))
    return _day(day) + within


def _like(column: sa.ColumnElement[str], pattern: str) -> Condition:
    escaped = re.sub(r"([%_!])", r"!\1", pattern)
    return column.like(escaped.replace("*", "%").replace("?", "_"), escape="!")
