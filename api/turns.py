"""How many of something costly this process does at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from api.errors import TooBusy


class Turns:
    """So many at once, and none waits: TooBusy beyond. For one event loop."""

    def __init__(self, most: int, retry_s: int) -> None:
        self._free, self._retry_s = most, retry_s

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold a turn until the end of the block."""
        if self._free == 0:
            raise TooBusy(retry_s=self._retry_s)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1
