"""What hands do with the page: one thumb on a phone, or a keyboard and nothing else."""

import time

from playwright.sync_api import Locator, Page, expect

from tests.browser import DEADLINE_MS

SITE = {"x": 0.5, "y": 0.27}
"""Of the drawing of the back, in fractions: the middle of the back."""


def tap_at(place: Locator, x: float, y: float) -> None:
    """A thumb on a point of an element, in fractions of its size, once it has one."""
    expect(place).to_be_visible()
    box = place.bounding_box()
    assert box is not None
    place.tap(position={"x": box["width"] * x, "y": box["height"] * y})


def tap_back(page: Page, x: float = SITE["x"], y: float = SITE["y"]) -> None:
    """Choose a place of the back on the body map."""
    sheet = page.get_by_role("dialog", name="Où est-ce sur le corps")
    sheet.locator(".body-view", has_text="Dos").tap()
    expect(sheet.locator(".body-stage[data-view=back] svg")).to_be_visible()
    tap_at(sheet.locator(".body-stage"), x, y)
    sheet.get_by_role("button", name="Choisir ce site").tap()
    expect(sheet).to_have_count(0)


def held(page: Page) -> str:
    """What the keyboard is on: what it is called, and the words in it."""
    return str(
        page.evaluate(
            """() => {
                const on = document.activeElement;
                if (!on.matches("a, button, input, select, summary")) return "";
                const label = on.labels?.[0]?.textContent ?? "";
                return [on.getAttribute("aria-label"), label, on.textContent].join(" | ");
            }"""
        )
    )


def tab_to(page: Page, words: str) -> None:
    """Go on with the Tab key, round and round, until the keyboard is on what is called so."""
    end = time.monotonic() + DEADLINE_MS / 1000
    while words not in (on := held(page)):
        assert time.monotonic() < end, f"the Tab key never comes to {words}; it is on {on}"
        page.keyboard.press("Tab")


def press(page: Page, words: str, key: str = "Enter") -> None:
    """Go there by keyboard and press a key."""
    tab_to(page, words)
    page.keyboard.press(key)
