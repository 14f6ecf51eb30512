"""A real server with its workers, and a browser whose camera shows a photograph of skin."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page

from tests.browser import PHONE, attentive, chromium
from tests.capture.pictures import SKIN, pictured
from tests.deposit.conftest import Server

Visit = Callable[..., Page]


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Its camera is a stream of one frame, which the browser shows again and again."""
    film = tmp_path_factory.mktemp("camera") / "skin.mjpeg"
    with Image.open(pictured(SKIN)) as picture:
        picture.convert("RGB").resize((720, 960)).save(film, "JPEG", quality=90)
    with chromium(
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={film}",
    ) as browser:
        yield browser


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("capture"))
    yield server
    server.stop()


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Visit]:
    """Opens an address for somebody of that role; each visit is a browser of its own."""
    with ExitStack() as visits:

        def opened(
            path: str, role: str = "contributor", device: dict[str, Any] = PHONE, **more: str
        ) -> Page:
            context = browser.new_context(**{**device, **more})
            token = server.token(role)
            context.add_cookies([{"name": "sansverre", "value": token, "url": server.address}])
            page = visits.enter_context(attentive(context))
            page.goto(f"{server.address}{path}")
            return page

        yield opened
