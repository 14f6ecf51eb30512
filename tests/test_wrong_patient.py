"""A photograph under the wrong patient, put right in a browser, beside a real radiology archive."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser import PHONE, READY, attentive, faults
from tests.orthanc import Orthanc, orthanc
from tests.samples.photo import make_photo
from tests.serving import running

WAIT_S = 600.0


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as started:
        yield started


def instances(archive: Orthanc) -> dict[str, tuple[str, str]]:
    """What Orthanc holds: the modality and the patient of each instance by its UID."""
    found = {}
    for one in archive.web.get("/instances").json():
        told = archive.web.get(f"/instances/{one}/simplified-tags").json()
        found[told["SOPInstanceUID"]] = (told["Modality"], told["PatientID"])
    return found


def await_instances(archive: Orthanc, count: int) -> dict[str, tuple[str, str]]:
    until = time.monotonic() + WAIT_S
    while len(found := instances(archive)) < count and time.monotonic() < until:
        time.sleep(0.2)
    return found


def stated(page: Page, **typed: str) -> None:
    for name, value in typed.items():
        page.locator(f"#whose-{name}").fill(value)
    page.locator(".whose-dialog [type=submit]").click()


def test_a_photograph_already_archived_is_moved_to_the_right_patient(
    browser: Browser, archive: Orthanc, tmp_path: Path, artefacts: Path
) -> None:
    own = {
        "SANSVERRE_DATA": str(tmp_path / "data"),
        "SANSVERRE_SECRETS": str(tmp_path / "keys"),
        "SANSVERRE_ARCHIVE_URL": archive.dicomweb_url,
        "SANSVERRE_ARCHIVE_ORTHANC_URL": str(archive.web.base_url),
    }
    file = make_photo(tmp_path / "photo.jpg", width=320, height=240)
    who = ["--patient-id", "1", "--issuer", "CHU", "--patient-name", "FAUX^Anne"]
    command = [sys.executable, "-m", "api.cli", "photo", str(file), *who, "--site", "front"]
    told = subprocess.run(
        [*command, "--accession", "A1", "--json"],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=True,
    )
    image = json.loads(told.stdout)["image"]
    with running(own, workers=1) as server:
        (before,) = await_instances(archive, 1)
        with attentive(browser.new_context(**PHONE)) as page:
            page.goto(server.link)
            page.wait_for_selector(".exam-link")
            page.goto(f"{server.address}/move/{image}")
            page.get_by_role("button", name="Choose the right patient").click()
            stated(page, patient_id="1", issuer="CHU")
            expect(page.locator(".form-error")).to_contain_text("already")
            stated(page, patient_id="2", family="JUSTE", given="Zoé", birth_date="1980-03-04")
            corrected = page.locator(".move-corrections")
            expect(corrected).to_contain_text("1 object is rejected and sent again")
            expect(page.locator(".move-whose").first).to_contain_text("FAUX")
            expect(page.locator(".move-whose").last).to_contain_text("JUSTE")
            expect(page.locator(".move-fresh")).to_be_visible()
            assert instances(archive) == {before: ("XC", "1")}
            assert faults(page) == []
            page.screenshot(path=artefacts / "move-listed.png", full_page=True)
            page.get_by_role("button", name="Move", exact=True).click()
            page.wait_for_selector('[data-what="rejection"][data-state="read-back"]')
            page.wait_for_selector('[data-what="object"][data-state="read-back"]')
            expect(page.get_by_role("status")).to_contain_text("Done")
            assert faults(page) == []
            page.screenshot(path=artefacts / "move-done.png", full_page=True)
            page.get_by_role("link", name="Open the exam").click()
            expect(page.locator("h1")).to_contain_text("JUSTE")
            page.goto(f"{server.address}/view/{image}")
            page.wait_for_selector(READY)
            expect(page.locator("body")).to_contain_text("JUSTE")
        after = await_instances(archive, 2)
    # The rejection note and the new object are there; the old one is shown to nobody.
    assert before not in after
    assert sorted(after.values()) == [("KO", "1"), ("XC", "2")]
    query = {"SOPInstanceUID": before}
    assert archive.web.get("/dicom-web/instances", params=query).json() == []


def test_a_covered_photograph_is_opened_on_purpose(
    browser: Browser, tmp_path: Path, artefacts: Path
) -> None:
    own = {"SANSVERRE_DATA": str(tmp_path / "data"), "SANSVERRE_SECRETS": str(tmp_path / "keys")}
    file = make_photo(tmp_path / "photo.jpg", width=320, height=240)
    command = [sys.executable, "-m", "api.cli", "photo", str(file), "--patient-id", "1"]
    told = subprocess.run(
        [*command, "--site", "54468004", "--side", "L", "--json"],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=True,
    )
    image = json.loads(told.stdout)["image"]
    with running(own, workers=1) as server, attentive(browser.new_context(**PHONE)) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(server.link)
        expect(page.locator(".thumbnail.covered")).to_contain_text("Intimate")
        page.goto(f"{server.address}/view/{image}")
        open_it = page.get_by_role("button", name="Open the photograph")
        expect(open_it).to_be_focused()
        expect(page.locator("main")).to_contain_text("recorded")
        assert faults(page) == []
        page.screenshot(path=artefacts / "covered.png")
        assert not [one for one in asked if "/deepzoom/" in one or "/thumbnail" in one]
        open_it.press("Enter")
        page.wait_for_selector(READY)
        assert [one for one in asked if "/deepzoom/" in one]
