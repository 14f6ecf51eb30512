"""Open slides and read their corners, each answer on a line: `python -m tests.slides.reading`.

Run as a process of its own, so that a crash of a C library is an answer too.
"""

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from slides.errors import SlideError
from slides.open import open_slide
from slides.slide import AssociatedImage
from tiles.errors import TilesError
from tiles.source import TileSource

MOST_SECONDS = 10
MOST_BYTES = 2 * 2**30
MOST_RESIDENT_KIB = 700 * 1024


@dataclass(frozen=True)
class Answer:
    """What became of a file: `opened` or an error's name; `damaged` counts tiles and pictures."""

    outcome: str
    reason: str = ""
    format: str = ""
    levels: int = 0
    damaged: int = 0


def read_corners(path: Path) -> Answer:
    """Open a slide, read the first and the last tile of every level and the pictures beside it."""
    try:
        with open_slide(path) as slide:
            levels = range(len(slide.source.pyramid.levels))
            damaged = sum(_damaged(slide.source, level) for level in levels)
            damaged += sum(not _whole(image) for image in slide.associated.values())
            return Answer("opened", "", slide.facts.format, len(levels), damaged)
    except SlideError as error:
        return Answer(type(error).__name__, str(error))


def _whole(image: AssociatedImage) -> bool:
    try:
        return image.pixels().shape == (image.height, image.width, 3)
    except TilesError:
        return False


def _damaged(source: TileSource, number: int) -> int:
    level = source.pyramid.levels[number]
    found = 0
    for column, row in {(0, 0), (level.columns - 1, level.rows - 1)}:
        try:
            source.pixels(number, level.box(column, row))
            source.frame(number, column, row)
        except TilesError:
            found += 1
    return found


def ask(paths: Sequence[Path]) -> Iterator[Answer]:
    """The answer of a child process for each path; one that dies of a file is started anew."""
    waiting = list(paths)
    while waiting:
        command = [sys.executable, "-W", "error", "-m", "tests.slides.reading", *map(str, waiting)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        answers = [Answer(**json.loads(line)) for line in done.stdout.splitlines()]
        yield from answers
        waiting = waiting[len(answers) :]
        if waiting:
            yield Answer("crashed", f"exit {done.returncode}: {done.stderr[-300:]}")
            waiting.pop(0)


def _most_resident_kib() -> int:
    # Not getrusage: what it tells begins with the memory of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def main() -> None:
    """Answer for every path on the command line, within bounds of time and memory."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    for path in sys.argv[1:]:
        # Processor time: what else the machine does is no fault of the file. What hangs uses none.
        signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
        signal.alarm(12 * MOST_SECONDS)
        answer = read_corners(Path(path))
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
        resident = _most_resident_kib()
        if resident > MOST_RESIDENT_KIB:
            answer = Answer("too much memory", f"{resident} KiB")
        print(json.dumps(answer.__dict__), flush=True)


if __name__ == "__main__":
    main()
