"""The process that takes in what was sent: examines closed deposits, and sweeps abandoned ones.

python -m api.taker PARENT_PID
"""

import logging
import threading
import time

from api.settings import read_settings
from api.taking import sweep_uploads, take_once
from api.work import open_workplace
from api.worker import TROUBLED_S, run
from archive.errors import ArchiveError

LOG = logging.getLogger("sansverre.taker")

IDLE_S = 0.5
SWEEP_EACH_S = 3600.0


def take(stop: threading.Event) -> None:
    """Take in until `stop` is set; trouble with the catalogue is waited out."""
    swept = -SWEEP_EACH_S
    with open_workplace(read_settings()) as place:
        while not stop.is_set():
            try:
                if time.monotonic() - swept >= SWEEP_EACH_S:
                    swept = time.monotonic()
                    sweep_uploads(place)
                if not take_once(place):
                    stop.wait(IDLE_S)
            except ArchiveError as error:
                LOG.warning("the archive does not answer: %s", type(error).__name__)
                stop.wait(TROUBLED_S)


if __name__ == "__main__":
    run(take)
