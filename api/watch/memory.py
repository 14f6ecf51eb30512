"""What a watch knows of the files in its folder, kept across restarts: one row a file.

It is of this machine alone, as inodes are. Losing it costs reading every file again: the catalogue
tells what it has already. Paths may hold a patient's name, so the file is its owner's alone.
"""

import json
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from api.watch.survey import Print, Prints

_TABLE = """
CREATE TABLE IF NOT EXISTS watched (
    scope BLOB NOT NULL,
    main BLOB NOT NULL,
    stage TEXT NOT NULL,
    told TEXT NOT NULL,
    PRIMARY KEY (scope, main)
)
"""


class Stage(StrEnum):
    """How far a file has come in the eyes of the watch."""

    PUT_OFF = "put off"
    """Something that passes stood in its way: to be tried again."""
    REFUSED = "refused"
    KEPT = "kept"
    """In the archive, which builds it."""
    PUBLISHED = "published"
    """All of it can be seen; its file is to be dealt with as was asked."""
    TAKEN = "taken"


OWNING = frozenset({Stage.KEPT, Stage.PUBLISHED, Stage.TAKEN})
"""The stages in which a unit's files are spoken for."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a unit: the files that this is about, and what became of them."""

    main: str
    files: Prints
    stage: Stage
    sidecar: str | None = None
    images: tuple[str, ...] = ()
    jobs: tuple[int, ...] = ()
    tries: int = 0
    since_s: float = 0.0
    """When the first of these tries was, by the clock on the wall; `due_s`, when the next is."""
    due_s: float = 0.0
    is_told: bool = False
    """Whether a report lies beside the file."""
    id: str = field(default_factory=lambda: secrets.token_hex(4))
    """By which the log names it: a path may hold a patient's name."""

    def is_unchanged(self, prints: Prints) -> bool:
        """Whether all of its files that still lie there are as they were."""
        return all(
            path == self.sidecar or prints.get(path, seen) == seen
            for path, seen in self.files.items()
        )


class Memory:
    """The rows of one watched folder; every change is on the disk when its method returns."""

    def __init__(self, connection: sqlite3.Connection, scope: bytes) -> None:
        self._connection = connection
        self._scope = scope
        self._known: dict[str, Known] = {}
        self._owners: dict[str, set[str]] = {}

    @property
    def known(self) -> Mapping[str, Known]:
        """Everything known, by its main file."""
        return self._known

    def owner(self, path: str, prints: Prints) -> Known | None:
        """What was taken of the slide that a file, as it lies there, is a part of."""
        if path not in prints:
            return None
        # Its own row first.
        for main in sorted(self._owners.get(path, ()), key=lambda one: one != path):
            known = self._known[main]
            if known.stage in OWNING and known.is_unchanged(prints):
                return known
        return None

    def note(self, known: Known) -> Known:
        """Keep what is known of a file, in place of what was; gives it."""
        told = asdict(replace(known, files={}))
        told["files"] = {path: list(asdict(one).values()) for path, one in known.files.items()}
        self._connection.execute(
            "INSERT OR REPLACE INTO watched VALUES (?, ?, ?, ?)",
            (self._scope, os.fsencode(known.main), known.stage, json.dumps(told)),
        )
        self._disown(known.main)
        self._learn(known)
        return known

    def forget(self, main: str) -> None:
        """Know nothing of a file any more."""
        self._connection.execute(
            "DELETE FROM watched WHERE scope = ? AND main = ?", (self._scope, os.fsencode(main))
        )
        self._disown(main)

    def read(self) -> None:
        """Read what was known before; raises sqlite3.Error."""
        rows = self._connection.execute("SELECT told FROM watched WHERE scope = ?", (self._scope,))
        for (told,) in rows:
            self._learn(_known(json.loads(told)))

    def _learn(self, known: Known) -> None:
        self._known[known.main] = known
        for path in known.files:
            self._owners.setdefault(path, set()).add(known.main)

    def _disown(self, main: str) -> None:
        known = self._known.pop(main, None)
        for path in known.files if known is not None else ():
            self._owners[path].discard(main)


@contextmanager
def open_memory(file: Path, scope: bytes) -> Iterator[Memory]:
    """What is known of the folder and establishment that `scope` names; raises sqlite3.Error.

    A file that is damaged is set aside and begun anew, as losing it loses nothing but time.
    """
    try:
        connection = _opened(file)
    except sqlite3.OperationalError:
        # Busy, or without room: that passes.
        raise
    except sqlite3.DatabaseError:
        for part in file.parent.glob(f"{file.name}*"):
            part.rename(part.with_name(f"damaged-{secrets.token_hex(4)}-{part.name}"))
        connection = _opened(file)
    with closing(connection):
        memory = Memory(connection, scope)
        memory.read()
        yield memory


def _opened(file: Path) -> sqlite3.Connection:
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    connection = sqlite3.connect(file, timeout=30, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(_TABLE)
    except BaseException:
        connection.close()
        raise
    return connection


def _known(told: dict[str, Any]) -> Known:
    files = {path: Print(*one) for path, one in told.pop("files").items()}
    stage, images, jobs = (told.pop(name) for name in ("stage", "images", "jobs"))
    return Known(**told, files=files, stage=Stage(stage), images=tuple(images), jobs=tuple(jobs))
