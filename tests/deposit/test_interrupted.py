"""Sending is cut off, paused and given up, and goes on."""

import re
from pathlib import Path

from playwright.sync_api import expect

from tests.browser import until
from tests.deposit.conftest import Server, Visit
from tests.deposit.page import (
    FRENCH,
    PART_BYTES,
    SOON_MS,
    choose,
    drop,
    hold_second_part,
    offsets,
    own_slide,
    row,
    slowed,
    state_patient,
)


def test_a_killed_server_comes_back_and_the_file_goes_on(
    visit: Visit, server: Server, tmp_path: Path, artefacts: Path
) -> None:
    slide = own_slide(tmp_path, seed=500, padding=3 * PART_BYTES)
    page = visit()
    page.get_by_role("button", name="Préciser le patient").first.click()
    state_patient(page, "K1", FRENCH)
    second_part_is_due = hold_second_part(page)
    choose(page, slide)
    arriving = row(page, slide.name)
    second_part = second_part_is_due()
    server.kill()
    second_part.continue_()
    expect(page.get_by_role("alert")).to_contain_text("Nouvelle tentative automatique")
    expect(arriving).to_have_attribute("data-fate", "interrupted")
    page.screenshot(path=artefacts / "deposit-interrupted.png")
    again = offsets(page)
    server.start()
    expect(page.get_by_role("alert")).to_have_count(0, timeout=SOON_MS)
    expect(arriving).to_have_attribute("data-fate", "ready", timeout=SOON_MS)
    assert again[0] >= PART_BYTES


def test_a_closed_page_shows_the_deposit_again_and_the_same_file_goes_on(
    visit: Visit, tmp_path: Path, artefacts: Path
) -> None:
    slide = own_slide(tmp_path, seed=501, padding=2 * PART_BYTES)
    page = visit()
    second_part_is_due = hold_second_part(page)
    choose(page, slide)
    second_part_is_due()
    page.close(run_before_unload=False)
    page = visit()
    arriving = row(page, slide.name)
    expect(arriving).to_have_attribute("data-fate", "wanted")
    expect(arriving).to_contain_text("À choisir de nouveau")
    page.screenshot(path=artefacts / "deposit-again.png")
    again = offsets(page)
    drop(page, slide)
    expect(arriving).to_have_attribute("data-fate", "unassigned", timeout=SOON_MS)
    assert again[0] >= PART_BYTES
    # Others' images may wait for their patient too.
    card = page.locator(".card", has=arriving)
    card.locator(".card-note").get_by_role("button").click()
    state_patient(page, "C1", FRENCH)
    expect(arriving).to_have_attribute("data-fate", "ready", timeout=SOON_MS)


def test_sending_pauses_goes_on_and_is_cancelled(visit: Visit, tmp_path: Path) -> None:
    slide = own_slide(tmp_path, seed=502, padding=3 * PART_BYTES)
    page = visit()
    slowed(page, 1_000_000)
    choose(page, slide)
    card = page.locator(".card", has=row(page, slide.name))
    bar = card.locator("> progress")
    until(page, "document.querySelector('.card > progress').value > 5")
    card.get_by_role("button", name="Mettre en pause").click()
    expect(row(page, slide.name)).to_have_attribute("data-fate", "paused")
    stood = bar.evaluate("bar => bar.value")
    page.wait_for_timeout(1500)
    assert bar.evaluate("bar => bar.value") == stood
    card.get_by_role("button", name="Reprendre").click()
    expect(card.locator(".card-line")).to_contain_text(re.compile(r"[kM]o/s.*minute"))
    card.get_by_role("button", name="Annuler le dépôt").click()
    page.get_by_role("dialog").get_by_role("button", name="Annuler le dépôt").click()
    expect(card).to_have_count(0)
    page.reload()
    expect(page.locator(".drop")).to_be_visible()
    expect(row(page, slide.name)).to_have_count(0)
