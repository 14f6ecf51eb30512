"""What hands do with the page: one thumb on a phone, or a keyboard and nothing else."""

from playwright.sync_api import Locator, Page, expect

SITE = {"x": 0.5, "y": 0.27}
"""Of the drawing of the back, in fractions: the middle of the back."""
MOST_TABS = 150


def tap_at(page: Page, place: Locator, x: float, y: float) -> None:
    """A thumb on a point of an element, in fractions of its size."""
    box = place.bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] * x, box["y"] + box["height"] * y)


def tap_back(page: Page, x: float = SITE["x"], y: float = SITE["y"]) -> None:
    """Choose a place of the back on the body map."""
    sheet = page.get_by_role("dialog", name="Où est-ce sur le corps")
    sheet.locator(".body-view", has_text="Dos").tap()
    expect(sheet.locator(".body-stage[data-view=back] svg")).to_be_visible()
    tap_at(page, sheet.locator(".body-stage"), x, y)
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
    """Go on with the Tab key until the keyboard is on what is called so."""
    for _ in range(MOST_TABS):
        if words in held(page):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key never comes to {words}; it is on {held(page)}")


def press(page: Page, words: str, key: str = "Enter") -> None:
    """Go there by keyboard and press a key."""
    tab_to(page, words)
    page.keyboard.press(key)
