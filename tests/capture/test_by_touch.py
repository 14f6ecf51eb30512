"""A whole session by one thumb on a phone: three lesions and an overview, sent and signed off."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser import until
from tests.capture.conftest import Visit
from tests.capture.hands import tap_at, tap_back
from tests.capture.pictures import blurred, lesions

PLACED = ((0.3, 0.3), (0.6, 0.45), (0.4, 0.7))
"""Where the lesions are in the overview."""
SITES = ["699893008", "130323", "113182001"]
"""Of the three lesions: the upper, the middle and the lower back."""
SOON_MS = 300_000
"""For what a worker does on a machine that is busy with other tests."""


def begin(page: Page) -> None:
    page.get_by_role("button", name="Préciser").tap()
    page.get_by_label("Nom", exact=True).fill("Essai")
    page.get_by_label("Prénom").fill("Camille")
    page.get_by_role("button", name="Enregistrer").tap()
    page.get_by_role("button", name="Nouvelle séance").tap()
    page.get_by_label("Identifiant du patient").fill("1234567")
    page.get_by_label("Attribué par").first.fill("CHU")
    page.get_by_label("Nom", exact=True).fill("Exemple")
    page.get_by_label("Prénom").fill("Élodie")
    page.get_by_label("Date de naissance").fill("1957-03-07")
    page.get_by_label("Sexe").select_option("F")
    page.get_by_role("button", name="Commencer").tap()
    expect(page.locator(".shoot[data-camera=open]")).to_be_visible()


def step(page: Page, name: str) -> None:
    page.locator(f".capture-steps [data-step={name}]").tap()


def told(page: Page) -> dict[str, Any]:
    """What the server says of the session."""
    session = page.url.rpartition("/")[2]
    answer: dict[str, Any] = page.evaluate(
        "async session => (await fetch(`/api/sessions/${session}`)).json()", session
    )
    return answer


def sorted_out(
    photographs: list[dict[str, Any]], sites: list[str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The overview and the others by their sites: what is sent together arrives in any order."""
    (overview,) = [one for one in photographs if one["view"] == "overview"]
    others = [one for one in photographs if one is not overview]
    assert sorted(one["site"] for one in others) == sorted(sites)
    return overview, sorted(others, key=lambda one: sites.index(one["site"]))


def choose(page: Page, *numbers: int) -> None:
    for number in numbers:
        page.locator(".shot-choose").nth(number - 1).tap()


def give_new_lesion(page: Page, number: int, y: float) -> None:
    page.get_by_role("button", name=re.compile("^Lésion")).tap()
    page.get_by_role("button", name=re.compile("Nouvelle lésion")).tap()
    tap_back(page, y=y)
    expect(page.locator(".shot-facts", has_text=f"L{number}")).to_be_visible()


def test_a_session_by_one_thumb(visit: Visit, artefacts: Path, tmp_path: Path) -> None:
    page = visit("/capture", locale="fr-FR")
    begin(page)
    whose = page.locator(".capture-whose")
    for trait in ("EXEMPLE Élodie", "Née le 07/03/1957", "Féminin"):
        expect(whose).to_contain_text(trait)
    shoot(page, [*lesions(tmp_path), blurred(tmp_path)])
    sort(page, visit, artefacts)
    page.screenshot(path=artefacts / "capture-sort-phone.png")
    take_again(page, artefacts)
    pin(page)
    page.screenshot(path=artefacts / "capture-pins-phone.png")
    page.get_by_role("dialog").get_by_role("button", name="Fermer").tap()
    send(page, artefacts)
    session = told(page)
    assert_told(session)

    give_order(page)
    # A nurse is not offered to sign off; a doctor is.
    expect(page.get_by_role("button", name="Valider la séance")).to_have_count(0)
    doctor = visit(f"/capture/{session['id']}", role="physician", locale="fr-FR")
    doctor.get_by_role("button", name="Valider la séance").tap()
    doctor.get_by_label("Nom", exact=True).fill("Essai")
    doctor.get_by_label("Prénom").fill("Dominique")
    doctor.get_by_role("button", name="Enregistrer").tap()
    expect(doctor.get_by_role("heading", name="Séance validée")).to_be_visible()
    assert told(doctor)["signed_by"]["name"] == "ESSAI^Dominique"


def shoot(page: Page, files: list[Path]) -> None:
    """One by the camera without a network, which outlives the page; the rest from a card."""
    page.route("**/uploads", lambda route: route.abort())
    page.locator(".shutter").tap()
    expect(page.locator(".last-count")).to_have_text("1")
    expect(page.get_by_text("1 photo attend le réseau")).to_be_visible()
    page.reload()
    expect(page.locator("[data-step=shoot] > .step-count")).to_have_text("1")
    page.unroute("**/uploads")
    page.reload()
    step(page, "shoot")
    page.set_input_files("[data-brings=files]", files)
    expect(page.locator(".last-count")).to_have_text(str(1 + len(files)))


def sort(page: Page, visit: Visit, artefacts: Path) -> None:
    """The overview, then three lesions that are given their view together."""
    step(page, "sort")
    expect(page.get_by_text("5 photos à classer")).to_be_visible()
    choose(page, 1)
    page.get_by_role("button", name="Vue d’ensemble").tap()
    page.get_by_role("button", name=re.compile("^Site")).tap()
    tap_back(page)
    choose(page, 2, 3, 4)
    page.get_by_role("button", name="Dermoscopie").tap()
    set_dermoscope(page, artefacts)
    go_on_elsewhere(page, visit)
    choose(page, 3, 4)
    give_new_lesion(page, 1, y=0.24)
    choose(page, 3)
    give_new_lesion(page, 2, y=0.31)
    choose(page, 4)
    give_new_lesion(page, 3, y=0.38)


