"""What a process takes upon itself before anything else, so that a stranger's file harms no other.

A process that holds secrets hides. A child has limits, an end with its parent, and looks into no
process but its own, where the kernel keeps it from that (Linux 5.19, Landlock).
"""

import ctypes
import os
import resource
import signal
import struct
import sys

_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with(parent_pid: int) -> None:
    """Have the kernel end this process when its parent ends, however that happens (Linux)."""
    if not sys.platform.startswith("linux"):
        return
    set_parent_death_signal = 1
    _control(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent_pid:
        # It had ended before the kernel was asked.
        os._exit(1)


def hide() -> None:
    """Have no other process of the same user read this one's memory or environment (Linux).

    Nor what it has open. Root may still; a fork hides too, and what is executed anew does not.
    """
    if sys.platform.startswith("linux"):
        set_dumpable = 4
        _control(set_dumpable, 0)


def confine(parent_pid: int, memory_bytes: int) -> None:
    """Take the limits of a child upon this process; raises OSError."""
    die_with(parent_pid)
    # It holds one patient's file, and its siblings others'.
    hide()
    _look_at_no_other()
    # DATA, not AS: files mapped for reading and reserved address space cost nobody memory.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _look_at_no_other() -> None:
    """Read and trace no process from now on but this one and those it starts.

    Holds for processes that do not hide, or not yet, and where root runs all of them. Landlock
    keeps a process in a domain of its own from others as soon as it has any rule; the one it is
    given here leaves it every file that it had. See landlock(7).
    """
    if not sys.platform.startswith("linux"):
        return
    create_ruleset, add_rule, restrict_self = 444, 445, 446
    ask_for_the_version, path_beneath, set_no_new_privileges = 1, 1, 38
    if _call(create_ruleset, None, 0, ask_for_the_version) < 2:
        # An older kernel, one that was built or begun without it, or a container that has it not.
        return
    # To move files from one folder to another: what every ruleset forbids unless it is allowed.
    refer = 1 << 13
    rules = _given(_call(create_ruleset, struct.pack("=Q", refer), 8, 0))
    root = os.open("/", os.O_PATH)
    _given(_call(add_rule, rules, path_beneath, struct.pack("=Qi", refer, root), 0))
    os.close(root)
    _control(set_no_new_privileges, 1)
    _given(_call(restrict_self, rules, 0))
    os.close(rules)


def _control(option: int, value: int) -> None:
    """Ask something of the kernel for this process that it refuses to none."""
    _LIBC.prctl(option, *(ctypes.c_ulong(one) for one in (value, 0, 0, 0)))


def _call(number: int, *arguments: int | bytes | None) -> int:
    """What a system call gives; -1 where it fails."""
    words = (ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)
    return int(_LIBC.syscall(ctypes.c_long(number), *words))


def _given(answer: int) -> int:
    """The answer of a system call; raises OSError where it failed."""
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer
