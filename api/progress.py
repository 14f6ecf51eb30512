"""A progress bar on standard error, where that is a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WIDTH = 32


@contextmanager
def shown() -> Iterator[Callable[[int, int], None] | None]:
    """A function that draws how far something is, or None where nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return

    def draw(done: int, total: int) -> None:
        full = WIDTH * done // total if total else 0
        bar = "█" * full + "·" * (WIDTH - full)
        sys.stderr.write(f"\r{bar} {100 * done // total if total else 0:3} % ")
        sys.stderr.flush()

    try:
        yield draw
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
