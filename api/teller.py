"""The process that tells archives, in turn: one that does not answer keeps nothing else waiting.

python -m api.teller PARENT_PID
"""

import logging
import tempfile
import time
from collections.abc import Callable

from api.sending import Turn, send_to
from api.work import Workplace
from api.worker import Duty, run

FIRST_REST_S, LONGEST_REST_S = 5.0, 300.0
"""For how long an archive is left alone that did not answer, each time for longer."""


class Turns:
    """Which archives have their turn: who is silent costs the others its time limit each time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rests_until: dict[str, float] = {}
        self._silences: dict[str, int] = {}

    def some(self, place: Workplace) -> bool:
        """Tell each archive that does not rest what is due first for it; False for nothing."""
        found = False
        for to in place.archives:
            name = to.rule.name
            if self._rests_until.get(name, 0.0) > self._clock():
                continue
            turn = send_to(place, to)
            found = found or turn is not Turn.IDLE
            if turn is Turn.SILENT:
                silences = self._silences[name] = self._silences.get(name, 0) + 1
                rest_s = min(LONGEST_REST_S, FIRST_REST_S * 2 ** min(silences - 1, 20))
                self._rests_until[name] = self._clock() + rest_s
            elif turn is Turn.TAKEN:
                self._silences.pop(name, None)
        return found


_turns = Turns()


def _once(place: Workplace) -> bool:
    # Where pynetdicom writes what archives give back: gone with this process, however it ends.
    tempfile.tempdir = str(place.scratch)
    return _turns.some(place)


TELL = Duty(logging.getLogger("sansverre.teller"), _once, 0.5, lambda _: None, 86400.0)

if __name__ == "__main__":
    run(TELL)
