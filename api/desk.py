"""Folders that go with the process that holds them, and locks that do."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from tempfile import mkdtemp


@contextmanager
def desk(folder: Path) -> Iterator[Path]:
    """A place in the folder for this process's temporary files, gone with it.

    What processes that were killed left there is deleted first: the system lets go of the lock of
    whoever dies, and only of theirs.
    """
    with locked(folder):
        for left in folder.glob("desk-*"):
            # Whoever ends meanwhile takes its own away.
            with suppress(BlockingIOError, FileNotFoundError), locked(left, LOCK_NB):
                shutil.rmtree(left)
        own = Path(mkdtemp(prefix="desk-", dir=folder))
        held = ExitStack()
        held.enter_context(locked(own))
    with held:
        try:
            yield own
        finally:
            shutil.rmtree(own)


@contextmanager
def locked(folder: Path, how: int = 0) -> Iterator[None]:
    """Hold a folder's lock, which goes with its holder; with LOCK_NB, or BlockingIOError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        flock(descriptor, LOCK_EX | how)
        yield
    finally:
        os.close(descriptor)
