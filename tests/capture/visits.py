"""A visit that is over: its pictures are brought on the page, the rest said to the server."""

import json
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect

from tests.capture.pictures import LESIONS, SKIN, pictured

PATIENT = {
    "patient_id": "2468",
    "issuer": "CHU",
    "name": "EXEMPLE^Noé",
    "birth_date": "1988-11-02",
    "sex": "M",
}
CONFIRMED = {name: PATIENT[name] for name in ("name", "birth_date", "sex")}
BACK = {"site": "130323", "side": None}
SOON_MS = 300_000


@dataclass(frozen=True)
class Over:
    """What the visit left."""

    session: str
    exam: str
    patient: str
    lesion: str
    images: list[str]


def ask(page: Page, method: str, path: str, body: object = None) -> Any:
    """What the server answers to whoever is signed in on this page."""
    return page.evaluate(
        """async ([method, path, body]) => {
            const headers = { "Content-Type": "application/json" };
            const answer = await fetch(path, { method, headers, body });
            if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
            return answer.json();
        }""",
        [method, path, None if body is None else json.dumps(body)],
    )


def begun(page: Page) -> str:
    """A session of the patient, opened on the page."""
    session = str(ask(page, "POST", "/api/sessions", {"patient": PATIENT})["id"])
    page.goto(f"{page.url.partition('/capture')[0]}/capture/{session}")
    expect(page.locator(".shoot[data-camera=open]")).to_be_visible()
    return session


def bring(page: Page, at: str, name: str) -> str:
    """The image that becomes of a photograph."""
    before = {one["image"] for one in ask(page, "GET", at)["photographs"]}
    page.set_input_files("[data-brings=files]", pictured(name))
    for _ in range(SOON_MS // 200):
        after = {one["image"] for one in ask(page, "GET", at)["photographs"]}
        if after != before:
            return str((after - before).pop())
        page.wait_for_timeout(200)
    raise AssertionError("it does not come")


def visited(page: Page) -> Over:
    """An overview and a close-up of one lesion, which is pinned; all of it published."""
    session = begun(page)
    at = f"/api/sessions/{session}"
    overview, close = bring(page, at, LESIONS[0]), bring(page, at, SKIN)
    told = ask(page, "GET", at)
    patient = told["patient"]["key"]
    found = {"patient": patient, "first_seen": "2026-01-05", **BACK}
    lesion = str(ask(page, "POST", "/api/lesions", found)["id"])
    ask(page, "PUT", f"{at}/photographs/{overview}", {"view": "overview", **BACK})
    said = {"view": "close-up", "lesion": lesion, **BACK}
    ask(page, "PUT", f"{at}/photographs/{close}", said)
    pins = [{"lesion": lesion, "x": 0.5, "y": 0.5}]
    ask(page, "PUT", f"{at}/photographs/{overview}/pins", pins)
    ask(page, "POST", f"{at}/send", CONFIRMED)
    expect(page.locator(".outcome-list [data-way=ready]")).to_have_count(2, timeout=SOON_MS)
    return Over(session, told["exam"], patient, lesion, [overview, close])
