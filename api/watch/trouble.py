"""Why a file was not taken, and whether that passes by itself.

ApiError
├── NoOrder        (LookupError)  a file without an order, where one is waited for
├── FolderGone     (OSError)      the watched folder is not where it was
└── StillArriving  (ValueError)   a file that is still being written
"""

import errno
from dataclasses import dataclass

from api.errors import PASSING, ApiError, OutOfTime, Refused, SandboxError
from api.sandbox import one_line
from archive.errors import DifferentPatient, InvalidIdentity, LeaseLost, StorageFailure

SPENT = "Spent"
"""Building was cut short each time it was tried."""

BY_SOMEBODY = frozenset({"MissingFile", "EACCES", "EPERM", "OutOfTime", "NoOrder", SPENT})
"""What passes once somebody does something: tried again, and told if it lasts."""


class NoOrder(ApiError, LookupError):
    """A file that came without an order, where one is waited for."""


class FolderGone(ApiError, OSError):
    """The watched folder is not where it was."""


class StillArriving(ApiError, ValueError):
    """A file that somebody has in hand, or part of which has not been quiet for long enough."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stood in a file's way: `kind` is an exception's name, or "" where none is known."""

    kind: str
    message: str
    passes: bool = False


def trouble_of(error: Exception) -> Trouble:
    """What an exception of taking a file means for it."""
    kind = type(error).__name__
    message = one_line(str(error))
    if isinstance(error, Refused):
        kind = error.name
    elif isinstance(error, OSError) and not isinstance(error, (SandboxError, StorageFailure)):
        kind = errno.errorcode.get(error.errno or 0, kind)
        message = error.strerror or kind
    passes = (
        kind in PASSING
        or kind in BY_SOMEBODY
        or isinstance(error, (StorageFailure, LeaseLost, OutOfTime))
        or (isinstance(error, OSError) and not isinstance(error, SandboxError))
    )
    if isinstance(error, (DifferentPatient, InvalidIdentity)):
        passes = False
    return Trouble(kind, message, passes)
