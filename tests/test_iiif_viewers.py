"""Others' viewers open our slides by IIIF, in a real browser, and show what OpenSlide reads.

OpenSeadragon stands on a page of another origin and brings a token; Canvas Panel, which draws
tiles by itself, stands on one of our own and opens the manifest with the cookie.
"""

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import openslide
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, Route

from api.cookies import COOKIE
from api.doors import Doors
from api.ingest import Order, ingest
from api.policies import Role
from api.settings import read_settings, signing_key
from api.work import open_workplace
from tests.browser import DEADLINE_MS, DESKTOP, attentive, until
from tests.samples import sample
from tests.samples.photo import make_photo
from tests.samples.slide import small_svs
from tests.serving import running
from tiles.iiif import Limits, read_request, tile_asked_for
from tiles.pyramid import DeepZoom
from tiles.source import Pixels

MODULES = Path(__file__).parent.parent / "web" / "node_modules"
OPENSEADRAGON = MODULES / "openseadragon" / "build" / "openseadragon" / "openseadragon.min.js"
CANVAS_PANEL = MODULES / "@digirati" / "canvas-panel-web-components" / "dist" / "bundle.js"
TILE = 240


@dataclass(frozen=True)
class Place:
    """A running server with a slide and a photograph in one exam."""

    address: str
    token: str
    slide: Path
    slide_id: str
    exam: str

    @property
    def manifest(self) -> str:
        return f"{self.address}/iiif/presentation/3/{self.exam}/manifest"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("iiif")
    environment = {
        "SANSVERRE_DATA": str(folder / "data"),
        "SANSVERRE_SECRETS": str(folder / "secrets"),
    }
    slide = sample("wsi/aperio/CMU-1-Small-Region.svs", small_svs)
    photo = make_photo(folder / "photo.jpg", width=1200, height=900)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        settings = read_settings()
        order = Order("local", accession_number="A1")
        with open_workplace(settings) as workplace:
            taken = ingest(workplace, slide, order)
            assert ingest(workplace, photo, order).exam == taken.exam
        token = Doors(signing_key(settings)).issue(Role.READER)
    with running(environment, workers=1) as served:
        yield Place(served.address, token, slide, taken.image, taken.exam)


def page_of(body: str) -> str:
    """A page of one script, which lies beside it."""
    return (
        '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">'
        f"<style>body{{margin:0}}</style>{body}"
    )


