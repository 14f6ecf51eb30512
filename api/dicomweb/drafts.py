"""Files that grow while what is to be stored comes."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EDQUOT, ENOSPC
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO

from archive.errors import NoRoom


class Draft:
    """One such file, in a folder that goes with the process; raises NoRoom for a full disk."""

    def __init__(self, folder: Path) -> None:
        with _told_of_room():
            descriptor, name = mkstemp(prefix="stored-", suffix=".dcm", dir=folder)
        self.path, self.length = Path(name), 0
        self._file: BinaryIO = open(descriptor, "wb", buffering=0)  # noqa: PTH123, SIM115

    def write(self, data: bytes) -> None:
        """Add some bytes; raises OSError and NoRoom."""
        view = memoryview(data)
        with _told_of_room():
            while view:
                written = self._file.write(view)
                self.length += written
                view = view[written:]

    def close(self) -> None:
        """Write no more to it."""
        self._file.close()

    def delete(self) -> None:
        """Be rid of it."""
        with suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)


@contextmanager
def _told_of_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {ENOSPC, EDQUOT}:
            raise
        raise NoRoom("The disk has not enough room.") from error
