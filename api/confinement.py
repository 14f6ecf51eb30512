"""What a child takes upon itself before anything else: limits, and an end with its parent."""

import ctypes
import os
import resource
import signal
import sys


def die_with(parent_pid: int) -> None:
    """Have the kernel end this process when its parent ends, however that happens (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    set_parent_death_signal = 1
    ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent_pid:
        # It had ended before the kernel was asked.
        os._exit(1)


def confine(parent_pid: int, memory_bytes: int) -> None:
    """Take the limits of a child upon this process."""
    die_with(parent_pid)
    # DATA, not AS: files mapped for reading and reserved address space cost nobody memory.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
