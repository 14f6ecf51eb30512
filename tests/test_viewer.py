"""The whole way, seen by a person: ingest, serve, open the printed link, zoom, and look.

A real browser shows a slide that the real command took in; what is on its canvas is compared with
what OpenSlide reads from the scanner's file. Screenshots are kept in `artefacts/`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openslide
import pytest
from playwright.sync_api import Browser, Page, expect

from api.ingest import Order, receive
from api.settings import read_settings
from api.wanted import BUILD
from api.work import open_workplace
from tests.browser import DESKTOP, PHONE, READY, attentive, until
from tests.samples import sample
from tests.samples.photo import make_photo
from tests.samples.slide import small_svs
from tests.serving import running
from tiles.source import Pixels

ROUNDING = 2.0
"""Mean difference allowed between two JPEG decoders, in 255ths."""


@dataclass(frozen=True)
class Place:
    """A running server with a slide and a photograph in it."""

    address: str
    state: Path
    """Cookies of somebody who has come in by the printed link."""
    slide: Path
    slide_id: str
    photo_id: str
    environment: dict[str, str]
    """Where its data are, for those who bring it more."""


@pytest.fixture(scope="module")
def place(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, artefacts: Path
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("viewer")
    own = {
        "SANSVERRE_DATA": str(folder / "data"),
        "SANSVERRE_SECRETS": str(folder / "secrets"),
    }
    environment = {**os.environ, **own}
    command = [sys.executable, "-m", "api.cli"]
    slide = sample("wsi/aperio/CMU-1-Small-Region.svs", small_svs)
    photo = folder / "photo.jpg"
    make_photo(photo, kind="dermoscopy", seed=3, width=1600, height=1200)
    patient = ["--patient-id", "1234", "--issuer", "SERVICE", "--patient-name", "ESSAI^Élodie"]
    ingested = subprocess.run(
        [*command, "ingest", slide, photo, "--accession", "A1", *patient, "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    slide_id, photo_id = (json.loads(line)["image"] for line in ingested.stdout.splitlines())
    with running(own, workers=1) as server:
        context = browser.new_context(**DESKTOP)
        page = context.new_page()
        page.goto(server.link)
        page.wait_for_selector(".exam-link")
        until(page, "[...document.images].every(image => image.naturalWidth > 0)")
        page.screenshot(path=artefacts / "list.png")
        context.storage_state(path=folder / "state.json")
        context.close()
        yield Place(server.address, folder / "state.json", slide, slide_id, photo_id, own)


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, place: Place) -> Iterator[Page]:
    """A page of somebody who is in; nothing it logs as an error goes unnoticed."""
    options = getattr(request, "param", DESKTOP)
    context = browser.new_context(**options, storage_state=place.state)
    with attentive(context) as page:
        yield page


def on_screen(page: Page, x: int, y: int, width: int, height: int) -> Pixels:
    """What the canvas shows of a box of the image, where one pixel of it is one of the screen."""
    data = page.evaluate(
        """([x, y, width, height]) => {
            const viewer = window.sansverre.viewer;
            const item = viewer.world.getItemAt(0);
            const corner = viewer.viewport.pixelFromPoint(
                item.imageToViewportCoordinates(x, y), true);
            const scale = window.devicePixelRatio;
            return Array.from(viewer.drawer.context.getImageData(
                Math.round(corner.x * scale), Math.round(corner.y * scale), width, height).data);
        }""",
        [x, y, width, height],
    )
    return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]


@pytest.mark.parametrize("page", [DESKTOP, PHONE], indirect=True, ids=["desktop", "phone"])
def test_the_deepest_level_shows_the_slide_s_own_pixels(
    page: Page, place: Place, artefacts: Path, request: pytest.FixtureRequest
) -> None:
    page.goto(f"{place.address}/view/{place.slide_id}")
    page.wait_for_selector(READY)
    name = request.node.callspec.id
    page.screenshot(path=artefacts / f"slide-{name}.png")
    scale = page.evaluate("window.devicePixelRatio")
    with openslide.OpenSlide(place.slide) as slide:
        width, height = slide.dimensions
        # The middle, and the last corner with its cropped edge tiles.
        for x, y in ((width // 2, height // 2), (width - 100, height - 100)):
            page.goto(f"{place.address}/view/{place.slide_id}?x={x}&y={y}&zoom={1 / scale}")
            page.wait_for_selector(READY)
            level = page.evaluate(
                "Math.max(...window.sansverre.viewer.world.getItemAt(0)"
                ".lastDrawn.map(drawn => drawn.level))"
            )
            assert level == (max(width, height) - 1).bit_length()
            left, top = x - 100, y - 100
            shown = on_screen(page, left, top, 200, 200).astype(int)
            expected = np.asarray(slide.read_region((left, top), 0, (200, 200)))[..., :3]
            assert np.abs(shown - expected).mean() < ROUNDING
            # A picture of one colour would agree with anything near it: this one has structure.
            shifted = np.abs(shown[:, 1:] - expected[:, :-1]).mean()
            assert shifted > np.abs(shown - expected).mean()
        page.screenshot(path=artefacts / f"deepest-{name}.png")


def test_a_smaller_level_shows_the_halved_slide(page: Page, place: Place) -> None:
    page.goto(f"{place.address}/view/{place.slide_id}?x=1000&y=1000&zoom=0.5")
    page.wait_for_selector(READY)
    with openslide.OpenSlide(place.slide) as slide:
        source = np.asarray(slide.read_region((800, 800), 0, (400, 400)))[..., :3].astype(float)
    halved = source.reshape(200, 2, 200, 2, 3).mean(axis=(1, 3))
    shown = on_screen(page, 800, 800, 200, 200)
    errors = {
        (dy, dx): np.abs(shown[1 + dy : 199 + dy, 1 + dx : 199 + dx] - halved[1:199, 1:199]).mean()
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
    }
    assert min(errors, key=lambda shift: errors[shift]) == (0, 0)
    # What encoding once more at the quality of derived levels leaves of fine tissue.
    assert errors[0, 0] < 8


def test_keys_move_zoom_and_turn(page: Page, place: Place) -> None:
    page.goto(f"{place.address}/view/{place.slide_id}")
    page.wait_for_selector(READY)
    zoom = "window.sansverre.viewer.viewport.getZoom(false)"
    before = page.evaluate(zoom)
    page.keyboard.press("+")
    until(page, f"{zoom} > {before}")
    page.keyboard.press("r")
    until(page, "window.sansverre.viewer.viewport.getRotation(false) === 90")
    page.keyboard.press("i")
    expect(page.locator("#facts")).to_be_visible()
    expect(page.locator("#facts")).to_contain_text("µm")


def test_the_patient_stays_in_sight_in_both_languages(page: Page, place: Place) -> None:
    page.goto(f"{place.address}/view/{place.slide_id}")
    page.wait_for_selector(READY)
    banner = page.locator(".banner-patient")
    expect(banner).to_contain_text("ESSAI")
    expect(banner).to_contain_text("Élodie")
    assert page.evaluate("document.documentElement.lang") == "fr"
    assert "ESSAI" not in page.title()
    page.locator(".language").first.click()
    until(page, "document.documentElement.lang === 'en'")


WATCH = """() => {
    window.seen = [];
    const look = () => {
        const { viewer } = window.sansverre ?? {};
        if (!viewer || viewer.world.getItemCount() === 0) return;
        const { canvas, context } = viewer.drawer;
        const middle = [canvas.width / 2 - 100, canvas.height / 2 - 100, 200, 200];
        const pixels = context.getImageData(...middle).data;
        let sum = 0;
        for (let at = 0; at < pixels.length; at += 4) sum += pixels[at + 1] * (at % 251);
        const { x, y } = viewer.viewport.getCenter(true);
        window.seen.push([sum / (pixels.length / 4), x, y, viewer.viewport.getZoom(true)]);
        requestAnimationFrame(look);
    };
    look();
    setInterval(() => window.sansverre?.viewer.forceRedraw(), 50);
}"""
"""Notes of every frame a number for its middle's pixels, and where the view stands."""


