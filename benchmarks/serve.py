"""What serving costs: tiles a second beside what a server could do, and a photograph's first view.

python -m benchmarks.serve [WORKERS]

Tiles are asked for by wrk (`apt-get install wrk`), one warm interior tile by 32 connections; the
same bytes are given by a bare ASGI application, which nothing in Python under this server can
exceed, and by a FastAPI route. The photograph has 12 megapixels and is asked for by six
connections, as a browser does, from a server that has just started.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.installation import bearer, environment_in, ingested, serving, told
from tests.samples.photo import make_photo
from tests.samples.slide import small_svs

SECONDS = 5
ROUNDS = 3
VIEW_PX = 1920
BROWSER_CONNECTIONS = 6


def rate(address: str, token: str) -> float:
    """Answers a second to 32 connections; raises where any was not a 200."""
    load = ["wrk", "-t1", "-c32", f"-d{SECONDS}s", "-H", f"Authorization: Bearer {token}", address]
    told = subprocess.run(load, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", told)
    if found is None or "Non-2xx" in told:
        raise RuntimeError(told)
    return float(found[1])


@contextmanager
def answering(name: str, body: Path, workers: int, port: int) -> Iterator[str]:
    """The address of an application of `benchmarks.answers`, run as the project's own is."""
    options = ["--http", "httptools", "--loop", "uvloop", "--log-level", "error"]
    command = [sys.executable, "-m", "uvicorn", f"benchmarks.answers:{name}", *options]
    command += ["--port", str(port), "--workers", str(workers), "--no-access-log"]
    with subprocess.Popen(command, env={**os.environ, "BODY": str(body)}) as process:
        address = f"http://127.0.0.1:{port}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=6)) as client:
            client.get(f"{address}/deepzoom/x/0/0")
        yield address
        process.terminate()


def tiles_a_second(environment: dict[str, str], image: str, token: str, workers: int) -> None:
    """Print the rate of each application, measured in turn, and its share of the bare one's."""
    tile = f"/deepzoom/{image}_files/12/3_3.jpeg"
    with serving(environment, workers) as own, tempfile.TemporaryDirectory() as folder:
        body = Path(folder, "tile.jpeg")
        body.write_bytes(httpx.get(own + tile, headers=bearer(token)).raise_for_status().content)
        with (
            answering("bare", body, workers, 18111) as bare,
            answering("routed", body, workers, 18112) as routed,
        ):
            places = {"bare ASGI": bare, "FastAPI route": routed, "Deep Zoom route": own}
            rates = dict.fromkeys(places, 0.0)
            for _ in range(ROUNDS):
                for name, address in places.items():
                    rates[name] = max(rates[name], rate(address + tile, token))
        print(f"a warm tile of {body.stat().st_size} bytes, {workers} workers, best of {ROUNDS}")
        print(f"{'':18}{'tiles/s':>10}{'of bare':>10}")
        for name, found in rates.items():
            print(f"{name:18}{found:10.0f}{found / rates['bare ASGI']:10.2f}")


def first_view(environment: dict[str, str], image: str, token: str) -> None:
    """Print how long a cold photograph takes to fill a screen, and one tile alone."""
    with (
        serving(environment, 1) as own,
        httpx.Client(base_url=own, headers=bearer(token)) as client,
    ):
        start = time.perf_counter()
        told: dict[str, Any] = client.get(f"/api/images/{image}").raise_for_status().json()
        with ThreadPoolExecutor(BROWSER_CONNECTIONS) as connections:
            answers = list(connections.map(client.get, view(told)))
        took_s = time.perf_counter() - start
        assert all(answer.status_code == 200 for answer in answers)
        print(f"a photograph of {told['width']} × {told['height']}, first view, cold")
        print(f"{len(answers)} tiles in {took_s:.2f} s")


def view(told: dict[str, Any]) -> list[str]:
    """The tiles of every level up to the first that fills a screen, as the viewer asks for them."""
    width, height, size = told["width"], told["height"], told["tile_size"]
    last = (max(width, height) - 1).bit_length()
    addresses = []
    for level in range(last + 1):
        scale = 1 << (last - level)
        columns, rows = (-(-extent // scale // size) or 1 for extent in (width, height))
        addresses += [
            f"/deepzoom/{told['id']}_files/{level}/{column}_{row}.jpeg"
            for column in range(columns)
            for row in range(rows)
        ]
        if width // scale >= VIEW_PX:
            break
    return addresses


def main() -> None:
    """Make an archive of a slide and a photograph, and measure."""
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    if shutil.which("wrk") is None:
        sys.exit("benchmarks.serve needs wrk: apt-get install wrk")
    with tempfile.TemporaryDirectory(prefix="sansverre-bench-") as folder:
        place = Path(folder)
        environment = environment_in(place)
        slide = small_svs(place / "slide.svs", 4096, 3072, 256)
        photo = make_photo(place / "photo.jpg", width=4000, height=3000)
        images = ingested(environment, slide, photo)
        token = told(environment, "token")
        tiles_a_second(environment, images[0], token, workers)
        first_view(environment, images[1], token)


if __name__ == "__main__":
    main()
