"""A file that grows in order while it is received, and what of it can be relied upon.

The catalogue says how much of a draft is durable; whatever a killed process wrote beyond that is
cut off by the next one that takes the draft up. So the offset told is never more than what is on
the disk, and no byte is there twice.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from archive.durable import make_durable
from archive.errors import Held, StorageFailure


class Draft:
    """A draft held for writing by one request, of whichever process."""

    def __init__(self, descriptor: int, offset: int) -> None:
        self._descriptor = descriptor
        self.offset = offset
        """Where the next byte goes."""

    def write(self, data: bytes | memoryview) -> None:
        """Add bytes; raises StorageFailure where the disk does not take them."""
        view = memoryview(data)
        with _named_failures():
            while view:
                written = os.pwrite(self._descriptor, view, self.offset)
                self.offset += written
                view = view[written:]

    def take_up(self, offset: int) -> int:
        """Go on at the offset, or where the draft ends if that is earlier; gives where.

        What lies beyond is dropped: nobody answered for it.
        """
        with _named_failures():
            offset = min(offset, os.fstat(self._descriptor).st_size)
            os.ftruncate(self._descriptor, offset)
        self.offset = offset
        return offset

    def make_durable(self) -> int:
        """Wait until all that was written would survive a power cut; gives the offset."""
        with _named_failures():
            os.fsync(self._descriptor)
        return self.offset


@contextmanager
def held(path: Path) -> Iterator[Draft]:
    """The draft at a path, made when missing, and nobody else's until the block ends.

    Nothing is to be relied upon before `take_up` was called with what the catalogue says. Raises
    Held, StorageFailure.
    """
    with _named_failures():
        descriptor = _opened(path)
    try:
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            raise Held("Another request is writing this file.") from error
        yield Draft(descriptor, 0)
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    make_durable(path.parent)
    return descriptor


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except StorageFailure:
        raise
    except OSError as error:
        raise StorageFailure(
            "A file cannot be received; check the space and the rights of the store."
        ) from error
