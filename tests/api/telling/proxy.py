"""A network between us and an archive that breaks off, slows down, or is not there."""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PART = 4096


class Proxy:
    """Passes bytes to a port of this machine; `trouble` is how many connections in ten break."""

    def __init__(self, seed: int) -> None:
        self.target: int | None = None
        self.trouble = 0
        self.pause_s = 0.0
        self._random = random.Random(seed)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def close(self) -> None:
        # A thread that accepts is not woken by closing what it listens on.
        self.target = None
        self._listening.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listening.close()
        self.break_off()
        for one in self._threads:
            one.join()

    def break_off(self) -> None:
        """End what is under way."""
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            target = self.target
            if target is None:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", target))
            except OSError:
                near.close()
                continue
            breaks = self._random.randrange(10) < self.trouble
            budget = [self._random.randrange(40_000) if breaks else 1 << 40]
            self._open |= {near, far}
            for one, other in ((near, far), (far, near)):
                thread = threading.Thread(target=self._pump, args=(one, other, budget))
                self._threads.append(thread)
                thread.start()

    def _pump(self, one: socket.socket, other: socket.socket, budget: list[int]) -> None:
        try:
            while data := one.recv(PART):
                budget[0] -= len(data)
                if budget[0] < 0:
                    break
                time.sleep(self.pause_s)
                other.sendall(data)
        except OSError:
            pass
        finally:
            for end in (one, other):
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy(seed: int) -> Iterator[Proxy]:
    between = Proxy(seed)
    try:
        yield between
    finally:
        between.close()
        for one in between._open:
            one.close()
