"""A message as it is read: segments, fields, repetitions, components, with nothing made up."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import hl7

from api.errors import BadMessage
from api.hl7.escapes import Escapes
from archive.cases.order import AHEAD

DELETED = hl7.NULL
"""What a field says that is to be emptied; an empty field says nothing (HL7 v2.5, 2.5.3)."""
MAX_DELIMITERS = 50_000
"""Each costs about 460 bytes once it is taken apart."""
MAX_LINES = 400_000
"""As a document of the largest message has in base64, broken as mail breaks it."""
_GO_ON = frozenset({"OBX", "NTE"})
"""The segments that hold whole texts and documents."""
CHARSETS = {
    "ASCII": "ascii",
    "8859/1": "iso8859-1",
    "8859/15": "iso8859-15",
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
}
"""The character sets of MSH-18 that are read (HL7 table 0211); others are refused, not guessed."""
_MOMENT = re.compile(
    r"(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(?:\.\d{1,4})?([+-]\d{4})?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Header:
    """What the first segment says, before anybody knows how the rest is written."""

    application: str
    facility: str
    control_id: str
    kind: str
    """As `ADT^A28`."""
    version: str
    charset: str
    """As MSH-18 has it, or ""."""
    separators: str
    """Field, component, repetition, escape, subcomponent: MSH-1 and MSH-2."""


@dataclass(frozen=True, slots=True, repr=False)
class Segment:
    """One segment; fields are counted from 1, as HL7 does."""

    name: str
    _parsed: Any = field(repr=False)
    _escapes: Escapes = field(repr=False)

    def value(
        self, number: int, component: int = 1, subcomponent: int = 1, repetition: int = 1
    ) -> str:
        """What stands there, with escapes undone and spaces trimmed; "" where nothing does."""
        found = self._at(number, repetition - 1, component - 1, subcomponent - 1)
        return self._escapes.undone(found).strip()

    def text(self, number: int, repetition: int = 1) -> str:
        """All of a repetition, with its spaces: of a data type without components (TX, FT, ST).

        Senders write signs there that separate elsewhere; what is behind them is said as well.
        """
        return self._escapes.undone(self._at(number, repetition - 1))

    def repetitions(self, number: int) -> range:
        """The numbers of a field's repetitions."""
        if number >= len(self._parsed) or not str(self._parsed[number]):
            return range(0)
        return range(1, len(self._parsed[number]) + 1)

    def _at(self, *places: int) -> str:
        """As it came. What has no parts is the first of them."""
        found = self._parsed
        for place in places:
            if isinstance(found, str):
                if place:
                    return ""
            elif place >= len(found):
                return ""
            else:
                found = found[place]
        return str(found)


@dataclass(frozen=True, slots=True, repr=False)
class Message:
    """A message that was read."""

    header: Header
    parts: Sequence[Segment] = field(repr=False)
    sender: str = ""
    """Who sent it, as the table of senders knows them."""
    default_issuer: str = ""
    """Who gave a number of which the message does not say it."""
    own_issuers: frozenset[str] = frozenset()
    """All that the default issuer is called, its OIDs too."""
    zone: tzinfo = UTC
    """Of its sender's clocks, for moments that name none."""

    def segments(self, *names: str) -> list[Segment]:
        """The segments of these names, in their order."""
        return [one for one in self.parts if one.name in names]

    def first(self, name: str) -> Segment:
        """The first segment of that name; raises BadMessage where there is none."""
        for one in self.parts:
            if one.name == name:
                return one
        raise BadMessage(f"the segment {name} is missing", 100, name)

    @property
    def stated_at(self) -> datetime:
        """When it was said: EVN-6 (it happened), else EVN-2 (recorded), else MSH-7 (written).

        A moment that is still to come is none, or nothing said later would count.
        """
        now = datetime.now(UTC)
        for name, number in (("EVN", 6), ("EVN", 2), ("MSH", 7)):
            for segment in self.segments(name):
                moment = self.moment(segment.value(number))
                if moment is not None and moment <= now + AHEAD:
                    return moment
        return now

    def moment(self, text: str) -> datetime | None:
        """A moment that it says (TS); None where that is none."""
        return read_moment(text, self.zone)

    def said_at(self, text: str) -> datetime:
        """When a part of it was said (TS); as the whole, where that is no moment before it.

        One to come would be the newest for ever.
        """
        moment = self.moment(text)
        return self.stated_at if moment is None or moment > self.stated_at else moment


