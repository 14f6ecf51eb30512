"""How far a long piece of work is, told as one number though several go on at once."""

from collections.abc import Callable
from threading import Lock

Progress = Callable[[int, int], None]
"""`progress(done, total)`."""

STEPS = 1000


class Shares:
    """Makes one progress of several works', each with its share of the whole (all make 1).

    Works may go on in several threads; whoever listens hears rising steps of a thousandth.
    """

    def __init__(self, progress: Progress | None, **shares: float) -> None:
        self._progress = progress
        self._shares = shares
        self._parts = dict.fromkeys(shares, 0.0)
        self._told = 0
        self._lock = Lock()

    def of(self, work: str) -> Progress:
        """Where one of the works tells how far it is."""

        def tell(done: int, total: int) -> None:
            with self._lock:
                self._parts[work] = done / total if total else 1.0
                whole = sum(self._parts[name] * share for name, share in self._shares.items())
                steps = round(whole * STEPS)
                if steps > self._told and self._progress is not None:
                    self._told = steps
                    self._progress(steps, STEPS)

        return tell
