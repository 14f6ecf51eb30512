"""The process that does the archive's work: claims leased jobs, one at a time, until told to stop.

python -m api.worker PARENT_PID
"""

import logging
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

from api.sandbox import die_with
from api.settings import read_settings
from api.work import open_workplace, work_once
from archive.errors import ArchiveError

LOG = logging.getLogger("sansverre.worker")

IDLE_S = 1.0
TROUBLED_S = 10.0
ABANDONED_S = 7 * 86400.0
"""Longer than any job takes."""


def work(stop: threading.Event) -> None:
    """Do jobs until `stop` is set; trouble with the catalogue is waited out."""
    place = open_workplace(read_settings())
    sweep(place.scratch, time.time() - ABANDONED_S)
    with place.catalog:
        while not stop.is_set():
            try:
                if not work_once(place):
                    stop.wait(IDLE_S)
            except ArchiveError as error:
                LOG.warning("the archive does not answer: %s", type(error).__name__)
                stop.wait(TROUBLED_S)


def sweep(scratch: Path, before: float) -> None:
    """Delete the temporary folders that killed processes left, last touched before that time."""
    for folder in scratch.iterdir():
        if folder.stat().st_mtime < before:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """The worker process."""
    die_with(int(sys.argv[1]))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    stop = threading.Event()

    def end(*_: object) -> None:
        # A job under way is dropped: its lease runs out, and the next attempt resumes it.
        if stop.is_set():
            return
        stop.set()
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    work(stop)


if __name__ == "__main__":
    main()
