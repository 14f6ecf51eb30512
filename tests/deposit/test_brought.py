"""Images are brought by the page, and become what they are."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import pytest
from playwright.sync_api import Page, expect

from tests.browser import DESKTOP, PHONE, READY, until
from tests.deposit.conftest import Visit
from tests.deposit.page import (
    ENGLISH,
    FRENCH,
    PART_BYTES,
    SOON_MS,
    choose,
    choose_folder,
    drag,
    drop,
    own_slide,
    row,
    slowed,
    state_patient,
)
from tests.samples import sample
from tests.samples.mirax import write_mirax
from tests.samples.slide import small_svs

SOAK = pytest.mark.soak
"""The other pairs: with the two before, each language, device and order is tried already."""


@pytest.mark.parametrize(
    ("device", "words", "when"),
    [
        pytest.param(DESKTOP, FRENCH, "before", id="desktop-french-before"),
        pytest.param(PHONE, ENGLISH, "after", id="phone-english-after"),
        pytest.param(DESKTOP, ENGLISH, "after", id="desktop-english-after", marks=SOAK),
        pytest.param(PHONE, FRENCH, "before", id="phone-french-before", marks=SOAK),
    ],
)
def test_a_slide_is_dropped_and_opens_in_the_viewer(
    visit: Visit,
    tmp_path: Path,
    artefacts: Path,
    device: dict[str, Any],
    words: dict[str, str],
    when: str,
) -> None:
    language = "fr-FR" if words is FRENCH else "en-GB"
    page = visit(device, locale=language)
    name = f"{'phone' if device is PHONE else 'desktop'}-{language[:2]}-{when}"
    number = len(name) * 7 + sum(map(ord, name))
    slide = own_slide(tmp_path, seed=number)
    ask = page.get_by_role("button", name=words["state"]).first
    if when == "before":
        ask.click()
        state_patient(page, f"P{number}", words)
        expect(page.locator(".drop-whose")).to_contain_text("ESSAI Élodie")
    page.screenshot(path=artefacts / f"deposit-{name}-0.png")
    if device is PHONE:
        choose(page, slide)
    else:
        drop(page, slide)
    arriving = row(page, slide.name)
    if when == "after":
        card = page.locator(".card", has=arriving)
        note = card.locator(".card-note").get_by_role("button", name=words["state"])
        note.click(timeout=SOON_MS)
        state_patient(page, f"P{number}", words)
    expect(arriving).to_have_attribute("data-fate", "ready", timeout=SOON_MS)
    expect(arriving).to_contain_text(words["ready"])
    # Nobody's images go to the patient of the ones before.
    expect(page.locator(".drop-whose")).not_to_contain_text("ESSAI")
    until(page, "document.querySelector('.arriving img')?.naturalWidth > 0")
    page.screenshot(path=artefacts / f"deposit-{name}-1.png")
    arriving.get_by_role("link", name=words["open"]).click()
    page.wait_for_selector(READY)
    expect(page.locator(".banner-patient")).to_contain_text("ESSAI Élodie")


@pytest.mark.parametrize("bring", [drag, choose_folder])
def test_a_folder_of_many_files_is_one_slide(
    visit: Visit, tmp_path: Path, artefacts: Path, bring: Callable[[Page, Path], None]
) -> None:
    folder = tmp_path / f"brought-{bring.__name__}"
    folder.mkdir()
    with openslide.OpenSlide(own_slide(tmp_path, seed=len(bring.__name__))) as slide:
        picture = np.asarray(slide.read_region((0, 0), 0, (512, 512)))[..., :3]
    name = f"{bring.__name__}.mrxs"
    write_mirax(folder / name, picture)
    (folder / ".DS_Store").write_bytes(b"litter")
    page = visit()
    page.get_by_role("button", name="Préciser le patient").first.click()
    state_patient(page, name, FRENCH)
    bring(page, folder)
    card = page.locator(".card", has=row(page, name))
    arriving = card.locator(".arriving")
    expect(arriving).to_have_count(1)
    expect(arriving).to_contain_text("et 3 autres fichiers")
    expect(arriving).to_have_attribute("data-fate", "ready", timeout=SOON_MS)
    page.screenshot(path=artefacts / "deposit-mirax.png")
    arriving.get_by_role("link", name="Ouvrir").click()
    page.wait_for_selector(READY)


def test_a_damaged_file_is_refused_in_words(visit: Visit, tmp_path: Path, artefacts: Path) -> None:
    whole = own_slide(tmp_path, seed=77)
    damaged = tmp_path / "damaged.svs"
    damaged.write_bytes(whole.read_bytes()[:20_000])
    page = visit()
    page.get_by_role("button", name="Préciser le patient").first.click()
    state_patient(page, "D1", FRENCH)
    drop(page, damaged, whole)
    refused = row(page, "damaged.svs")
    expect(refused).to_have_attribute("data-fate", "refused", timeout=SOON_MS)
    expect(refused).to_contain_text("ne peut pas être lu comme lame ou photographie")
    # The other one is none the worse for it.
    expect(row(page, whole.name)).to_have_attribute("data-fate", "ready", timeout=SOON_MS)
    card = page.locator(".card", has=refused)
    expect(card.locator(".card-line")).to_contain_text("1 image prête, 1 refusée")
    page.screenshot(path=artefacts / "deposit-refused.png")
    page.locator(".language").first.click()
    expect(row(page, "damaged.svs")).to_contain_text("cannot be read as a slide")


def test_files_go_on_their_way_on_other_pages_and_a_drop_there_is_taken(
    visit: Visit, tmp_path: Path
) -> None:
    first, second = (own_slide(tmp_path, seed, PART_BYTES) for seed in (503, 504))
    page = visit()
    slow = slowed(page, 100_000)
    choose(page, first)
    expect(row(page, first.name)).to_have_attribute("data-fate", "sending")
    page.locator(".brand").click()
    link = page.locator(".deposit-link")
    expect(link).to_contain_text(re.compile(r"\d+\s%"))
    slow.detach()
    page.evaluate("document.body.classList.add('drop')")
    drop(page, second)
    expect(page).to_have_url(re.compile("/deposit$"))
    for slide in (first, second):
        fate = re.compile("checking|unassigned")
        expect(row(page, slide.name)).to_have_attribute("data-fate", fate, timeout=SOON_MS)


def test_an_exam_that_is_there_is_taken_over(visit: Visit, tmp_path: Path) -> None:
    page = visit()
    ask = page.get_by_role("button", name="Préciser le patient").first
    ask.click()
    state_patient(page, "TAKEN-1", FRENCH)
    choose(page, sample("wsi/aperio/CMU-1-Small-Region.svs", small_svs))
    arriving = page.locator(".card", has_text="TAKEN-1").locator(".arriving").first
    expect(arriving).to_have_attribute("data-fate", "ready", timeout=SOON_MS)
    ask.click()
    page.get_by_label("Reprendre d’un examen existant").fill("taken-1")
    page.locator(".found button").click()
    expect(page.get_by_label("Identifiant du patient")).to_have_value("TAKEN-1")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.locator(".drop-whose")).to_contain_text("TAKEN-1")
