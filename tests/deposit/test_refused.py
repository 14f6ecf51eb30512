"""What may not be sent, and the order of what may, as the page tells and asks."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import PHONE, attentive
from tests.deposit.conftest import Server, Visit
from tests.deposit.page import SOON_MS, choose, own_slide, row


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Server]:
    """A server that takes small files alone, and has no room for those."""
    limits = {"SANSVERRE_UPLOAD_MAX_BYTES": str(1 << 20)}
    limits["SANSVERRE_UPLOAD_HEADROOM_BYTES"] = str(10**17)
    server = Server(tmp_path, **limits)
    yield server
    server.stop()


def test_what_is_too_much_is_told_in_both_languages(
    browser: Browser, full: Server, tmp_path: Path, artefacts: Path
) -> None:
    small, large = own_slide(tmp_path, 601), own_slide(tmp_path, 602, padding=1 << 20)
    context = browser.new_context(**{**PHONE, "locale": "fr-FR"})
    token = full.token("contributor")
    context.add_cookies([{"name": "sansverre", "value": token, "url": full.address}])
    with attentive(context) as page:
        page.goto(f"{full.address}/deposit")
        choose(page, small, large)
        for slide, why in ((large, "taille ou le quota permis"), (small, "plus assez de place")):
            expect(row(page, slide.name)).to_have_attribute("data-fate", "failed", timeout=SOON_MS)
            expect(row(page, slide.name)).to_contain_text(why)
        page.screenshot(path=artefacts / "deposit-too-much.png")
        page.locator(".language").first.click()
        expect(row(page, large.name)).to_contain_text("exceeds the size or the quota")
        expect(row(page, small.name)).to_contain_text("not enough room")


def test_an_accession_number_has_an_issuer(visit: Visit, server: Server, tmp_path: Path) -> None:
    page = visit(PHONE, locale="fr-FR")
    page.get_by_role("button", name="Préciser le patient").first.click()
    dialog = page.get_by_role("dialog", name="À qui sont ces images ?")
    dialog.get_by_label("N° de demande attribué par").fill("LABO")
    dialog.get_by_label("Identifiant du patient").fill("ISSUED-1")
    dialog.get_by_role("button", name="Enregistrer").click()
    expect(dialog.get_by_role("alert")).to_have_text("Indiquez aussi le n° de demande.")
    dialog.get_by_label("N° de demande", exact=True).fill("A-601")
    dialog.get_by_role("button", name="Enregistrer").click()
    slide = own_slide(tmp_path, 603)
    choose(page, slide)
    fate = re.compile("ready|preparing")
    expect(row(page, slide.name)).to_have_attribute("data-fate", fate, timeout=SOON_MS)
    told = page.request.get(f"{server.address}/api/deposits").json()["deposits"]
    (order,) = [one["order"] for one in told if one["files"][0]["path"] == slide.name]
    assert (order["accession_number"], order["issuer"]) == ("A-601", "LABO")
    # Whoever takes the exam over takes its issuer over as well: another one is another exam.
    page.get_by_role("button", name="Préciser le patient").first.click()
    page.get_by_label("Reprendre d’un examen existant").fill("issued-1")
    page.locator(".found button").first.click()
    expect(dialog.get_by_label("N° de demande attribué par")).to_have_value("LABO")
