"""A real browser for tests of pages: Debian's Chromium, at the sizes and languages of users."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

# Chromium of the system, which must not look for anything beyond this machine.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "locale": "fr-FR"}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "locale": "en-GB",
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
# Deadlines are for what hangs: a busy machine is slow.
DEADLINE_MS = 60_000
expect.set_options(timeout=DEADLINE_MS)
READY = "html[data-viewer=ready]"


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser, for as long as the block lasts."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    assert executable, "Chromium is needed: `make test` installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=QUIET)
        yield browser
        browser.close()


@contextmanager
def attentive(context: BrowserContext) -> Iterator[Page]:
    """A page of the context; nothing that it logs as an error goes unnoticed."""
    context.set_default_timeout(DEADLINE_MS)
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def heard(message: ConsoleMessage) -> None:
        # The browser itself reports every status of 400 and above, which the page may expect.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            complaints.append(message.text)

    page.on("console", heard)
    yield page
    context.close()
    assert complaints == []


def until(page: Page, condition: str) -> None:
    """Wait for a condition; the browser's own way to wait needs `eval`, which the page forbids."""
    for _ in range(DEADLINE_MS // 100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never true: {condition}")
