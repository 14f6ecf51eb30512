"""The process that does the archive's work: claims leased jobs, one at a time, until told to stop.

python -m api.worker PARENT_PID
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from api.confinement import die_with, hide
from api.describing import Describing
from api.logs import to_stderr
from api.settings import read_settings
from api.work import Workplace, open_workplace, sweep, work_once
from archive.errors import ArchiveError

TROUBLED_S = 10.0


@dataclass(frozen=True)
class Duty:
    """What a process does again and again, and how long it rests when there is nothing to do."""

    log: logging.Logger
    once: Callable[[Workplace], bool]
    """False where there was nothing to do."""
    idle_s: float
    sweep: Callable[[Workplace], None]
    sweep_each_s: float


_describing = Describing()


def _once(place: Workplace) -> bool:
    return work_once(place) or _describing.some(place)


WORK = Duty(logging.getLogger("sansverre.worker"), _once, 1.0, sweep, 86400.0)


def work(duty: Duty, stop: threading.Event) -> None:
    """Do a duty until `stop` is set; trouble with the catalogue is waited out."""
    swept = -duty.sweep_each_s
    with open_workplace(read_settings()) as place:
        while not stop.is_set():
            try:
                if time.monotonic() - swept >= duty.sweep_each_s:
                    swept = time.monotonic()
                    duty.sweep(place)
                if not duty.once(place):
                    stop.wait(duty.idle_s)
            except ArchiveError as error:
                duty.log.warning("the archive does not answer: %s", type(error).__name__)
                stop.wait(TROUBLED_S)


def run(duty: Duty) -> None:
    """A process that has a duty until its parent ends or tells it to stop."""
    die_with(int(sys.argv[1]))
    hide()
    to_stderr()
    stop = threading.Event()

    def end(*_: object) -> None:
        # What is under way is given back, and the next attempt resumes it.
        if stop.is_set():
            return
        stop.set()
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work(duty, stop)


if __name__ == "__main__":
    run(WORK)
