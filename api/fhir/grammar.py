"""The grammar of FHIR's searches (R4, search): values, escapes, dates with their prefixes.

Nothing here knows a resource. Every refusal is an InvalidQuery that repeats nothing of the query.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

from archive.errors import InvalidQuery
from archive.resources.asked import Compare, Period, Token

MOST_VALUES = 100
"""Between the commas of one parameter."""
MOST_CHARACTERS = 4096
_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:T(?P<hour>\d\d):(?P<minute>\d\d)"
    r"(?::(?P<second>\d\d)(?P<fraction>\.\d{1,9})?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)


def split(text: str, at: str) -> list[str]:
    """The parts between a sign that no backslash stands before, still with their backslashes."""
    parts = [""]
    signs = iter(text)
    for sign in signs:
        if sign == at:
            parts.append("")
        else:
            parts[-1] += sign
            if sign == "\\":
                parts[-1] += next(signs, "")
    return parts


def plain(text: str) -> str:
    """A part without its backslashes; raises InvalidQuery where one is before any other sign."""
    if re.search(r"\\(?![\\,|$])", re.sub(r"\\\\", "", text)):
        raise InvalidQuery("A backslash stands before a sign that needs none.")
    return re.sub(r"\\([\\,|$])", r"\1", text)


def alternatives(text: str) -> list[str]:
    """The values between commas, of which any will do; empty ones say nothing."""
    if len(text) > MOST_CHARACTERS:
        raise InvalidQuery("A value of the search is too long.")
    if "\0" in text:
        raise InvalidQuery("The search holds a character that no text has.")
    found = [one for one in split(text, ",") if one]
    if len(found) > MOST_VALUES:
        raise InvalidQuery("The search names too many values at once.")
    return found


def token(text: str) -> Token:
    """`code`, `system|code`, `|code` or `system|`."""
    parts = [plain(one).strip() for one in split(text, "|")]
    if len(parts) > 2:
        raise InvalidQuery("A code is written system|code.")
    if len(parts) == 1:
        return Token(parts[0])
    system, value = parts
    if not system and not value:
        raise InvalidQuery("A code is written system|code.")
    return Token(value or None, system)


def period(text: str) -> Period:
    """A date of any precision, of any zone (UTC where it names none), with or without a prefix."""
    text = plain(text).strip()
    compare = Compare.EQ
    if text[:2].isalpha():
        try:
            compare = Compare(text[:2])
        except ValueError as error:
            raise InvalidQuery("A date has a prefix that is not understood here.") from error
        text = text[2:]
    # A plus that nobody wrote as %2B came as a space.
    found = _DATE.fullmatch(text.replace(" ", "+"))
    if found is None:
        raise InvalidQuery("A date is written YYYY, YYYY-MM, YYYY-MM-DD or as a whole moment.")
    try:
        start = _start(found)
    except (ValueError, OverflowError) as error:
        raise InvalidQuery("A date of the search is in no calendar.") from error
    return Period(compare, start, _end(found, start))


def _start(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (
        int(found[name] or least) for name, least in _LEAST.items()
    )
    # Of a fraction, what a moment of the catalogue can hold.
    fraction = int((found["fraction"] or ".0")[1:7].ljust(6, "0"))
    zone = found["zone"]
    offset = timedelta(0)
    if zone and zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
        if int(zone[1:3]) > 14 or int(zone[4:6]) > 59:
            raise ValueError("no such zone")
        offset = -offset if zone[0] == "-" else offset
    zoned = timezone(offset)
    return datetime(year, month, day, hour, minute, second, fraction, zoned).astimezone(UTC)


_LEAST = {"year": 1, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
_LENGTHS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "day": timedelta(days=1),
}


def _end(found: re.Match[str], start: datetime) -> datetime | None:
    """The first moment after all that was written; None where the calendar ends before."""
    try:
        if found["fraction"]:
            return start + timedelta(microseconds=10 ** max(0, 7 - len(found["fraction"])))
        for name, length in _LENGTHS.items():
            if found[name]:
                return start + length
        months = start.month if found["month"] else 12
        return start.replace(year=start.year + months // 12, month=months % 12 + 1)
    except (ValueError, OverflowError):
        return None
