"""Processes that stand still at a place that a test names, to be killed there."""

import os
import subprocess
import time
from pathlib import Path
from typing import Any

REACHED_S = 600.0
"""Longer than any machine takes: what never comes there ends, or a fault holds it up."""


def held_at(place: str, mark: Path) -> dict[str, str]:
    """The environment of a process that stands still there; then the file `mark` is there."""
    mark.unlink(missing_ok=True)
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    path = os.pathsep.join(filter(None, paths))
    held = {
        "PYTHON_HELD_AT": place,
        "PYTHON_HELD_MARK": str(mark),
        "PYTHON_HELD_BY": str(os.getpid()),
    }
    return {**os.environ, "PYTHONPATH": path, **held}


def await_held(process: "subprocess.Popen[Any]", mark: Path) -> None:
    """Return once a process stands still; fails where it ends without having come there."""
    until = time.monotonic() + REACHED_S
    while not mark.exists():
        assert process.poll() is None, "it ended before it came there"
        assert time.monotonic() < until, "it never came there"
        time.sleep(0.01)
