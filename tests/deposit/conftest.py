"""A real server with its worker, and a real browser; screenshots are kept in `artefacts/`."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import DESKTOP, attentive, chromium

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
        self._port = "0"
        self.start()

    def start(self) -> None:
        command = ["serve", "--port", self._port, "--workers", "1"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", *command],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        link = re.compile(r"(https?://[^/\s]+)/enter\?key=")
        lines = (link.search(line) for line in self._process.stdout)
        self.address = next(found[1] for found in lines if found)
        self._port = self.address.rpartition(":")[2]

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=120)

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=120)

    def token(self, role: str, establishment: str = "local") -> str:
        asked = ["token", "--role", role, "--establishment", establishment]
        command = [sys.executable, "-m", "api.cli", *asked]
        told = subprocess.run(command, env=self.environment, capture_output=True, check=True)
        return told.stdout.decode().strip()


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
            return page

        yield opened
