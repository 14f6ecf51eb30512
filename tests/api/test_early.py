"""Seen before it is finished: from the moment the original is kept, and through the takeover."""

import io
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image as Pictures

from api.ingest import PLAN, Order, receive
from api.settings import Settings
from api.wanted import BUILD
from api.work import Workplace, work_once
from archive.record import Image, ImageKind, ImageState
from slides.open import open_slide
from tests.api.conftest import Web, reading
from tests.archive.conftest import refuse
from tests.samples.slide import small_svs
from tiles.codec import decode_jpeg, half
from tiles.pyramid import Box, DeepZoom
from tiles.source import Pixels

TILE = 240
KEPT = "private, max-age=31536000, immutable"


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two levels, the second a quarter, rounded down."""
    return small_svs(tmp_path_factory.mktemp("early") / "a.svs", 1501, 1307, TILE)


@pytest.fixture
def web(settings: Settings, place: Workplace) -> Iterator[Web]:
    """A reader of the northern establishment."""
    with reading(settings, "north") as client:
        yield client


def build(place: Workplace, image: Image) -> None:
    place.catalog.jobs.enqueue(BUILD, image.id, {"mpp_um": None})
    assert work_once(place)
    assert place.catalog.image(image.id, establishment="north").state is ImageState.PUBLISHED


def address(image: Image, level: int, column: int, row: int) -> str:
    return f"/deepzoom/{image.id}_files/{level}/{column}_{row}.jpeg"


def every_tile(width: int, height: int) -> Iterator[tuple[int, int, int]]:
    last = (max(width, height) - 1).bit_length()
    for level in range(last + 1):
        grid = DeepZoom(width, height, TILE).level(level)
        yield from ((level, *one) for one in product(range(grid.columns), range(grid.rows)))


def pixels_of(slide: Path, box: Box) -> Pixels:
    with open_slide(slide) as opened_slide:
        return opened_slide.source.pixels(0, box)


def test_seen_from_the_moment_it_is_kept_and_the_converted_takes_over(
    web: Web, place: Workplace, slide: Path
) -> None:
    """No worker runs until the middle: what is seen before is the scanner's own file."""
    image = receive(place, slide, Order("north"))
    assert image.state is ImageState.RECEIVED
    (exam,) = web.get("/api/exams").json()["exams"]
    assert [(one["id"], one["state"], one["viewable"]) for one in exam["images"]] == [
        (image.id, "received", True)
    ]
    early = web.get(f"/api/images/{image.id}").json()
    assert (early["width"], early["height"], early["tile_size"]) == (1501, 1307, TILE)
    assert (early["viewable"], early["mpp_um"]) == (True, [0.5, 0.5])
    description = web.get(early["deepzoom"]).content
    assert ElementTree.fromstring(description).attrib["TileSize"] == str(TILE)

    tiles = {one: web.get(address(image, *one)) for one in every_tile(1501, 1307)}
    thumbnail = web.get(early["files"]["thumbnail"])
    assert thumbnail.status_code == 200
    for (level, column, row), answer in tiles.items():
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "private, no-cache"
        if level == 11:
            box = Box(column * TILE, row * TILE, TILE, TILE).within(1501, 1307)
            shown, own = decode_jpeg(answer.content).astype(int), pixels_of(slide, box)
            whole = box.width == box.height == TILE
            assert np.array_equal(shown, own) if whole else np.abs(shown - own).mean() < 2

    build(place, image)
    final = web.get(f"/api/images/{image.id}").json()
    assert (final["state"], final["viewable"]) == ("published", True)
    for name in ("width", "height", "tile_size", "deepzoom", "mpp_um"):
        assert final[name] == early[name]
    assert web.get(final["deepzoom"]).content == description
    for (level, column, row), before in tiles.items():
        held = {"if-none-match": before.headers["etag"]}
        answer = web.get(address(image, level, column, row), headers=held)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == KEPT
        was, now = decode_jpeg(before.content), decode_jpeg(answer.content)
        assert was.shape == now.shape
        # Seen from a step back: what was encoded anew has noise of its own.
        apart = half(half(was)).astype(int) - half(half(now))
        assert np.abs(apart).mean() < (3 if now.size > 3000 else 30)
        box = Box(column * TILE, row * TILE, TILE, TILE)
        if level == 11 and box.within(1501, 1307) == box:
            # DICOM pads frames to an even length.
            assert answer.content.removesuffix(b"\0") == before.content


