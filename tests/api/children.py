"""What tests run in processes of their own: little is imported, as each of them imports it."""

import ctypes
import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

from api.sandbox import Progress, Voice
from tiles.errors import DamagedCodestream


def answer(say: Progress, value: Any) -> Any:
    say(1, 2)
    say(2, 2)
    return value


def environment(say: Progress) -> dict[str, str]:
    return dict(os.environ)


def announce(say: Voice, times: int) -> str:
    say(0, 2)
    for number in range(times):
        say.tell({"number": number})
    say(2, 2)
    return "done"


def hog(say: Progress) -> None:
    kept = []
    while True:
        kept.append(bytearray(16 << 20))


def hog_in_c(say: Progress) -> None:
    """As a C library does that does not look at what malloc gives."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while True:
        ctypes.memset(libc.malloc(ctypes.c_size_t(16 << 20)), 1, 16 << 20)


def loop(say: Progress) -> None:
    while True:
        pass


def loop_in_c(say: Progress) -> None:
    ctypes.PyDLL(None).sleep(600)


def babble(say: Progress) -> None:
    while True:
        say(1, 2)
        time.sleep(0.01)


def work_until(say: Progress, there: str) -> str:
    """Say how far it is, and then nothing before a file is there."""
    for done in range(6):
        say(done, 6)
    while not Path(there).exists():
        time.sleep(0.01)
    return "done"


def work_hard(say: Progress) -> str:
    """A second of a processor."""
    while time.process_time() < 1:
        pass
    return "done"


def segfault(say: Progress) -> None:
    ctypes.string_at(0)


def mutter(say: Progress) -> str:
    for _ in range(2000):
        os.write(2, b"TIFFReadDirectory: Warning, unknown field\n" * 100)
    print("x" * 100_000)
    return "heard"


def leave(say: Progress) -> None:
    os._exit(3)


def refuse(say: Progress) -> None:
    raise DamagedCodestream("half of it\nis missing \x1b[31m")


def fault(say: Progress) -> None:
    raise KeyError("DOE^JANE")


def not_there(say: Progress) -> None:
    Path("/nowhere/DOE").read_bytes()


def forge(say: Progress, line: str) -> None:
    """As a child that a file has taken over would: whatever it likes on the pipe."""
    descriptor = int(sys.argv[1])
    os.write(descriptor, line.encode() + b"\n")
    os._exit(0)


def flood(say: Progress) -> None:
    descriptor = int(sys.argv[1])
    while True:
        os.write(descriptor, b"x" * 65536)


def be_killed(say: Progress) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave_files(say: Progress) -> str:
    import tempfile

    folder = tempfile.mkdtemp()
    Path(folder, "big").write_bytes(b"x" * 1000)
    return folder


def start_helper(say: Progress) -> None:
    """A helper of its own that would outlive it."""
    import subprocess

    helper = subprocess.Popen(["sleep", "600"])
    say(helper.pid, 0)
    time.sleep(600)


def wait(say: Progress) -> None:
    say(os.getpid(), 0)
    time.sleep(600)


def limits(say: Progress) -> list[int]:
    import resource

    return [resource.getrlimit(one)[0] for one in (resource.RLIMIT_DATA, resource.RLIMIT_CORE)]


def redeemed(url: str, key: str) -> int:
    """How many of six threads of a process entered with the key."""
    from concurrent.futures import ThreadPoolExecutor

    from archive.catalog import Catalog
    from archive.errors import NotAllowed

    def enter(_: int) -> bool:
        try:
            catalog.redeem_key(key)
        except NotAllowed:
            return False
        return True

    with Catalog.open(url) as catalog, ThreadPoolExecutor(6) as threads:
        return sum(threads.map(enter, range(6)))


_BEFORE: list[int] = []


def look_around(say: Progress) -> dict[str, Any]:
    """What a child finds: who forked it, what was open, what it was told, what others left."""
    left = list(_BEFORE)
    _BEFORE.append(os.getpid())
    links = [int(one.name) for one in Path("/proc/self/fd").iterdir()]
    return {
        "pid": os.getpid(),
        "parent": os.getppid(),
        "group": os.getpgrp(),
        "open": [one for one in links if Path(f"/proc/self/fd/{one}").exists()],
        "told": os.environ.get("LC_TOLD"),
        "folder": str(Path.cwd()),
        "left": left,
        "threads": len(list(Path("/proc/self/task").iterdir())),
    }


def remember(say: Progress, pattern: str) -> list[str]:
    """What of its own memory that may be written matches a pattern, which does not match itself."""
    found: set[str] = set()
    for line in Path("/proc/self/maps").read_text().splitlines():
        where, may, *_, name = [*line.split(maxsplit=5), ""][:6]
        if may.startswith("rw") and not name.startswith("[v"):
            begin, end = (int(one, 16) for one in where.split("-"))
            memory = ctypes.string_at(begin, end - begin)
            found.update(one.decode() for one in re.findall(pattern.encode(), memory))
    return sorted(found)


def read_of(say: Progress, pid: int) -> dict[str, bool]:
    """Which of another process's files it may read."""
    may = {}
    for name in ("environ", "maps"):
        try:
            may[name] = bool(Path(f"/proc/{pid}/{name}").read_bytes())
        except PermissionError:
            may[name] = False
    return may


def move(say: Progress, path: str, to: str) -> None:
    Path(path).rename(to)


def end_the_nursery(say: Progress, asker: int) -> str:
    """As a child that a file has taken over could: it ends whoever forked it."""
    if os.getppid() != asker:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
    return "done"


if __name__ == "__main__":
    # As a child that stays: it speaks into the pipe that it was given.
    os.write(int(sys.argv[1]), json.dumps(dict(os.environ)).encode() + b"\n")
