"""Who may bring images, and with what they do it."""

from pathlib import Path

from playwright.sync_api import expect

from tests.browser import faults
from tests.deposit.conftest import Server, Visit
from tests.deposit.page import own_slide


def test_readers_are_offered_nothing_and_told_why(visit: Visit, server: Server) -> None:
    page = visit(token=server.token("reader"))
    expect(page.locator("[data-problem=forbidden]")).to_be_visible()
    expect(page.locator(".deposit-link")).to_be_hidden()


def test_a_keyboard_and_a_screen_reader_are_enough(visit: Visit, tmp_path: Path) -> None:
    page = visit()
    expect(page.locator(".drop")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choisir des fichiers").focus()
        page.keyboard.press("Enter")
    chooser.value.set_files(own_slide(tmp_path, seed=505))
    expect(page.locator("[data-deposit-news]")).to_contain_text("1 fichier ajouté")
    page.get_by_role("button", name="Préciser le patient").first.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="À qui sont ces images ?")
    assert faults(page) == []
    dialog.get_by_role("button", name="Enregistrer").press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("Indiquez l’identifiant")
    assert page.evaluate("document.activeElement.id") == "whose-patient_id"
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.locator(".arriving").first).to_be_visible()
    assert faults(page) == []
