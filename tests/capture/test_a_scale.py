"""The scale of a ruler goes into a picture once somebody who sees the ruler has confirmed it."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import PHONE
from tests.capture.conftest import Visit
from tests.capture.pictures import ruled
from tests.capture.test_by_touch import SOON_MS, step, told
from tests.capture.visits import PATIENT, ask

PITCH_PX = 9.7


def test_a_scale_is_stated_by_whoever_sees_the_ruler(visit: Visit, tmp_path: Path) -> None:
    page = visit("/capture", device=PHONE, locale="fr-FR")
    session = str(ask(page, "POST", "/api/sessions", {"patient": PATIENT})["id"])
    page.goto(f"{page.url}/{session}")
    page.set_input_files("[data-brings=files]", ruled(tmp_path, PITCH_PX))
    step(page, "sort")
    page.get_by_role("button", name="Regarder Photo 1").tap()
    sheet = page.get_by_role("dialog", name="Photo 1")
    confirm = sheet.get_by_role("button", name=re.compile("^Échelle : 1 mm = 9,\\d+ px, confirmer"))
    expect(confirm).to_be_visible(timeout=SOON_MS)
    assert only(page)["mm_per_pixel"] is None

    # Said of a picture that is not sorted yet, it stays with it once it is, and after.
    with page.expect_response(re.compile("/partial$")):
        confirm.tap()
    expect(sheet).to_contain_text("Échelle confirmée : 1 mm = 9,")
    page.reload()
    step(page, "sort")
    with page.expect_response(re.compile("/partial$")):
        page.get_by_role("button", name="Gros plan").tap()
    page.get_by_role("button", name="Regarder Photo 1").tap()
    expect(sheet).to_contain_text("Échelle confirmée : 1 mm = 9,")
    spacing = only(page)["partial"]["mm_per_pixel"]
    assert spacing == pytest.approx([1 / PITCH_PX] * 2, rel=0.01)

    sheet.get_by_role("button", name="Ne plus confirmer").tap()
    expect(confirm).to_be_visible()


def only(page: Page) -> dict[str, Any]:
    """The one picture of the session, as the server has it."""
    (one,) = told(page)["photographs"]
    return dict(one)
