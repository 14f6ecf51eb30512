"""The watch itself: one look at the folder after the other, each of which does all that is due.

What is done is noted after it is done, never before, and everything can be done twice: a watch
that is killed between the two does it again, and finds it done.
"""

import logging
import threading
import time
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from api.errors import ApiError, Refused
from api.ingest import FINAL
from api.sandbox import one_line
from api.watch import put_away
from api.watch.memory import Known, Memory, Stage
from api.watch.report import remove_report, report_of, write_report
from api.watch.settle import Settling
from api.watch.survey import Print, Prints, Survey, Unit, survey
from api.watch.taking import Wish, take_unit
from api.watch.trouble import BY_SOMEBODY, SPENT, FolderGone, StillArriving, Trouble, trouble_of
from api.watch.writers import is_written
from api.work import REFUSED_AS, Workplace
from archive.errors import ArchiveError, NotFound
from archive.jobs import Job
from archive.record import Image, ImageState, JobState

LOG = logging.getLogger("sansverre.watch")

LONGEST_PAUSE_S = 900.0
TAKING_S = 5.0
"""After so long what was taken before is seen to, though more waits to be taken."""
LASTING = 6
"""After how many times the settling time somebody is told what they should have done by then."""

End = Literal["leave", "move", "remove"]


@dataclass(frozen=True, slots=True)
class Watched:
    """A folder, and what becomes of a file in it once it can be seen."""

    folder: Path
    wish: Wish
    settled_s: float
    end: End = "leave"
    done: Path | None = None


