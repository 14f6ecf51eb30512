"""Where a result grows: a hidden folder that one process holds, and that outlives a kill.

    .OUT.partial/lock      held while somebody works here; at last it says what was done
    .OUT.partial/begun     for what this is the draft, and since which start of the machine
    .OUT.partial/parts     what tasks leave for the instances
    .OUT.partial/result    becomes OUT, whole

The system lets go of the lock of whoever dies. What they wrote is whole as far as it is noted:
notes appear by renaming. After a restart of the machine, when the disk may lack what was noted, a
draft is begun anew.
"""

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slides.errors import OutputExists

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from slides.progress import Progress
    from tiles.finished import Finished
    from tiles.frames import Frames, Unfinished

BOOT = Path("/proc/sys/kernel/random/boot_id")
POLL_S = 0.2

Waiting = Callable[[float], None]
"""Told now and then for how many seconds another process has been waited for."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft that this process holds."""

    folder: Path
    receipt: dict[str, Any] | None = None
    """What was done, where all of it was done already."""
    within: str = ""
    """The folder of the result that this part of the draft is about; empty for all of it."""

    @property
    def result(self) -> Path:
        """What will be published."""
        return self.folder / "result" / self.within

    @property
    def parts(self) -> Path:
        """What goes with the draft."""
        return self.folder / "parts" / self.within

    def part(self, name: str) -> "Draft":
        """The part of the draft that a folder of the result is made by."""
        part = replace(self, within=name)
        for folder in (part.result, part.parts):
            folder.mkdir(exist_ok=True)
        return part

    @property
    def finished(self) -> "Finished":
        """The tasks that have run, before a kill too."""
        from tiles.finished import Finished

        return Finished(self.parts)

    def once(self, name: str, work: Callable[[], None]) -> None:
        """Do something that nobody has done to this draft."""
        note = self._note(f"{name}.done")
        if not note.exists():
            work()
            note.touch()

    def frames(
        self, name: str, header: "Dataset", frames: "Frames", progress: "Progress | None"
    ) -> "Unfinished":
        """The frames of an instance in the result, as they are there or else written now."""
        import numpy as np

        from tiles.frames import write_frames, written_before

        path, note = self.result / f"{name}.dcm", self._note(f"{name}.frames.npy")
        if note.exists() and path.exists():
            return written_before(path, header, np.load(note, allow_pickle=False))
        made = write_frames(path, header, frames, progress)
        growing = note.with_suffix(".growing.npy")
        np.save(growing, made.lengths, allow_pickle=False)
        growing.replace(note)
        return made

    def _note(self, name: str) -> Path:
        return self.folder / f"{self.within}.{name}" if self.within else self.folder / name


def place_of(out: Path) -> Path:
    """The folder in which a result grows."""
    return out.with_name(f".{out.name}.partial")


def is_taken(out: Path) -> bool:
    """Whether something lies where a result belongs that is not an unfinished conversion's."""
    return (out.exists() or out.is_symlink()) and not place_of(out).exists()


@contextmanager
def draft_of(out: Path, key: str, waiting: Waiting) -> Iterator[Draft]:
    """The draft of a result, once nobody else holds it; gone when the work fails.

    `key` says what the result is made of. One that was made meanwhile by whoever held the draft,
    with the same key, is given by its `receipt`, and nothing is left to be done. Raises
    OutputExists.
    """
    if is_taken(out):
        raise OutputExists("the output already exists; remove it or name another", out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with held(place_of(out), key, waiting) as draft:
        if draft.receipt is not None and draft.result.exists() and not out.exists():
            # Killed between the last two steps.
            draft.result.rename(out)
        if draft.receipt is None and (out.exists() or out.is_symlink()):
            raise OutputExists("the output appeared meanwhile; nothing was replaced", out)
        yield draft


def publish(draft: Draft, out: Path, key: str, receipt: dict[str, Any]) -> None:
    """Let a finished result appear under its name; raises OutputExists."""
    said = json.dumps({**receipt, "key": key}).encode()
    descriptor = os.open(draft.folder / "lock", os.O_RDWR)
    try:
        os.pwrite(descriptor, said, 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if out.exists() or out.is_symlink():
        raise OutputExists("the output appeared meanwhile; nothing was replaced", out)
    draft.result.rename(out)


def discard(out: Path) -> None:
    """Remove what an interrupted conversion left, unless another goes on with it."""
    folder = place_of(out)
    with suppress(FileNotFoundError, BlockingIOError):
        descriptor = os.open(folder / "lock", os.O_RDWR)
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
            _remove(folder)
        finally:
            os.close(descriptor)


@contextmanager
def held(folder: Path, key: str, waiting: Waiting) -> Iterator[Draft]:
    """A draft in a folder of its own, once nobody else holds it; gone afterwards.

    It is kept only where this process is killed. What a killed one left for the same key is there
    again.
    """
    descriptor = _lock(folder, key, waiting)
    try:
        receipt = _receipt(descriptor, key)
        if receipt is None:
            os.ftruncate(descriptor, 0)
            _take_up(folder, key)
        yield Draft(folder, receipt)
    finally:
        if _is_there(descriptor, folder):
            _remove(folder)
        os.close(descriptor)


def _lock(folder: Path, key: str, waiting: Waiting) -> int:
    """The lock of a folder that is there, or of one where all was done that the key asks for."""
    since = time.monotonic()
    while True:
        try:
            folder.mkdir(exist_ok=True)
            descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except FileNotFoundError:
            # Whoever had it has just removed it.
            continue
        try:
            while not _locked(descriptor):
                time.sleep(POLL_S)
                waiting(time.monotonic() - since)
            if _is_there(descriptor, folder) or _receipt(descriptor, key) is not None:
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_there(descriptor: int, folder: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), (folder / "lock").stat())
    except FileNotFoundError:
        return False


def _receipt(descriptor: int, key: str) -> dict[str, Any] | None:
    """What was done here for the key, if all of it was."""
    said = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    try:
        found = json.loads(said)
    except ValueError:
        # Nothing yet, or a line that a kill cut.
        return None
    return found if isinstance(found, dict) and found.get("key") == key else None


def _take_up(folder: Path, key: str) -> None:
    """Make a draft ready: what it holds is of the same key, or it is empty."""
    begun = folder / "begun"
    own = json.dumps([key, _boot()])
    with suppress(FileNotFoundError):
        if begun.read_text() == own:
            for growing in (folder / "result").rglob(".*"):
                growing.unlink()
            return
    for left in folder.iterdir():
        if left.name != "lock":
            shutil.rmtree(left) if left.is_dir() else left.unlink()
    for name in ("parts", "result"):
        (folder / name).mkdir()
    begun.write_text(own)


def _boot() -> str:
    """What names the time since the machine was started; where nothing does, this very moment."""
    try:
        return BOOT.read_text().strip()
    except OSError:
        return uuid.uuid4().hex


def _remove(folder: Path) -> None:
    # Out of reach first: a worker elsewhere may still be writing.
    gone = folder.rename(folder.with_name(f"{folder.name}.{uuid.uuid4().hex}.removed"))
    shutil.rmtree(gone, ignore_errors=True)
