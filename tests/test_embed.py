"""The viewer inside another system's page: framed by name only, and by a link to one image."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Frame, Page, expect

from api.doors import Doors
from api.ingest import Order, ingest
from api.policies import Role
from api.settings import read_settings, signing_key
from api.work import open_workplace
from tests.browser import DEADLINE_MS, DESKTOP, PHONE, READY, until
from tests.samples.slide import small_svs
from tests.serving import running

WIDTH, HEIGHT = 1700, 1500


@dataclass(frozen=True)
class Framed:
    """A server that a page of another origin may frame, and one that it may not."""

    named: str
    closed: str
    images: list[str]
    token: str
    folder: Path
    origin: str
    """Of the other system, which shows what lies in `folder`."""

    def link(self, image: str) -> str:
        made = httpx.post(
            f"{self.named}/api/images/{image}/links",
            headers={"authorization": f"Bearer {self.token}"},
            timeout=600,
        )
        assert made.status_code == 201, made.text
        return str(made.json()["link"])

    def page(self, html: str) -> str:
        """The address of a page of the other system."""
        (self.folder / "record.html").write_text(f"<!doctype html><html><body>{html}</body></html>")
        return f"{self.origin}/record.html"


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def framed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Framed]:
    folder = tmp_path_factory.mktemp("embed")
    own = {"SANSVERRE_DATA": f"{folder}/data", "SANSVERRE_SECRETS": f"{folder}/keys"}
    settings = read_settings(own)
    with pytest.MonkeyPatch.context() as patch, open_workplace(settings) as place:
        for name, value in own.items():
            patch.setenv(name, value)
        slides = [small_svs(folder / f"{n}.svs", WIDTH, HEIGHT, 256, seed=n) for n in (1, 2)]
        images = [ingest(place, slide, Order("local")).image for slide in slides]
    record = folder / "record"
    record.mkdir()
    answer = partial(_Silent, directory=str(record))
    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), answer)
    origin = f"http://127.0.0.1:{other.server_port}"
    threading.Thread(target=other.serve_forever, daemon=True).start()
    token = Doors(signing_key(settings)).issue(Role.CONTRIBUTOR, "local")
    try:
        with (
            running({**own, "SANSVERRE_FRAME_ANCESTORS": origin}, workers=1) as named,
            running(own, workers=1) as closed,
        ):
            yield Framed(named.address, closed.address, images, token, record, origin)
    finally:
        other.shutdown()
        other.server_close()


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page of somebody who is signed in nowhere."""
    context = browser.new_context(**getattr(request, "param", DESKTOP))
    context.set_default_timeout(DEADLINE_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def inside(page: Page) -> Frame:
    """The frame of the viewer, once it shows the field."""
    for _ in range(DEADLINE_MS // 100):
        frames = [frame for frame in page.frames if "/view/" in frame.url]
        if frames:
            frames[0].wait_for_selector(READY)
            return frames[0]
        page.wait_for_timeout(100)
    raise AssertionError("nothing was framed")


def place_of(frame: Frame) -> tuple[float, float, float]:
    x, y, zoom = frame.evaluate(
        """() => {
            const { viewer } = window.sansverre;
            const item = viewer.world.getItemAt(0);
            const centre = item.viewportToImageCoordinates(viewer.viewport.getCenter(true));
            return [centre.x, centre.y, item.viewportToImageZoom(viewer.viewport.getZoom(true))];
        }"""
    )
    return x, y, zoom


def colours(frame: Frame) -> int:
    """How many different values the middle of the canvas shows."""
    return int(
        frame.evaluate(
            """() => {
                const { canvas, context } = window.sansverre.viewer.drawer;
                const box = [canvas.width / 2 - 50, canvas.height / 2 - 50, 100, 100];
                return new Set(context.getImageData(...box).data).size;
            }"""
        )
    )


@pytest.mark.parametrize("page", [DESKTOP, PHONE], indirect=True, ids=["desktop", "phone"])
def test_another_system_shows_the_very_field(
    page: Page, framed: Framed, artefacts: Path, request: pytest.FixtureRequest
) -> None:
    path, _, key = framed.link(framed.images[0]).partition("#")
    address = f"{framed.named}{path}?x=700&y=600&zoom=1#{key}"
    style = 'style="width:100%;height:600px;border:0"'
    page.goto(framed.page(f'<h1>Dossier</h1><iframe src="{address}" {style}></iframe>'))
    frame = inside(page)
    assert place_of(frame) == pytest.approx((700, 600, 1), abs=0.6)
    assert colours(frame) > 50
    assert "key" not in frame.evaluate("location.href")
    # Nothing leads out of the one image, and the drawer's pictures come with the token too.
    assert frame.locator("a.back").count() == 0
    frame.locator("[data-toggle=facts]").click()
    picture = frame.locator("#facts img").first
    picture.scroll_into_view_if_needed()
    # One that has no address yet counts as complete.
    until(frame, "document.querySelector('#facts img').naturalWidth > 50")
    page.screenshot(path=artefacts / f"framed-{request.node.callspec.id}.png")


def test_nobody_frames_a_server_that_does_not_name_them(page: Page, framed: Framed) -> None:
    link = framed.link(framed.images[0])
    with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
        page.goto(framed.page(f'<iframe src="{framed.closed}{link}"></iframe>'))
    assert page.frames[1].locator("#app").count() == 0
    # The key was not spent by a page that was not shown.
    key = link.partition("#key=")[2]
    spent = httpx.post(f"{framed.closed}/api/links", json={"key": key}, timeout=600)
    assert spent.status_code == 200


def test_a_link_shows_that_image_only_and_once(page: Page, framed: Framed) -> None:
    address = framed.named + framed.link(framed.images[0])
    page.goto(framed.page(f'<iframe src="{address}" width="900" height="600"></iframe>'))
    frame = inside(page)
    statuses = frame.evaluate(
        """async ([own, other]) => {
            const { ajaxHeaders: headers } = window.sansverre.viewer;
            const ask = async (path) => (await fetch(path, { headers })).status;
            return [await ask(`/api/images/${own}`), await ask(`/api/images/${other}`),
                await ask(`/deepzoom/${other}.dzi`), await ask("/api/exams")];
        }""",
        framed.images,
    )
    assert statuses == [200, 403, 403, 403]
    again = page.context.new_page()
    again.goto(address)
    expect(again.locator(".problem[data-problem=link]")).to_be_visible()


def test_the_element_shows_and_moves_the_view(page: Page, framed: Framed, artefacts: Path) -> None:
    link = framed.link(framed.images[1])
    page.goto(
        framed.page(
            f'<script type="module" src="{framed.named}/embed/sans-verre-viewer.js"></script>'
            f'<sans-verre-viewer link="{link}" x="500" y="400" zoom="0.5"></sans-verre-viewer>'
        )
    )
    frame = inside(page)
    assert place_of(frame) == pytest.approx((500, 400, 0.5), abs=1.1)
    told = """() => new Promise((resolve) => document.querySelector("sans-verre-viewer")
        .addEventListener("viewchange", (event) => {
            if (event.detail.zoom === 1) resolve(event.detail);
        }))"""
    page.evaluate(f"() => {{ window.told = ({told})(); }}")
    page.evaluate(
        """() => {
            const viewer = document.querySelector("sans-verre-viewer");
            for (const [name, value] of [["x", 900], ["y", 800], ["zoom", 1]])
                viewer.setAttribute(name, value);
        }"""
    )
    view = page.evaluate("window.told")
    assert (view["x"], view["y"], view["zoom"]) == pytest.approx((900, 800, 1), abs=0.6)
    assert page.evaluate("document.querySelector('sans-verre-viewer').view.zoom") == 1
    frame.wait_for_selector(READY)
    assert place_of(frame) == pytest.approx((900, 800, 1), abs=0.6)
    page.screenshot(path=artefacts / "element.png")


def test_a_page_that_is_not_around_it_moves_nothing(page: Page, framed: Framed) -> None:
    page.goto(framed.named + framed.link(framed.images[0]))
    page.wait_for_selector(READY)
    before = place_of(page.main_frame)
    page.evaluate(
        "postMessage({type: 'sansverre.show', view: {x: 1, y: 1, zoom: 2}}, location.origin)"
    )
    page.wait_for_timeout(500)
    assert place_of(page.main_frame) == before
