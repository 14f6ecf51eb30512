"""Pictures taken out: nothing leaves that may not, and what left is written down."""

import asyncio
import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from api import meeting
from api.app import create_app
from api.ingest import Order, ingest
from api.moving import move_once
from api.policies import Role
from api.routes import exports
from api.settings import read_settings
from api.work import open_workplace
from archive.departures import Departures
from archive.identity import PatientIdentity
from archive.move import Author, Destination
from tests.api.conftest import ORIGIN, Web, opened
from tests.api.exports.conftest import CARE, Taken, chosen, departures, paged
from tests.api.exports.slow import Slow
from tests.api.test_lesions import bearer
from tests.samples.photo import make_photo


def test_a_pseudonym_is_all_that_names(web: Web, taken: Taken) -> None:
    asked = {"images": chosen(taken, "wide"), "named": "pseudonym", "pseudonym": "Cas nº 12"}
    document = paged(web, **asked, language="en")
    text = document.pages[0].extract_text()
    assert "Cas nº 12" in text
    assert "Skin of nose" in text
    for word in ("MOIN", "uvre", "77123", "1957"):
        assert word not in text
    nobody = paged(web, images=chosen(taken, "wide")).pages[0].extract_text()
    assert "Cas" not in nobody
    strange = {**CARE, **asked, "form": "pdf", "pseudonym": "Дело"}
    refused = web.post("/api/exports", json=strange)
    assert (refused.status_code, refused.json()["reason"]) == (422, "letters")


def test_what_may_not_leave_is_named_and_stays(web: Web, taken: Taken) -> None:
    before = departures(web, taken)
    for names, purpose, reason, which in (
        (("wide", "face"), "care", "recognizable", ["face"]),
        (("wide", "other"), "care", "patients", ["wide", "other"]),
        (("wide", "heic"), "teaching", "consent", ["wide", "heic"]),
    ):
        images = chosen(taken, *names)
        said = {"form": "jpeg", "purpose": purpose, "images": images}
        refused = web.post("/api/exports", json=said)
        assert refused.status_code == 409
        told = refused.json()
        assert told["reason"] == reason
        assert told["images"] == [taken.ids[name] for name in which]
    wrongs: tuple[dict[str, Any], ...] = (
        {"form": "pdf", "purpose": "teaching", "named": "patient"},
        {"named": "patient"},
        {"form": "pdf", "named": "pseudonym", "pseudonym": " "},
        {"form": "pdf", "colours": "stored"},
        {"form": "pdf", "images": chosen(taken, "wide") * 41},
        {"images": []},
    )
    for wrong in wrongs:
        asked = {**CARE, "images": chosen(taken, "wide"), **wrong}
        assert web.post("/api/exports", json=asked).status_code == 422, wrong
    assert departures(web, taken) == before


def test_others_are_told_that_there_is_nothing(web: Web, taken: Taken) -> None:
    asked = {**CARE, "images": chosen(taken, "wide")}
    south = bearer(taken.settings, "south")
    theirs = web.post("/api/exports", json=asked, headers=south)
    none = web.post("/api/exports", json={**CARE, "images": [{"image": "0" * 32}]}, headers=south)
    assert theirs.status_code == none.status_code == 404
    assert theirs.content == none.content
    reader = bearer(taken.settings, "north", Role.READER)
    assert web.post("/api/exports", json=asked, headers=reader).status_code == 403
    assert web.get("/api/exports/record").status_code == 403


