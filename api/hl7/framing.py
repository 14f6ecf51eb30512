"""MLLP: a message between a byte that begins it and two that end it (HL7 v2.5, appendix C)."""

import socket
import time
from dataclasses import dataclass, field

from api.errors import BadFrame

BEGIN = b"\x0b"
END = b"\x1c\x0d"
READ_BYTES = 65536


@dataclass(slots=True)
class Frames:
    """The messages that come over a connection, one after the other.

    A message has `message_s` from its first byte to its last, however slowly it is dribbled, and a
    connection `idle_s` from one message to the next.
    """

    connection: socket.socket
    max_bytes: int
    message_s: float
    idle_s: float
    _rest: bytearray = field(default_factory=bytearray)

    def next(self) -> bytes | None:
        """The next message; None where the other side has left, or said nothing for long.

        Raises BadFrame for what is no frame, is too long, too slow or cut off.
        """
        until: float | None = None
        while True:
            if (found := self._found()) is not None:
                return found
            if self._rest and until is None:
                until = time.monotonic() + self.message_s
            if not self._read(until):
                return None

    def _found(self) -> bytes | None:
        # Some senders write line ends between messages.
        while self._rest.startswith((b"\r", b"\n")):
            del self._rest[:1]
        if self._rest and not self._rest.startswith(BEGIN):
            raise BadFrame("a connection that does not speak MLLP")
        end = self._rest.find(END)
        if end > self.max_bytes or (end < 0 and len(self._rest) > self.max_bytes + len(END)):
            raise BadFrame(f"a message of more than {self.max_bytes} bytes")
        if end < 0:
            return None
        message = bytes(self._rest[1:end])
        del self._rest[: end + len(END)]
        return message

    def _read(self, until: float | None) -> bool:
        left = self.idle_s if until is None else until - time.monotonic()
        if left <= 0:
            raise BadFrame("a message that did not end in time")
        self.connection.settimeout(left)
        try:
            came = self.connection.recv(READ_BYTES)
        except TimeoutError:
            if until is None:
                return False
            raise BadFrame("a message that did not end in time") from None
        if not came:
            if self._rest:
                raise BadFrame("a message that was cut off")
            return False
        self._rest += came
        return True


def framed(message: bytes) -> bytes:
    """A message as MLLP sends it."""
    return BEGIN + message + END