def read_header(payload: bytes) -> Header:
    """Read the first segment alone; raises BadMessage."""
    first = re.split(rb"[\r\n]", payload.lstrip(b"\r\n "), maxsplit=1)[0].decode("latin-1")
    if not first.startswith("MSH") or len(first) < 9:
        raise BadMessage("the message does not begin with MSH", 100, "MSH")
    if len(first) > 4096:
        raise BadMessage("the segment MSH is too long", 102, "MSH")
    fields = first.split(first[3])
    if not 4 <= len(fields[1]) <= 5 or len({first[3], *fields[1]}) != len(fields[1]) + 1:
        raise BadMessage("MSH-2 does not name four separators", 102, "MSH^1^2")
    component = fields[1][0]

    def at(number: int) -> str:
        # The separator itself is MSH-1.
        return fields[number - 1].strip() if number <= len(fields) else ""

    kind = at(9).split(component)
    header = Header(
        application=at(3).split(component)[0],
        facility=at(4).split(component)[0],
        control_id=at(10),
        kind="^".join(kind[:2]),
        version=at(12).split(component)[0],
        charset=at(18).split(fields[1][1])[0].upper(),
        separators=first[3] + fields[1][:4],
    )
    if not header.control_id or len(header.control_id) > 199:
        raise BadMessage("the message has no number", 101, "MSH^1^10")
    return header


def read_message(
    payload: bytes,
    header: Header,
    *,
    charset: str = "",
    sender: str = "",
    default_issuer: str = "",
    own_issuers: frozenset[str] = frozenset(),
    zone: tzinfo = UTC,
) -> Message:
    """Read a whole message; raises BadMessage.

    `charset` is how a sender writes that says nothing of it; without either only ASCII is read.
    """
    named = header.charset or charset.upper() or "ASCII"
    if named not in CHARSETS:
        raise BadMessage("MSH-18 names a character set that is not read here", 103, "MSH^1^18")
    text = _decoded(payload, CHARSETS[named])
    if text is None:
        raise BadMessage(
            "the message is not written in the character set of MSH-18", 102, "MSH^1^18"
        )
    # Two signs are an escape, with which some senders end lines.
    if max(*map(text.count, "\r\n"), text.count(header.separators[3]) // 2) > MAX_LINES:
        raise BadMessage("the message has more lines, or escapes, than are read", 102, "")
    lines = "\r".join(_segments(text, header.separators[0]))
    # The fourth sign escapes, and divides nothing.
    divide = "\r" + header.separators[:3] + header.separators[4]
    if sum(map(lines.count, divide)) > MAX_DELIMITERS:
        raise BadMessage("the message has more fields than are read", 102, "")
    escapes = Escapes(header.separators, CHARSETS[named])
    try:
        parsed = hl7.parse(lines)
        parts = tuple(Segment(str(one[0]), one, escapes) for one in parsed if str(one[0]).strip())
    except (hl7.HL7Exception, ValueError, IndexError, KeyError, AssertionError) as error:
        raise BadMessage("the message cannot be taken apart", 102, "") from error
    return Message(header, parts, sender, default_issuer, own_issuers | {default_issuer}, zone)


def _segments(text: str, separator: str) -> Iterator[str]:
    """The segments of a message, a line each.

    Some senders break the lines of a text or of base64 as if HL7 knew line feeds there. What is
    behind is no segment: it goes on with the result, or the note, that it stands in.
    """
    whole: list[str] = []
    begins = re.compile(rf"\s*[A-Z][A-Z0-9]{{2}}{re.escape(separator)}")
    for line in re.split(r"\r\n|\r|\n", text):
        if whole and not begins.match(line) and whole[0][:3] in _GO_ON:
            whole.append(line)
            continue
        yield from ("\n".join(whole).rstrip("\n"),) if whole else ()
        whole = [line.strip()] if line.strip() else []
    yield from ("\n".join(whole).rstrip("\n"),) if whole else ()


def _decoded(payload: bytes, encoding: str) -> str | None:
    """The text of a message; None where it is not written so.

    To 8859 any byte is a letter. Letters that are UTF-8 from first to last are no chance.
    """
    try:
        if encoding.startswith("iso8859") and not payload.isascii():
            try:
                payload.decode("utf-8")
            except UnicodeDecodeError:
                return payload.decode(encoding)
            return None
        return payload.decode(encoding)
    except UnicodeDecodeError:
        return None


def body_of(payload: bytes) -> bytes:
    """All but the first segment: what a repetition has in common with what it repeats."""
    return re.split(rb"[\r\n]+", payload.lstrip(b"\r\n "), maxsplit=1)[-1]


def read_moment(text: str, clocks: tzinfo = UTC) -> datetime | None:
    """A moment of HL7 (TS), of these clocks where it names no zone; None where it is none."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, zone = found.groups()
    try:
        if zone:
            away = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:]))
            clocks = timezone(-away if zone[0] == "-" else away)
        return datetime(
            *(int(year), int(month or 1), int(day or 1)),
            *(int(hour or 0), int(minute or 0), int(second or 0)),
            tzinfo=clocks,
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
