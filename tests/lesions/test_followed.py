"""A patient's lesions, one over time, and two visits compared: as people use the pages.

Screenshots are kept in `artefacts/`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from api.settings import read_settings
from api.work import open_workplace
from dermato.ruler import VERSION
from tests.browser import DESKTOP, PHONE, READY, attentive, faults, until
from tests.lesions.conftest import PITCH_PX, WIDTH, Followed

AID = f"Reading aid, not diagnostic · ruler, version {VERSION}"
ALIGNED = ".compare-stages[data-aligned=true]"
OVER = """([x, y, under_x, under_y]) => {
    const pair = window.sansverreCompare;
    const { element, stage } = pair.over;
    const seen = (osd, x, y) => osd.viewport.pixelFromPoint(
        osd.world.getItemAt(0).imageToViewportCoordinates(x, y), true);
    const of = seen(stage.osd, x, y);
    const lies = new DOMMatrix(getComputedStyle(element).transform);
    const at = lies.transformPoint(new DOMPoint(of.x, of.y));
    const under = seen(pair.stages[1].osd, under_x, under_y);
    return Math.hypot(
        element.offsetLeft + at.x / at.w - under.x, element.offsetTop + at.y / at.w - under.y);
}"""
"""How far, on the screen, a point of the first photograph is drawn from one of the second."""

STILL = """window.sansverreCompare.stages.every(stage => {
    const [now, then] = [stage.view(true), stage.view()];
    return ["x", "y", "zoom"].every(name => Math.abs(now[name] - then[name]) < 0.01);
})"""
"""Whether both photographs are where they are on their way to."""


def centre_of(page: Page, index: int) -> list[float]:
    found: list[float] = page.evaluate(
        """index => {
            const { x, y, zoom } = window.sansverreCompare.stages[index].view(true);
            return [x, y, zoom];
        }""",
        index,
    )
    return found


def laid(matrix: Any, x: float, y: float) -> Any:
    # The truth is of pixel centres; the page counts from the corners of pixels.
    point = matrix @ (x - 0.5, y - 0.5, 1)
    return point[:2] / point[2] + 0.5


def tap(drawing: Locator, x: float, y: float) -> None:
    box = drawing.bounding_box()
    assert box is not None
    drawing.tap(position={"x": x * box["width"], "y": y * box["height"]})


@pytest.fixture
def desk(browser: Browser, followed: Followed) -> Iterator[Page]:
    """Somebody at a desk, in French, who uses the keyboard alone."""
    with attentive(browser.new_context(**DESKTOP, storage_state=followed.state)) as page:
        yield page


@pytest.fixture
def phone(browser: Browser, followed: Followed) -> Iterator[Page]:
    """Somebody with a phone, in English."""
    with attentive(browser.new_context(**PHONE, storage_state=followed.state)) as page:
        yield page


def test_lesions_are_found_and_marked_by_keyboard(
    desk: Page, followed: Followed, artefacts: Path
) -> None:
    page = desk
    page.goto(followed.address)
    page.get_by_role("link", name="Lésions et photographies du patient").first.press("Enter")
    expect(page.locator(".lesion-card").first).to_be_visible()
    until(page, "[...document.images].every(image => image.naturalWidth > 0)")
    page.screenshot(path=artefacts / "body-map-desktop.png")
    assert faults(page) == []

    patient, _ = followed.of_another()
    page.goto(f"{followed.address}/patients/{patient}/lesions")
    expect(page.locator(".lesion-card")).to_have_count(5)
    page.get_by_role("button", name="Nouvelles depuis le 12/03/2025 (1)").press("Enter")
    expect(page.locator(".lesion-card")).to_have_count(1)
    expect(page.locator(".lesion-card")).to_contain_text("thorax")
    page.get_by_role("button", name="Nouvelles depuis").press("Enter")

    page.get_by_role("button", name="Nouvelle lésion").press("Enter")
    dialog = page.get_by_role("dialog", name="Où est la lésion ?")
    dialog.get_by_role("searchbox").fill("EPAULE")
    expect(dialog.locator(".body-count")).to_have_text("Aucun site ne porte ce nom.")
    dialog.get_by_role("searchbox").fill("cheek")
    dialog.get_by_role("radio", name="Joue Cheek").press("Space")
    expect(dialog.locator(".body-told")).to_contain_text("Précisez le côté")
    expect(dialog.locator(".body-stage")).to_have_attribute("data-view", "face")
    assert faults(page) == []
    dialog.get_by_role("button", name="Enregistrer").press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("Précisez le côté.")
    dialog.get_by_role("radio", name="Gauche").press("Space")
    expect(dialog.locator(".body-told")).to_have_text("Joue, à gauche")
    dialog.get_by_role("button", name="Enregistrer").press("Enter")
    expect(page.locator(".lesion-card")).to_have_count(6)


def test_a_lesion_is_followed_by_keyboard(desk: Page, followed: Followed, artefacts: Path) -> None:
    page = desk
    page.goto(f"{followed.address}/patients/{followed.patient}/lesions")
    page.locator(f"a[href='/lesions/{followed.forearm}']").press("Enter")
    expect(page.locator(".visit")).to_have_count(2)
    page.get_by_role("combobox", name="Ce qui s’est passé").select_option("followed")
    page.get_by_role("button", name="Noter").press("Enter")
    expect(page.locator(".chip")).to_have_text("Suivie")
    page.get_by_role("button", name="Lier").press("Enter")
    expect(page.get_by_role("link", name="Ouvrir la lame")).to_contain_text("B25-0042")
    until(page, "[...document.images].every(image => image.naturalWidth > 0)")
    page.screenshot(path=artefacts / "lesion-desktop.png")
    assert faults(page) == []


def test_two_visits_move_as_one_and_lie_on_each_other(
    desk: Page, followed: Followed, artefacts: Path
) -> None:
    page = desk
    page.goto(f"{followed.address}/lesions/{followed.forearm}")
    page.get_by_role("link", name="Comparer").press("Enter")
    page.wait_for_selector(ALIGNED)
    page.wait_for_selector(READY)
    page.screenshot(path=artefacts / "compare-desktop.png")
    assert faults(page) == []
    page.locator("main").focus()
    for key in ("+", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    until(page, STILL)
    first, second = centre_of(page, 0), centre_of(page, 1)
    assert np.hypot(*(laid(followed.truth.matrix, *first[:2]) - second[:2])) < 3
    page.get_by_role("radio", name="Superposer").press("Space")
    expect(page.locator(".compare-over")).to_be_visible()
    page.get_by_role("slider").press("End")
    until(page, "document.querySelector('.compare-over').style.opacity === '1'")
    page.get_by_role("slider").press("Home")
    for _ in range(10):
        page.get_by_role("slider").press("PageUp")
    for x, y in ((200, 150), (360, 270), (500, 400)):
        under = laid(followed.truth.matrix, x, y)
        assert page.evaluate(OVER, [x, y, *map(float, under)]) < 3
    page.screenshot(path=artefacts / "overlay-desktop.png")
    page.get_by_role("radio", name="Côte à côte").press("Space")
    until(page, STILL)
    first, second = centre_of(page, 0), centre_of(page, 1)
    assert np.hypot(*(laid(followed.truth.matrix, *first[:2]) - second[:2])) < 3


def test_what_cannot_be_aligned_is_said_to_be_no_more_than_that(
    desk: Page, followed: Followed
) -> None:
    page = desk
    page.goto(f"{followed.address}/lesions/{followed.cheek}/compare")
    page.wait_for_selector(".compare-stages[data-aligned=false]")
    told = page.locator(".compare-told")
    expect(told).to_contain_text("ne s’alignent pas")
    expect(page.get_by_role("radio", name="Superposer")).to_be_disabled()
    assert "autre lésion" not in page.content()

    page.goto(f"{followed.address}/lesions/{followed.forearm}/compare")
    page.get_by_role("combobox", name="Photographie de gauche").select_option(followed.ruled)
    page.wait_for_url(f"**/compare?first={followed.ruled}&second=*")
    expect(page.locator(".compare-caption option:checked").first).to_contain_text("Gros plan")
    page.wait_for_selector(".compare-stages[data-aligned]")


def test_a_lesion_is_marked_and_opened_by_touch(
    phone: Page, followed: Followed, artefacts: Path
) -> None:
    page = phone
    patient, (first, *_) = followed.of_another()
    page.goto(f"{followed.address}/patients/{patient}/lesions")
    expect(page.locator(".lesion-card")).to_have_count(5)
    page.screenshot(path=artefacts / "body-map-phone.png")
    assert faults(page) == []

    page.get_by_role("button", name="New lesion").tap()
    dialog = page.get_by_role("dialog", name="Where is the lesion?")
    dialog.locator(".body-view", has_text="Back").tap()
    tap(dialog.locator(".body-drawing"), 0.27, 0.36)
    expect(dialog.locator(".body-told")).to_have_text("Posterior surface of elbow, on the left")
    spot = dialog.get_by_role("button", name="Chosen point")
    for _ in range(12):
        spot.press("Shift+ArrowUp")
    expect(dialog.locator(".body-told")).to_have_text("Posterior surface of upper arm, on the left")
    page.screenshot(path=artefacts / "new-lesion-phone.png")
    assert faults(page) == []
    dialog.get_by_role("button", name="Save").tap()
    expect(page.locator(".lesion-card")).to_have_count(6)

    page.locator(".body-view", has_text="Front").tap()
    pin = page.locator(".body-pin[data-pin='1']").bounding_box()
    assert pin is not None
    page.touchscreen.tap(pin["x"] + pin["width"] / 2, pin["y"] + pin["height"] / 2)
    expect(page).to_have_url(f"{followed.address}/lesions/{first}")


def test_a_diameter_is_marked_by_touch(phone: Page, followed: Followed, artefacts: Path) -> None:
    page = phone
    page.goto(f"{followed.address}/view/{followed.ruled}")
    page.wait_for_selector(READY)
    page.get_by_role("button", name="Measure").tap()
    panel = page.get_by_role("region", name="Diameter")
    expect(panel).to_contain_text(f"1 mm is {PITCH_PX} pixels")
    zoom = page.evaluate("document.querySelector('.stage-canvas').clientWidth * 0.94") / WIDTH
    stage = page.locator(".stage").bounding_box()
    assert stage is not None
    middle = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    for marked, along in enumerate((-100, 60), start=1):
        page.touchscreen.tap(middle[0] + along, middle[1] - 60)
        expect(page.locator(".measure-end")).to_have_count(marked)
    expect(panel.locator(".measure-value")).to_contain_text("mm ±")
    told = panel.locator(".measure-value").inner_text()
    assert float(told.split(" ")[0]) == pytest.approx(160 / zoom / PITCH_PX, rel=0.04)
    expect(panel).to_contain_text(AID)
    page.screenshot(path=artefacts / "measure-phone.png")
    assert faults(page) == []
    panel.get_by_role("button", name="Keep this measure").tap()
    expect(page.locator(".notice")).to_contain_text("Measure kept")

    page.goto(f"{followed.address}/lesions/{followed.forearm}")
    expect(page.locator(".visit-measure b")).to_have_text(told)
    until(page, "[...document.images].every(image => image.naturalWidth > 0)")
    page.screenshot(path=artefacts / "lesion-phone.png")
    assert faults(page) == []
    page.get_by_role("button", name="Take this measure back").tap()
    expect(page.locator(".visit-measure")).to_have_count(0)

    # Nobody marked this one: a program proposes, and whoever reads moves an end.
    page.goto(f"{followed.address}/view/{followed.unruled}")
    page.wait_for_selector(READY)
    page.get_by_role("button", name="Measure").tap()
    panel.get_by_role("button", name="Suggest").tap()
    expect(panel).to_contain_text("Suggested diameter: check both ends", timeout=300_000)
    expect(panel).to_contain_text(f"{AID} · suggestion")
    # Without a scale there are pixels, and nothing to keep.
    expect(panel.locator(".measure-value")).to_contain_text("pixels")
    expect(panel.get_by_role("button", name="Keep this measure")).to_have_count(0)
    assert faults(page) == []
    page.screenshot(path=artefacts / "diameter-proposed-phone.png")
    page.locator(".measure-end").first.press("ArrowRight")
    expect(panel).not_to_contain_text("Suggested diameter")
    panel.get_by_role("button", name="Start again").tap()
    expect(panel.get_by_role("button", name="Suggest")).to_be_visible()


def test_two_visits_are_laid_over_each_other_on_a_phone(
    phone: Page, followed: Followed, artefacts: Path
) -> None:
    page = phone
    page.goto(f"{followed.address}/lesions/{followed.forearm}/compare")
    page.wait_for_selector(ALIGNED)
    page.locator(".compare-modes label", has_text="Overlay").tap()
    expect(page.locator(".compare-over")).to_be_visible()
    page.wait_for_selector(READY)
    page.screenshot(path=artefacts / "overlay-phone.png")
    assert faults(page) == []
    page.locator(".compare-modes label", has_text="Blink").tap()
    until(page, "document.querySelector('.compare-over').style.opacity === '0'")
    until(page, "document.querySelector('.compare-over').style.opacity === '1'")


def test_covered_photographs_are_compared_on_purpose(
    desk: Page, followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in followed.environment.items():
        monkeypatch.setenv(name, value)
    with open_workplace(read_settings()) as place:
        for taken in place.catalog.photographs.of_lesions([followed.back])[followed.back]:
            image = taken.photograph.image_id
            place.catalog.attach(image, facts={"covered": "intimate"})
    page = desk
    page.goto(f"{followed.address}/lesions/{followed.back}")
    expect(page.locator(".visit .thumbnail.covered")).to_have_count(2)
    page.get_by_role("link", name="Comparer").press("Enter")
    for _ in range(2):
        expect(page.locator("main.covered")).to_contain_text("région intime")
        with page.expect_response("**/uncover") as answer:
            page.get_by_role("button", name="Ouvrir la photographie").press("Enter")
        assert answer.value.status == 204
    page.wait_for_selector(READY)
    assert page.evaluate("window.sansverreCompare.stages.every(one => one.missing.size === 0)")
