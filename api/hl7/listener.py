"""The process that listens for messages: a thread for each connection, up to a number."""

import logging
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from api.errors import BadFrame
from api.hl7.exchange import Exchange
from api.hl7.framing import Frames, framed
from api.hl7.senders import may_come_from
from archive.errors import ArchiveError

LOG = logging.getLogger("sansverre.hl7")
CONNECTIONS = 64
HANDSHAKE_S = 10.0
SWEEP_S = 3600.0
POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a message may be, how slowly it may come, how long a connection may be silent."""

    max_bytes: int = 16 << 20
    message_s: float = 60.0
    idle_s: float = 6 * 3600.0
    kept_days: int = 30


@dataclass(slots=True)
class Listener:
    """All connections of one listening socket, until told to stop."""

    exchange: Exchange
    limits: Limits
    tls: ssl.SSLContext | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    _open: set[socket.socket] = field(default_factory=set)
    _room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(CONNECTIONS))

    def run(self, listening: socket.socket, swept: Callable[[], None] | None = None) -> None:
        """Take connections in until `stopping` is set; messages under way are answered first."""
        threads: list[threading.Thread] = []
        due = 0.0
        listening.settimeout(POLL_S)
        while not self.stopping.is_set():
            if time.monotonic() >= due:
                due = time.monotonic() + SWEEP_S
                (swept or self.sweep)()
            threads = [one for one in threads if one.is_alive()]
            try:
                connection, address = listening.accept()
            except TimeoutError:
                continue
            if not may_come_from(self.exchange.senders, address[0]):
                # Before a byte of it is read and held.
                LOG.warning("a connection from where no sender is was closed")
                connection.close()
                continue
            if not self._room.acquire(blocking=False):
                LOG.warning("more connections than are let in")
                connection.close()
                continue
            self._open.add(connection)
            threads.append(
                threading.Thread(target=self._speak, args=(connection, address[0]), daemon=True)
            )
            threads[-1].start()
        for connection in list(self._open):
            self._hang_up(connection)
        for one in threads:
            one.join()

    def sweep(self) -> None:
        """Forget messages that were kept for long enough."""
        before = datetime.now(UTC) - timedelta(days=self.limits.kept_days)
        try:
            self.exchange.place.catalog.inbox.forget(before)
        except ArchiveError as error:
            LOG.warning("the archive does not answer: %s", type(error).__name__)

    def _speak(self, connection: socket.socket, address: str) -> None:
        speaking = connection
        try:
            connection.settimeout(HANDSHAKE_S)
            if self.tls is not None:
                speaking = self.tls.wrap_socket(connection, server_side=True)
                self._open.add(speaking)
            self._answer(speaking, address)
        except BadFrame as error:
            LOG.warning("a connection was closed: %s", error)
        except ArchiveError as error:
            # Not kept, so not answered: whoever sent it sends it again.
            LOG.warning("a message was not kept: %s", type(error).__name__)
        except OSError as error:
            LOG.info("a connection ended: %s", type(error).__name__)
        finally:
            for one in {connection, speaking}:
                self._open.discard(one)
                one.close()
            self._room.release()

    def _answer(self, connection: socket.socket, address: str) -> None:
        limits = self.limits
        frames = Frames(connection, limits.max_bytes, limits.message_s, limits.idle_s)
        shown = None
        if isinstance(connection, ssl.SSLSocket):
            shown = connection.getpeercert(binary_form=True)
        while (message := frames.next()) is not None:
            said = self.exchange.answer(message, address, shown)
            connection.settimeout(limits.message_s)
            connection.sendall(framed(said))
            if self.stopping.is_set():
                return

    def _hang_up(self, connection: socket.socket) -> None:
        # Only for reading: an answer that is under way still goes out.
        try:
            connection.shutdown(socket.SHUT_RD)
        except OSError:
            self._open.discard(connection)


def stop_with_signals(listener: Listener) -> None:
    """Let SIGINT and SIGTERM end the listener once messages under way are answered."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: listener.stopping.set())
