"""How soon a slide that has arrived is seen: from its last byte kept to its first tile answered.

    python -m benchmarks.first_tile [SLIDE...] [--repeat 5]

A server runs; each slide is taken in again and again, each time for another establishment and so as
another image, while nothing is converted. "Last byte" is the moment at which the store has the
whole original; "arrival" also counts what comes before it here, where a file that lies on a disk is
examined, digested and copied. The first tile is the largest that shows the whole slide; a
screen is every tile of the first view, asked for as a browser asks.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx

from api.doors import Doors, Role
from api.ingest import Order, receive
from api.settings import read_settings, signing_key
from api.work import Workplace, open_workplace
from archive.storage import Storage
from benchmarks.serve import BROWSER_CONNECTIONS, bearer, serving, view
from tests.samples.slide import make_slide

SIDE = 30_000


class NotingStorage(Storage):
    """The real store, noting when it last had a whole file."""

    kept_at = 0.0

    def put(self, source: Path) -> str:
        """Store a file."""
        key = super().put(source)
        self.kept_at = time.perf_counter()
        return key


def measure(
    place: Workplace, slide: Path, establishment: str, client: httpx.Client
) -> dict[str, float]:
    """Take the slide in, and look at once; seconds of each."""
    storage = NotingStorage.open(read_settings().objects_url)
    began = time.perf_counter()
    image = receive(replace(place, storage=storage), slide, Order(establishment))
    told = client.get(f"/api/images/{image.id}").raise_for_status().json()
    assert told["state"] == "received"
    addresses = view(told)
    assert client.get(_whole(addresses)).raise_for_status().headers["content-type"] == "image/jpeg"
    first = time.perf_counter()
    with ThreadPoolExecutor(BROWSER_CONNECTIONS) as connections:
        answers = list(connections.map(client.get, addresses))
    assert all(answer.status_code == 200 for answer in answers)
    return {
        "last byte to first tile": first - storage.kept_at,
        "last byte to full screen": time.perf_counter() - storage.kept_at,
        "arrival to first tile": first - began,
    }


def _whole(addresses: list[str]) -> str:
    """The largest tile that shows the whole slide."""
    levels = [one.rpartition("/")[0] for one in addresses]
    return next(
        one
        for one, level in zip(reversed(addresses), reversed(levels), strict=True)
        if levels.count(level) == 1
    )


def compare(slides: list[Path], repeat: int, progress: Callable[[str], None]) -> str:
    """The table of medians and worst cases."""
    token = Doors(signing_key(read_settings())).issue(Role.OPERATOR)
    found: dict[Path, list[dict[str, float]]] = {slide: [] for slide in slides}
    with (
        open_workplace(read_settings()) as place,
        serving(dict(os.environ), 2) as address,
        httpx.Client(base_url=address, headers=bearer(token)) as client,
    ):
        for turn in range(repeat):
            for slide in slides:
                progress(f"{slide.name}: round {turn + 1}")
                found[slide].append(measure(place, slide, f"e{turn}", client))
    lines = ["| slide | MB | from | median s | worst s |", "|---|---:|---|---:|---:|"]
    for slide, runs in found.items():
        size = slide.stat().st_size / 1e6
        for name in runs[0]:
            seconds = [run[name] for run in runs]
            median, worst = statistics.median(seconds), max(seconds)
            lines.append(f"| {slide.stem} | {size:.0f} | {name} | {median:.3f} | {worst:.3f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure the slides given, or one that is made."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("slides", nargs="*", type=Path)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sansverre-bench-") as folder:
        os.environ["SANSVERRE_DATA"] = f"{folder}/data"
        os.environ["SANSVERRE_SECRETS"] = f"{folder}/secrets"
        slides = options.slides or [make_slide(Path(folder, "slide.svs"), SIDE, SIDE)]
        print(compare(slides, options.repeat, print))


if __name__ == "__main__":
    main()
