"""Folders that go with the process that holds them, and locks that do."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path


@contextmanager
def desk(folder: Path) -> Iterator[Path]:
    """A place in the folder for this process's temporary files, gone with it.

    What processes that were killed left there is deleted first: the system lets go of the lock of
    whoever dies, and only of theirs.
    """
    own = folder / f"desk-{secrets.token_hex(8)}"
    with ExitStack() as held:
        # Named before it is there: whoever is told to stop in between leaves nothing.
        try:
            with locked(folder):
                for left in folder.glob("desk-*"):
                    # Whoever ends meanwhile takes its own away.
                    with suppress(BlockingIOError, FileNotFoundError), locked(left, LOCK_NB):
                        shutil.rmtree(left)
                own.mkdir(mode=0o700)
                held.enter_context(locked(own))
            yield own
        finally:
            with suppress(FileNotFoundError):
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
