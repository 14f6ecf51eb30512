"""The day as two worklists tell it, one of them silent; and cases behind the first ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from api.doors import Doors
from api.establishment import ESTABLISHMENT
from api.policies import Role
from api.settings import read_settings, signing_key
from archive.cases.order import Numbered, OrderPlaced, Priority
from archive.catalog import Catalog
from archive.identity import PatientIdentity
from tests.api.test_expecting import step
from tests.browser import DESKTOP, attentive, faults
from tests.orthanc import TITLE, free_ports, orthanc
from tests.serving import running, until

OPERATOR = '{"name": "MARTIN^Zoé", "rpps": null}'


@dataclass(frozen=True)
class Service:
    """A running server that asks both lists."""

    address: str
    token: str
    catalogue: str

    @contextmanager
    def page(self, browser: Browser) -> Iterator[Page]:
        """A page of somebody who photographs."""
        context = browser.new_context(**DESKTOP)
        cookie = {"name": "sansverre", "value": self.token, "url": self.address}
        context.add_cookies([cookie])  # type: ignore[list-item]
        context.add_init_script(f"localStorage.setItem('sansverre.operator', '{OPERATOR}')")
        with attentive(context) as page:
            yield page


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder, files = tmp_path_factory.mktemp("day"), tmp_path_factory.mktemp("lists")
    (files / "lockfile").touch()
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    step(files, "S1", "DUPRÉ^Élodie", noon, accession="D26-0042")
    (nobody,) = free_ports(1)
    table = folder / "worklists.toml"
    with orthanc(tmp_path_factory.mktemp("orthanc"), files) as ris:
        table.write_text(
            "".join(
                f"[worklists.{name}]\nestablishment = '{ESTABLISHMENT}'\nhost = '127.0.0.1'\n"
                f"port = {port}\ntitle = '{TITLE}'\nissuer = 'CHU'\neach_s = 86400\n"
                for name, port in (("ris", ris.dicom_port), ("scanner", nobody))
            )
        )
        own = {
            "SANSVERRE_DATA": str(folder / "data"),
            "SANSVERRE_SECRETS": str(folder / "secrets"),
            "SANSVERRE_WORKLISTS": str(table),
        }
        settings = read_settings(own)
        with running(own, workers=1) as server:
            doors = Doors(signing_key(settings))
            token = doors.issue(Role.CONTRIBUTOR, ESTABLISHMENT, subject="zoe")
            yield Service(server.address, token, settings.database_url)


def asked(catalog: Catalog) -> dict[str, bool]:
    """Whether each list answers, once both were asked."""
    told: dict[str, bool] = {}

    def are_both_asked() -> bool:
        found = catalog.cases.day.sources(establishment=ESTABLISHMENT)
        told.update((one.name, one.answers) for one in found)
        return len(told) == 2

    until(are_both_asked)
    return told


def test_a_visit_begins_from_the_day_and_a_silent_list_is_said(
    browser: Browser, service: Service, artefacts: Path
) -> None:
    with Catalog.open(service.catalogue) as catalog, service.page(browser) as page:
        assert asked(catalog) == {"ris": True, "scanner": False}
        page.goto(f"{service.address}/day")
        row, silent = page.locator(".day-item"), page.get_by_role("alert")
        expect(row).to_contain_text(["DUPRÉ Élodie"])
        expect(silent).to_have_text(
            "scanner n’a encore jamais répondu. Des patients peuvent manquer."
        )
        expect(page.get_by_text("ris : à jour")).to_be_visible()
        assert faults(page) == []

        # What it said before stands, and is said to be of before.
        catalog.cases.day.list_failed(ESTABLISHMENT, "ris")
        page.reload()
        expect(silent.first).to_contain_text("ris ne répond pas ; dernière liste reçue")
        page.screenshot(path=artefacts / "day-silent.png")

        # Twice clicked, it is one visit, of the order that the list names.
        row.get_by_role("button", name="Photographier").dblclick()
        expect(page.get_by_role("heading", level=1)).to_contain_text("DUPRÉ Élodie")
        (begun,) = page.request.get(f"{service.address}/api/sessions").json()["sessions"]
        assert begun["id"] in page.url
        assert (begun["accession_number"], begun["patient"]["patient_id"]) == ("D26-0042", "1")
        assert begun["operator"]["name"] == "MARTIN^Zoé"


def test_a_day_that_is_asked_for_is_said_to_be(browser: Browser, service: Service) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with service.page(browser) as page:
        page.route("**/api/day?*", hold)
        page.goto(f"{service.address}/day")
        expect(page.get_by_role("status")).to_have_text("Chargement…")
        # What the page asks for is heard of a moment later here.
        while not held:
            page.wait_for_timeout(20)
        (asked_for,) = held
        asked_for.continue_()
        expect(page.locator(".day-item")).to_contain_text(["DUPRÉ Élodie"])


def test_many_frozen_sections_hide_no_other_case(browser: Browser, service: Service) -> None:
    now = datetime.now(UTC)
    whom = PatientIdentity("1", "CHU", "DUPRÉ^Élodie")
    orders = [
        OrderPlaced(
            ESTABLISHMENT,
            Numbered(f"O{number}", "LABO"),
            Numbered(f"26H{number:05}", "LABO"),
            whom,
            now,
            priority=Priority.FROZEN if number else Priority.ROUTINE,
        )
        for number in range(201)
    ]
    with Catalog.open(service.catalogue) as catalog, service.page(browser) as page:
        catalog.cases.place_all(orders)
        page.goto(f"{service.address}/cases")
        cases, more = (
            page.locator(".case-card"),
            page.get_by_role("button", name="Afficher la suite"),
        )
        expect(cases).to_have_count(200)
        expect(page.get_by_text("200 premiers dossiers")).to_be_visible()
        more.click()
        expect(cases).to_have_count(201)
        expect(cases.last).to_contain_text("26H00000")
        expect(page.get_by_text("201 dossiers")).to_be_visible()
        expect(more).to_be_hidden()
        assert faults(page) == []
