"""Pictures chosen in a browser leave as a file, and are shown to a colleague until it is closed.

One user at a desk in one establishment, another with a phone in another; screenshots are kept in
`artefacts/`.
"""

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from pypdf import PdfReader

from api import cli
from api.doors import Doors
from api.policies import Role
from api.settings import read_settings, signing_key
from tests.browser import DESKTOP, PHONE, READY, attentive, faults
from tests.samples.photo import Kind, make_photo
from tests.serving import running

WHO = ("--patient-id", "77123", "--patient-name", "TÉMOIN^Lucie", "--birth-date", "19570307")
FOREARM = ("--site", "70559009", "--side", "L")
QUESTION = "Femme de 69 ans, lésion qui change : exérèse ?"
ANSWER = "Yes, with a margin of 2 mm."


@dataclass(frozen=True)
class Two:
    """A running server, and the pages of the two."""

    address: str
    exam: str
    desk: Page
    phone: Page


SHOWN: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("clinical", (*FOREARM, "--kind", "overview")),
    ("dermoscopy", (*FOREARM, "--kind", "dermoscopy", "--mm-per-pixel", "0.02")),
    ("clinical", ("--site", "73897004", "--kind", "overview")),
)


def photographs(folder: Path) -> str:
    """Three photographs of a patient of the north, one of them of the face; gives their exam."""
    for seed, (kind, words) in enumerate(SHOWN):
        picture = folder / f"{seed}.jpg"
        make_photo(picture, kind=kind, seed=seed + 1, width=640, height=480)
        told = io.StringIO()
        with redirect_stdout(told):
            command = ["photo", str(picture), *WHO, *words, "--accession", "A1"]
            assert cli.main([*command, "--establishment", "north", "--json"]) == 0
    return str(json.loads(told.getvalue())["exam"])


@pytest.fixture
def two(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Two]:
    own = {"SANSVERRE_DATA": str(tmp_path / "data"), "SANSVERRE_SECRETS": str(tmp_path / "keys")}
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    exam = photographs(tmp_path)
    doors = Doors(signing_key(read_settings()))
    with running(own, workers=1) as server, ExitStack() as visits:

        def visit(establishment: str, user: str, device: dict[str, Any]) -> Page:
            context = browser.new_context(**device)
            token = doors.issue(Role.CONTRIBUTOR, establishment, subject=user)
            context.add_cookies([{"name": "sansverre", "value": token, "url": server.address}])
            return visits.enter_context(attentive(context))

        desk = visit("north", "user-a", DESKTOP)
        phone = visit("south", "user-c", PHONE)
        yield Two(server.address, exam, desk, phone)


def test_pictures_are_taken_out_and_shown_to_a_colleague(
    two: Two, tmp_path: Path, artefacts: Path
) -> None:
    code = own_card(two, artefacts)
    choose(two, artefacts)
    take_out(two, artefacts)
    thread = ask(two, code, artefacts)
    image = answer(two, artefacts)
    close(two, thread, artefacts)
    after_it_is_closed(two, thread, image)
    album(two, artefacts)
    take_out_a_field(two, tmp_path, artefacts)


def own_card(two: Two, artefacts: Path) -> str:
    page = two.phone
    page.goto(f"{two.address}/advice")
    page.get_by_label("Name").fill("Dr Camille Sud")
    page.get_by_label("Title").fill("Dermatologist")
    page.get_by_role("button", name="Save").click()
    code = page.locator(".card-code")
    expect(code).to_be_visible()
    assert faults(page) == []
    return code.inner_text().replace(" ", "")


def choose(two: Two, artefacts: Path) -> None:
    page = two.desk
    page.goto(f"{two.address}/exam/{two.exam}")
    page.get_by_role("button", name="Choisir des images").click()
    first = page.get_by_role("checkbox", name="Choisir Photo 1")
    expect(first).to_be_focused()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Tout choisir").click()
    expect(page.get_by_text("3 images choisies")).to_be_visible()
    assert faults(page) == []
    page.screenshot(path=artefacts / "choose-desktop.png")


def take_out(two: Two, artefacts: Path) -> None:
    page = two.desk
    page.get_by_role("button", name="Exporter").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("button", name="Exporter").click()
    # The face stays, and is named; nothing has left.
    expect(sheet.get_by_role("status")).to_contain_text("peut être reconnu")
    expect(sheet.get_by_role("status")).to_contain_text("Photo 3")
    page.keyboard.press("Escape")
    page.get_by_role("checkbox", name="Choisir Photo 3").uncheck()
    page.get_by_role("button", name="Exporter").click()
    sheet.get_by_label("PDF pour une réunion").check()
    sheet.get_by_label("Pour", exact=True).select_option("teaching")
    expect(sheet.get_by_text("ne sort que pour le soin")).to_be_visible()
    expect(sheet.get_by_role("button", name="Exporter")).to_be_disabled()
    sheet.get_by_label("Pour", exact=True).select_option("care")
    sheet.get_by_role("radio", name="Pseudonyme").check()
    sheet.get_by_role("textbox", name="Pseudonyme").fill("Cas 12")
    sheet.get_by_label("Images par page").select_option("2")
    assert faults(page) == []
    page.screenshot(path=artefacts / "export-desktop.png")
    with page.expect_download() as download:
        sheet.get_by_role("button", name="Exporter").click()
    assert download.value.suggested_filename.startswith("sans-verre-")
    document = PdfReader(download.value.path(), strict=True)
    text = document.pages[0].extract_text()
    assert "Cas 12" in text
    assert "Dermoscopie" in text
    assert "MOIN" not in text
    sizes = [Image.open(io.BytesIO(one.data)).size for one in document.pages[0].images]
    assert sizes == [(640, 480), (640, 480)]
    expect(page.get_by_text("Fichier prêt")).to_be_visible()