class Watcher:
    """One folder's watch. `look` is called again and again, by one thread."""

    def __init__(self, place: Workplace, watched: Watched, memory: Memory) -> None:
        self._place = place
        self._watched = watched
        self._folder = watched.folder
        self._memory = memory
        self._settling = Settling(watched.settled_s)
        self._device = watched.folder.stat().st_dev

    def begin(self) -> None:
        """Set right what a killed watch left in the folder; raises OSError."""
        put_away.give_back(self._folder)

    def look(self, stopping: threading.Event) -> bool:
        """Look the folder over and do what is due; gives whether more is due at once.

        Raises ArchiveError, OSError and sqlite3.Error.
        """
        self._follow()
        self._end_published()
        found = self._survey()
        self._forget_the_gone(found)
        waiting = {
            main: unit for main, unit in found.units.items() if not self._is_dealt_with(unit, found)
        }
        quiet = self._settling.look(waiting, time.monotonic())
        began = time.monotonic()
        restless = {path for one in waiting.keys() - quiet for path in waiting[one].files}
        # Of a DICOM series the largest is the slide, and its label a part of it.
        for main in sorted(quiet, key=lambda one: (-_size(found, one), one)):
            unit = waiting[main]
            if self._is_due(unit) and not self._is_dealt_with(unit, found):
                if stopping.is_set() or time.monotonic() - began > TAKING_S:
                    return True
                self._take(unit, found.prints, restless - unit.files.keys())
        return False

    def is_restless(self) -> bool:
        """Whether some file has yet to prove that it is complete."""
        return self._settling.is_restless(time.monotonic())

    def counts(self) -> Mapping[Stage, int]:
        """How many files stand where."""
        stages = [one.stage for one in self._memory.known.values()]
        return {stage: stages.count(stage) for stage in Stage}

    def _survey(self) -> Survey:
        if self._folder.stat().st_dev != self._device:
            raise FolderGone("another disk lies where the watched folder was")
        return survey(self._folder, {self._watched.done} if self._watched.done else ())

    def _is_dealt_with(self, unit: Unit, found: Survey) -> bool:
        """Whether nothing is to be done with a unit as it lies there."""
        owner = self._memory.owner(unit.main, found.prints)
        if owner is not None:
            said = unit.sidecar
            same_word = said is None or owner.files.get(said) == found.prints[said]
            return owner.main != unit.main or same_word
        known = self._memory.known.get(unit.main)
        if known is None or known.stage is not Stage.REFUSED or known.files != unit.files:
            return False
        # Whoever takes the note away wants it tried again.
        return not known.is_told or report_of(self._folder / unit.main).exists()

    def _is_due(self, unit: Unit) -> bool:
        known = self._memory.known.get(unit.main)
        if known is None or known.stage is not Stage.PUT_OFF or known.files != unit.files:
            return True
        return time.time() >= known.due_s

    def _take(self, unit: Unit, prints: Prints, restless: Set[str]) -> None:
        known = self._memory.known.get(unit.main) or Known(unit.main, unit.files, Stage.PUT_OFF)
        if known.files != unit.files:
            known = replace(known, tries=0, since_s=0.0)
        known = replace(known, files=unit.files, sidecar=unit.sidecar, images=(), jobs=())
        try:
            self._require_quiet(unit.files, prints, restless)
            kept = take_unit(
                self._place,
                self._folder,
                unit,
                self._watched.wish,
                lambda files: self._require_quiet(map(self._relative, files), prints, restless),
            )
        except StillArriving:
            self._settling.disturb(unit.main, time.monotonic())
        except (ApiError, ArchiveError, OSError) as error:
            self._put_off_or_refuse(known, trouble_of(error))
        else:
            own = {path: prints[path] for path in map(self._relative, kept.files)}
            if unit.sidecar is not None:
                own[unit.sidecar] = unit.files[unit.sidecar]
            self._untell(known)
            self._memory.note(
                replace(
                    known,
                    files={**own, unit.main: prints[unit.main]},
                    stage=Stage.KEPT,
                    images=kept.images,
                    jobs=kept.jobs,
                    is_told=False,
                )
            )
            LOG.info("%s: kept, as image %s", known.id, ", ".join(kept.images))

    def _require_quiet(self, paths: Iterable[str], prints: Prints, restless: Set[str]) -> None:
        """Raise StillArriving where one is not as it was seen, or in somebody's hands."""
        for path in paths:
            if path not in prints:
                raise Refused(
                    "a file that belongs to it is a link, hidden, or named as not finished; "
                    "send the whole slide",
                    "MissingFile",
                )
            file = self._folder / path
            try:
                is_as_seen = Print.of(file.lstat()) == prints[path]
                if path in restless or not is_as_seen or is_written(file):
                    raise StillArriving("it is still being written")
            except FileNotFoundError as error:
                raise StillArriving("it is gone") from error

    def _relative(self, file: Path) -> str:
        if not file.is_relative_to(self._folder):
            raise Refused("a file it needs lies outside its folder", "OutsideFolder")
        return file.relative_to(self._folder).as_posix()

    def _follow(self) -> None:
        """See what became of what was kept."""
        for known in self._at(Stage.KEPT):
            try:
                # First the jobs: whoever ends one has moved the image on before.
                jobs = [self._place.catalog.jobs.job(one) for one in known.jobs]
                images = [
                    self._place.catalog.image(one, establishment=None) for one in known.images
                ]
            except NotFound:
                LOG.warning("%s: the catalogue does not know it any more", known.id)
                self._memory.forget(known.main)
                continue
            refused = next((one for one in images if one.state is ImageState.REFUSED), None)
            if refused is not None:
                self._put_off_or_refuse(known, _trouble_of_build(refused, jobs))
            elif all(one.state is ImageState.PUBLISHED for one in images):
                self._memory.note(replace(known, stage=Stage.PUBLISHED, tries=0, due_s=0.0))
                LOG.info("%s: published", known.id)
            elif all(one.state in FINAL for one in jobs):
                # Nobody is at it: it is taken anew, and queued again.
                self._memory.forget(known.main)

    def _end_published(self) -> None:
        """Do with the files of what can be seen as was asked."""
        for known in self._at(Stage.PUBLISHED):
            if time.time() < known.due_s:
                continue
            try:
                self._end(known)
            except OSError as error:
                pause_s = self._pause_s(known.tries)
                LOG.warning(
                    "%s: not put away (%s), again in %.0f s",
                    known.id,
                    trouble_of(error).kind,
                    pause_s,
                )
                due_s = time.time() + pause_s
                self._memory.note(replace(known, tries=known.tries + 1, due_s=due_s))

    def _end(self, known: Known) -> None:
        self._untell(known)
        match self._watched.end:
            case "leave":
                self._memory.note(replace(known, stage=Stage.TAKEN))
                return
            case "move":
                assert self._watched.done is not None
                put_away.move(self._folder, known.files, self._watched.done, known.id)
            case "remove":
                put_away.remove(self._folder, known.files)
        self._memory.forget(known.main)
        LOG.info("%s: %sd", known.id, self._watched.end)

    def _forget_the_gone(self, found: Survey) -> None:
        """Forget what lies there no more, and what turned out to be a part of something else."""
        for known in list(self._memory.known.values()):
            owner = self._memory.owner(known.main, found.prints)
            is_part = owner is not None and owner.main != known.main
            if known.stage is not Stage.KEPT and (known.main not in found.units or is_part):
                self._untell(known)
                self._memory.forget(known.main)

    def _put_off_or_refuse(self, known: Known, trouble: Trouble) -> None:
        now = time.time()
        since_s = known.since_s or now
        pause_s = self._pause_s(known.tries)
        lasting = now - since_s >= LASTING * self._watched.settled_s
        told = (not trouble.passes) or (lasting and trouble.kind in BY_SOMEBODY)
        # The note comes first: noted before, a watch that is killed in between would never tell.
        is_told = self._tell(known, trouble) if told else known.is_told
        self._memory.note(
            replace(
                known,
                stage=Stage.PUT_OFF if trouble.passes else Stage.REFUSED,
                tries=known.tries + 1,
                since_s=since_s,
                due_s=now + pause_s,
                is_told=is_told,
            )
        )
        if trouble.passes:
            LOG.warning("%s: put off for %.0f s: %s", known.id, pause_s, trouble.kind)
        else:
            LOG.warning("%s: refused: %s", known.id, trouble.kind or "while it was built")

    def _pause_s(self, tries: int) -> float:
        """How long to wait after so many tries: twice as long each time."""
        return float(min(LONGEST_PAUSE_S, self._watched.settled_s * 2 ** min(tries, 30)))

    def _tell(self, known: Known, trouble: Trouble) -> bool:
        try:
            write_report(self._folder / known.main, trouble, known.id, datetime.now(UTC))
        except OSError as error:
            LOG.warning("%s: no note beside it: %s", known.id, trouble_of(error).kind)
            return False
        return True

    def _untell(self, known: Known) -> None:
        try:
            remove_report(self._folder / known.main)
        except OSError as error:
            LOG.warning("%s: its note stays: %s", known.id, trouble_of(error).kind)

    def _at(self, stage: Stage) -> list[Known]:
        return [one for one in self._memory.known.values() if one.stage is stage]


def _size(found: Survey, main: str) -> int:
    seen = found.prints.get(main)
    return seen.size_bytes if seen is not None else 0


def _trouble_of_build(image: Image, jobs: Iterable[Job]) -> Trouble:
    """Why an image was refused: for what its file holds, or since every attempt was cut short."""
    reason = one_line(image.reason or "")
    spent = any(job.state is JobState.FAILED and job.attempt >= job.max_attempts for job in jobs)
    if spent:
        return Trouble(SPENT, reason, passes=True)
    return Trouble(str(image.facts.get(REFUSED_AS, "")), reason)
