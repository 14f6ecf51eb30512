"""What is done for each kind of message: the one table.

A handler is called with one message of a sender at a time, in the order in which they came. It may
be called again for a message that it has done already, where the answer was lost. What it raises
of the archive's errors becomes an answer; StorageFailure leaves the message unanswered, so that it
is sent again.
"""

from collections.abc import Callable, Mapping

from api.hl7 import adt
from api.hl7.answers import Answer
from api.hl7.day import DAY
from api.hl7.message import Message
from api.hl7.orders import ORDERS
from api.hl7.pid import read_any_numbers
from api.hl7.reports.taking import REPORTS
from api.work import Workplace

Handler = Callable[[Message, Workplace, str], Answer]
"""Takes the message, where to work, and the establishment for which its sender speaks."""


def _forgetting(handler: Handler) -> Handler:
    """The same, of what states no identity: nothing it names of a withdrawn INS is kept."""

    def forgetting(message: Message, place: Workplace, establishment: str) -> Answer:
        try:
            return handler(message, place, establishment)
        finally:
            # Also where it was refused: a refused message is kept as well.
            for pid in message.segments("PID")[:1]:
                named = read_any_numbers(message, pid, 3, "PID^1^3")
                adt.forget_withdrawn(named, place, establishment)

    return forgetting


HANDLERS: Mapping[str, Handler] = {
    "ADT^A01": adt.state,
    "ADT^A08": adt.not_in_france,
    "ADT^A28": adt.state,
    "ADT^A31": adt.state,
    "ADT^A40": adt.merge,
    "ADT^A44": adt.move_visit,
    "ADT^A47": adt.renumber,
    **{kind: _forgetting(handler) for kind, handler in (ORDERS | DAY | REPORTS).items()},
}
"""By MSH-9, as `ADT^A28`; what is not here is refused with AR."""
