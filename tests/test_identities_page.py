"""Identities side by side: decided in French at a desk, taken back in English on a phone."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, StorageState, expect

from api.doors import Doors
from api.policies import Role
from api.settings import Settings, read_settings, signing_key
from archive.cases.order import Numbered, Stay, Visit
from archive.catalog import Catalog
from archive.identities.stated import Stated
from archive.identity import PatientIdentity
from archive.messages.inbox import Arrived
from archive.record import ImageKind
from tests.browser import DESKTOP, PHONE, attentive, chromium, faults
from tests.serving import LONG_S, running

HERE, ELSEWHERE = "local", "Hôpital B"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Served:
    address: str
    link: str
    settings: Settings
    key: str

    def bearer(self, role: Role, establishment: str | None) -> dict[str, str]:
        token = Doors(signing_key(self.settings)).issue(role, establishment)
        return {"authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A slide was brought as somebody other than the hospital says."""
    folder: Path = tmp_path_factory.mktemp("identities")
    own = {
        "SANSVERRE_DATA": str(folder / "data"),
        "SANSVERRE_SECRETS": str(folder / "secrets"),
    }
    settings = read_settings(own)
    with running(own, workers=1) as server, Catalog.open(settings.database_url) as catalog:
        catalog.receive(
            establishment=HERE,
            kind=ImageKind.SLIDE,
            source_sha256="a" * 64,
            plan="full",
            patient=PatientIdentity("1", "CHU", "PETIT^LUC", date(1950, 5, 5), "M"),
        )
        traits = {"name": "MARTIN^ZOÉ", "birth_date": date(1970, 1, 31), "sex": "F"}
        done = catalog.identities.state(HERE, Stated("1", "CHU", traits, NOON, "GAM|CHU"))
        _visit_asked_about(catalog)
        catalog.inbox.keep(HERE, Arrived("GAM|CHU", "7", "ADT^A28", b"MSH|^", b""))
        yield Served(server.address, server.link, settings, done.key)


def _visit_asked_about(catalog: Catalog) -> None:
    """Of two who have nothing to do with the others: an order does not say of which visit it is."""
    catalog.receive(
        establishment=HERE,
        kind=ImageKind.SLIDE,
        source_sha256="b" * 64,
        plan="full",
        patient=PatientIdentity("7", "CHU", "ROUX^ÈVE"),
    )
    to = Stated("8", "CHU", {"name": "ROUX^ADA"}, NOON, "GAM|CHU")
    visit = Visit(Stay.VISIT, Numbered("V7", "CHU"))
    catalog.identities.move_visit(HERE, to, ("7", "CHU"), [visit])


def test_a_person_decides_and_another_takes_it_back(served: Served) -> None:
    with chromium() as browser:
        state = _decided_at_a_desk(browser, served)
        context = browser.new_context(**PHONE, storage_state=state)
        with attentive(context) as page:
            page.goto(f"{served.address}/patients/{served.key}/identity")
            expect(page.locator("h1")).to_have_text("History of the identity")
            act = page.locator("li[data-act=updated]")
            expect(act).to_contain_text("Name: PETIT LUC → MARTIN ZOÉ")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert faults(page) == []
            act.get_by_role("button", name="Take this act back").click()
            expect(page.locator("li[data-act=undone]")).to_contain_text("MARTIN ZOÉ → PETIT LUC")
            expect(act.get_by_role("button")).to_have_count(0)


def _decided_at_a_desk(browser: Browser, served: Served) -> StorageState:
    context = browser.new_context(**DESKTOP)
    with attentive(context) as page:
        page.goto(served.link)
        page.get_by_role("link", name="Identités").click()
        expect(page.locator("h1")).to_have_text("Identités à vérifier")
        both = page.locator("section[data-kind=conflict] tr[data-trait=name]")
        expect(both).to_contain_text("Nom (diffère)PETIT LUCMARTIN ZOÉ")
        assert faults(page) == []
        page.get_by_role("button", name="Plus tard").first.click()
        expect(page.locator("section[data-kind=conflict]")).to_contain_text("à décider.")
        page.get_by_label("Votre nom").first.fill("MARTIN^Anne")
        page.get_by_role("button", name="Même personne").click()
        expect(page.locator("section[data-kind=conflict]")).to_have_count(0)
        asked = page.locator("section[data-kind=visit]")
        expect(asked).to_contain_text("Séjour V7")
        assert faults(page) == []
        # By keys alone, from the field for the name.
        asked.get_by_label("Votre nom").focus()
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text("Le séjour est de l’autre patient")
        page.keyboard.press("Tab")
        expect(page.locator(":focus")).to_have_text("Le séjour reste à ce patient")
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_contain_text("Aucune identité n’attend de décision.")
        expect(page.locator("main")).to_be_focused()
        return context.storage_state()


@pytest.mark.parametrize(
    ("path", "role", "establishment", "status"),
    [
        ("/api/identities/doubts", Role.READER, HERE, 403),
        ("/api/identities/doubts", Role.CONTRIBUTOR, HERE, 200),
        ("/api/patients/{key}/identity", Role.CONTRIBUTOR, HERE, 200),
        ("/api/patients/{key}/identity", Role.CONTRIBUTOR, ELSEWHERE, 404),
        ("/api/hl7/messages", Role.PHYSICIAN, HERE, 403),
        ("/api/hl7/messages/1", Role.OPERATOR, HERE, 200),
        ("/api/hl7/messages/1", Role.OPERATOR, ELSEWHERE, 404),
    ],
)
def test_who_may_read_what(
    served: Served, path: str, role: Role, establishment: str, status: int
) -> None:
    address = served.address + path.format(key=served.key)
    answer = httpx.get(
        address,
        trust_env=False,
        timeout=LONG_S,
        headers=served.bearer(role, establishment),
    )
    assert answer.status_code == status


def test_who_may_decide(served: Served) -> None:
    for path, said in (("doubts/1", {"verdict": "same"}), ("events/1/undo", {})):
        address = f"{served.address}/api/identities/{path}"
        for role, establishment, status in (
            (Role.CONTRIBUTOR, HERE, 403),
            (Role.PHYSICIAN, ELSEWHERE, 404),
        ):
            answer = httpx.post(
                address,
                trust_env=False,
                timeout=LONG_S,
                json=said,
                headers=served.bearer(role, establishment),
            )
            assert answer.status_code == status
    messages = f"{served.address}/api/hl7/messages"
    listed = httpx.get(
        messages,
        trust_env=False,
        timeout=LONG_S,
        headers=served.bearer(Role.OPERATOR, HERE),
    ).json()["messages"]
    assert [(one["kind"], one["code"]) for one in listed] == [("ADT^A28", None)]