def test_each_export_is_written_down_and_no_log_tells_of_it(
    web: Web, taken: Taken, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        paged(web, images=chosen(taken, "wide", "heic"), named="pseudonym", pseudonym="Cas 12")
    latest, *_ = departures(web, taken)
    assert (latest["way"], latest["purpose"], latest["is_named"]) == ("pdf", "care", False)
    assert latest["images"] == [taken.ids["wide"], taken.ids["heic"]]
    assert "Cas 12" not in json.dumps(latest)
    assert departures(web, taken, "south") == []
    for word in ("Cas 12", "MOIN", "77123", taken.ids["wide"]):
        assert word not in caplog.text


def test_a_picture_that_is_moved_meanwhile_leaves_under_nobodys_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANSVERRE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SANSVERRE_SECRETS", str(tmp_path / "secrets"))
    settings, right = read_settings(), PatientIdentity("2", "", "JUSTE^Zoe")
    file = make_photo(tmp_path / "photo.jpg", width=96, height=64)
    with open_workplace(settings) as place:
        order = Order("north", PatientIdentity("1", "", "FAUX^Anne"))
        image = ingest(place, file, order).image
        record = Departures.record

        def moved_first(departures: Departures, *words: Any, **more: Any) -> Any:
            to, who = Destination(right), Author("subject")
            place.catalog.moves.ask([image], to, who, establishment="north")
            assert move_once(place)
            return record(departures, *words, **more)

        monkeypatch.setattr(Departures, "record", moved_first)
        asked = {"form": "pdf", "purpose": "care", "named": "patient", "images": [{"image": image}]}
        with opened(create_app(settings)) as web:
            web.headers.update(bearer(settings, "north"))
            answer = web.post("/api/exports", json=asked)
    assert answer.status_code == 409
    assert b"FAUX" not in answer.content


def test_beyond_a_few_at_once_others_are_told_when_to_come_back(
    taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who hears that nothing leaves now has let nothing go: it is not written down.

    An establishment has one turn at a time, and leaves the other to others.
    """
    headers, everywhere = bearer(taken.settings, "north"), bearer(taken.settings, None)
    asked = {**CARE, "images": chosen(taken, "wide")}
    app = create_app(taken.settings)
    patience: list[asyncio.Timeout] = []

    def timeout(given_s: float) -> asyncio.Timeout:
        """Ends when the test says so."""
        assert given_s == exports.STALLED_S
        patience.append(asyncio.timeout(None))
        return patience[-1]

    async def many() -> list[httpx.Response]:
        slow = [Slow(app, headers, {**asked, "form": "jpeg"})]
        await slow[0].waits.wait()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as web:
            answers = [await web.post("/api/exports", json=asked, headers=headers)]
            slow.append(Slow(app, everywhere, {**asked, "form": "pdf"}))
            await slow[1].waits.wait()
            stuck = patience[-1]
            south = bearer(taken.settings, "south")
            answers.append(await web.post("/api/exports", json=asked, headers=south))
            slow[0].takes.set()
            await slow[0].task
            answers.append(await web.post("/api/exports", json=asked, headers=headers))
        # The other never takes anything, and keeps nobody waiting for ever.
        stuck.reschedule(0)
        await slow[1].task
        assert not slow[1].takes.is_set()
        return answers

    with opened(app) as web:
        before = len(departures(web, taken))
        ours = SimpleNamespace(timeout=timeout, to_thread=asyncio.to_thread)
        monkeypatch.setattr(exports, "asyncio", ours)
        monkeypatch.setattr(exports, "time", SimpleNamespace(monotonic=lambda: 0.0))
        *refused, given = web.call(many)
        written = len(departures(web, taken)) - before
    for one in refused:
        assert (one.status_code, one.headers["retry-after"]) == (503, "5")
    assert (given.status_code, written) == (200, 3)


def test_who_takes_too_little_on_the_whole_is_given_up(
    taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = bearer(taken.settings, "north")
    asked = {**CARE, "images": chosen(taken, "wide")}
    app = create_app(taken.settings)
    monkeypatch.setattr(exports, "PART_BYTES", 50)
    now_s = 0.0
    monkeypatch.setattr(exports, "time", SimpleNamespace(monotonic=lambda: now_s))

    def take() -> None:
        nonlocal now_s
        now_s += exports.STALLED_S / 5

    async def taken_by_a_slow_one() -> list[dict[str, Any]]:
        slow = Slow(app, headers, asked, take)
        await slow.task
        return slow.parts

    with opened(app) as web:
        parts = web.call(taken_by_a_slow_one)
        assert len(parts) == 5
        assert all(len(one["body"]) == 50 for one in parts)
        # On the whole it is fast enough.
        monkeypatch.setattr(exports, "LEAST_BYTES_S", 5.0)
        monkeypatch.setattr(exports, "PART_BYTES", 500)
        parts = web.call(taken_by_a_slow_one)
    assert len(parts) > 5
    assert not parts[-1].get("more_body")


def test_pictures_too_large_for_a_document_are_told_and_have_not_left(
    taken: Taken, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(create_app(taken.settings)) as web:
        web.headers.update(bearer(taken.settings, "north"))
        before = departures(web, taken)
        monkeypatch.setattr(meeting, "PICTURES_BYTES", 1000)
        asked = {**CARE, "form": "pdf", "images": chosen(taken, "wide")}
        answer = web.post("/api/exports", json=asked)
        assert (answer.status_code, answer.json()["limit"]) == (413, 1000)
        assert departures(web, taken) == before
        monkeypatch.undo()
        assert web.post("/api/exports", json=asked).status_code == 200
        reader = bearer(taken.settings, "north", Role.READER)
        assert web.post("/api/exports", json=asked, headers=reader).status_code == 403
