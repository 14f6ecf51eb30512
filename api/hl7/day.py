"""Who is expected: SIU^S12 to S15, S17 and S26, and ADT^A04, A05, A11 and A38.

Source: HL7 v2.5.1 chapters 3 and 10.
"""

from collections.abc import Iterator, Sequence

from api.errors import BadMessage
from api.hl7 import adt
from api.hl7.answers import DONE, Answer
from api.hl7.message import Message, Segment
from api.hl7.orders import patient_of
from api.work import Workplace
from archive.cases.day import Announced
from archive.cases.order import Numbered

_CANCELS = frozenset({"SIU^S15", "SIU^S17", "SIU^S26", "ADT^A11", "ADT^A38"})
_SAYS_WHO = frozenset({"ADT^A04", "ADT^A05"})
Place = tuple[str, int, int]
"""Segment, field and component."""
_STARTS: Sequence[Place] = (
    ("TQ1", 7, 1),
    ("SCH", 11, 4),
    ("AIS", 4, 1),
    ("AIP", 6, 1),
    ("PV2", 8, 1),
    ("PV1", 44, 1),
)
_NUMBERS: Sequence[Place] = (("SCH", 2, 1), ("SCH", 1, 1), ("PV1", 19, 1), ("PV1", 50, 1))
_WHAT: Sequence[Place] = (("SCH", 7, 2), ("SCH", 7, 1), ("SCH", 8, 2), ("AIS", 3, 2), ("PV2", 3, 2))


def announce(message: Message, place: Workplace, establishment: str) -> Answer:
    """Keep when somebody is expected; what an admission says of who they are is taken as well."""
    kind = message.header.kind
    answer = adt.state(message, place, establishment) if kind in _SAYS_WHO else DONE
    starts_at = message.moment(_text(message, _STARTS))
    number = _number(message)
    if number is None or (starts_at is None and kind not in _CANCELS):
        if kind.startswith("ADT"):
            # An admission that says neither visit nor moment is of who it is alone.
            return answer
        raise BadMessage("SCH says neither a number nor a moment", 101, "SCH^1^2")
    place.catalog.cases.day.announce(
        Announced(
            establishment=establishment,
            appointment=number,
            patient=patient_of(message),
            starts_at=starts_at,
            said_at=message.stated_at,
            said_in=message.header.control_id[-64:],
            what=_text(message, _WHAT),
            is_cancelled=kind in _CANCELS,
        )
    )
    return answer


def _number(message: Message) -> Numbered | None:
    for number, segment, field in _said(message, _NUMBERS):
        return Numbered(number, segment.value(field, 4 if segment.name == "PV1" else 2))
    return None


def _text(message: Message, places: Sequence[Place]) -> str:
    return next((text for text, _, _ in _said(message, places)), "")


def _said(message: Message, places: Sequence[Place]) -> Iterator[tuple[str, Segment, int]]:
    """What stands in these places, with segment and field, the first place first."""
    for name, field, component in places:
        for one in message.segments(name):
            if text := one.value(field, component):
                yield text, one, field


DAY = {
    **dict.fromkeys((f"SIU^S{one}" for one in (12, 13, 14, 15, 17, 26)), announce),
    **dict.fromkeys((f"ADT^A{one}" for one in ("04", "05", "11", "38")), announce),
}
