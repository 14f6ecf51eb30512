"""`sansverre serve` as a process of its own, for tests of what it answers and how it ends."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

LONG_S = 600.0
"""For what ends by itself, and sooner: longer than any machine takes."""


@dataclass
class Running:
    process: subprocess.Popen[str]
    link: str
    address: str

    def children(self, module: str) -> list[psutil.Process]:
        found = []
        for child in psutil.Process(self.process.pid).children():
            try:
                if module in child.cmdline():
                    found.append(child)
            except psutil.NoSuchProcess:
                # It has ended, and waits for the supervisor to look.
                continue
        return found


@contextmanager
def running(
    environment: dict[str, str], workers: int = 2, port: int = 0, through: Sequence[str] = ()
) -> Iterator[Running]:
    """`sansverre serve` at that port or a free one, stopped at the end.

    Where it is to begin `through` another command, that one is to become it.
    """
    command = [*through, sys.executable, "-m", "api.cli", "serve"]
    command += ["--port", str(port), "--workers", str(workers)]
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        link = next(
            match[0]
            for line in process.stdout
            if (match := re.search(r"https?://[^/\s]+/enter\?key=\S+", line))
        )
        yield Running(process, link, link.partition("/enter")[0])
    finally:
        process.terminate()
        process.communicate(timeout=LONG_S)


def until(there: Callable[[], object]) -> None:
    """Wait for a fact; fails where it does not come about."""
    end = time.monotonic() + LONG_S
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


def gone(processes: list[psutil.Process]) -> bool:
    """Whether they end."""
    _, alive = psutil.wait_procs(processes, timeout=LONG_S)
    return not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]