@contextmanager
def site(script: Path, body: str) -> Iterator[str]:
    """Another site on this machine: the address of its page."""
    files = {
        "/": (page_of(body).encode(), "text/html"),
        "/test-page/viewer.js": (script.read_bytes(), "text/javascript"),
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            data, kind = files[self.path]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def open_here(page: Page, address: str, script: Path, body: str) -> None:
    """Open a page of our own origin, which the browser is given."""

    def give(route: Route) -> None:
        if route.request.url.endswith("/viewer.js"):
            route.fulfill(body=script.read_text(), content_type="text/javascript")
        else:
            route.fulfill(body=page_of(body), content_type="text/html")

    page.route(re.compile(re.escape(address) + r"/test-page/.*"), give)
    page.goto(f"{address}/test-page/")


def expected(place: Place, x: int, y: int, width: int, height: int) -> Pixels:
    with openslide.OpenSlide(place.slide) as slide:
        return np.asarray(slide.read_region((x, y), 0, (width, height)))[..., :3]


def fourths(pixels: Pixels) -> Pixels:
    """The means of 4 × 4 pixels."""
    height, width = pixels.shape[:2]
    return np.asarray(pixels.reshape(height // 4, 4, width // 4, 4, 3).mean(axis=(1, 3)))


def require_shown(place: Place, shown: Pixels, x: int, y: int) -> None:
    assert is_shown(place, shown, x, y)


def is_shown(place: Place, shown: Pixels, x: int, y: int) -> bool:
    """What is on the screen is the slide at x, y, and would be a far worse picture of elsewhere.

    Viewers draw between the pixels of the screen, so means of 4 × 4 of them are compared.
    """
    height, width = shown.shape[:2]
    errors = {
        (dx, dy): np.abs(
            fourths(shown) - fourths(expected(place, x + dx, y + dy, width, height))
        ).mean()
        for dx in (-4, 0, 4)
        for dy in (-4, 0, 4)
    }
    right = errors.pop((0, 0))
    return bool(right < 8 and right < 0.7 * min(errors.values()))


def asked_tiles(place: Place, urls: list[str]) -> list[tuple[int, int, int] | None]:
    """The Deep Zoom tile of each picture of the slide that was asked for; None for any other."""
    with openslide.OpenSlide(place.slide) as slide:
        extents = slide.dimensions
    start = f"{place.address}/iiif/3/{place.slide_id}/"
    found = []
    for url in urls:
        if url.startswith(start) and not url.endswith("info.json"):
            region, size, rotation, last = url.removeprefix(start).split("/")
            quality, form = last.split(".")
            asked = read_request((region, size, rotation, quality, form), extents, Limits())
            found.append(tile_asked_for(asked, DeepZoom(*extents, TILE)))
    return found


OPEN_SEADRAGON = """
<div id="viewer" style="width:1000px;height:700px"></div>
<script src="/test-page/viewer.js"></script>
<script>
const { manifest, token } = JSON.parse(%s);
const headers = { Authorization: `Bearer ${token}` };
fetch(manifest, { headers }).then((answer) => answer.json()).then((told) => {
  window.labels = told.items.map((canvas) => canvas.label);
  window.shown = OpenSeadragon({
    element: document.getElementById("viewer"),
    tileSources: told.items.map(
      (canvas) => `${canvas.items[0].items[0].body.service[0].id}/info.json`),
    sequenceMode: true,
    drawer: "canvas",
    crossOriginPolicy: "Anonymous",
    ajaxWithCredentials: false,
    loadTilesWithAjax: true,
    ajaxHeaders: headers,
    showNavigationControl: false,
    showSequenceControl: false,
    immediateRender: true,
    maxZoomPixelRatio: 4,
  });
});
</script>
"""


DRAWN = """() => new Promise((drawn) => {
    window.shown.addOnceHandler("update-viewport", () => drawn());
    window.shown.forceRedraw();
})"""


def test_openseadragon_of_another_site_opens_the_manifest(
    browser: Browser, place: Place, artefacts: Path
) -> None:
    told = json.dumps(json.dumps({"manifest": place.manifest, "token": place.token}))
    urls: list[str] = []
    with (
        site(OPENSEADRAGON, OPEN_SEADRAGON % told) as elsewhere,
        attentive(browser.new_context(**DESKTOP)) as page,
    ):
        page.on("request", lambda request: urls.append(request.url))
        page.goto(elsewhere)
        loaded = "!!window.shown?.world.getItemAt(0)?.getFullyLoaded()"
        until(page, loaded)
        assert page.evaluate("window.labels.map((label) => label.en[0])") == [
            "Slide 1",
            "Photograph 1",
        ]
        with openslide.OpenSlide(place.slide) as slide:
            width, height = slide.dimensions
        # The middle of the slide, and its last corner with cropped tiles.
        for x, y in ((width // 2, height // 2), (width - 150, height - 150)):
            page.evaluate(
                """([x, y]) => {
                    const { viewport, world } = window.shown;
                    const item = world.getItemAt(0);
                    viewport.zoomTo(item.imageToViewportZoom(1), null, true);
                    viewport.panTo(item.imageToViewportCoordinates(x, y), true);
                }""",
                [x, y],
            )
            # What is loaded is known once it was drawn there, and shown once it is drawn again.
            page.evaluate(DRAWN)
            until(page, loaded)
            page.evaluate(DRAWN)
            box = [x - 140, y - 140, 280, 280]
            data = page.evaluate(
                """([x, y, width, height]) => {
                    const item = window.shown.world.getItemAt(0);
                    const at = window.shown.viewport.pixelFromPoint(
                        item.imageToViewportCoordinates(x, y), true);
                    return Array.from(window.shown.drawer.context.getImageData(
                        Math.round(at.x), Math.round(at.y), width, height).data);
                }""",
                box,
            )
            shown = np.array(data, np.uint8).reshape(280, 280, 4)[..., :3]
            page.screenshot(path=artefacts / "iiif-openseadragon.png")
            require_shown(place, shown, x - 140, y - 140)
        page.evaluate("window.shown.goToPage(1)")
        until(page, "window.shown.world.getItemAt(0)?.source.width === 1200")
        until(page, loaded)
    tiles = asked_tiles(place, urls)
    assert len(tiles) > 20
    assert None not in tiles


CANVAS = """
<script src="/test-page/viewer.js"></script>
<div style="width:600px;height:400px">
<canvas-panel width="600" height="400" manifest-id="{manifest}" canvas-id="{canvas}"
  region="{x},{y},600,400" preset="static"></canvas-panel>
</div>
"""


def test_canvas_panel_opens_the_manifest(browser: Browser, place: Place, artefacts: Path) -> None:
    canvas = f"{place.manifest.removesuffix('/manifest')}/canvas/{place.slide_id}"
    x, y = 700, 1100
    urls: list[str] = []
    context = browser.new_context(**DESKTOP)
    context.add_cookies([{"name": COOKIE, "value": place.token, "url": place.address}])
    with attentive(context) as page:
        page.on("request", lambda request: urls.append(request.url))
        body = CANVAS.format(manifest=place.manifest, canvas=canvas, x=x, y=y)
        open_here(page, place.address, CANVAS_PANEL, body)
        for _ in range(DEADLINE_MS // 500):
            page.wait_for_timeout(500)
            data = page.screenshot(
                path=artefacts / "iiif-canvas-panel.png",
                clip={"x": 0, "y": 0, "width": 600, "height": 400},
            )
            shown = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
            if is_shown(place, shown, x, y):
                break
    require_shown(place, shown, x, y)
    tiles = asked_tiles(place, urls)
    assert len([tile for tile in tiles if tile is not None]) > 4
