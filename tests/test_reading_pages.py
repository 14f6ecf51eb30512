"""The reading list worked through, who is expected, and images opened from another system."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from api.doors import Doors
from api.establishment import ESTABLISHMENT
from api.invoke.invokers import signature_of
from api.policies import Role
from api.settings import read_settings, signing_key
from api.work import Workplace, open_workplace
from archive.cases.day import Announced
from archive.cases.label import Position
from archive.cases.order import Container, Numbered, OrderPlaced, Priority
from archive.identity import PatientIdentity
from archive.record import ImageKind
from slides.ingest import ingest_slide
from tests.browser import DESKTOP, PHONE, READY, attentive, faults
from tests.samples.slide import small_svs
from tests.serving import LONG_S, running

ELODIE = PatientIdentity("1234", "SERVICE", "ESSAI^Élodie")
BRUNO = PatientIdentity("77", "SERVICE", "MODÈLE^Bruno")
SECRET = "s" * 32
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
LABEL = "SV24-00001;1"


@dataclass(frozen=True)
class House:
    """A running server with three exams to read; the first is a frozen section."""

    address: str
    key: bytes
    exams: tuple[str, ...]
    images: tuple[str, ...]

    def token(self, name: str) -> str:
        return Doors(self.key).issue(Role.READER, ESTABLISHMENT, subject=name)

    @contextmanager
    def page(self, browser: Browser, name: str | None, device: dict[str, Any]) -> Iterator[Page]:
        """A page of somebody who is signed in; of a stranger where nobody is named."""
        context = browser.new_context(**device)
        if name is not None:
            cookie = {"name": "sansverre", "value": self.token(name), "url": self.address}
            context.add_cookies([cookie])  # type: ignore[list-item]
        with attentive(context) as page:
            yield page


def brought(place: Workplace, file: Path, patient: PatientIdentity, number: str) -> tuple[str, str]:
    image = place.catalog.receive(
        establishment=ESTABLISHMENT,
        kind=ImageKind.SLIDE,
        source_sha256=sha256(file.read_bytes()).hexdigest(),
        plan="full",
        patient=patient,
        accession_number=number,
        issuer="LABO",
    )
    ingest_slide(file, image, place.catalog, place.storage, place.drafts)
    return image.exam_id, image.id


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("reading")
    table = folder / "invokers.toml"
    table.write_text(f"[invokers.dpi]\nestablishment = '{ESTABLISHMENT}'\nsecret = '{SECRET}'\n")
    table.chmod(0o600)
    own = {
        "SANSVERRE_DATA": str(folder / "data"),
        "SANSVERRE_SECRETS": str(folder / "secrets"),
        "SANSVERRE_INVOKERS": str(table),
    }
    settings = read_settings(own)
    with open_workplace(settings) as place:
        place.catalog.cases.place(
            OrderPlaced(
                ESTABLISHMENT,
                Numbered("O1", "LABO"),
                Numbered("26H00012", "LABO"),
                ELODIE,
                datetime.now(UTC),
                priority=Priority.FROZEN,
                containers=(Container(Position("A", "1", "1"), "HES", barcode=LABEL),),
            )
        )
        slides = [small_svs(folder / f"{one}.svs", 320, 240, 160, seed=one) for one in (1, 2, 3)]
        came = [
            brought(place, slides[2], BRUNO, "26H00014"),
            brought(place, slides[1], ELODIE, "26H00013"),
            brought(place, slides[0], ELODIE, "26H00012"),
        ]
        place.catalog.cases.day.announce(
            Announced(
                ESTABLISHMENT,
                Numbered("R1", "AGENDA"),
                BRUNO,
                datetime.now(UTC),
                datetime.now(UTC),
                what="Contrôle",
            )
        )
    with running(own, workers=1) as server:
        exams, images = zip(*reversed(came), strict=True)
        yield House(server.address, signing_key(settings), exams, images)


def invoke(house: House, signed: bool, **parameters: str) -> str:
    known = dict(parameters)
    if signed:
        known |= {
            "invoker": "dpi",
            "user": "anne",
            "expires": str(int(time.time()) + 300),
            "nonce": str(time.monotonic_ns()),
        }
        known["signature"] = signature_of(known, SECRET)
    return f"{house.address}/IHEInvokeImageDisplay?{urlencode(known)}"


def test_keys_go_on_from_what_takes_the_place_of_what_was_read(
    browser: Browser, house: House
) -> None:
    with house.page(browser, "anne", DESKTOP) as page:
        page.goto(f"{house.address}/worklist")
        items = page.locator(".worklist-item")
        expect(items).to_have_count(3)
        _, read, third = (one.get_attribute("data-exam") for one in items.all())
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("r")
        expect(items).to_have_count(2)
        expect(page.locator(f"[data-exam='{third}'] a")).to_be_focused()
    bearer = {"authorization": f"Bearer {house.token('anne')}"}
    for act in ("unread", "release"):
        address = f"{house.address}/api/worklist/{read}/{act}"
        httpx.post(address, headers=bearer).raise_for_status()


def test_what_is_chosen_is_so_at_once_however_slow_the_answer(
    browser: Browser, house: House
) -> None:
    with house.page(browser, "anne", DESKTOP) as page:
        page.goto(f"{house.address}/worklist")
        expect(page.locator(".worklist")).to_be_visible()
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        page.route("**/api/worklist/search", hold)
        page.get_by_role("button", name="Tous").click()
        expect(page.get_by_role("button", name="Tous", pressed=True)).to_be_focused()
        expect(page.locator(".worklist[aria-busy=true]")).to_be_visible()
        # It was asked before the list was dimmed; the browser may tell of it later.
        while not held:
            page.wait_for_timeout(50)
        held.pop().continue_()
        expect(page.locator(".worklist[aria-busy]")).to_have_count(0)
        expect(page.locator(".worklist-item")).to_have_count(3)


def test_the_list_is_worked_through_by_keyboard(
    browser: Browser, house: House, artefacts: Path
) -> None:
    with house.page(browser, "anne", DESKTOP) as page:
        page.goto(house.address)
        page.get_by_role("link", name="Liste de lecture").first.click()
        items = page.locator(".worklist-item")
        expect(items).to_have_count(3)
        expect(items.first).to_contain_text("Extemporané")
        expect(page.get_by_role("status")).to_contain_text("3 examens non lus")
        page.screenshot(path=artefacts / "worklist.png")
        assert faults(page) == []
        page.get_by_label("Chercher dans la liste").fill("modele")
        expect(items).to_have_count(1)
        expect(items).to_contain_text("MODÈLE Bruno")
        assert "modele" not in page.url
        page.get_by_label("Chercher dans la liste").fill("")
        expect(items).to_have_count(3)

        # Somebody else was quicker with the second one that waits.
        second = page.locator(".worklist-item").nth(1).get_attribute("data-exam")
        bearer = {"authorization": f"Bearer {house.token('bruno')}"}
        address = f"{house.address}/api/worklist/{second}/take"
        took = httpx.post(address, headers=bearer, timeout=LONG_S)
        assert took.status_code == 200
        page.locator("h1").click()
        page.keyboard.press("j")
        page.keyboard.press("t")
        expect(items.first).to_contain_text("Pris par vous")
        page.keyboard.press("n")
        page.keyboard.press("t")
        expect(page.get_by_text("Quelqu’un a été plus rapide")).to_be_visible()
        expect(items.nth(1)).to_contain_text("Pris par quelqu’un d’autre")
        page.get_by_role("button", name="Les miens").click()
        expect(items).to_have_count(1)

        # The frozen section is read in its case, and leads to what waits longest.
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        bar = page.locator(".reading-bar")
        expect(bar).to_contain_text("Jamais lu")
        page.screenshot(path=artefacts / "reading-bar.png")
        assert faults(page) == []
        page.keyboard.press("r")
        expect(page.get_by_role("heading", level=1)).to_contain_text("MODÈLE Bruno")
        expect(bar).to_contain_text("Jamais lu")
        page.keyboard.press("r")
        expect(page.get_by_role("heading", level=1)).to_contain_text("ESSAI Élodie")
        expect(bar).to_contain_text("Jamais lu")
        page.keyboard.press("r")
        expect(page.get_by_text("Il n’y a plus rien à lire.")).to_be_visible()
        page.get_by_role("button", name="Tous").click()
        expect(items).to_have_count(3)
        expect(items.first).to_contain_text("Lu par vous")


@pytest.mark.parametrize("device", [PHONE], ids=["phone"])
def test_the_list_and_the_day_fit_on_a_phone(
    browser: Browser, house: House, device: dict[str, Any], artefacts: Path
) -> None:
    with house.page(browser, "anne", device) as page:
        page.goto(f"{house.address}/worklist")
        page.get_by_role("button", name="All").click()
        expect(page.locator(".worklist-item")).to_have_count(3)
        assert not page.evaluate(WIDE)
        assert faults(page) == []
        page.screenshot(path=artefacts / "worklist-phone.png")
        page.get_by_role("link", name="Expected patients").click()
        expect(page.locator(".day-item")).to_contain_text(["MODÈLE Bruno"])
        expect(page.locator(".day-item")).to_contain_text(["Contrôle"])
        assert not page.evaluate(WIDE)
        assert faults(page) == []
        page.screenshot(path=artefacts / "day-phone.png")
        page.get_by_label("Search the expected patients").fill("elodie")
        expect(page.get_by_text("No patient matches")).to_be_visible()
        page.get_by_label("Search the expected patients").fill("controle modele")
        expect(page.locator(".day-item")).to_have_count(1)
        page.get_by_role("button", name="Next day").click()
        expect(page.get_by_text("Nobody is expected")).to_be_hidden()
        page.get_by_label("Search the expected patients").fill("")
        expect(page.get_by_text("Nobody is expected")).to_be_visible()
        # Of a day that cannot be had nobody is shown, and nobody of another day in its place.
        page.get_by_role("button", name="Previous day").click()
        expect(page.locator(".day-item")).to_have_count(1)
        page.route("**/api/day?*", lambda route: route.abort())
        page.get_by_role("button", name="Next day").click()
        expect(page.get_by_role("alert")).to_contain_text("could not be had")
        expect(page.locator(".day-item")).to_have_count(0)
        page.unroute("**/api/day?*")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("Nobody is expected")).to_be_visible()


def test_a_signed_request_shows_its_images_to_who_has_no_account(
    browser: Browser, house: House, artefacts: Path
) -> None:
    with house.page(browser, None, DESKTOP) as page:
        page.goto(invoke(house, True, requestType="PATIENT", patientID="1234^^^SERVICE"))
        expect(page.get_by_role("heading", level=1)).to_contain_text("ESSAI Élodie")
        assert page.url == f"{house.address}/opened"
        links = page.locator(".opened-images a")
        expect(links).to_have_count(2)
        assert faults(page) == []
        page.screenshot(path=artefacts / "opened.png")
        for number in (0, 1):
            links.nth(number).click()
            page.wait_for_selector(READY)
            expect(page.locator(".banner-patient")).to_contain_text("ESSAI")
            page.get_by_role("link", name="Retour aux images demandées").click()
            expect(links).to_have_count(2)
        page.goto(f"{house.address}/opened")
        page.reload()
        expect(page.get_by_text("Cette page s’ouvre depuis votre logiciel")).to_be_visible()


def test_who_is_signed_in_is_led_to_what_was_asked_for(browser: Browser, house: House) -> None:
    with house.page(browser, "anne", PHONE) as page:
        page.goto(invoke(house, False, requestType="PATIENT", patientID="1234^^^SERVICE"))
        expect(page.locator(".exam-link")).to_have_count(2)
        assert faults(page) == []
        page.goto(invoke(house, False, requestType="STUDY", accessionNumber="26H00013"))
        page.wait_for_url(f"{house.address}/exam/{house.exams[1]}")
        page.goto(invoke(house, False, requestType="STUDY", slideBarcode=LABEL))
        page.wait_for_selector(READY)
        assert page.url.startswith(f"{house.address}/view/{house.images[0]}?")
        assert "case=" in page.url
        page.goto(invoke(house, False, requestType="STUDY", accessionNumber="NONE"))
        expect(page.get_by_role("heading", level=1)).to_have_text("Not found")
    with house.page(browser, None, DESKTOP) as page:
        page.goto(invoke(house, False, requestType="STUDY", accessionNumber="26H00013"))
        expect(page.get_by_role("heading", level=1)).to_contain_text("session n’est pas ouverte")
