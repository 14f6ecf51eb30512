"""A camera's card with the pictures of two patients, given away by a person on a small phone."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser import PHONE, faults
from tests.capture.conftest import Visit
from tests.capture.hands import press
from tests.capture.pictures import card
from tests.capture.test_by_touch import SOON_MS, told
from tests.capture.visits import ask

SMALL: dict[str, Any] = {**PHONE, "viewport": {"width": 360, "height": 640}}
ANNE = {
    "patient_id": "8642",
    "issuer": "CHU",
    "name": "EXEMPLE^ANNE",
    "birth_date": "1970-01-31",
    "sex": "F",
}
CLARA = {
    "patient_id": "9753",
    "issuer": "CHU",
    "name": "EXEMPLE^CLARA",
    "birth_date": "1981-05-20",
    "sex": "F",
}
CARD = ["8642", None, None, "1357", None]
REPEATED = [None, "8642", "8642", None]


def test_the_pictures_of_a_card_go_where_somebody_says(
    visit: Visit, artefacts: Path, tmp_path: Path
) -> None:
    page = visit("/capture", device=SMALL, locale="fr-FR")
    session = str(ask(page, "POST", "/api/sessions", {"patient": ANNE})["id"])
    page.goto(f"{page.url}/{session}")
    page.get_by_role("button", name="Carte d’un appareil").tap()
    page.set_input_files("[data-brings=card]", card(tmp_path, CARD))
    groups = page.locator(".group")
    expect(groups).to_have_count(2, timeout=SOON_MS)
    expect(groups.nth(0)).to_contain_text("Numéro de ce patient")
    expect(groups.nth(1)).to_contain_text("Code inconnu dans ce dossier")
    move_the_border(page)
    assert faults(page) == []
    page.screenshot(path=artefacts / "capture-card-phone.png")

    finish = page.get_by_role("button", name="Supprimer 2 étiquettes et classer")
    expect(finish).to_be_disabled()
    groups.nth(0).get_by_role("button", name="À ce patient").tap()
    sheet = page.get_by_role("dialog", name="À qui sont ces 2 photos ?")
    for trait in ("EXEMPLE Anne", "31/01/1970", "Féminin"):
        expect(sheet).to_contain_text(trait)
    sheet.get_by_role("button", name="C’est bien ce patient").tap()
    expect(groups.nth(0)).to_have_attribute("data-to", "here")
    other = give_to_another(page)
    expect(groups.nth(1)).to_have_attribute("data-to", "given")
    finish.tap()
    expect(page.get_by_text("2 photos à classer")).to_be_visible()
    expect(page.locator(".shot")).to_have_count(2)
    kept = [one["image"] for one in told(page)["photographs"]]
    (given,) = ask(page, "GET", f"/api/sessions/{other}")["photographs"]
    assert len(kept) == 2
    assert given["image"] not in kept


def test_a_group_that_is_given_decides_nothing_of_the_next(visit: Visit, tmp_path: Path) -> None:
    page = visit("/capture", device=SMALL, locale="fr-FR")
    session = str(ask(page, "POST", "/api/sessions", {"patient": ANNE})["id"])
    ask(page, "POST", "/api/sessions", {"patient": CLARA})
    page.goto(f"{page.url}/{session}")
    page.get_by_role("button", name="Carte d’un appareil").tap()
    page.set_input_files("[data-brings=card]", card(tmp_path, REPEATED))
    groups = page.locator(".group")
    expect(groups).to_have_count(2, timeout=SOON_MS)
    groups.nth(0).get_by_role("button", name="À un autre patient").tap()
    page.get_by_role("dialog").get_by_role("button", name="EXEMPLE Clara").tap()
    sheet = page.get_by_role("dialog", name="À qui est cette photo ?")
    sheet.get_by_role("button", name="C’est bien ce patient").tap()
    expect(groups.nth(0)).to_have_attribute("data-to", "given")
    expect(groups.nth(1)).to_have_attribute("data-to", "undecided")

    # The same code may be readable beside a lesion: nothing is deleted that nobody saw.
    expect(groups.nth(1).locator(".group-head img")).to_have_count(1)
    expect(groups.nth(1).locator(".group-shots button")).to_have_count(2)
    expect(page.get_by_role("button", name="Supprimer 1 étiquette")).to_be_disabled()


def move_the_border(page: Page) -> None:
    """By one picture and back, by touch and by keyboard; a label that is none, and is one again."""
    pictures = page.locator(".group-shots")
    page.get_by_role("button", name="La première photo du groupe 2").tap()
    expect(pictures.nth(0).locator("button")).to_have_count(3)
    press(page, "La dernière photo du groupe 1")
    expect(pictures.nth(0).locator("button")).to_have_count(2)
    page.get_by_role("button", name="Pas une étiquette").last.tap()
    expect(page.locator(".group")).to_have_count(1)
    pictures.locator("button").nth(2).tap()
    sheet = page.get_by_role("dialog", name=re.compile("Photo"))
    sheet.get_by_role("button", name="C’est une étiquette").tap()
    expect(page.locator(".group")).to_have_count(2)
    expect(pictures.nth(1).locator("button")).to_have_count(1)


def give_to_another(page: Page) -> str:
    """To a visit that is begun for it; gives its session."""
    page.locator(".group").nth(1).get_by_role("button", name="À un autre patient").tap()
    page.get_by_role("dialog").get_by_role("button", name="Nouvelle séance").tap()
    page.get_by_label("Identifiant du patient").fill("1357")
    page.get_by_label("Nom", exact=True).fill("EXEMPLE")
    page.get_by_label("Prénom").fill("Bruno")
    page.get_by_label("Date de naissance").fill("1981-05-20")
    page.get_by_label("Sexe").select_option("M")
    page.get_by_role("button", name="Continuer").tap()
    sheet = page.get_by_role("dialog", name="À qui est cette photo ?")
    expect(sheet).to_contain_text("EXEMPLE Bruno")
    sheet.get_by_role("button", name="C’est bien ce patient").tap()
    link = page.get_by_role("link", name="Ouvrir sa séance")
    expect(link).to_be_visible()
    return str(link.get_attribute("href")).rpartition("/")[2]
