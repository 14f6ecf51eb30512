"""What a sender is told: that it is done (AA), that it cannot be done (AE), or not here (AR)."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from api.hl7.message import CHARSETS, Header

US = "SANSVERRE"


class Code(StrEnum):
    """The acknowledgement codes of the original mode (HL7 table 0008)."""

    ACCEPTED = "AA"
    ERROR = "AE"
    """The message says what cannot be done, and would the next time as well."""
    REJECTED = "AR"
    """Messages of this kind, or from there, are not taken."""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that is said beside: a code of HL7 table 0357, where, and words for people.

    Nothing of a patient is ever said. `is_warning` tells of what was left aside in a message that
    was taken.
    """

    code: int
    text: str
    where: str = ""
    """As ERR-2 has it: `PID^1^3`."""
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What becomes of a message."""

    code: Code = Code.ACCEPTED
    notes: tuple[Note, ...] = ()


DONE = Answer()


def refused(text: str, code: int = 207, where: str = "") -> Answer:
    """The message says what cannot be done."""
    return Answer(Code.ERROR, (Note(code, text, where),))


def rejected(text: str, code: int = 201, where: str = "") -> Answer:
    """Such messages are not taken."""
    return Answer(Code.REJECTED, (Note(code, text, where),))


def written(answer: Answer, to: Header | None) -> bytes:
    """The acknowledgement of a message, in its own separators, version and character set."""
    separators = to.separators if to else "|^~\\&"
    bar, component = separators[0], separators[1]
    charset = to.charset if to and to.charset in CHARSETS else "UNICODE UTF-8"
    event = to.kind.partition("^")[2] if to else ""
    moment = datetime.now(UTC).strftime("%Y%m%d%H%M%S+0000")
    kind = component.join(["ACK", event, "ACK"]) if event else "ACK"
    header = [
        *("MSH", separators[1:], US, US, to.application if to else "", to.facility if to else ""),
        *(moment, "", kind, secrets.token_hex(10), "P", (to.version if to else "") or "2.5"),
        *("", "", "", "", "", charset),
    ]
    said = ["MSA", answer.code.value, to.control_id if to else ""]
    lines = [header, said, *(_error(note, component, separators) for note in answer.notes)]
    text = "\r".join(bar.join(line) for line in lines) + "\r"
    return text.encode(CHARSETS[charset], "replace")


def _error(note: Note, component: str, separators: str) -> list[str]:
    where = note.where.replace("^", component)
    code = component.join([str(note.code), "", "HL70357"])
    words = _escaped(note.text, separators)
    return ["ERR", "", where, code, "W" if note.is_warning else "E", "", "", "", words]


def _escaped(text: str, separators: str) -> str:
    names = dict(zip(separators, "FSRET", strict=False))
    escape = separators[3]
    return "".join(f"{escape}{names[one]}{escape}" if one in names else one for one in text)
