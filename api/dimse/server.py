"""The listener: associations that are admitted by the table, each bounded in size and time."""

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from pynetdicom import _config, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.transport import AssociationSocket, ThreadedAssociationServer

from api.dimse.committing import commit
from api.dimse.finding import find
from api.dimse.moving import Entity, move
from api.dimse.policies import POLICIES, VERIFICATION
from api.dimse.site import (
    LOG,
    Site,
    called_title_of,
    caller,
    certificate_of,
    has_room,
    title_of,
    told_of_failure,
    wants_to_store,
)
from api.dimse.storing import discard, store
from api.dimse.table import Peer, Right
from api.dimse.tls import for_callers
from api.errors import CannotServe
from api.instances.kinds import SYNTAXES
from api.metrics import count_dimse

MOST_PDU_BYTES = 1 << 17
"""What we ask our peers to send at once (PS3.8 D.1)."""
MOST_MESSAGE_BYTES = 1 << 20
"""Of any message but one with an image."""
ROOM_ASKED_EACH_BYTES = 64 << 20
_PLAIN = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
"""Explicit and Implicit VR Little Endian, for all that has no pixels."""
LONGEST_INTRODUCTION_S = 30.0
"""From a connection's first moment until its association stands: whoever asks has it ready."""


@dataclass(frozen=True, slots=True)
class _Rejection:
    """Why an association is refused (PS3.8 Table 9-21)."""

    result: int
    source: int
    reason: int
    words: str


_CALLING = _Rejection(1, 1, 3, "its calling title is not in the table, or not from there")
_NOT_ITS = _Rejection(1, 1, 3, "the certificate that it shows is not that of its calling title")
_CALLED = _Rejection(1, 1, 7, "it calls us by another title")
_TOO_MANY = _Rejection(2, 3, 2, "as many as may be associated are")
_NO_ROOM = _Rejection(2, 3, 2, "the disk has no room for what it wants to send")


class Unbounded(ConnectionError):
    """A peer sends more than there may be."""


