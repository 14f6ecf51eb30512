"""How far a watch is, as what it leaves on the disk tells, so that it can be killed there."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from api.settings import Settings

POLL_S = 0.001
_BARE = """SELECT count(*) FROM image WHERE state = 'received'
    AND NOT EXISTS (SELECT 1 FROM stored_object WHERE image_id = image.id)"""

_BUILT = "SELECT count(*) FROM image WHERE state = 'built'"


class Traces:
    """What lies there; a phase is reached when that is more than when the watch was started."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._data, self._folder = settings.data, folder
        self._before = {name: count() for name, count in self._phases().items()}

    @contextmanager
    def reached(self, phase: str, within_s: float) -> Iterator[bool]:
        """Wait until the watch is in the phase; False where it does not come there in time."""
        until = time.monotonic() + within_s
        if phase == "publishing":
            with self._held_at_publishing(until) as is_there:
                yield is_there
            return
        count, before = self._phases()[phase], self._before[phase]
        while (is_there := count() > before) is False and time.monotonic() < until:
            time.sleep(POLL_S)
        yield is_there

    @contextmanager
    def _held_at_publishing(self, until: float) -> Iterator[bool]:
        """Write to the catalogue, as others do, from the moment an image is built.

        Its publication waits for that, so that a kill meanwhile falls between the two.
        """
        file = self._data / "catalog.sqlite"
        # Until its tables are there and something is being built.
        while not self.count("building") and time.monotonic() < until:
            time.sleep(POLL_S)
        with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as catalogue:
            while time.monotonic() < until:
                try:
                    catalogue.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    # Tried again at once: it is the next write that must wait.
                    continue
                (built,) = catalogue.execute(_BUILT).fetchone()
                if built > self._before["publishing"]:
                    yield True
                    return
                catalogue.execute("ROLLBACK")
                time.sleep(POLL_S / 4)
        yield False

    def count(self, phase: str) -> int:
        """How much there is of what tells of a phase."""
        return self._phases()[phase]()

    def _phases(self) -> dict[str, Callable[[], int]]:
        return {
            "examining": lambda: self._files(self._data / "scratch", "desk-*/examined-*"),
            "keeping": lambda: self._rows(_BARE),
            "building": lambda: self._files(self._data / "drafts", "*/*"),
            "storing": self._stored_unknown,
            "publishing": lambda: self._rows(_BUILT),
            "noting": lambda: self._rows("SELECT count(*) FROM image WHERE state = 'published'"),
            "putting away": lambda: self._files(self._folder, "**/.sansverre-*"),
            "explaining": lambda: self._files(self._folder, "**/*.refused.txt"),
        }

    def _stored_unknown(self) -> int:
        """Objects that the catalogue does not know yet, while some image is being built."""
        if not self._rows("SELECT count(*) FROM image WHERE state = 'opened'"):
            return 0
        known = self._rows("SELECT count(*) FROM stored_object")
        return max(0, self._files(self._data / "objects", "??/*") - known)

    def _files(self, folder: Path, pattern: str) -> int:
        try:
            return sum(1 for _ in folder.glob(pattern)) if folder.is_dir() else 0
        except FileNotFoundError:
            # A folder went while it was looked through: looked again at once.
            return 0

    def _rows(self, query: str) -> int:
        file = self._data / "catalog.sqlite"
        if not file.is_file():
            return 0
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=5)) as catalogue:
            try:
                (found,) = catalogue.execute(query).fetchone()
            except sqlite3.OperationalError:
                # Its tables are just being made.
                return 0
        return int(found)