def set_dermoscope(page: Page, artefacts: Path) -> None:
    """A tap for each fact; these are of the pictures that are chosen, and of those to come."""
    page.get_by_role("button", name=re.compile("^Dermatoscope")).tap()
    sheet = page.get_by_role("dialog", name="Dermatoscope")
    for fact in ("Polarisée", "Gel", "×10"):
        sheet.get_by_role("button", name=fact, exact=True).tap()
    page.screenshot(path=artefacts / "capture-dermoscope-phone.png")
    sheet.get_by_role("button", name="Terminé").tap()
    expect(page.locator(".give")).to_contain_text("Polarisée · Gel · ×10")


def go_on_elsewhere(page: Page, visit: Visit) -> None:
    """What was said by halves is there on another device, where the rest can be said."""
    for _ in range(SOON_MS // 200):
        if sum(one["partial"] is not None for one in told(page)["photographs"]) == 3:
            break
        page.wait_for_timeout(200)
    facts = visit(urlsplit(page.url).path, locale="fr-FR").locator(".shot-facts")
    expect(facts.filter(has_text="Dermoscopie")).to_have_count(3)
    expect(facts.filter(has_text="À classer")).to_have_count(4)


def take_again(page: Page, artefacts: Path) -> None:
    """What the worker found is told, in words that say what to do."""
    expect(page.locator(".shot-badge", has_text="Floue")).to_be_visible(timeout=SOON_MS)
    page.get_by_role("button", name="Regarder Photo 5").tap()
    sheet = page.get_by_role("dialog", name="Photo 5")
    expect(sheet).to_contain_text("Les détails fins manquent")
    expect(page.locator(".capture-whose")).to_be_visible()
    page.screenshot(path=artefacts / "capture-blurred-phone.png")
    sheet.get_by_role("button", name="Reprendre").tap()
    expect(page.locator(".last-count")).to_have_text("4")


def pin(page: Page) -> None:
    """The three lesions on the overview."""
    step(page, "sort")
    page.get_by_role("button", name="Regarder Photo 1").tap()
    sheet = page.get_by_role("dialog", name="Photo 1")
    # As large as it will be.
    until(page, "document.querySelector('.pins-stage img')?.naturalWidth > 0")
    for number, (x, y) in enumerate(PLACED, start=1):
        tap_at(sheet.locator(".pins-layer"), x, y)
        page.get_by_role("dialog", name="Quelle lésion").get_by_text(f"L{number} ·").tap()
        expect(sheet.locator(".pin")).to_have_count(number)


def send(page: Page, artefacts: Path) -> None:
    """Consent, identity, and what became of each picture."""
    step(page, "send")
    expect(page.get_by_text("Toutes les photos sont classées.")).to_be_visible(timeout=SOON_MS)
    phototype = page.get_by_role("button", name="III : Brûle parfois")
    phototype.tap()
    expect(phototype).to_have_attribute("aria-pressed", "true")
    care = page.get_by_role("group", name="Photographier pour les soins")
    unable = care.get_by_role("button", name="Urgence ou impossible")
    unable.tap()
    expect(unable).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Envoyer 4 photos").tap()
    expect(page.get_by_role("alert")).to_contain_text("Confirmez l’identité")
    page.get_by_label("C’est bien ce patient").tap()
    page.screenshot(path=artefacts / "capture-send-phone.png")
    page.get_by_role("button", name="Envoyer 4 photos").tap()
    expect(page.get_by_text("4 sur 4 photos dans le dossier")).to_be_visible(timeout=SOON_MS)
    expect(page.get_by_text("Polarisée · Gel · ×10")).to_have_count(3)
    expect(page.get_by_text("Phototype du patient : III")).to_be_visible()
    page.screenshot(path=artefacts / "capture-sent-phone.png")


def give_order(page: Page) -> None:
    """The order that came later: at the head of the page, in sight all along."""
    order = page.locator(".capture-whose").get_by_role("button", name="Sans demande")
    order.tap()
    sheet = page.get_by_role("dialog", name="Rattacher à une demande")
    sheet.get_by_role("button", name="Rattacher", exact=True).tap()
    expect(sheet.get_by_role("alert")).to_have_text("Indiquez le numéro de demande.")
    sheet.get_by_label("N° de demande").fill("D-2026-77")
    sheet.get_by_role("button", name="Rattacher", exact=True).tap()
    expect(sheet).to_have_count(0)
    expect(order).to_have_count(0)
    session = told(page)
    assert (session["accession_number"], session["is_provisional"]) == ("D-2026-77", False)


def assert_told(session: dict[str, Any]) -> None:
    """The server has all that was said."""
    assert session["state"] == "sent"
    overview, close = sorted_out(session["photographs"], SITES)
    assert {one["view"] for one in close} == {"dermoscopy"}
    used = [one["dermoscopy"] for one in close]
    assert {(one["polarization"], one["immersion"], one["magnification"]) for one in used} == {
        ("POLARIZED", "ULTRASOUND_GEL", 10)
    }
    assert {one["phototype"] for one in session["photographs"]} == {3}
    shown = [one["lesion"] for one in close]
    assert len(set(shown)) == 3
    placed = {one["lesion"]: (one["x"], one["y"]) for one in overview["pins"]}
    for lesion, point in zip(shown, PLACED, strict=True):
        assert placed[lesion] == pytest.approx(point, abs=0.01)
    assert all(one["overview"] == overview["image"] for one in close)
    assert {one["operator"]["name"] for one in session["photographs"]} == {"ESSAI^Camille"}
    assert session["uses"] == {"care": True, "teaching": False, "research": False}
