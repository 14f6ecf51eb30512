"""Images brought by the page, as people bring them: dropped or chosen, cut off, found again.

A real server, its worker and a real browser; screenshots are kept in `artefacts/`.
"""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import numpy as np
import openslide
import pytest
from playwright.sync_api import Browser, CDPSession, Page, Request, expect

from tests.browser import DESKTOP, PHONE, READY, attentive, chromium, until
from tests.samples import sample
from tests.samples.mirax import write_mirax
from tests.samples.slide import small_svs

AXE = Path(__file__).parent.parent / "web/node_modules/axe-core/axe.min.js"
SOON_MS = 90_000
"""For what a worker does on a machine that is busy with other tests."""
PART_BYTES = 8 << 20

Visit = Callable[..., Page]


class Server:
    """The real command, on one port, so that it can be killed and come back."""

    def __init__(self, folder: Path) -> None:
        self.environment = {
            **os.environ,
            "SANSVERRE_DATA": str(folder / "data"),
            "SANSVERRE_SECRETS": str(folder / "secrets"),
        }
        self._port = "0"
        self.start()

    def start(self) -> None:
        command = ["serve", "--port", self._port, "--workers", "1"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "api.cli", *command],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        lines = (re.search(r"(http://[^/\s]+)/enter\?key=", line) for line in self._process.stdout)
        self.address = next(found[1] for found in lines if found)
        self._port = self.address.rpartition(":")[2]

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=30)

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=60)

    def token(self, role: str, establishment: str = "local") -> str:
        asked = ["token", "--role", role, "--establishment", establishment]
        command = [sys.executable, "-m", "api.cli", *asked]
        told = subprocess.run(command, env=self.environment, capture_output=True, check=True)
        return told.stdout.decode().strip()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("deposit"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def contributor(server: Server) -> str:
    return server.token("contributor")


@pytest.fixture
def visit(browser: Browser, server: Server, contributor: str) -> Iterator[Visit]:
    """Opens the page for somebody who may contribute; each visit is a browser of its own."""
    with ExitStack() as visits:

        def opened(device: dict[str, Any] = DESKTOP, token: str = contributor, **more: str) -> Page:
            context = browser.new_context(**{**device, **more})
            context.add_cookies([{"name": "sansverre", "value": token, "url": server.address}])
            page = visits.enter_context(attentive(context))
            # The browser asks for what a form holds; a page that is sending asks before it closes.
            page.on("dialog", lambda dialog: dialog.accept())
            page.goto(f"{server.address}/deposit")
            return page

        yield opened


def drop(page: Page, *files: Path) -> None:
    """Drop files on the page as a desktop does: nothing but the event knows of them."""
    contents = [[one.name, base64.b64encode(one.read_bytes()).decode()] for one in files]
    page.evaluate(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, content] of files) {
                const bytes = Uint8Array.from(atob(content), letter => letter.charCodeAt(0));
                transfer.items.add(new File([bytes], name));
            }
            const zone = document.querySelector(".drop");
            for (const name of ["dragenter", "dragover", "drop"])
                zone.dispatchEvent(new DragEvent(
                    name, { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        contents,
    )


def drag(page: Page, folder: Path) -> None:
    """Drag a folder from the desktop, as the browser is told of it by the system."""
    place = page.locator(".drop").bounding_box()
    assert place is not None
    session = page.context.new_cdp_session(page)
    for event in ("dragEnter", "dragOver", "drop"):
        dragged = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
        at = {"x": place["x"] + 150, "y": place["y"] + 60}
        session.send("Input.dispatchDragEvent", {"type": event, "data": dragged, **at})


def choose_folder(page: Page, folder: Path) -> None:
    page.set_input_files("[data-brings=folder]", folder)


def choose(page: Page, *files: Path) -> None:
    page.set_input_files("[data-brings=files]", list(files))


def slowed(page: Page, bytes_per_s: int) -> CDPSession:
    """A network that takes so much; 0 for one without limits."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1}
    limits["uploadThroughput"] = bytes_per_s or -1
    session.send("Network.emulateNetworkConditions", limits)
    return session


def state_patient(page: Page, identifier: str, words: dict[str, str]) -> None:
    page.get_by_label(words["identifier"]).fill(identifier)
    page.get_by_label(words["family"], exact=True).fill("Essai")
    page.get_by_label(words["given"]).fill("Élodie")
    page.get_by_role("button", name=words["save"]).click()


def row(page: Page, name: str) -> Any:
    return page.locator(".arriving", has_text=name)


def own_slide(folder: Path, seed: int, padding: int = 0) -> Path:
    """A slide that nobody else has, as heavy as wanted."""
    path = small_svs(folder / f"slide-{seed}.svs", 700, 600, 256, seed=seed)
    with path.open("ab") as file:
        file.write(bytes(padding))
    return path


FRENCH = {
    "state": "Préciser le patient",
    "identifier": "Identifiant du patient",
    "family": "Nom",
    "given": "Prénom",
    "save": "Enregistrer",
    "open": "Ouvrir",
    "ready": "Prête",
}
ENGLISH = {
    "state": "State the patient",
    "identifier": "Patient identifier",
    "family": "Family name",
    "given": "Given name",
    "save": "Save",
    "open": "Open",
    "ready": "Ready",
}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("words", [FRENCH, ENGLISH], ids=["french", "english"])
@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
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
        note = page.locator(".card-note").get_by_role("button", name=words["state"])
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


def offsets(page: Page) -> list[int]:
    """Where each part that is sent from now on begins."""
    found: list[int] = []

    def sent(request: Request) -> None:
        if request.method == "PATCH":
            found.append(int(request.headers["upload-offset"]))

    page.on("request", sent)
    return found


def test_a_killed_server_comes_back_and_the_file_goes_on(
    visit: Visit, server: Server, tmp_path: Path, artefacts: Path
) -> None:
    slide = own_slide(tmp_path, seed=500, padding=3 * PART_BYTES)
    page = visit()
    page.get_by_role("button", name="Préciser le patient").first.click()
    state_patient(page, "K1", FRENCH)
    begun = offsets(page)
    slowed(page, 6_000_000)
    choose(page, slide)
    arriving = row(page, slide.name)
    while PART_BYTES not in begun:
        page.wait_for_timeout(50)
    server.kill()
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
    begun = offsets(page)
    slowed(page, 6_000_000)
    choose(page, slide)
    while PART_BYTES not in begun:
        page.wait_for_timeout(50)
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
    page.locator(".card-note").get_by_role("button").click()
    state_patient(page, "C1", FRENCH)
    expect(arriving).to_have_attribute("data-fate", "ready", timeout=SOON_MS)


def test_sending_pauses_goes_on_and_is_cancelled(visit: Visit, tmp_path: Path) -> None:
    slide = own_slide(tmp_path, seed=502, padding=3 * PART_BYTES)
    page = visit()
    slowed(page, 2_000_000)
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
    expect(card.locator(".card-line")).to_contain_text("Mo/s")
    expect(card.locator(".card-line")).to_contain_text("minute")
    card.get_by_role("button", name="Annuler le dépôt").click()
    page.get_by_role("dialog").get_by_role("button", name="Annuler le dépôt").click()
    expect(card).to_have_count(0)
    page.reload()
    expect(page.locator(".drop")).to_be_visible()
    expect(row(page, slide.name)).to_have_count(0)


def test_files_go_on_their_way_on_other_pages_and_a_drop_there_is_taken(
    visit: Visit, tmp_path: Path
) -> None:
    first, second = (own_slide(tmp_path, seed, PART_BYTES) for seed in (503, 504))
    page = visit()
    slowed(page, 4_000_000)
    choose(page, first)
    expect(row(page, first.name)).to_have_attribute("data-fate", "sending")
    page.locator(".brand").click()
    link = page.locator(".deposit-link")
    expect(link).to_contain_text(re.compile(r"\d+\s%"))
    slowed(page, 0)
    page.evaluate("document.body.classList.add('drop')")
    drop(page, second)
    expect(page).to_have_url(re.compile("/deposit$"))
    for slide in (first, second):
        fate = re.compile("checking|unassigned")
        expect(row(page, slide.name)).to_have_attribute("data-fate", fate, timeout=SOON_MS)


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


def faults(page: Page) -> list[str]:
    """What axe finds against the rules of accessibility."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(
        """async () => (await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa"] }))
            .violations.map(one => `${one.id}: ${one.nodes.map(node => node.html).join(" ")}`)"""
    )
    return cast("list[str]", found)


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
