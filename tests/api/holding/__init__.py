"""Processes that stand still at a place that a test names, to be killed there."""

import os
from pathlib import Path


def held_at(place: str, mark: Path) -> dict[str, str]:
    """The environment of a process that stands still there; then the file `mark` is there."""
    mark.unlink(missing_ok=True)
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    path = os.pathsep.join(filter(None, paths))
    return {**os.environ, "PYTHONPATH": path, "HELD_AT": place, "HELD_MARK": str(mark)}
