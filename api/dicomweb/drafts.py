"""Files that grow while what is to be stored comes."""

from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from typing import BinaryIO


class Draft:
    """One such file, in a folder that goes with the process."""

    def __init__(self, folder: Path) -> None:
        descriptor, name = mkstemp(prefix="stored-", suffix=".dcm", dir=folder)
        self.path, self.length = Path(name), 0
        self._file: BinaryIO = open(descriptor, "wb", buffering=0)  # noqa: PTH123, SIM115

    def write(self, data: bytes) -> None:
        """Add some bytes; raises OSError."""
        view = memoryview(data)
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
