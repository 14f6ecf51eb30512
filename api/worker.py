"""The process that does the archive's work: claims leased jobs, one at a time, until told to stop.

python -m api.worker PARENT_PID
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable

from api.logs import to_stderr
from api.sandbox import die_with
from api.settings import read_settings
from api.work import open_workplace, sweep, work_once
from archive.errors import ArchiveError

LOG = logging.getLogger("sansverre.worker")

IDLE_S = 1.0
TROUBLED_S = 10.0
SWEEP_EACH_S = 86400.0


def work(stop: threading.Event) -> None:
    """Do jobs until `stop` is set; trouble with the catalogue is waited out."""
    swept = -SWEEP_EACH_S
    with open_workplace(read_settings()) as place:
        while not stop.is_set():
            try:
                if time.monotonic() - swept >= SWEEP_EACH_S:
                    swept = time.monotonic()
                    sweep(place)
                if not work_once(place):
                    stop.wait(IDLE_S)
            except ArchiveError as error:
                LOG.warning("the archive does not answer: %s", type(error).__name__)
                stop.wait(TROUBLED_S)


def run(work: Callable[[threading.Event], None]) -> None:
    """A process that works until its parent ends or tells it to stop."""
    die_with(int(sys.argv[1]))
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
    work(stop)


if __name__ == "__main__":
    run(work)