def take_out_a_field(two: Two, folder: Path, artefacts: Path) -> None:
    """What is on screen of a picture, and nothing beside it."""
    page = two.desk
    page.goto(f"{two.address}/exam/{two.exam}")
    first = page.locator(".gallery a[href^='/view/']").first
    expect(first).to_be_visible()
    image = first.get_attribute("href")
    page.goto(f"{two.address}{image}?x=320&y=240&zoom=4&rotation=0")
    page.wait_for_selector(READY)
    page.get_by_role("button", name="Exporter ce champ").click()
    sheet = page.get_by_role("dialog", name="Exporter ce champ")
    assert faults(page) == []
    page.screenshot(path=artefacts / "export-field-desktop.png")
    with page.expect_download() as download:
        sheet.get_by_role("button", name="Exporter").click()
    with ZipFile(download.value.path()) as zipped:
        (name,) = zipped.namelist()
        field = np.asarray(Image.open(io.BytesIO(zipped.read(name))).convert("RGB"))
    shown = page.evaluate(
        """() => {
            const { x, y } = window.sansverre.viewer.viewport.getContainerSize();
            return [x / 4, y / 4];
        }"""
    )
    height, width = field.shape[:2]
    assert (width, height) == pytest.approx(shown, abs=1)
    left, top = floor(320 - shown[0] / 2 + 0.5), floor(240 - shown[1] / 2 + 0.5)
    whole = np.asarray(Image.open(folder / "0.jpg").convert("RGB"))
    there = whole[top : top + height, left : left + width].astype(int)
    assert np.abs(there - field).mean() < 3


def ask(two: Two, code: str, artefacts: Path) -> str:
    page = two.desk
    page.get_by_role("button", name="Demander un avis").click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_label("Ma carte · Nom").fill("Dr Alix Nord")
    sheet.get_by_label("Question").fill(QUESTION)
    sheet.get_by_label("Code d’un confrère").fill("ABCD")
    sheet.get_by_role("button", name="Vérifier").click()
    expect(sheet.get_by_text("n’est celui de personne")).to_be_visible()
    sheet.get_by_label("Code d’un confrère").fill(code.lower())
    sheet.get_by_role("button", name="Vérifier").click()
    expect(sheet.get_by_text("Dr Camille Sud verra ces images")).to_be_visible()
    assert faults(page) == []
    page.screenshot(path=artefacts / "ask-desktop.png")
    sheet.get_by_role("button", name="Envoyer à Dr Camille Sud").click()
    expect(page.get_by_role("heading", name="Demande à Dr Camille Sud")).to_be_visible()
    return page.url


def answer(two: Two, artefacts: Path) -> str:
    page = two.phone
    page.goto(two.address)
    news = page.get_by_role("link", name="1 request for advice has news")
    expect(news).to_be_visible()
    news.click()
    expect(page.locator(".advice-row.new")).to_have_count(1)
    assert faults(page) == []
    page.screenshot(path=artefacts / "advice-list-phone.png")
    page.get_by_role("link", name="Dr Alix Nord").click()
    expect(page.get_by_text(QUESTION)).to_be_visible()
    tiles = page.locator(".advice-gallery a")
    expect(tiles).to_have_count(2)
    expect(tiles.first).to_contain_text("Skin of anterior surface of forearm, left")
    expect(page.locator(".advice-gallery .missing")).to_have_count(0)
    assert faults(page) == []
    page.screenshot(path=artefacts / "advice-phone.png")
    tiles.first.click()
    page.wait_for_selector(READY)
    shown = page.locator("body").inner_text()
    for word in ("MOIN", "77123", "1957", "north"):
        assert word not in shown
    image = page.url.partition("?")[0]
    page.go_back()
    page.get_by_label("Your answer").fill(ANSWER)
    page.get_by_role("button", name="Answer").click()
    expect(page.locator(".advice-words .mine")).to_contain_text(ANSWER)
    return image


def close(two: Two, thread: str, artefacts: Path) -> None:
    page = two.desk
    page.goto(f"{two.address}/advice")
    expect(page.locator(".advice-row.new")).to_contain_text("Dr Camille Sud")
    page.screenshot(path=artefacts / "advice-list-desktop.png")
    page.goto(thread)
    expect(page.get_by_text(ANSWER)).to_be_visible()
    assert faults(page) == []
    page.screenshot(path=artefacts / "advice-desktop.png")
    page.get_by_role("button", name="Clore la demande").click()
    page.get_by_role("dialog").get_by_role("button", name="Clore la demande").click()
    expect(page.get_by_text("Close par vous")).to_be_visible()


def after_it_is_closed(two: Two, thread: str, image: str) -> None:
    page = two.phone
    page.goto(thread)
    expect(page.get_by_text("can no longer be seen")).to_be_visible()
    expect(page.get_by_text(ANSWER)).to_be_visible()
    page.goto(image)
    expect(page.locator("[data-problem=missing]")).to_be_visible()


def album(two: Two, artefacts: Path) -> None:
    page = two.desk
    page.goto(f"{two.address}/exam/{two.exam}")
    page.get_by_role("link", name="Toutes les images du patient").click()
    expect(page.locator(".gallery li")).to_have_count(3)
    expect(page.get_by_text("3 images publiées")).to_be_visible()
    assert faults(page) == []
    page.screenshot(path=artefacts / "album-desktop.png")
