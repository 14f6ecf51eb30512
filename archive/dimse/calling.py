"""Associations that we ask for, and for how long we wait (PS3.8)."""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pynetdicom import AE
from pynetdicom.association import Association
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
