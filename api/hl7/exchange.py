"""One message, from its bytes to its answer: known sender, kept, done, answered."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from zoneinfo import ZoneInfo

from api.errors import BadMessage
from api.hl7.answers import Answer, Code, Note, refused, rejected, written
from api.hl7.handlers import HANDLERS, Handler
from api.hl7.message import Header, body_of, read_header, read_message
from api.hl7.senders import Sender, sender_of
from api.work import Workplace
from archive.errors import ArchiveError, StorageFailure
from archive.messages.inbox import Arrived

LOG = logging.getLogger("sansverre.hl7")
DUPLICATE = 205
"""HL7 table 0357: duplicate key identifier."""


@dataclass(slots=True)
class Exchange:
    """What is done with every message, whichever connection it came over."""

    place: Workplace
    senders: Sequence[Sender]
    handlers: Mapping[str, Handler] = field(default_factory=lambda: HANDLERS)
    _turns: dict[str, Lock] = field(init=False)

    def __post_init__(self) -> None:
        self._turns = {one.name: Lock() for one in self.senders}

    def answer(self, payload: bytes, address: str, certificate: bytes | None = None) -> bytes:
        """Answer a message that came from this address, under this certificate (DER).

        Raises StorageFailure where it could not be kept: then it must not be answered at all.
        """
        header: Header | None = None
        try:
            header = read_header(payload)
        except BadMessage as error:
            LOG.warning("a message that cannot be read: %s", error)
            return written(_said(error, Code.REJECTED), None)
        sender = sender_of(self.senders, header, address, certificate)
        if sender is None:
            LOG.warning("a message of an unknown sender was refused")
            return written(rejected("this sender is not known here", 207, "MSH^1^3"), header)
        # One at a time, and in order, though it may have several connections.
        with self._turns[sender.name]:
            return self._known(payload, header, sender)

    def _known(self, payload: bytes, header: Header, sender: Sender) -> bytes:
        arrived = Arrived(
            sender.name, header.control_id, header.kind[:16], payload, body_of(payload)
        )
        inbox = self.place.catalog.inbox
        kept = inbox.keep(sender.establishment, arrived)
        if kept.answer is not None:
            return kept.answer
        answer: Answer | None
        if kept.is_reused:
            answer = refused("this number was another message's", DUPLICATE, "MSH^1^10")
        else:
            answer = self._done(payload, header, sender)
        if answer is None:
            # Nothing is written down, so that it is tried again when it is sent again.
            return written(refused("it failed for reasons of this software"), header)
        # What is not in the table may be anything, and is not repeated.
        LOG.info("%s: %s", header.kind if header.kind in self.handlers else "?", answer.code.value)
        said = written(answer, header)
        inbox.answered(kept.id, answer.code.value, said)
        return said

    def _done(self, payload: bytes, header: Header, sender: Sender) -> Answer | None:
        """What became of it; None where that was not foreseen."""
        handler = self.handlers.get(header.kind)
        if handler is None:
            is_type = any(one.split("^")[0] == header.kind.split("^")[0] for one in self.handlers)
            what = "event" if is_type else "message type"
            return rejected(f"this {what} is not taken here", 201 if is_type else 200, "MSH^1^9")
        try:
            message = read_message(
                payload,
                header,
                charset=sender.charset,
                sender=sender.name,
                default_issuer=sender.issuer,
                own_issuers=self.place.catalog.identities.names_of(
                    sender.issuer, establishment=sender.establishment
                ),
                zone=ZoneInfo(sender.zone),
            )
            return handler(message, self.place, sender.establishment)
        except BadMessage as error:
            return _said(error, Code.ERROR)
        except StorageFailure:
            raise
        except ArchiveError as error:
            # These messages name what is wrong, and never repeat a patient's data.
            return refused(str(error))
        except Exception as error:  # noqa: BLE001 -- those that follow are to be taken all the same
            # Its text and traceback could hold what the message says.
            LOG.warning("%s failed on a %s", header.kind, type(error).__name__)
            return None


def _said(error: BadMessage, code: Code) -> Answer:
    return Answer(code, (Note(error.code, str(error), error.where),))
