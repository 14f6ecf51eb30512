"""How soon a slide that has arrived is seen: from its last byte kept to its first tile answered.

    python -m benchmarks.first_tile [SLIDE...] [--repeat 5] [--look-alikes] [--write PAGE.md]

A server runs; each slide is taken in again and again, each time for another establishment and so as
another image, while nothing is converted. "Last byte" is the moment at which the store has the
whole original; "arrival" also counts what comes before it here, where a file that lies on a disk is
examined, digested and copied. The first tile is the largest that shows the whole slide; a
screen is every tile of the first view, asked for as a browser asks. Slides are measured in turn, so
that noise of the machine falls on all of them; a slide that is refused is listed with the reason.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import numpy as np

from api.doors import Doors
from api.errors import SandboxError
from api.ingest import Order, receive
from api.policies import Role
from api.settings import read_settings, signing_key
from api.work import Workplace, open_workplace
from archive.record import ObjectRole
from archive.storage import Storage
from benchmarks.installation import bearer, serving
from benchmarks.serve import BROWSER_CONNECTIONS, view
from tests.samples import dicom_planes, dicom_slides, hamamatsu, vendors
from tests.samples.slide import make_slide

SIDE = 30_000
SMALL = 4096, 3072
MPP_UM = 0.25, 0.25
PAUSE_S = 2.0
"""Between slides: a child that waits for the next has loaded by then."""
PREFACE = """# How soon a slide is seen

Written by `python -m benchmarks.first_tile --write`. A slide is seen [before it is
converted](early.md), by a map of its tiles or drawn by a child process with the scanner's
reader. The *first tile* is the largest that shows the whole slide, counted from the moment at
which the store has the file's last byte; a *screen* is every tile of a first view 1,920 pixels
wide, asked for by six connections; *arrival* also counts what comes before, where a file on a disk
is examined, digested and copied. Slides come one at a time, two seconds apart: one that a child
draws while no other waits yet, as several that are opened at once, is seen half a second later, or
more where the machine is busy.
"""


@dataclass
class Found:
    """What was measured of one slide, or why there is nothing."""

    path: Path
    pixels: str = ""
    seen_by: str = ""
    refused: str = ""
    runs: list[tuple[float, ...]] = field(default_factory=list)

    def row(self) -> str:
        """Its line of the table: medians, and the worst first tile."""
        size = f"{sum(one.stat().st_size for one in _files(self.path)) / 1e6:.1f}"
        if self.refused or not self.runs:
            return f"| {self.path.name} | {size} | | {self.refused} | | | | |"
        columns = list(zip(*self.runs, strict=True))
        medians = [f"{statistics.median(one):.2f}" for one in columns]
        first, screen, arrival = medians
        shown = f"| {self.path.name} | {size} | {self.pixels} | {self.seen_by}"
        return f"{shown} | {first} | {max(columns[0]):.2f} | {screen} | {arrival} |"


class NotingStorage(Storage):
    """The real store, noting when it last had a whole file."""

    kept_at = 0.0

    def put(self, source: Path) -> str:
        """Store a file."""
        key = super().put(source)
        self.kept_at = time.perf_counter()
        return key


def measure(place: Workplace, found: Found, establishment: str, client: httpx.Client) -> None:
    """Take the slide in, and look at once."""
    storage = NotingStorage.open(read_settings().objects_url)
    began = time.perf_counter()
    order = Order(establishment, mpp_um=MPP_UM)
    try:
        image = receive(replace(place, storage=storage), found.path, order)
    except SandboxError as error:
        found.refused = str(error).replace("|", "")
        return
    told = client.get(f"/api/images/{image.id}").raise_for_status().json()
    assert told["state"] == "received"
    if not told["viewable"]:
        found.refused = "seen once it is converted"
        return
    addresses = view(told)
    assert client.get(_whole(addresses)).raise_for_status().headers["content-type"] == "image/jpeg"
    first = time.perf_counter()
    with ThreadPoolExecutor(BROWSER_CONNECTIONS) as connections:
        answers = list(connections.map(client.get, addresses))
    assert all(answer.status_code == 200 for answer in answers)
    screen = time.perf_counter()
    found.runs.append((first - storage.kept_at, screen - storage.kept_at, first - began))
    found.pixels = f"{told['width']:,} × {told['height']:,}"
    found.seen_by = "map" if image.objects_as(ObjectRole.TILE_MAP) else "child"


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
    found = [Found(slide) for slide in slides]
    with (
        open_workplace(read_settings()) as place,
        serving(dict(os.environ), 2) as address,
        httpx.Client(base_url=address, headers=bearer(token), timeout=60) as client,
    ):
        for turn in range(repeat):
            for one in found:
                if not one.refused:
                    time.sleep(PAUSE_S)
                    progress(f"{one.path.name}: round {turn + 1}")
                    measure(place, one, f"e{turn}", client)
    head = "| slide | MB | pixels | seen by | first tile s | worst s | screen s | arrival s |"
    return "\n".join(
        [head, "|---|---:|---:|---|---:|---:|---:|---:|", *(one.row() for one in found)]
    )


def _files(slide: Path) -> list[Path]:
    """A slide's file, and those in the folder that is called like it."""
    beside = slide.with_suffix("")
    return [slide, *(beside.iterdir() if beside.is_dir() else ())]


def look_alikes(folder: Path) -> list[Path]:
    """A slide laid out as each kind of scanner does."""
    pixels = vendors.picture(*SMALL)
    light = np.stack([pixels[..., 0], pixels[..., 1]])[:, None, ..., None].astype(np.uint16) * 16
    return [
        vendors.aperio_jpeg_2000(folder / "aperio-jpeg2000.svs", pixels),
        vendors.philips(folder / "philips.tiff", pixels),
        vendors.ventana(folder / "ventana.bif", pixels),
        vendors.leica(folder / "leica.scn", pixels),
        vendors.trestle(folder / "trestle.tif", pixels),
        vendors.ome_pyramid(folder / "ome-jpeg.ome.tiff", pixels),
        vendors.generic(folder / "lzw.tiff", pixels, compression="lzw", compressionargs={}),
        hamamatsu.ndpi(folder / "hamamatsu.ndpi", pixels),
        dicom_slides.write_instance(folder / "dicom-jpeg.dcm", pixels),
        *dicom_planes.write_stack(
            folder, "dicom-fluorescence", light, dicom_planes.Cut("JPEG-LS", tile=256)
        ),
    ]


def main() -> None:
    """Measure the slides given, or one that is made."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("slides", nargs="*", type=Path)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--look-alikes", action="store_true", help="a slide of each kind as well")
    parser.add_argument("--write", type=Path, metavar="PAGE.md", help="as a page of its own")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sansverre-bench-") as folder:
        os.environ["SANSVERRE_DATA"] = f"{folder}/data"
        os.environ["SANSVERRE_SECRETS"] = f"{folder}/secrets"
        slides = options.slides
        if options.look_alikes:
            slides += look_alikes(Path(folder))
        slides = slides or [make_slide(Path(folder, "slide.svs"), SIDE, SIDE)]
        table = compare(slides, options.repeat, lambda line: print(line, file=sys.stderr))
    print(table)
    if options.write:
        rounds = f"Medians of {options.repeat} rounds, on {os.cpu_count()} processors"
        load = f"with a load of {os.getloadavg()[2]:.1f} in the last quarter of an hour"
        options.write.write_text(f"{PREFACE}\n{rounds}, {load}.\n\n{table}\n")


if __name__ == "__main__":
    main()
