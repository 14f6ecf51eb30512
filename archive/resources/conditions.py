"""Values of a search as conditions on columns; each maker raises InvalidQuery."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from archive.columns import UtcDateTime
from archive.errors import InvalidQuery
from archive.identity import folded_name
from archive.resources.asked import Compare, Criterion, How, Period, Token, Value, Words

Condition = sa.ColumnElement[bool]
Make = Callable[[Value], Condition]
"""The condition for one value."""
Text = sa.ColumnElement[str]


class _caret(GenericFunction[int]):  # noqa: N801 -- named as functions of SQL are
    """Where the first component of a name ends, counted from one; 0 for a name of one."""

    type = sa.Integer()
    inherit_cache = True
    name = "sansverre_caret"


@compiles(_caret, "sqlite")
def _(element: _caret, compiler: sa.sql.compiler.SQLCompiler, **more: object) -> str:
    return f"instr({compiler.process(element.clauses, **more)}, '^')"


@compiles(_caret, "postgresql")
def _(element: _caret, compiler: sa.sql.compiler.SQLCompiler, **more: object) -> str:
    return f"strpos({compiler.process(element.clauses, **more)}, '^')"


def family(column: Text) -> Text:
    """The first component of a name, between carets."""
    return sa.literal("^").concat(sa.func.substr(column, 1, _caret(column.concat("^")))).concat("^")


def given(column: Text) -> Text:
    """The other components of a name, between carets."""
    return sa.func.substr(column, _caret(column.concat("^"))).concat("^")


def all_of(criteria: Iterable[Criterion], known: Mapping[str, Make]) -> list[Condition]:
    """The conditions of a search, all of which hold; raises InvalidQuery for a name unknown."""
    return [_one(criterion, known) for criterion in criteria]


def _one(criterion: Criterion, known: Mapping[str, Make]) -> Condition:
    make = known.get(criterion.name)
    if make is None:
        raise InvalidQuery("The search names something that is not looked for here.")
    found = sa.or_(*(make(value) for value in criterion.values))
    # What is not known does not have it either.
    return sa.not_(sa.func.coalesce(found, sa.false())) if criterion.is_not else found


def token(make: Callable[[Token], Condition]) -> Make:
    """Of a code or number."""

    def made(value: Value) -> Condition:
        if not isinstance(value, Token):
            raise InvalidQuery("The search asks for a code in another way.")
        return make(value)

    return made


def code_in(column: Text, system: str, codes: Mapping[str, object] | None = None) -> Make:
    """Of a code of one system; `codes` are the column's values by those of FHIR."""

    def make(asked: Token) -> Condition:
        if asked.system not in {None, system}:
            return sa.false()
        if asked.value is None:
            return column.is_not(None)
        if codes is None:
            return column == asked.value
        if asked.value not in codes:
            return sa.false()
        return column.is_not_distinct_from(codes[asked.value])

    return token(make)


def uid(column: Text, given_by: str | None = None) -> Make:
    """Of a UID, bare or as `urn:oid:`; `given_by` is the system that may be named."""

    def make(asked: Token) -> Condition:
        if asked.system not in {None, "", given_by}:
            return sa.false()
        return column == bare(asked.value or "")

    return token(make)


def bare(uid: str) -> str:
    """A UID without what makes it a URI."""
    return uid.removeprefix("urn:oid:")


def moment(at_or_after: Callable[[datetime], Condition]) -> Make:
    """Of a moment, or of the newest of several, by what says that it is one or a later one."""

    def make(value: Value) -> Condition:
        if not isinstance(value, Period):
            raise InvalidQuery("The search asks for a date in another way.")
        begun = at_or_after(value.start)
        ended = sa.false() if value.end is None else at_or_after(value.end)
        match value.compare:
            case Compare.EQ:
                return sa.and_(begun, sa.not_(ended))
            case Compare.NE:
                return sa.or_(sa.not_(begun), ended)
            case Compare.GE:
                return begun
            case Compare.LE:
                return sa.not_(ended)
            case Compare.GT | Compare.SA:
                return ended
            case Compare.LT | Compare.EB:
                return sa.not_(begun)

    return make


def earlier(moment: sa.ColumnElement[datetime], key: Text, mark: Mapping[str, Any]) -> Condition:
    """Behind the last row of the page before, the newest first, by where that says it ended.

    Raises InvalidQuery for what is no such mark.
    """
    try:
        at = datetime.fromisoformat(mark["at"])
        last = sa.tuple_(sa.literal(at, UtcDateTime), sa.literal(mark["id"], sa.String))
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidQuery("The address of this page is none.") from error
    return sa.tuple_(moment, key) < last


def day(column: sa.ColumnElement[date]) -> Make:
    """Of a day, which has no zone: the periods that were asked for begin and end with days."""

    def at_or_after(at: datetime) -> Condition:
        # Of a day that has begun by then, less than the whole is left.
        is_midnight = (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0)
        # The same as the day after or later, and said of the calendar's last one too.
        return column >= at.date() if is_midnight else column > at.date()

    make = moment(at_or_after)

    def known(value: Value) -> Condition:
        return sa.and_(column.is_not(None), make(value))

    return known


def name_part(columns: Iterable[tuple[Text, Text]], part: Callable[[Text], Text]) -> Make:
    """Of a part of a name: `columns` are pairs of a name as it is and as it is looked for."""
    pairs = tuple(columns)

    def make(value: Value) -> Condition:
        if not isinstance(value, Words):
            raise InvalidQuery("The search asks for a name in another way.")
        if value.how is How.EXACT:
            return sa.or_(*(_has(part(name), f"^{value.text}^") for name, _ in pairs))
        text = folded_text(value.text)
        if not text:
            return sa.false()
        if value.how is How.HOLDS:
            return sa.or_(*(_has(part(folded), text) for _, folded in pairs))
        if part is family:
            # By the index: it has no caret, and so ends within the first component.
            return sa.or_(*(begins(folded, text) for _, folded in pairs))
        return sa.or_(*(_has(part(folded), f"^{text}") for _, folded in pairs))

    return make


def folded_text(text: str) -> str:
    """A text of a search as names are looked for."""
    return " ".join(folded_name(text.translate(dict.fromkeys(b"^=*?", " "))).split())


def begins(column: Text, text: str) -> Condition:
    """That a text begins so; in one piece, as an index is looked up by it."""
    return column.like(re.sub(r"([%_!])", r"!\1", text) + "%", escape="!")


def _has(column: Text, text: str) -> Condition:
    return column.contains(text, autoescape=True)
