"""The next visit, with the picture of before beside the shutter; and every page for everyone."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser import DESKTOP, faults
from tests.capture.conftest import Visit
from tests.capture.pictures import LESIONS, blurred, lesions, overview, pictured
from tests.capture.visits import SOON_MS, Over, begun, visited
from tests.deposit.conftest import Server

SCHEMES: tuple[Literal["light", "dark"], ...] = ("dark", "light")


@pytest.fixture(scope="module")
def over(request: pytest.FixtureRequest) -> dict[str, Over]:
    """The visit that is over, once it was made."""
    return {}


def made(visit: Visit, over: dict[str, Over]) -> Over:
    """The patient's first visit, made by whoever comes first."""
    if "visit" not in over:
        over["visit"] = visited(visit("/capture", locale="fr-FR"))
    return over["visit"]


def blemishes(page: Page) -> list[str]:
    """What is wrong with a page for those who see badly or not, by day and by night."""
    found = []
    for scheme in SCHEMES:
        # Colours that are on their way to others are neither.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"{scheme}: {fault}" for fault in faults(page)]
    return found


def test_the_picture_of_before_stands_beside_the_shutter(
    visit: Visit, over: dict[str, Over], artefacts: Path, tmp_path: Path
) -> None:
    before = made(visit, over)
    page = visit("/capture", locale="fr-FR")
    begun(page)
    page.get_by_role("button", name="Ce que vous photographiez").tap()
    page.get_by_role("dialog").get_by_role("button", name="L1 ·").tap()
    prior = page.get_by_role("button", name="Superposer la photo précédente")
    expect(prior).to_be_visible()
    page.get_by_role("button", name="Dermoscopie").tap()
    prior.tap()
    expect(page.locator(".ghost")).to_be_visible()
    page.locator(".shutter").tap()
    expect(page.locator(".last-count")).to_have_text("1")
    page.screenshot(path=artefacts / "capture-ghost-phone.png")
    assert blemishes(page) == []

    # Total body: pose after pose, without a lesion.
    page.get_by_role("button", name="Ce que vous photographiez").tap()
    page.get_by_role("dialog").get_by_role("button", name="Corps entier").tap()
    expect(page.locator(".target")).to_contain_text("Visage")
    # The camera would show the very same picture again, as no real one does.
    page.set_input_files("[data-brings=files]", overview(tmp_path))
    expect(page.locator(".target")).to_contain_text("Cuir chevelu")
    page.screenshot(path=artefacts / "capture-pose-phone.png")
    page.locator(".capture-steps [data-step=sort]").tap()
    facts = page.locator(".shot-facts")
    expect(facts.nth(0)).to_contain_text("Dermoscopie · L1")
    expect(facts.nth(1)).to_contain_text("Corps entier")
    expect(facts.nth(1)).to_contain_text("Visage")
    assert before.lesion


def test_no_page_shuts_anybody_out(visit: Visit, over: dict[str, Over], server: Server) -> None:
    left = made(visit, over)
    page = visit("/capture", role="physician", device=DESKTOP)
    first, second = left.images
    pages = {
        "/": ".exam-link",
        f"/exam/{left.exam}": ".gallery",
        f"/view/{second}": "html[data-viewer=ready]",
        "/deposit": ".drop",
        "/phones": "main h1",
        "/capture": ".session-card",
        f"/capture/{left.session}": ".outcome-list",
        f"/patients/{left.patient}/lesions": "main h1",
        f"/lesions/{left.lesion}": ".overview-pin[aria-label='Cette lésion, L1, est ici']",
        f"/lesions/{left.lesion}/compare?first={first}&second={second}": "main h1",
    }
    found = {}
    for path, there in pages.items():
        page.goto(f"{server.address}{path}")
        page.wait_for_selector(there)
        found[path] = blemishes(page)
    assert {path: bad for path, bad in found.items() if bad} == {}


def test_no_step_of_a_session_shuts_anybody_out(
    visit: Visit, over: dict[str, Over], artefacts: Path, tmp_path: Path
) -> None:
    made(visit, over)
    page = visit("/capture", device=DESKTOP, locale="fr-FR")
    begun(page)
    # The last one is in the archive already, from the visit before.
    files = [*lesions(tmp_path), blurred(tmp_path), pictured(LESIONS[0])]
    page.set_input_files("[data-brings=files]", files)
    found = {"shoot": blemishes(page)}
    page.screenshot(path=artefacts / "capture-shoot-desktop.png")
    page.locator("[data-step=sort]").click()
    expect(page.get_by_text("Déjà dans le dossier")).to_be_visible(timeout=SOON_MS)
    for number in range(4):
        page.locator(".shot-choose").nth(number).click()
    found["sort"] = blemishes(page)
    page.get_by_role("button", name="Site").click()
    expect(page.locator(".body-stage svg")).to_be_visible()
    found["site"] = blemishes(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Lésion").click()
    found["lesion"] = blemishes(page)
    page.get_by_role("dialog").get_by_role("button", name="L1 ·").click()
    page.get_by_role("button", name="Dermoscopie").click()
    page.locator(".shot-choose").nth(0).click()
    page.get_by_role("button", name="Vue d’ensemble").click()
    page.screenshot(path=artefacts / "capture-sort-desktop.png")
    page.get_by_role("button", name="Regarder Photo 1").click()
    page.get_by_role("dialog").get_by_role("button", name="L1 ·").press("Enter")
    expect(page.locator(".pin")).to_have_count(1)
    found["pins"] = blemishes(page)
    page.screenshot(path=artefacts / "capture-pins-desktop.png")
    page.keyboard.press("Escape")
    page.locator("[data-step=send]").click()
    found["send"] = blemishes(page)
    page.screenshot(path=artefacts / "capture-send-desktop.png")
    begin_elsewhere(page)
    page.get_by_role("button", name="Ne plus l’attendre").click(timeout=SOON_MS)
    sheet = page.get_by_role("dialog", name="Ne plus attendre cette photo ?")
    expect(sheet).to_contain_text("La photo reste sur l’appareil qui l’a prise")
    found["abandon"] = blemishes(page)
    page.screenshot(path=artefacts / "capture-abandon-desktop.png")
    sheet.get_by_role("button", name="Ne plus l’attendre").click()
    expect(page.get_by_text("d’un autre appareil")).to_have_count(0)
    assert {step: bad for step, bad in found.items() if bad} == {}


def begin_elsewhere(page: Page) -> None:
    """Another device announces a picture, and is heard of no more; a look elsewhere shows it."""
    page.evaluate(
        """async session => {
            const metadata = `session ${btoa(session)},path ${btoa("dead-phone")}`;
            const headers = {
                "Tus-Resumable": "1.0.0", "Upload-Length": "4096", "Upload-Metadata": metadata,
            };
            const answer = await fetch("/uploads", { method: "POST", headers });
            if (!answer.ok) throw new Error(String(answer.status));
        }""",
        page.url.rpartition("/")[2],
    )
    page.reload()
    page.locator("[data-step=send]").click()
