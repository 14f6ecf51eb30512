"""The page that says what each archive was told: in French at a desk, in English on a phone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import httpx
import pytest
from playwright.sync_api import Browser, Route, StorageState, expect

from api.archives import REMOTE, RadiologyArchive
from api.doors import Doors
from api.policies import Role
from api.settings import Settings, read_settings, signing_key
from api.why import WRONG_PATIENT, words
from api.work import Workplace, open_workplace
from archive.concatenation import parts_of
from archive.record import OutboxState
from archive.telling.rows import Ending, Telling
from tests.api.telling.places import HERE, photographed
from tests.browser import DESKTOP, PHONE, attentive, chromium, faults
from tests.orthanc import free_ports
from tests.serving import LONG_S, running

GONE = "gone"
ROW: dict[str, object] = {
    "image": "i",
    "exam": "e",
    "accession_number": "A1",
    "what": "object",
    "form": "as-it-is",
    "part": None,
    "why": None,
    "changed": [],
    "attempt": 1,
    "since": "2026-03-02T10:00:00Z",
}
"""What a row says beside its id and its state."""


@dataclass(frozen=True)
class Told:
    """A server whose archive is down: one photograph was read back there, one is a task."""

    address: str
    link: str
    settings: Settings

    def bearer(self, role: Role, establishment: str | None) -> dict[str, str]:
        token = Doors(signing_key(self.settings)).issue(role, establishment)
        return {"authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("outbox")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/dicom-web"
    own = {
        "SANSVERRE_DATA": str(folder / "data"),
        "SANSVERRE_SECRETS": str(folder / "secrets"),
        "SANSVERRE_ARCHIVE_URL": url,
        "SANSVERRE_ARCHIVE_ESTABLISHMENT": HERE,
    }
    settings = read_settings(own)
    assert settings.archives == (RadiologyArchive(url, HERE),)
    with open_workplace(replace(settings, archives=settings.archives)) as place:
        # The table named it once.
        place.catalog.outbox.know(HERE, GONE)
        for seed, ending in enumerate(
            (
                Ending(OutboxState.READ_BACK, None, ("PatientName",)),
                Ending(OutboxState.TASK, WRONG_PATIENT),
            )
        ):
            photographed(place, folder, 401 + seed)
            telling = place.catalog.outbox.claim("w", HERE, REMOTE, 60)
            assert telling is not None
            if ending.coerced:
                telling = with_its_part_told(place, telling, ending)
            place.catalog.outbox.end(telling, ending)
    with running(own, workers=1) as server:
        yield Told(server.address, server.link, settings)


def with_its_part_told(place: Workplace, telling: Telling, ending: Ending) -> Telling:
    """The same, whose only part was told before it."""
    cut = parts_of(telling.object_uid, [range(1)])
    place.catalog.outbox.cut(telling, cut, lambda *_: cut[0].uid)
    part = place.catalog.outbox.claim("w", HERE, REMOTE, 60)
    assert part is not None
    place.catalog.outbox.end(part, ending)
    whole = place.catalog.outbox.claim("w", HERE, REMOTE, 60)
    assert whole is not None
    assert (part.part, whole.id) == (cut[0], telling.id)
    return whole


def test_what_an_archive_was_told_is_seen_and_a_task_is_asked_again(served: Told) -> None:
    said = words(WRONG_PATIENT)
    assert said is not None
    with chromium() as browser:
        state = _at_a_desk(browser, served, said.fr)
        context = browser.new_context(**PHONE, storage_state=state)
        with attentive(context) as page:
            page.goto(f"{served.address}/outbox")
            expect(page.locator("h1")).to_have_text("Sent to archives")
            page.get_by_role("button", name="Show what was sent").click()
            sent = page.locator("tr[data-state=read-back]")
            expect(sent).to_contain_text("Slide, part 1 of 1")
            expect(sent).to_contain_text("Changed by the archive: PatientName")
            width = "document.documentElement.scrollWidth <= innerWidth"
            assert page.evaluate(width)
            assert faults(page) == []


def _at_a_desk(browser: Browser, served: Told, why: str) -> StorageState:
    context = browser.new_context(**DESKTOP)
    with attentive(context) as page:
        page.goto(served.link)
        page.get_by_role("link", name="Envois").click()
        expect(page.locator("h1")).to_have_text("Envois aux archives")
        task = page.locator("tr[data-state=task]")
        expect(task).to_contain_text(why)
        exam = task.get_by_role("link", name="N° de demande A1")
        expect(exam).to_have_attribute("href", re.compile("^/exam/"))
        gone = page.get_by_role("region", name=GONE)
        expect(gone).to_contain_text("n’est plus dans la table")
        expect(gone).to_contain_text("en attente pour elle : 2")
        assert faults(page) == []
        task.get_by_role("button").click()
        expect(page.locator("tr[data-state=waiting]")).to_contain_text("en attente")
        expect(task).to_have_count(0)
        return context.storage_state()


def test_a_task_is_seen_however_much_waits(served: Told) -> None:
    asked: list[str] = []

    def rows(route: Route) -> None:
        """Of 150 that wait, a hundred and then the others; and one task."""
        asked.append(route.request.url.partition("/rows?")[2])
        _, state, after = re.split("state=|&after=", asked[-1])
        last = int(after)
        ids = range(last + 1, 101 if last == 0 else 151) if state == "waiting" else [200]
        found = [{**ROW, "id": one, "state": state} for one in ids]
        route.fulfill(json={"rows": found, "more": state == "waiting" and last == 0})

    def archives(route: Route) -> None:
        told = route.fetch().json()
        told["archives"][0]["counts"] |= {"task": 1, "waiting": 150}
        route.fulfill(json=told)

    signed_in = served.bearer(Role.CONTRIBUTOR, HERE)
    with (
        chromium() as browser,
        attentive(browser.new_context(**DESKTOP, extra_http_headers=signed_in)) as page,
    ):
        page.route("**/rows?*", rows)
        page.route("**/api/archives", archives)
        page.goto(f"{served.address}/outbox")
        expect(page.get_by_role("table", name="À corriger").locator("tbody tr")).to_have_count(1)
        waiting = page.get_by_role("table", name="En attente").locator("tbody tr")
        expect(waiting).to_have_count(100)
        more = page.get_by_role("button", name="Afficher la suite : En attente")
        more.click()
        expect(waiting).to_have_count(150)
        expect(more).to_be_hidden()
        expect(page.get_by_role("button", name="Afficher la suite")).to_have_count(0)
        assert sorted(asked[:2]) == ["state=task&after=0", "state=waiting&after=0"]
        assert asked[2:] == ["state=waiting&after=100"]
        assert faults(page) == []


def test_nobody_sees_or_asks_what_is_another_establishments(served: Told) -> None:
    with httpx.Client(base_url=served.address, trust_env=False, timeout=LONG_S) as web:
        reader = served.bearer(Role.READER, HERE)
        assert web.get("/api/archives", headers=reader).status_code == 403
        there = served.bearer(Role.CONTRIBUTOR, "Hôpital B")
        assert web.get("/api/archives", headers=there).json() == {"archives": [], "removed": []}
        rows = f"/api/archives/{REMOTE}/rows"
        everything = {"state": ["task", "waiting", "read-back"]}
        found = web.get(rows, headers=there, params=everything)
        assert found.json() == {"rows": [], "more": False}
        here = served.bearer(Role.CONTRIBUTOR, HERE)
        sent = f"/api/archives/{REMOTE}/sent"
        assert web.get(sent, headers=there).json() == {"rows": [], "more": False}
        found = web.get(sent, headers=here)
        assert [one["state"] for one in found.json()["rows"]] == ["read-back"]
        found = web.get(rows, headers=here, params=everything)
        assert {one["accession_number"] for one in found.json()["rows"]} == {"A1"}
        ids = [one["id"] for one in found.json()["rows"]]
        assert len(ids) == 2
        for one in ids:
            answer = web.post(f"/api/outbox/{one}/again", headers=there)
            assert answer.status_code == 404
