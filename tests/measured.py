"""Run a command and say what it took: `python -m tests.measured RESULT COMMAND...`.

The kernel counts a process's peak memory from its fork on, so a child of a large process seems
large. This one is small, and so its child starts from nothing. Processor time is what a command
costs whatever else the machine does; one that hangs is for the caller to end.
"""

import json
import os
import subprocess
import sys
from pathlib import Path


def main() -> None:
    """Run the command, write its exit code, processor time and peak bytes, children's too."""
    result, *command = sys.argv[1:]
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    taken = {
        "code": child.returncode,
        "processor_s": usage.ru_utime + usage.ru_stime,
        "bytes_most": usage.ru_maxrss * 1024,
    }
    Path(result).write_text(json.dumps(taken))


if __name__ == "__main__":
    main()
