"""A case as a pathologist works through it: found, completed by a click, read slide by slide."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import DESKTOP, PHONE, READY, attentive, faults
from tests.cases.conftest import GLASSES, NUMBER, STRANGER, Laboratory, label


@pytest.fixture
def page(
    request: pytest.FixtureRequest, browser: Browser, laboratory: Laboratory
) -> Iterator[Page]:
    context = browser.new_context(
        **getattr(request, "param", DESKTOP), storage_state=laboratory.state
    )
    with attentive(context) as page:
        yield page


def test_a_case_is_found_completed_and_read_to_its_end(
    page: Page, laboratory: Laboratory, artefacts: Path
) -> None:
    page.goto(laboratory.address)
    page.get_by_role("link", name="Dossiers du laboratoire").click()
    # The frozen section is first, and the stranger waits below.
    first = page.locator(".case-card").first
    expect(first).to_contain_text("Extemporané")
    expect(first).to_contain_text("6 lames numérisées sur 7 attendues")
    expect(page.locator(".waiting")).to_contain_text(label(STRANGER))
    page.screenshot(path=artefacts / "cases.png")
    assert faults(page) == []
    first.get_by_role("link", name="ESSAI Élodie").click()

    expect(page.locator(".specimen h2").first).to_have_text(
        re.compile(r"Prélèvement A · Peau, avant-bras gauche")
    )
    expect(page.get_by_role("heading", level=3)).to_have_text(["Bloc A1", "Bloc A2", "Bloc B1"])
    glasses = page.locator(".glass")
    expect(glasses).to_have_count(7)
    expect(page.locator(".glass.missing")).to_contain_text(["B1-2"])
    expect(page.locator(".code", has_text=NUMBER)).to_be_visible()
    latest, older = laboratory.rescans
    expect(page.locator("a.glass-link").first).to_have_attribute("href", re.compile(latest))
    expect(page.locator(f"a[href='/view/{older}']")).to_be_hidden()
    page.get_by_text("1 numérisation antérieure").click()
    expect(page.locator(f"a[href='/view/{older}']")).to_be_visible()
    expect(page.locator(".case-photographs img")).to_have_count(6)
    page.screenshot(path=artefacts / "case.png", full_page=True)
    assert faults(page) == []

    page.get_by_text("1 autre lame sans dossier").click()
    waiting = page.locator(".waiting")
    expect(waiting).to_contain_text("Code d’aucun format connu")
    waiting.get_by_role("button", name=f"Rattacher la lame {label(STRANGER)}").click()
    # It moves under the case's patient and number, and is there within moments.
    linked = page.locator(f"a.glass-link[href*='{laboratory.stranger}']")
    expect(linked).to_contain_text("B1-2")
    expect(page.locator(".glass.missing")).to_have_count(0)
    expect(page.get_by_text("Rattachement en cours")).to_have_count(0, timeout=300_000)
    # What was open is still, however often the page was drawn meanwhile.
    expect(page.locator(f"a[href='/view/{older}']")).to_be_visible()

    page.locator("body").press("ArrowDown")
    page.keyboard.press("j")
    page.keyboard.press("ArrowUp")
    expect(page.locator("a.glass-link").first).to_be_focused()
    page.keyboard.press("Enter")
    for name in GLASSES:
        page.wait_for_selector(READY)
        expect(page.locator(".strip [aria-current=page]")).to_contain_text(name)
        expect(page.locator(".banner-patient")).to_contain_text("ESSAI")
        if name != GLASSES[-1]:
            page.keyboard.press("]")
    page.get_by_role("link", name="Retour au dossier").click()
    expect(page.locator(".glass")).to_have_count(7)


def test_reports_are_read_version_by_version_and_beside_the_slide(
    page: Page, laboratory: Laboratory, artefacts: Path
) -> None:
    page.goto(f"{laboratory.address}/cases")
    waits = page.locator(".report-waiting")
    # It names somebody else than its order, and both are there to be compared.
    expect(waits).to_contain_text("Un autre patient que la demande")
    expect(waits).to_contain_text("MODÈLE Bruno")
    expect(waits).to_contain_text("ESSAI Élodie")
    # One click files no report under somebody whom it does not name.
    waits.get_by_role("button", name="Classer sous ESSAI Élodie").click()
    expect(waits.get_by_role("button", name="Confirmer : patient ESSAI Élodie")).to_be_focused()
    page.goto(f"{laboratory.address}/cases/{laboratory.case}")
    versions = page.locator(".case-reports summary")
    expect(versions).to_have_count(3)
    expect(versions).to_contain_text(
        ["Définitif → Rectifié", "Provisoire → Définitif", "Version 1"]
    )
    versions.first.focus()
    page.keyboard.press("Enter")
    text = page.locator(".report-text").first
    # What is written like a tag is text.
    expect(text).to_contain_text("Nævus <b>bénin</b>.")
    expect(text.locator("b")).to_have_count(0)
    versions.nth(1).click()
    picture = page.get_by_role("img", name="Page 1 sur 2")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("one => one.naturalHeight") == 1800
    expect(page.locator(".report-pages")).to_contain_text(["Conclusion"])
    expect(page.locator(".report-warning")).to_have_text("Une version plus récente existe.")
    page.screenshot(path=artefacts / "case-reports.png", full_page=True)
    assert faults(page) == []

    page.locator("a.glass-link").first.click()
    page.wait_for_selector(READY)
    button = page.get_by_role("button", name="Comptes rendus")
    expect(button).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("c")
    panel = page.get_by_role("complementary", name="Comptes rendus")
    expect(panel).to_contain_text("Nævus")
    expect(button).to_have_attribute("aria-expanded", "true")
    # The slide stays where it is.
    expect(page.locator(".stage canvas").first).to_be_visible()
    page.screenshot(path=artefacts / "slide-and-report.png")
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(button).to_be_focused()


@pytest.mark.parametrize("page", [PHONE], indirect=True, ids=["phone"])
def test_two_patients_under_one_number_are_shown_on_a_phone(
    page: Page, laboratory: Laboratory, artefacts: Path
) -> None:
    page.goto(f"{laboratory.address}/cases/{laboratory.conflict}")
    told = page.get_by_role("alert")
    expect(told).to_contain_text("ESSAI Élodie")
    expect(told).to_contain_text("MODÈLE Bruno")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Two patients under this number")
    expect(page.get_by_role("button", name="Link slide")).to_have_count(0)
    page.screenshot(path=artefacts / "case-conflict-phone.png")
    assert faults(page) == []
    page.goto(f"{laboratory.address}/cases/{laboratory.case}")
    expect(page.locator(".glass")).to_have_count(7)
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
    page.screenshot(path=artefacts / "case-phone.png")
    assert faults(page) == []
    page.locator(".case-reports summary").first.click()
    expect(page.locator(".report-text").first).to_contain_text("Conclusion")
    assert not page.evaluate(wide)
    page.locator("a.glass-link").first.click()
    page.wait_for_selector(READY)
    page.get_by_role("button", name="Reports").click()
    panel = page.get_by_role("complementary", name="Reports")
    expect(panel).to_contain_text("Amended")
    # The slide stays in sight above it.
    box = panel.bounding_box()
    assert box is not None
    assert box["y"] > 300
    page.screenshot(path=artefacts / "slide-and-report-phone.png")
    assert faults(page) == []
