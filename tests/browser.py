"""A real browser for tests of pages: Debian's Chromium, at the sizes and languages of users."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Frame,
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


AXE = Path(__file__).parents[1] / "web/node_modules/axe-core/axe.min.js"
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """The browser, for as long as the block lasts; `more` are arguments of its command line."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser")
    assert executable, "Chromium is needed: `make test` installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=[*QUIET, *more])
        yield browser
        browser.close()


@contextmanager
def attentive(context: BrowserContext) -> Iterator[Page]:
    """A page of the context; nothing that it logs as an error goes unnoticed."""
    context.set_default_timeout(DEADLINE_MS)
    page = context.new_page()
    complaints: list[str] = []

    def broke(error: Error) -> None:
        complaints.append(str(error))

    def heard(message: ConsoleMessage) -> None:
        # The browser itself reports every status of 400 and above, which the page may expect.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            complaints.append(message.text)

    page.on("pageerror", broke)
    page.on("console", heard)
    yield page
    # What is under way when the page goes breaks off, and says so.
    page.remove_listener("pageerror", broke)
    page.remove_listener("console", heard)
    context.close()
    assert complaints == []


def faults(page: Page) -> list[str]:
    """What axe finds against the rules of accessibility, and what else it calls serious."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        """async rules => (await axe.run(document)).violations
            .filter(one => one.tags.some(tag => rules.includes(tag))
                || ["serious", "critical"].includes(one.impact))
            .map(one => `${one.id}: ${one.nodes.map(node => node.html).join(" ")}`)""",
        list(RULES),
    )
    return cast("list[str]", found)


def until(page: Page | Frame, condition: str) -> None:
    """Wait for a condition; the browser's own way to wait needs `eval`, which the page forbids."""
    for _ in range(DEADLINE_MS // 100):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never true: {condition}")
