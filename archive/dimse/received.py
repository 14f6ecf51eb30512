"""What is received by C-STORE, which pynetdicom writes on disk as it comes."""

import queue
import shutil
import socket
from pathlib import Path

from pynetdicom.association import Association
from pynetdicom.events import Event

from archive.dimse.calling import connection_of
from archive.link import Moved

_SUCCESS = 0x0000


def forget_received(association: Association) -> None:
    """Delete what nobody will take: its sender has gone before its end, or before the answer."""
    dimse = association.dimse
    left: list[object] = [dimse.message] if dimse.message is not None else []
    try:
        while True:
            left.append(dimse.msg_queue.get_nowait()[1])
    except queue.Empty:
        pass
    for one in left:
        # Of a message that still comes, and of a request that waits.
        for name in ("_data_set_file", "_dataset_file"):
            file = getattr(one, name, None)
            if file is not None:
                file.close()
                Path(file.name).unlink(missing_ok=True)


class Spooled:
    """The instance that is given back by C-GET: into a file, and no more of it than it can be."""

    def __init__(self, into: Path, most_bytes: int, moved: Moved) -> None:
        self._into, self._most_bytes, self._moved = into, most_bytes, moved
        self._bytes = 0
        self.has_come = False

    @property
    def is_too_large(self) -> bool:
        """Whether more came than may."""
        return self._bytes > self._most_bytes

    def heard(self, event: Event) -> None:
        """Hang up on who sends more than may come (EVT_DATA_RECV)."""
        self._bytes += len(event.data)
        if self.is_too_large:
            connection_of(event).shutdown(socket.SHUT_RDWR)
        self._moved()

    def came(self, event: Event) -> int:
        """Take what came whole (EVT_C_STORE)."""
        try:
            shutil.move(event.dataset_path, self._into)
        finally:
            # pynetdicom leaves it where it is asked for.
            event.dataset_path.unlink(missing_ok=True)
        self.has_come = True
        return _SUCCESS
