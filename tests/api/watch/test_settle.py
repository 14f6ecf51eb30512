"""A file is complete when it has been quiet for long enough, whatever happens to it meanwhile."""

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from api.watch.settle import Settling
from api.watch.survey import Unit, survey

SETTLED_S = 10.0
NAMES = st.sampled_from(["a.svs", "b.tif", "c.mrxs", "c/Data0000.dat", "c/Slidedat.ini", "b.json"])


class Folder(RuleBasedStateMachine):
    """A folder that somebody writes to, a clock, and a model that knows when each file changed."""

    def __init__(self) -> None:
        super().__init__()
        self._held = ExitStack()
        self.folder = Path(self._held.enter_context(tempfile.TemporaryDirectory()))
        self.now = 1000.0
        self.settling = Settling(SETTLED_S)
        self.changed: dict[str, float] = {}
        self.looked: dict[str, float] = {}
        """When a look first saw a unit as it is now."""
        self.fresh: set[str] = set()
        self.quiet: frozenset[str] = frozenset()
        self.units: dict[str, Unit] = {}
        self.number = 0

    def teardown(self) -> None:
        self._held.close()

    @rule(name=NAMES, data=st.binary(min_size=1, max_size=3))
    def write(self, name: str, data: bytes) -> None:
        """Somebody begins a file, or writes on."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as stream:
            stream.write(data)
        self._touch(name)

    @rule(name=NAMES)
    def replace(self, name: str) -> None:
        """Another file takes the place, of the same size and time: only its inode is another."""
        path = self.folder / name
        if path.exists():
            self.number += 1
            other = path.with_name(f"{self.number}.tmp")
            other.write_bytes(path.read_bytes())
            found = path.stat()
            os.utime(other, ns=(found.st_atime_ns, found.st_mtime_ns))
            self._remember(path)
            other.rename(path)
            self._touch(name)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        path = self.folder / name
        if path.exists():
            self._remember(path)
            path.unlink()
            self._touch(name)

    @rule(seconds=st.sampled_from([0.1, 1.0, 4.9, 5.0, 9.9, 10.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def look(self) -> None:
        self.units = dict(survey(self.folder).units)
        for main, unit in self.units.items():
            if main not in self.looked or self.fresh & {main, *unit.files, *self._parts(main)}:
                self.looked[main] = self.now
        self.looked = {main: when for main, when in self.looked.items() if main in self.units}
        self.fresh.clear()
        self.quiet = self.settling.look(self.units, self.now)
        expected = {m for m, since in self.looked.items() if self.now - since >= SETTLED_S}
        assert self.quiet == expected

    @precondition(lambda self: self.quiet)
    @rule()
    def disturb(self) -> None:
        """Found to be still open: it has to be quiet for as long again."""
        main = min(self.quiet)
        self.settling.disturb(main, self.now)
        self.looked[main] = self.now
        self.quiet -= {main}

    @invariant()
    def nothing_is_complete_too_soon(self) -> None:
        for main in self.quiet - self.fresh:
            for path in self.units[main].files:
                assert self.now - self.changed[path] >= SETTLED_S

    def _remember(self, path: Path) -> None:
        """Keep a file's inode from the next one, which may have its size, and its time as well."""
        self._held.enter_context(path.open("rb"))

    def _touch(self, name: str) -> None:
        self.changed[name] = self.now
        self.fresh.add(name)
        self.quiet -= {name, *(main for main in self.quiet if name in self._parts(main))}

    def _parts(self, main: str) -> set[str]:
        """Every file that may belong to a unit, there or not."""
        stem = main.rpartition(".")[0]
        return {main, f"{stem}.json", f"{stem}/Data0000.dat", f"{stem}/Slidedat.ini"}


TestFolder = Folder.TestCase
TestFolder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
