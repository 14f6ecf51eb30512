"""Associations that we ask for, and for how long we wait (PS3.8)."""

import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

from archive.errors import LinkDown, LinkRefused

CONNECT_S, ANSWER_S, SILENT_S = 10.0, 600.0, 60.0
"""For a connection, for an answer to what was sent whole, and for a byte to go."""
MOST_PART_BYTES = 1 << 17


@dataclass(frozen=True, slots=True)
class Called:
    """A peer as it is called: its title and where it listens, over TLS where that is given."""

    title: str
    host: str
    port: int
    tls: ssl.SSLContext | None = None


def hangs_up_after(silent_s: float) -> evt.EventHandlerType:
    """Have an association end whose peer falls silent in the midst of a message.

    pynetdicom's own timeouts are for whole messages, and what reads the rest of one waits on.
    """

    def opened(event: Event) -> None:
        connection_of(event).settimeout(silent_s)

    return evt.EVT_CONN_OPEN, opened


def connection_of(event: Event) -> socket.socket:
    """The socket of an association that is just open."""
    wrapped = event.assoc.dul.socket
    assert wrapped is not None
    found: socket.socket | None = wrapped.socket
    assert found is not None
    return found


@contextmanager
def associated(
    own_title: str,
    called: Called,
    contexts: Sequence[PresentationContext],
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
) -> Iterator[Association]:
    """An association, released at the end, or aborted where the block raises.

    Raises LinkDown where there is no answer, and LinkRefused where the peer refuses us.
    """
    entity = AE(own_title)
    entity.connection_timeout, entity.acse_timeout = CONNECT_S, SILENT_S
    entity.dimse_timeout, entity.network_timeout = ANSWER_S, SILENT_S
    association = entity.associate(
        called.host,
        called.port,
        contexts=list(contexts),
        ae_title=called.title,
        max_pdu=MOST_PART_BYTES,
        ext_neg=list(roles),
        tls_args=(called.tls, called.host) if called.tls else None,
        evt_handlers=[hangs_up_after(SILENT_S)],
    )
    if association.is_rejected:
        raise LinkRefused("The peer refuses us; have our title entered there.")
    if not association.is_established:
        raise LinkDown("The peer does not answer, or takes nothing of what is offered.")
    try:
        yield association
    except BaseException:
        association.abort()
        raise
    if association.is_established:
        association.release()
