"""The command, run many times by a process that has loaded it once: `python -m tests.warm`.

Each line of its input asks for one run, in a fork of its own; its answer is what that took, as of
`tests.measured`. Most of what a command costs on a small file is loading Python's modules.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from subprocess import PIPE, Popen
from typing import Any

from api import nursery, sandbox


class Shared(nursery.Nursery):
    """A nursery that all runs have: to begin one each is most of what an ingest costs.

    It is the child of the process that forks them, which alone could ask whether it has ended.
    """

    def has_ended(self) -> bool:
        """A run hears of it from the socket, where it asks for a child."""
        return False


@contextmanager
def warm() -> Iterator["Popen[str]"]:
    """A process that has the command loaded."""
    command = [sys.executable, "-m", "tests.warm"]
    with Popen(command, stdin=PIPE, stdout=PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ask(process: "Popen[str]", request: dict[str, Any]) -> dict[str, Any]:
    """Have a command run: `arguments`, `variables`, and where its `output` and `errors` go.

    In the `folder` that is named, or in this process's.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(request) + "\n")
    process.stdin.flush()
    answer: dict[str, Any] = json.loads(process.stdout.readline())
    return answer


def _run(request: dict[str, Any], shared: Shared) -> int:
    from api import cli

    nursery._OURS[os.getpid()] = [shared]
    for descriptor, path in ((0, os.devnull), (1, request["output"]), (2, request["errors"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), descriptor)
    os.environ.update(request["variables"])
    os.chdir(request.get("folder", "."))
    try:
        return cli.main(request["arguments"])
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1


def main() -> None:
    """Answer requests until there are no more."""
    import api.ingest  # noqa: F401
    import archive.upgrade  # noqa: F401

    shared = Shared(sandbox._environment_of(os.curdir))
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            code = _run(request, shared)
            sys.stdout.flush()
            os._exit(code)
        _, status, usage = os.wait4(child, 0)
        taken = {
            "code": os.waitstatus_to_exitcode(status),
            "processor_s": usage.ru_utime + usage.ru_stime,
            "bytes_most": usage.ru_maxrss * 1024,
        }
        print(json.dumps(taken), flush=True)


if __name__ == "__main__":
    main()
