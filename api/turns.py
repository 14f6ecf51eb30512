"""How many of something costly this process does at once, and for whom."""

from collections.abc import Iterator
from contextlib import contextmanager

from api.errors import TooBusy


class Turns:
    """So many at once, one of each establishment, and none waits: TooBusy beyond.

    For one event loop.
    """

    def __init__(self, most: int, retry_s: int) -> None:
        self._most, self._retry_s = most, retry_s
        self._held: set[str | None] = set()

    @contextmanager
    def turn(self, establishment: str | None) -> Iterator[None]:
        """Hold a turn until the end of the block; who serves all establishments is one more."""
        if establishment in self._held or len(self._held) >= self._most:
            raise TooBusy(retry_s=self._retry_s)
        self._held.add(establishment)
        try:
            yield
        finally:
            self._held.remove(establishment)