def test_a_slide_is_seen_while_it_is_prepared_and_the_end_of_it_is_not(
    page: Page, place: Place, artefacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    slide = small_svs(tmp_path / "early.svs", 1700, 1500, 256, seed=8)
    with open_workplace(read_settings()) as workplace:
        image = receive(workplace, slide, Order("local"))
        page.goto(f"{place.address}/view/{image.id}?x=850&y=750&zoom=1")
        page.wait_for_selector(READY)
        expect(page.locator(".arrival")).to_contain_text("En préparation")
        page.screenshot(path=artefacts / "early.png")
        before = on_screen(page, 750, 650, 200, 200)
        with openslide.OpenSlide(slide) as scanned:
            expected = np.asarray(scanned.read_region((750, 650), 0, (200, 200)))[..., :3]
        assert np.abs(before.astype(int) - expected).mean() < ROUNDING
        page.evaluate(WATCH)
        workplace.catalog.jobs.enqueue(BUILD, image.id, {"mpp_um": None})
        expect(page.locator(".arrival")).to_have_count(0, timeout=300_000)
    page.wait_for_selector(READY)
    assert page.evaluate("window.sansverre.viewer.world.getItemCount()") == 1
    assert "early" not in page.evaluate(
        "window.sansverre.viewer.world.getItemAt(0).source.tilesUrl"
    )
    assert np.array_equal(on_screen(page, 750, 650, 200, 200), before)
    seen = np.array(page.evaluate("window.seen"))
    assert len(seen) > 10
    # No frame was blank or blurred, or showed another place.
    assert np.ptp(seen, axis=0) == pytest.approx([0, 0, 0, 0], abs=1e-6)


def test_a_photograph_opens_in_the_same_viewer(page: Page, place: Place, artefacts: Path) -> None:
    page.goto(f"{place.address}/view/{place.photo_id}")
    page.wait_for_selector(READY)
    page.screenshot(path=artefacts / "photo.png")
    shown = on_screen(page, 700, 500, 100, 100)
    assert shown.std() > 1


def test_what_is_not_there_is_told_clearly(page: Page, place: Place) -> None:
    with page.expect_response("**/api/images/nothing") as answer:
        page.goto(f"{place.address}/view/nothing")
    assert answer.value.status == 404
    expect(page.locator(".problem[data-problem=missing]")).to_be_visible()


def test_a_stranger_sees_how_to_come_in_and_nothing_else(browser: Browser, place: Place) -> None:
    context = browser.new_context(**DESKTOP)
    page = context.new_page()
    page.goto(f"{place.address}/view/{place.slide_id}")
    expect(page.locator(".problem[data-problem=session]")).to_be_visible()
    assert "ESSAI" not in page.content()
    context.close()
