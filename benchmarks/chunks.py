"""What a zarr chunk costs over HTTP, beside decoding and compressing its tile and nothing else.

python -m benchmarks.chunks

Chunks of a slide that is made for it are asked for one after another by one connection, each once,
plain and compressed on the way; between them the same tiles are decoded and compressed in this
process. Medians of one run are compared.
"""

import http.client
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.installation import bearer, environment_in, ingested, serving, told
from slides.open import open_slide
from tests.samples.slide import make_slide
from tiles import ngff
from tiles.codec import decode

TILE = 512


def main() -> None:
    """Make an archive of one slide, and measure."""
    with tempfile.TemporaryDirectory(prefix="sansverre-bench-") as folder:
        environment = environment_in(Path(folder))
        slide = make_slide(Path(folder, "slide.svs"), 4096, 3072, tile=TILE)
        (image,) = ingested(environment, slide)
        with serving(environment, 1) as own, open_slide(slide) as source:
            level = source.source.pyramid.level(0)
            places = [(row, column) for row in range(level.rows) for column in range(level.columns)]
            headers = bearer(told(environment, "token"))
            connection = http.client.HTTPConnection(urlsplit(own).netloc)

            def chunk(row: int, column: int, **more: str) -> None:
                address = f"/zarr/{image}/0/c/0/{row}/{column}"
                connection.request("GET", address, headers={**headers, **more})
                answer = connection.getresponse()
                assert answer.status == 200
                answer.read()

            def alone(row: int, column: int) -> None:
                frame = source.source.frame(0, column, row)
                assert frame is not None
                ngff.compress(decode(frame))

            chunk(0, 0)
            ways: dict[str, Callable[[int, int], None]] = {
                "decode + compress alone": alone,
                "chunk, plain": chunk,
                "chunk, zstd on the way": lambda r, c: chunk(r, c, **{"Accept-Encoding": "zstd"}),
            }
            took: dict[str, list[float]] = {name: [] for name in ways}
            for row, column in places:
                for name, way in ways.items():
                    start = time.perf_counter()
                    way(row, column)
                    took[name].append(time.perf_counter() - start)
        base = statistics.median(took["decode + compress alone"])
        for name, seconds in took.items():
            median = statistics.median(seconds)
            print(f"{name:24}{median * 1000:8.2f} ms{median / base:7.2f}")


if __name__ == "__main__":
    main()
