"""Imported first by every process that a test starts so: it stands still at one place.

PYTHON_HELD_AT names the place; the file PYTHON_HELD_MARK appears when it is reached. The
system gives no such stop, and looking from outside for what lasts a millisecond finds it or not.
The variables are named as those that every child is told, and the nursery of children.
A parent that is no test (PYTHON_HELD_BY) stands still as well: it would end a child that is silent.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

Told = dict[str, Any]

Place = tuple[str, str, str, Callable[[Told], bool]]
"""Before a function begins or as it ends, in a module, where its arguments are such."""

OF_A_WATCH: dict[str, Place] = {
    "examining": ("call", "api.tasks", "_examine_slide", lambda _: True),
    "keeping": ("return", "archive.catalog", "receive", lambda _: True),
    "building": ("return", "slides.instances", "write_dicom", lambda _: True),
    "storing": ("return", "slides.ingest", "_store", lambda _: True),
    "publishing": ("call", "archive.catalog", "advance", lambda told: told["to"] == "published"),
    "noting": ("call", "api.watch.memory", "note", lambda told: told["known"].stage == "published"),
    "putting away": ("return", "api.watch.put_away", "_hold", lambda told: "held" in told),
    "explaining": ("return", "api.watch.report", "write_report", lambda _: True),
}
OF_A_TAKER: dict[str, Place] = {
    "examined": OF_A_WATCH["examining"],
    "received": OF_A_WATCH["keeping"],
    "kept": ("return", "archive.storage", "adopt", lambda _: True),
}
OF_AN_INGEST: dict[str, Place] = {
    "leased": ("call", "api.work", "_build", lambda _: True),
    "verifying": ("call", "slides.verify", "verify", lambda _: True),
}
OF_A_WORKER: dict[str, Place] = {
    "publishing": OF_A_WATCH["publishing"],
    "published": ("return", "archive.catalog", "advance", lambda told: told["to"] == "published"),
}
OF_A_CONVERSION: dict[str, Place] = {
    "level 0": ("return", "slides.draft", "frames", lambda told: told["name"] == "level-0"),
}
EVERY = {**OF_A_WATCH, **OF_A_TAKER, **OF_AN_INGEST, **OF_A_WORKER, **OF_A_CONVERSION}


def _who_waits() -> int:
    """The process that would end this one if it were silent: its parent, or a nursery's."""
    parent = os.getppid()
    if b"api.nursery" in Path(f"/proc/{parent}/cmdline").read_bytes().split(b"\0"):
        stat = Path(f"/proc/{parent}/stat").read_text()
        parent = int(stat.rpartition(")")[2].split()[1])
    return parent


def _hold_at(place: str, mark: Path) -> None:
    when, module, name, applies = EVERY[place]

    def look(frame: FrameType, event: str, _: object) -> None:
        if (
            event == when
            and frame.f_code.co_name == name
            and frame.f_globals.get("__name__") == module
            and applies(frame.f_locals)
        ):
            if _who_waits() != int(os.environ["PYTHON_HELD_BY"]):
                os.kill(_who_waits(), signal.SIGSTOP)
            mark.touch()
            # Longer than any test: whoever waits for the mark ends this process.
            time.sleep(3600)

    sys.setprofile(look)
    threading.setprofile(look)


if "PYTHON_HELD_AT" in os.environ:
    _hold_at(os.environ["PYTHON_HELD_AT"], Path(os.environ["PYTHON_HELD_MARK"]))
