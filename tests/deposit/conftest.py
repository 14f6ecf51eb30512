"""A real server with its worker, and a real browser; screenshots are kept in `artefacts/`."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from api.doors import Doors
from api.policies import Role
from api.settings import read_settings, signing_key
from tests.browser import DESKTOP, attentive, chromium
from tests.orthanc import free_ports
from tests.serving import running

Visit = Callable[..., Page]


class Server:
    """The real command, on one port, so that it can be killed and come back."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.environment = {
            **os.environ,
            "SANSVERRE_DATA": str(folder / "data"),
            "SANSVERRE_SECRETS": str(folder / "secrets"),
            **settings,
        }
        self._held = ExitStack()
        (self._port,) = free_ports(1)
        self.start()

    def start(self) -> None:
        started = running(self.environment, workers=1, port=self._port)
        self._running = self._held.enter_context(started)
        self.address = self._running.address

    def kill(self) -> None:
        self._running.process.kill()
        self.stop()

    def stop(self) -> None:
        self._held.close()

    def token(self, role: str, establishment: str = "local") -> str:
        key = signing_key(read_settings(self.environment))
        return Doors(key).issue(Role[role.upper()], establishment)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("deposit"))
    yield server
    server.stop()


@pytest.fixture(scope="package")
def contributor(server: Server) -> str:
    return server.token("contributor")


@pytest.fixture
def visit(browser: Browser, server: Server, contributor: str) -> Iterator[Visit]:
    """Opens the page for somebody who may contribute; each visit is a browser of its own."""
    with ExitStack() as visits:

        def opened(device: dict[str, Any] = DESKTOP, token: str = contributor, **more: str) -> Page:
            context = browser.new_context(**{**device, **more})
            context.add_cookies([{"name": "sansverre", "value": token, "url": server.address}])
            page = visits.enter_context(attentive(context))
            # The browser asks for what a form holds; a page that is sending asks before it closes.
            page.on("dialog", lambda dialog: dialog.accept())
            page.goto(f"{server.address}/deposit")
            # What was brought before makes the zone flat, under the finger of whoever is sooner.
            expect(page.locator("main:not([aria-busy])")).to_be_visible()
            return page

        yield opened
