"""Whether somebody has a file open for writing, as far as the system can tell."""

import fcntl
import os
import signal
from pathlib import Path

LEASES_TELL = frozenset(
    {"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "f2fs", "bcachefs", "overlay"}
)
"""File systems of this machine alone; a network's refuses leases for reasons of its own."""

NOBODY_CAN_TELL = False


def prepare() -> None:
    """Let this process outlive the notice that a lease is wanted back, which would end it."""
    if hasattr(signal, "SIGIO"):
        signal.signal(signal.SIGIO, signal.SIG_IGN)


def is_written(file: Path) -> bool:
    """Whether a process has the file open for writing; False where nobody can tell.

    The kernel gives a read lease on a file only while nobody writes. It gives them to the file's
    owner, to root and to processes with CAP_LEASE. Call `prepare` first.
    """
    if not hasattr(fcntl, "F_SETLEASE"):
        return NOBODY_CAN_TELL
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if _file_system(os.fstat(descriptor).st_dev) not in LEASES_TELL:
            return NOBODY_CAN_TELL
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return NOBODY_CAN_TELL
    finally:
        os.close(descriptor)
    return False


def _file_system(device: int) -> str:
    """The kind of file system of a device, "" where the system does not say."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        mounts = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in mounts:
        fields, _, kind = line.partition(" - ")
        if fields.split()[2] == number:
            return kind.split()[0]
    return ""
