"""A whole session by the keyboard alone, at the size of a phone, in English."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.capture.conftest import Visit
from tests.capture.hands import press, tab_to
from tests.capture.pictures import lesions, overview
from tests.capture.test_by_touch import SOON_MS, sorted_out, told

SITES = ["113182001", "75093004", "4658004"]
"""The lower back, the abdomen and the nape."""


def begin(page: Page) -> None:
    press(page, "New session")
    for field, typed in (
        ("Patient identifier", "7654321"),
        ("Family name", "Example"),
        ("Given name", "Noor"),
        ("Date of birth", "03021970"),
        ("Sex", "M"),
    ):
        tab_to(page, field)
        page.keyboard.type(typed)
    press(page, "Begin")
    expect(page.locator(".shoot[data-camera=open]")).to_be_visible()


def give_site(page: Page, name: str) -> None:
    """From the list, which says what the drawing says."""
    expect(page.get_by_role("dialog", name="Where on the body is it?")).to_be_visible()
    press(page, "Choose in the list")
    tab_to(page, "Look for a site")
    page.keyboard.type(name)
    press(page, name, "Space")
    press(page, "Choose this site")


def test_a_session_by_keyboard_alone(visit: Visit, tmp_path: Path) -> None:
    page = visit("/capture")
    begin(page)
    press(page, "Take the photo")
    expect(page.locator(".last-count")).to_have_text("1")
    with page.expect_file_chooser() as chooser:
        press(page, "Choose photos")
    chooser.value.set_files([overview(tmp_path), *lesions(tmp_path)])
    expect(page.locator(".last-count")).to_have_text("5")

    press(page, "Sort")
    press(page, "Look at Photo 1")
    press(page, "Delete")
    press(page, "Delete")
    expect(page.locator(".shot")).to_have_count(4)
    press(page, "Photo 1, To sort")
    press(page, "Overview")
    press(page, "Where?")
    give_site(page, "Mid back")
    for number, site in enumerate(("Lower back", "Abdomen", "Nuchal region"), start=2):
        press(page, f"Photo {number}, To sort", "Space")
        press(page, "Dermoscopy")
        press(page, "Which lesion?")
        press(page, "New lesion")
        give_site(page, site)
        expect(page.locator(".shot-facts").nth(number - 1)).to_contain_text(f"L{number - 1}")
    place_pins(page)

    press(page, "Send")
    press(page, "Yes")
    press(page, "This is the patient", "Space")
    expect(page.get_by_role("button", name="Send 4 photos")).to_be_enabled(timeout=SOON_MS)
    press(page, "Send 4 photos")
    expect(page.get_by_text("4 of 4 photos in the record")).to_be_visible(timeout=SOON_MS)
    press(page, "Join to an order")
    tab_to(page, "Number of the order")
    page.keyboard.type("D-1")
    page.keyboard.press("Enter")
    expect(page.locator(".order-badge")).to_have_count(0)
    session = told(page)
    assert session["accession_number"] == "D-1"
    wide, close = sorted_out(session["photographs"], SITES)
    pins = {pin["lesion"]: (pin["x"], pin["y"]) for pin in wide["pins"]}
    assert [pins[one["lesion"]] for one in close] == [(0.47, 0.5), (0.5, 0.45), (0.5, 0.5)]
    assert [one["answer"] for one in session["consents"]] == ["given"]


def place_pins(page: Page) -> None:
    """Each begins in the middle, and goes on by arrow keys; one is taken away and put again."""
    press(page, "Look at Photo 1")
    for number, keys in enumerate((["ArrowLeft"] * 3, ["Shift+ArrowUp"], []), start=1):
        press(page, f"L{number} ·")
        for key in keys:
            page.keyboard.press(key)
    tab_to(page, "Pin L3")
    page.keyboard.press("Delete")
    expect(page.locator(".pin")).to_have_count(2)
    press(page, "L3 ·")
    expect(page.locator(".pin")).to_have_count(3)
    page.keyboard.press("Escape")
