"""What a zarr chunk costs over HTTP, beside decoding and compressing its tiles and nothing else.

python -m benchmarks.chunks [ROUNDS]

Slides that are made for it, in tiles of several sizes, are asked for chunk by chunk over one
connection, plain and compressed on the way; in turn with it the same tiles are decoded and
compressed in this process: as a script does it, and in a thread as the server does, where the
allocator keeps its memory. No chunk is answered from a cache, as each round asks for more than
that holds. Medians of one run are compared; processor time is that of the server's process.
"""

import re
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from benchmarks.installation import bearer, environment_in, ingested, serving, told
from slides.open import open_slide
from tests.samples.slide import make_slide
from tiles import ngff
from tiles.zarr_view import chunked

SLIDE_PX = (4096, 3072)
TILES_PX = (256, 512, 1024)
LOADED_S = 8.0
"""After which the processes that `serve` starts beside have their libraries loaded."""

Way = Callable[[int, int], float]
"""Does it with the tile (row, column), and gives the seconds it took."""


class Client:
    """One connection that reads answers into memory of its own, and parses no more than it must."""

    def __init__(self, origin: str, headers: dict[str, str]) -> None:
        url = urlsplit(origin)
        self._socket = socket.create_connection((url.hostname, url.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = {"host": url.netloc, **headers}
        self._buffer = bytearray(16 << 20)

    def get(self, path: str, **more: str) -> float:
        """Ask, read the answer to its end, and give the seconds it took."""
        lines = [f"{name}: {value}" for name, value in {**self._headers, **more}.items()]
        request = "\r\n".join((f"GET {path} HTTP/1.1", *lines, "", "")).encode()
        start, had, view = time.perf_counter(), 0, memoryview(self._buffer)
        self._socket.sendall(request)
        while (end := self._buffer.find(b"\r\n\r\n", 0, had)) < 0:
            had += self._socket.recv_into(view[had:])
        head = bytes(view[:end])
        length = re.search(rb"\r\ncontent-length: (\d+)", head)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert length is not None
        while had < end + 4 + int(length[1]):
            had += self._socket.recv_into(view[had:])
        return time.perf_counter() - start


@contextmanager
def archived(tile_px: int) -> Iterator[tuple[str, str, dict[str, str], Path]]:
    """A server with one slide: its address, the image, the headers that sign in, and the file."""
    with tempfile.TemporaryDirectory(prefix="sansverre-bench-") as folder:
        environment = environment_in(Path(folder))
        slide = make_slide(Path(folder, "slide.svs"), *SLIDE_PX, tile=tile_px)
        (image,) = ingested(environment, slide)
        with serving(environment, 1) as own:
            time.sleep(LOADED_S)
            yield own, image, bearer(told(environment, "token")), slide


def measure(tile_px: int, rounds: int) -> None:
    """Print what each way costs for chunks of one size."""
    with (
        archived(tile_px) as (own, image, headers, slide),
        open_slide(slide) as opened,
        ThreadPoolExecutor(1) as thread,
    ):
        grid = chunked(opened.source.pyramid.level(0))
        client, server = Client(own, headers), _server()

        def alone(row: int, column: int) -> float:
            start = time.perf_counter()
            ngff.compress(opened.source.pixels(0, grid.box(column, row)))
            return time.perf_counter() - start

        def address(row: int, column: int) -> str:
            return f"/zarr/{image}/0/c/0/{row}/{column}"

        ways: dict[str, Way] = {
            "decode + compress alone": alone,
            "the same in a thread": lambda r, c: thread.submit(alone, r, c).result(),
            "chunk, plain": lambda r, c: client.get(address(r, c)),
            "chunk, zstd on the way": lambda r, c: client.get(
                address(r, c), **{"accept-encoding": "zstd"}
            ),
        }
        took: dict[str, list[float]] = {name: [] for name in ways}
        processor = dict.fromkeys(ways, 0.0)
        for _ in range(rounds):
            for name, way in ways.items():
                before = _processor_s(server)
                for row in range(grid.rows):
                    took[name] += [way(row, column) for column in range(grid.columns)]
                processor[name] += _processor_s(server) - before
        base = statistics.median(took["decode + compress alone"])
        side = grid.tile_width
        told_of = f"chunks of {side}², {side * side * 3 / 1000:.0f} kB, {rounds} × {grid.tiles}"
        print(f"\ntiles of {tile_px}², {told_of}")
        print(f"{'':24}{'median':>11}{'of alone':>10}{'server':>11}")
        for name, seconds in took.items():
            median, served = statistics.median(seconds), processor[name] / len(seconds)
            print(f"{name:24}{median * 1000:8.2f} ms{median / base:10.2f}{served * 1000:8.2f} ms")


def _server() -> psutil.Process:
    """The process that answers, of those that this one has started."""
    children = psutil.Process().children(recursive=True)
    return next(one for one in children if "api.app" in one.cmdline())


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    """Measure chunks of each size."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    for tile_px in TILES_PX:
        measure(tile_px, rounds)


if __name__ == "__main__":
    main()
