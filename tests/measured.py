"""Run a command and say what it took: `python -m tests.measured RESULT COMMAND...`.

The kernel counts a process's peak memory from its fork on, so a child of a large process seems
large. This one is small, and so its child starts from nothing.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    """Run the command, write its exit code, seconds and peak bytes (its children's included)."""
    result, *command = sys.argv[1:]
    started = time.monotonic()
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    taken = {
        "code": child.returncode,
        "seconds": time.monotonic() - started,
        "bytes_most": usage.ru_maxrss * 1024,
    }
    Path(result).write_text(json.dumps(taken))


if __name__ == "__main__":
    main()
