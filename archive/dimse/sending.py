"""Files sent by C-STORE (PS3.4 B) as they are: in their own transfer syntax, read as they go."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.uid import UID
from pynetdicom import _config
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.presentation import build_context

from archive.dimse.calling import MOST_PART_BYTES, SILENT_S, Called, associated
from archive.errors import LinkDown, LinkRefused
from archive.link import Moved, unheard

MOST_CONTEXTS = 128
"""Of one association (PS3.8 9.3.2.2)."""
MOST_QUEUED = 32
"""Parts of a file that are held at once."""
_ESTABLISHED = "Sta6"

# A file that is read whole is encoded anew, and was once sent as what it is not.
_config.STORE_SEND_CHUNKED_DATASET = True


@dataclass(frozen=True, slots=True)
class Originator:
    """Who asked by C-MOVE that something is sent, and in which message."""

    title: str
    message_id: int


class Sending:
    """One association over which files are sent one after the other."""

    def __init__(self, association: Association) -> None:
        self._association = association
        self._number = 0

    def send(self, path: Path, originator: Originator | None = None) -> int:
        """Send a file and give the status of the answer (PS3.4 B.2.3).

        Raises LinkRefused where its kind was not agreed on, and LinkDown where the peer is gone.
        """
        self._number = self._number % 0xFFFF + 1
        try:
            answer = self._association.send_c_store(
                path,
                msg_id=self._number,
                originator_aet=originator.title if originator else None,
                originator_id=originator.message_id if originator else None,
            )
        except ValueError as error:
            raise LinkRefused("The peer does not take this kind of object.") from error
        except RuntimeError as error:
            raise LinkDown("The peer has hung up.") from error
        if "Status" not in answer:
            raise LinkDown("The peer has hung up, or does not answer.")
        return int(answer.Status)


@contextmanager
def sending(own_title: str, called: Called, kinds: Iterable[tuple[str, str]]) -> Iterator[Sending]:
    """An association for files of these kinds, by SOP class and transfer syntax.

    Raises LinkDown where there is no answer, and LinkRefused where the peer refuses us.
    """
    contexts = [
        build_context(UID(sop_class), [UID(syntax)]) for sop_class, syntax in sorted(set(kinds))
    ]
    with associated(own_title, called, contexts[:MOST_CONTEXTS]) as association:
        hold_little(association)
        yield Sending(association)


def hold_little(association: Association, moved: Moved = unheard) -> None:
    """Hold little of what is on its way, and wait for nobody who reads nothing.

    `moved` is called for each part of a file that there is room for.

    pynetdicom would put a whole file in its queue, as one part where the peer names no limit, and
    would end an association that is silent while the next file is made.
    """
    told = association.acceptor.primitive
    if told is not None and not 0 < (told.maximum_length_received or 0) <= MOST_PART_BYTES:
        told.maximum_length_received = MOST_PART_BYTES
    association.network_timeout = None
    line = association.dul.socket
    if line is not None and line.socket is not None:
        line.socket.settimeout(SILENT_S)
    dul = association.dul
    send, waiting = dul.send_pdu, dul.to_provider_queue
    pause = threading.Event()

    def send_when_there_is_room(part: Any) -> None:
        while isinstance(part, P_DATA) and waiting.qsize() >= MOST_QUEUED:
            if dul.state_machine.current_state != _ESTABLISHED or not dul.is_alive():
                raise RuntimeError("the association has ended")
            pause.wait(0.001)
        send(part)
        if isinstance(part, P_DATA):
            moved()

    dul.send_pdu = send_when_there_is_room  # type: ignore[method-assign, assignment]