def test_who_holds_an_early_tile_is_told_that_it_is_still_good(
    web: Web, place: Workplace, slide: Path
) -> None:
    image = receive(place, slide, Order("north"))
    first = web.get(address(image, 9, 0, 0))
    again = web.get(address(image, 9, 0, 0), headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.headers["cache-control"]) == (304, "private, no-cache")


def test_what_is_on_its_way_is_for_its_own_establishment(
    web: Web, place: Workplace, slide: Path
) -> None:
    other = receive(place, slide, Order("south"))
    for path in (
        address(other, 9, 0, 0),
        f"/deepzoom/{other.id}.dzi",
        f"/images/{other.id}/thumbnail",
        f"/api/images/{other.id}",
        f"/api/exams/{other.exam_id}",
    ):
        assert web.get(path).status_code == 404
    assert web.get("/api/exams").json()["exams"] == []


def test_what_is_refused_on_its_way_is_seen_no_more(
    web: Web, place: Workplace, slide: Path
) -> None:
    image = receive(place, slide, Order("north"))
    assert web.get(address(image, 11, 0, 0)).status_code == 200
    refuse(place.catalog, image.id, "it is damaged; fetch it again")
    assert web.get(address(image, 11, 0, 0)).status_code == 404
    told = web.get(f"/api/images/{image.id}").json()
    assert (told["state"], told["viewable"]) == ("refused", False)
    assert web.get("/api/exams").json()["exams"] == []


def test_an_image_without_original_is_listed_but_not_seen(web: Web, place: Workplace) -> None:
    image = place.catalog.receive(
        establishment="north", kind=ImageKind.SLIDE, source_sha256="0" * 64, plan=PLAN
    )
    (exam,) = web.get("/api/exams").json()["exams"]
    assert [one["viewable"] for one in exam["images"]] == [False]
    assert web.get(f"/deepzoom/{image.id}.dzi").status_code == 404
    assert web.get(f"/api/images/{image.id}").json()["tile_size"] is None


def test_the_thumbnail_shows_the_slide(web: Web, place: Workplace, slide: Path) -> None:
    image = receive(place, slide, Order("north"))
    answer = web.get(f"/images/{image.id}/thumbnail")
    with Pictures.open(io.BytesIO(answer.content)) as early:
        assert max(early.size) == 512
        shown = np.asarray(early, int)
    build(place, image)
    with Pictures.open(io.BytesIO(web.get(f"/images/{image.id}/thumbnail").content)) as final:
        assert np.abs(shown - np.asarray(final, int)).mean() < 3


def test_nobody_who_looks_on_notices_the_takeover(web: Web, place: Workplace, slide: Path) -> None:
    """Every tile is asked for again and again while the slide is converted: all are answered."""
    image = receive(place, slide, Order("north"))
    tiles = list(every_tile(1501, 1307))
    statuses: Counter[int] = Counter()
    tags: dict[tuple[int, int, int], list[str]] = {one: [] for one in tiles}

    def look() -> None:
        for one in tiles:
            answer = web.get(address(image, *one))
            statuses[answer.status_code] += 1
            if answer.headers["etag"] not in tags[one]:
                tags[one].append(answer.headers["etag"])
        for path in (f"/deepzoom/{image.id}.dzi", f"/api/images/{image.id}"):
            statuses[web.get(path).status_code] += 1

    # What is built may be finished before anybody has looked.
    look()
    with ThreadPoolExecutor(1) as beside:
        building = beside.submit(build, place, image)
        while not building.done():
            look()
        building.result()
    look()
    assert set(statuses) == {200}
    assert {len(seen) for seen in tags.values()} == {2}
