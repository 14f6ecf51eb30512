"""What a frame costs by WADO-RS, beside the same tile by Deep Zoom.

python -m benchmarks.frames [WORKERS]

Asked by wrk in the same run, in turn, several rounds; medians are told. One server process unless
told otherwise: how a burst of connections falls among several decides more than what either costs.
"""

import random
import sys
import tempfile
from pathlib import Path

import httpx

from benchmarks.iiif import REGION_PX, SLIDE_PX, compare, listed, tiles_of
from benchmarks.installation import bearer, environment_in, ingested, serving, told
from tests.samples.slide import make_slide


def frames_of(origin: str, token: str) -> list[str]:
    """The whole frames of the largest level, as `accept` in the address asks for them."""
    with httpx.Client(base_url=origin, headers=bearer(token)) as web:
        found = web.get("/dicomweb/instances").raise_for_status().json()
    largest = max(found, key=lambda one: one["00280008"]["Value"][0])
    address = largest["00081190"]["Value"][0].removeprefix(origin)
    across, down = (extent // REGION_PX for extent in SLIDE_PX)
    places = [row * across + column + 1 for column in range(across) for row in range(down)]
    random.Random(1).shuffle(places)
    return [f"{address}/frames/{one}" for one in places]


def main() -> None:
    """Make an archive of a slide, serve it, and measure."""
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    with tempfile.TemporaryDirectory(prefix="sansverre-bench-") as folder:
        place = Path(folder)
        environment = environment_in(place)
        slide = make_slide(
            place / "slide.svs", *SLIDE_PX, tile=256, quality=85, form="complete-ycbcr"
        )
        (image,) = ingested(environment, slide)
        token = told(environment, "token")
        level = (max(SLIDE_PX) - 1).bit_length()
        with serving(environment, workers) as origin:
            frames = listed(place, "frames", frames_of(origin, token))
            tiles = listed(place, "tiles", tiles_of(image, level)[1])
            contenders = {"WADO-RS frame": (origin, frames), "Deep Zoom tile": (origin, tiles)}
            compare("Whole tiles of the largest level", contenders, token)


if __name__ == "__main__":
    main()
