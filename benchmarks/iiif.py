"""What IIIF costs: stored tiles beside the Deep Zoom route, any regions beside others' servers.

python -m benchmarks.iiif [WORKERS]

All are asked by wrk (`apt-get install wrk`) in the same run, in turn, several rounds; medians are
told. Regions are 256 × 256 pixels at random places, each asked for once, so that no cache of
answers helps. The others read the same slide from the scanner's file, each in a virtual environment
of its own, under gunicorn with as many workers: large-image's `getRegion`, and tiles of the same
size as OpenSlide's Deep Zoom example makes them.
"""

import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from benchmarks.contenders import ROOT, install
from benchmarks.installation import environment_in, ingested, serving, told
from tests.samples.slide import make_slide

SECONDS = 4
ROUNDS = 5
CONNECTIONS = 32
REGION_PX = 256
SLIDE_PX = (12288, 9216)
REGIONS = 40_000
"""More than any server answers in all rounds."""

LUA = """
local file = assert(io.open("{list}"))
local paths = {{}}
for line in file:lines() do paths[#paths + 1] = line end
file:close()
local at = {begin}
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end
"""


def rate(origin: str, paths: Path, begin: int, token: str) -> tuple[float, int]:
    """Answers a second, and how many there were; raises where any was not a 200."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(LUA.format(list=paths, begin=begin))
        script.flush()
        load = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", script.name]
        load += ["-H", f"Authorization: Bearer {token}", origin]
        told = subprocess.run(load, check=True, capture_output=True, text=True).stdout
    speed = re.search(r"Requests/sec:\s+([\d.]+)", told)
    count = re.search(r"(\d+) requests in", told)
    if speed is None or count is None or "Non-2xx" in told:
        raise RuntimeError(told)
    return float(speed[1]), int(count[1])


@contextmanager
def peer(name: str, slide: Path, home: Path, workers: int, port: int) -> Iterator[str]:
    """The address of one of the applications of `benchmarks.others`."""
    options = ["--chdir", str(ROOT), "--workers", str(workers), "--keep-alive", "30"]
    options += ["--worker-class", "gthread", "--threads", "8", "--log-level", "error"]
    command = [install(name, home).program("gunicorn"), *options]
    command += ["--bind", f"127.0.0.1:{port}", "benchmarks.others:application"]
    environment = {**os.environ, "PEER": name, "SLIDE": str(slide), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment) as process:
        address = f"http://127.0.0.1:{port}"
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=8), timeout=60) as client:
                client.get(address + "/0/0").raise_for_status()
            yield address
        finally:
            process.terminate()


def listed(folder: Path, name: str, paths: Sequence[str]) -> Path:
    """A file with an address a line."""
    path = folder / f"{name}.txt"
    path.write_text("\n".join(paths))
    return path


def measure(contenders: dict[str, tuple[str, Path]], token: str) -> dict[str, float]:
    """The median rate of each (origin, list of addresses), measured in turn."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    begins = dict.fromkeys(contenders, 0)
    for _ in range(ROUNDS):
        for name, (origin, paths) in contenders.items():
            found, count = rate(origin, paths, begins[name], token)
            rates[name].append(found)
            begins[name] += count + CONNECTIONS
    return {name: statistics.median(found) for name, found in rates.items()}


def compare(title: str, contenders: dict[str, tuple[str, Path]], token: str) -> None:
    """Print the rate of each, and ours (the first) as a multiple of it."""
    rates = measure(contenders, token)
    ours = next(iter(rates.values()))
    print(f"\n{title}\n{'':34}{'a second':>10}{'ours':>8}")
    for name, found in rates.items():
        print(f"{name:34}{found:10.0f}{ours / found:7.2f}×")


def tiles_of(image: str, level: int) -> tuple[list[str], list[str]]:
    """The whole tiles of the largest level: by IIIF, and by Deep Zoom."""
    width, height = (extent // REGION_PX for extent in SLIDE_PX)
    places = [(column, row) for column in range(width) for row in range(height)]
    random.Random(1).shuffle(places)
    size = f"{REGION_PX},{REGION_PX}"
    return (
        [
            f"/iiif/3/{image}/{x * REGION_PX},{y * REGION_PX},{size}/{size}/0/default.jpg"
            for x, y in places
        ],
        [f"/deepzoom/{image}_files/{level}/{x}_{y}.jpeg" for x, y in places],
    )


def main() -> None:
    """Make an archive of a slide, start all servers, and measure."""
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    if shutil.which("wrk") is None:
        sys.exit("benchmarks.iiif needs wrk: apt-get install wrk")
    home = Path(os.environ.get("PEERS", Path(tempfile.gettempdir(), "sansverre-peers")))
    with tempfile.TemporaryDirectory(prefix="sansverre-bench-") as folder, ExitStack() as running:
        place = Path(folder)
        environment = environment_in(place)
        slide = make_slide(
            place / "slide.svs", *SLIDE_PX, tile=256, quality=85, form="complete-ycbcr"
        )
        (image,) = ingested(environment, slide)
        token = told(environment, "token")
        own = running.enter_context(serving(environment, workers))
        iiif, zoom = tiles_of(image, (max(SLIDE_PX) - 1).bit_length())
        print(f"{SLIDE_PX[0]} × {SLIDE_PX[1]} pixels, {workers} workers, medians of {ROUNDS}")
        compare(
            "stored tiles, warm",
            {
                "IIIF": (own, listed(place, "iiif", iiif)),
                "Deep Zoom": (own, listed(place, "zoom", zoom)),
            },
            token,
        )
        large = running.enter_context(peer("large-image", slide, home, workers, 18121))
        example = running.enter_context(peer("openslide", slide, home, workers, 18122))
        chance = random.Random(2)
        most = [extent - REGION_PX for extent in SLIDE_PX]
        places = [(chance.randint(0, most[0]), chance.randint(0, most[1])) for _ in range(REGIONS)]
        size = f"{REGION_PX},{REGION_PX}"
        asked = [f"/iiif/3/{image}/{x},{y},{size}/{size}/0/default.jpg" for x, y in places]
        regions = [f"/{x}/{y}" for x, y in places]
        columns, rows = (extent // 254 - 1 for extent in SLIDE_PX)
        tiles = [f"/{chance.randint(0, columns)}/{chance.randint(0, rows)}" for _ in range(REGIONS)]
        time.sleep(1)
        compare(
            f"regions of {REGION_PX} × {REGION_PX} pixels at random places, cold",
            {
                "IIIF": (own, listed(place, "asked", asked)),
                "large-image, getRegion, no cache": (large, listed(place, "regions", regions)),
                "OpenSlide's Deep Zoom example": (example, listed(place, "tiles", tiles)),
            },
            token,
        )


if __name__ == "__main__":
    main()
