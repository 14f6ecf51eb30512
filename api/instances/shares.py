"""Places that all establishments share: none has the last free one that has one already."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Shares:
    """So many places at once; who waits is let in by turns. Thread-safe, and blocks.

    One establishment whose work is slow never holds all of them: whoever has none comes in next.
    """

    def __init__(self, places: int) -> None:
        self._free, self._held = places, Counter[str]()
        self._waiting: deque[tuple[str, object]] = deque()
        self._changed = Condition()

    @contextmanager
    def place(self, whose: str) -> Iterator[None]:
        """Hold a place until the end of the block."""
        mine = (whose, object())
        with self._changed:
            self._waiting.append(mine)
            self._changed.wait_for(lambda: self._next() is mine)
            self._waiting.remove(mine)
            self._free -= 1
            self._held[whose] += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._held[whose] -= 1
                self._changed.notify_all()

    def _next(self) -> tuple[str, object] | None:
        """Who comes in now: of those with the fewest places whoever waits longest."""
        if not self._free:
            return None
        first = min(self._waiting, key=lambda one: self._held[one[0]])
        # The last place is for somebody who has none.
        return first if self._free > 1 or not self._held[first[0]] else None
