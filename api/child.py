"""The child's side of the sandbox: it reads its request, runs the function, and says how it went.

Little is imported, as each child does it.
"""

import errno
import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn, cast

from api.confinement import confine

PACKAGES = ("tiles", "archive", "slides", "dermato", "api")
"""Whose exceptions speak to people; any other is a fault of ours and is told by its class only."""

TRACE = "SANSVERRE_TRACE"
"""Set by developers: what children mutter, faults included, is passed on to standard error."""


def main() -> NoReturn:
    """A child in an interpreter of its own."""
    descriptor, parent_pid, memory_bytes = map(int, sys.argv[1:4])
    confine(parent_pid, memory_bytes)
    run(descriptor)


def run(descriptor: int) -> NoReturn:
    """Be a child that was confined: read the request, run the function, say how it went."""
    os.set_inheritable(descriptor, False)
    request = json.loads(sys.stdin.buffer.read())
    os.environ.update(request["told"])
    _say(descriptor, _run(request, descriptor))
    # Straight out: threads that libraries left behind must not hold a finished answer back.
    os._exit(0)


def _run(request: dict[str, Any], descriptor: int) -> dict[str, Any]:
    try:
        module, name = request["function"].split(":")
        function = cast("Callable[..., Any]", getattr(importlib.import_module(module), name))
        return {"result": function(_Mouth(descriptor), **request["arguments"])}
    except MemoryError:
        return _error("memory", "MemoryError", "")
    except OSError as error:
        if type(error).__module__.partition(".")[0] in PACKAGES:
            return _error("refused", type(error).__name__, str(error))
        # The number tells a full disk from a file that cannot be read.
        name = errno.errorcode.get(error.errno or 0, type(error).__name__)
        return _error("refused", name, os.strerror(error.errno) if error.errno else name)
    except Exception as error:  # noqa: BLE001 - whatever a hostile file makes a parser raise
        if type(error).__module__.partition(".")[0] in PACKAGES:
            return _error("refused", type(error).__name__, str(error))
        if TRACE in os.environ:
            sys.excepthook(*sys.exc_info())
        return _error("failed", type(error).__name__, "")


def _error(kind: str, name: str, message: str) -> dict[str, Any]:
    return {"error": {"kind": kind, "name": name, "message": message}}


class _Mouth:
    """The child's side of a Voice."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, done: int, total: int) -> None:
        _say(self._descriptor, {"done": int(done), "total": int(total)})

    def tell(self, news: Any) -> None:
        _say(self._descriptor, {"news": news})


def _say(descriptor: int, word: dict[str, Any]) -> None:
    rest = memoryview(json.dumps(word).encode() + b"\n")
    while rest:
        rest = rest[os.write(descriptor, rest) :]


if __name__ == "__main__":
    main()