class _Listener(ThreadedAssociationServer):
    """Accepts connections without waiting for any of them.

    Those that have not said who they are have places of their own: they take none of a peer's.
    """

    def __init__(self, *arguments: Any, site: Site, **options: Any) -> None:
        self.site = site
        self._admitting = threading.Lock()
        self._admitted: dict[Association, str] = {}
        super().__init__(*arguments, **options)

    def get_request(self) -> tuple[socket.socket, Any]:
        """A connection that ends by itself when nothing comes; its handshake is not waited for."""
        connection, address = self.socket.accept()  # type: ignore[union-attr]
        connection.settimeout(self.ae.network_timeout)
        if self.ssl_context:
            connection = self.ssl_context.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
        """Whether one of our peers calls from there, and may wait to be admitted."""
        address = str(client_address[0])
        if not any(peer.may_call_from(address) for peer in self.site.table.peers.values()):
            LOG.warning("a connection from %s was closed: no peer calls from there", address)
            count_dimse("association", "refused")
            return False
        waiting = [
            str(one.requestor.address)
            for one in self.active_associations
            if one not in self._admitted
        ]
        most = self.site.table.bounds.associations
        is_crowd = waiting.count(address) >= max(4, most // 2)
        return not is_crowd and len(waiting) < max(8, most * 2)

    def admit(self, association: Association, whose: str) -> bool:
        """Give an association its place, which is its own until it ends; False where none is.

        Where several establishments call, none of them has more than half of the places.
        """
        table = self.site.table
        is_shared = any(one.establishment != whose for one in table.peers.values())
        most = table.bounds.associations
        with self._admitting:
            standing = {one: of for one, of in self._admitted.items() if one.is_alive()}
            mine = sum(of == whose for of in standing.values())
            is_room = len(standing) < most and mine < (max(1, most // 2) if is_shared else most)
            self._admitted = {**standing, association: whose} if is_room else standing
        return is_room

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Note what went wrong with a connection, by its name alone."""
        kind = sys.exc_info()[0]
        LOG.warning("a connection ended: %s", kind.__name__ if kind else "nobody knows why")


class Incoming:
    """What comes over one connection, within bounds: each read is asked for here first."""

    def __init__(self, event: Event, site: Site) -> None:
        self._assoc, self._site = event.assoc, site
        self._line: AssociationSocket = event.assoc.dul.socket  # type: ignore[assignment]
        self._read: Callable[[int], bytearray] = self._line.recv
        bounds = site.table.bounds
        self._until = time.monotonic() + min(LONGEST_INTRODUCTION_S, bounds.idle_s)
        self._message: object = None
        self._bytes = self._asked_at = 0

    def __call__(self, count: int) -> bytearray:
        """As many bytes, or fewer where the peer has gone; raises Unbounded."""
        if count > MOST_PDU_BYTES:
            raise Unbounded("a part of a message is too long")
        message = self._assoc.dimse.message
        if message is not self._message:
            self._message, self._bytes, self._asked_at = message, 0, 0
        self._bytes += count
        if getattr(message, "_data_set_path", None) is None:
            most = MOST_MESSAGE_BYTES
        else:
            most = self._site.table.bounds.instance_bytes
            self._require_room()
        if self._bytes > most:
            raise Unbounded("a message is too long")
        if self._assoc.is_established:
            return self._read(count)
        return self._read_in_time(count)

    def _read_in_time(self, count: int) -> bytearray:
        # A limit of each read would be kept for ever by a byte now and then.
        line = self._line.socket
        assert line is not None
        told = bytearray()
        try:
            while len(told) < count:
                left_s = self._until - time.monotonic()
                if left_s <= 0:
                    raise Unbounded("nobody says in time who calls")
                line.settimeout(left_s)
                part = line.recv(count - len(told))
                if not part:
                    break
                told += part
        except TimeoutError as error:
            raise Unbounded("nobody says in time who calls") from error
        finally:
            line.settimeout(self._site.table.bounds.idle_s)
        return told

    def _require_room(self) -> None:
        if self._bytes < self._asked_at:
            return
        self._asked_at = self._bytes + ROOM_ASKED_EACH_BYTES
        if not has_room(self._site):
            raise Unbounded("the disk is full")


@contextmanager
def listening(site: Site) -> Iterator[int]:
    """Answer our peers for as long as the block runs; gives the port. Raises CannotServe."""
    _be_quiet()
    # What is received is written as it comes; a message with pixels is never held.
    _config.STORE_RECV_CHUNKED_DATASET = True
    table = site.table
    entity = Entity(table.title)
    # The listener counts them itself, without those that have not said who they are.
    entity.maximum_associations = sys.maxsize
    entity.acse_timeout = min(LONGEST_INTRODUCTION_S, table.bounds.idle_s)
    entity.maximum_pdu_size = MOST_PDU_BYTES
    entity.network_timeout = table.bounds.idle_s
    # Of each association, once it is admitted, what its peer may ask for takes their place.
    entity.supported_contexts = _contexts([VERIFICATION])
    try:
        server = entity.make_server(
            (table.host, table.port),
            ssl_context=for_callers(table),
            evt_handlers=[(one, handler, [site]) for one, handler in _HANDLERS],
            server_class=partial(_Listener, site=site),  # type: ignore[arg-type]
        )
    except OSError as error:
        raise CannotServe(
            f"{table.host}:{table.port} cannot be served from ({error.strerror}): "
            "state another address in the table that SANSVERRE_DIMSE names"
        ) from error
    entity._servers.append(server)  # noqa: SLF001 -- as start_server does; shutdown takes it out
    thread = threading.Thread(target=server.serve_forever, args=(0.2,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        entity.shutdown()


def _be_quiet() -> None:
    """Keep libraries from logging what is asked and answered: names and numbers of patients."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
    for name in ("pynetdicom", "pydicom"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _contexts(classes: Iterable[str]) -> list[PresentationContext]:
    return [
        build_context(one, [*SYNTAXES] if POLICIES[one] is Right.STORE else [*_PLAIN])
        for one in classes
    ]


def _bound(event: Event, site: Site) -> None:
    """A connection was opened: from now on what comes over it is bounded."""
    # It has no place for a class of ours.
    event.assoc.dul.socket.recv = Incoming(event, site)  # type: ignore[method-assign, union-attr]


def _admit(event: Event, site: Site) -> None:
    """An association is asked for: refuse it, or offer what this peer may ask for."""
    assoc = event.assoc
    # pynetdicom goes on where a handler fails: until all was asked, nothing is offered.
    assoc.acceptor.supported_contexts = []
    peer = site.table.peers.get(title_of(assoc))
    if called_title_of(assoc) != site.table.title:
        _reject(event, _CALLED)
    elif peer is None or not peer.may_call_from(str(assoc.requestor.address)):
        _reject(event, _CALLING)
    elif not peer.may_call_with(certificate_of(assoc)):
        _reject(event, _NOT_ITS)
    elif wants_to_store(assoc) and not has_room(site):
        _reject(event, _NO_ROOM)
    elif not assoc._server.admit(assoc, peer.establishment):  # type: ignore[union-attr]  # noqa: SLF001 -- ours
        _reject(event, _TOO_MANY)
    else:
        assoc.acceptor.supported_contexts = _offered(peer)


def _reject(event: Event, why: _Rejection) -> None:
    assoc = event.assoc
    LOG.warning("an association from %s was refused: %s", assoc.requestor.address, why.words)
    count_dimse("association", "refused")
    assoc.acse.send_reject(why.result, why.source, why.reason)
    assoc.kill()


def _offered(peer: Peer) -> list[PresentationContext]:
    return _contexts(one for one, right in POLICIES.items() if right in peer.may)


def _echo(event: Event, site: Site) -> int:
    with told_of_failure("echo"):
        caller(event, site.table, Right.ECHO)
    count_dimse("echo", "answered")
    return 0x0000


_HANDLERS: tuple[tuple[Any, Callable[..., Any]], ...] = (
    (evt.EVT_CONN_OPEN, _bound),
    (evt.EVT_REQUESTED, _admit),
    (evt.EVT_C_ECHO, _echo),
    (evt.EVT_C_FIND, find),
    (evt.EVT_C_MOVE, move),
    (evt.EVT_N_ACTION, commit),
    (evt.EVT_C_STORE, store),
    (evt.EVT_CONN_CLOSE, discard),
)
