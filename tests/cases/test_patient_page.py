"""A patient's page: radiology, slides, photographs and reports by time, and what is not known."""

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import DESKTOP, PHONE, READY, attentive, faults
from tests.cases.conftest import NUMBER, Laboratory
from tests.serving import LONG_S, until


def answered(ask: Callable[[], dict[str, Any]]) -> None:
    """Wait until what was done already was looked for."""
    until(lambda: ask()["exams"])


def heard_of(page: Page, held: list[Route], count: int) -> None:
    """Wait until so many requests are held, which are heard of a moment after the page asks."""
    end = time.monotonic() + LONG_S
    while len(held) < count:
        assert time.monotonic() < end
        page.wait_for_timeout(20)


@pytest.fixture
def page(
    request: pytest.FixtureRequest, browser: Browser, laboratory: Laboratory
) -> Iterator[Page]:
    context = browser.new_context(
        **getattr(request, "param", DESKTOP), storage_state=laboratory.state
    )
    with attentive(context) as page:
        yield page


def test_all_of_a_patient_is_on_one_timeline(
    page: Page, laboratory: Laboratory, artefacts: Path
) -> None:
    page.goto(f"{laboratory.address}/cases/{laboratory.case}")
    page.get_by_role("link", name="Dossier du patient", exact=True).click()
    expect(page).to_have_url(re.compile(rf"/patients/{laboratory.patient}$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("ESSAI")

    # What the archives say flows in; the one that says nothing is not taken for empty.
    pacs = page.locator("[data-archive=PACS]")
    expect(pacs).to_contain_text("3 examens")
    expect(pacs).to_contain_text("1 examen d’un autre patient écarté")
    old = page.locator("[data-archive=Ancien]")
    expect(old).to_contain_text("ne répond pas")
    expect(old.get_by_role("button", name="Réessayer : Ancien")).to_be_visible()

    rows = page.locator(".timeline-row")
    expect(rows).to_have_count(4)
    expect(page.get_by_text("Scanner du bassin")).to_have_count(0)
    case = rows.filter(has_text=NUMBER)
    # Held here and by the archive, it is one line.
    expect(case.locator(".timeline-held li")).to_have_text(["Ici", "PACS"])
    # One was scanned twice, and the last may have been linked meanwhile.
    expect(case).to_contain_text(re.compile("[67] lames"))
    expect(case.locator(".timeline-reports")).to_contain_text("rectifié, version 3")
    case.get_by_text("2 versions antérieures").click()
    expect(case.locator(".older")).to_contain_text("définitif, version 2")
    photographs = rows.filter(has_text="6 photographies")
    expect(photographs.locator("img")).to_have_count(6)
    scanner = page.get_by_role("link", name="Scanner thoracique")
    expect(scanner).to_have_attribute("href", "https://pacs.example.org/see?study=1.2.3.1")
    expect(scanner).to_have_attribute("rel", "noopener noreferrer")
    years = page.locator(".timeline-year")
    expect(years.last).to_have_text("2019")
    page.screenshot(path=artefacts / "timeline.png", full_page=True)
    assert faults(page) == []


def test_what_is_open_stays_open_while_archives_answer(page: Page, laboratory: Laboratory) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/archives/Ancien", hold)
    page.goto(f"{laboratory.address}/patients/{laboratory.patient}")
    expect(page.locator("[data-archive=PACS]")).to_contain_text("3 examens")
    page.get_by_text("2 versions antérieures").click()
    before = page.locator(".older").get_by_text("définitif, version 2")
    expect(before).to_be_visible()
    heard_of(page, held, 1)
    (asked,) = held
    asked.continue_()
    again = page.get_by_role("button", name="Réessayer : Ancien")
    expect(again).to_be_visible()
    expect(before).to_be_visible()
    # Who asks again by keyboard is still there once it has answered.
    page.unroute("**/archives/Ancien")
    again.press("Enter")
    expect(page.locator("[data-archive=Ancien]")).to_contain_text("ne répond pas")
    expect(again).to_be_focused()


def test_what_was_done_already_is_said_before_it_is_done_again(
    page: Page, laboratory: Laboratory, artefacts: Path
) -> None:
    # The order came before the radiology was asked for: whoever comes later sees what was found.
    page.goto(f"{laboratory.address}/cases/{laboratory.case}")
    done = page.locator(".priors")
    found = page.context.request
    answered(lambda: found.get(f"{laboratory.address}/api/cases/{laboratory.case}/priors").json())
    page.reload()
    expect(done.get_by_role("link", name="Scanner thoracique")).to_have_attribute(
        "href", "https://pacs.example.org/see?study=1.2.3.1"
    )
    expect(done).to_contain_text("Sans réponse de : Ancien")
    expect(done).not_to_contain_text("bassin")
    page.screenshot(path=artefacts / "case-priors.png")
    assert faults(page) == []
    page.goto(f"{laboratory.address}/cases")
    expect(page.locator(".done-before").first).to_contain_text("Déjà fait")


def test_slides_are_read_where_what_was_done_already_cannot_be_had(
    page: Page, laboratory: Laboratory
) -> None:
    def fail(route: Route) -> None:
        route.fulfill(status=500)

    page.route("**/priors", fail)
    page.goto(f"{laboratory.address}/cases/{laboratory.case}")
    done = page.get_by_role("region", name="Déjà fait")
    expect(done).to_contain_text("n’ont pas pu être obtenus")
    expect(page.locator(".glass").first).to_be_visible()
    expect(page).to_have_title("Dossier du laboratoire · Sans Verre")
    assert faults(page) == []
    page.unroute("**/priors")
    done.get_by_role("button", name="Réessayer").click()
    expect(page.get_by_text("n’ont pas pu être obtenus")).to_have_count(0)


def test_what_is_still_looked_for_is_not_taken_for_nothing(
    page: Page, laboratory: Laboratory
) -> None:
    said = {"exams": [], "unanswered": [], "over": False}
    page.route("**/priors", lambda route: route.fulfill(json=said))
    page.goto(f"{laboratory.address}/cases/{laboratory.case}")
    done = page.get_by_role("region", name="Déjà fait")
    expect(done).to_have_text("Déjà faitLes examens antérieurs sont recherchés.")
    said["over"] = True
    page.reload()
    expect(page.locator(".glass").first).to_be_visible()
    expect(done).to_have_count(0)


def test_a_line_is_found_and_opened_by_keys(page: Page, laboratory: Laboratory) -> None:
    page.goto(f"{laboratory.address}/patients/{laboratory.patient}")
    rows = page.locator(".timeline-row")
    expect(rows).to_have_count(4)
    page.keyboard.press("3")
    expect(rows).to_have_count(2)
    expect(page.get_by_role("button", name="Radiologie")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("3")
    page.keyboard.press("/")
    page.keyboard.type("cerebrale")
    expect(rows).to_have_count(1)
    expect(page.locator(".timeline-tools .count")).to_have_text("1 sur 4 examens")
    page.get_by_label("Filtrer les examens").last.fill("rien de tel")
    page.get_by_role("button", name="Tout afficher").click()
    expect(rows).to_have_count(4)
    page.get_by_label("Période").select_option("five")
    expect(rows).to_have_count(3)
    page.get_by_label("Période").select_option("all")
    page.keyboard.press("Escape")
    page.locator("body").press("1")
    expect(rows).to_have_count(1)
    page.locator("body").press("j")
    expect(rows.locator(".timeline-link")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_selector(READY)
    expect(page.locator(".banner-patient")).to_contain_text("ESSAI")


def test_two_exams_are_read_side_by_side(
    page: Page, laboratory: Laboratory, artefacts: Path
) -> None:
    page.goto(f"{laboratory.address}/patients/{laboratory.patient}")
    own = page.locator(".timeline-row", has=page.locator(".timeline-beside"))
    expect(own).to_have_count(2)
    # An answer draws a line anew, also one that somebody is about to choose.
    expect(page.locator("[data-archive=PACS]")).to_contain_text("3 examens")
    expect(page.locator("[data-archive=Ancien]")).to_contain_text("ne répond pas")
    for index in range(2):
        own.nth(index).locator(".timeline-link").focus()
        page.keyboard.press("c")
    page.get_by_role("link", name="Comparer").click()
    page.wait_for_selector(READY)
    expect(page.locator(".compare-pane")).to_have_count(2)
    expect(page.get_by_label("Déplacer ensemble")).not_to_be_checked()
    zoom = "() => sansverreCompare.stages.map(one => one.view().zoom)"
    before = page.evaluate(zoom)
    page.get_by_role("button", name="Agrandir (+)").click()
    page.wait_for_selector(READY)
    first, second = page.evaluate(zoom)
    assert (first == before[0]) != (second == before[1])
    page.screenshot(path=artefacts / "beside.png")
    assert faults(page) == []
    page.get_by_role("combobox", name="À gauche").select_option(index=3)
    page.wait_for_selector(READY)
    page.get_by_role("link", name="Retour au dossier du patient").click()
    expect(page.locator(".timeline-row").first).to_be_visible()


def test_a_report_is_read_on_the_timeline(page: Page, laboratory: Laboratory) -> None:
    page.goto(f"{laboratory.address}/patients/{laboratory.patient}")
    reports = page.locator(".timeline-reports")
    reports.locator("summary", has_text="rectifié, version 3").click()
    text = reports.locator(".report-text").first
    expect(text).to_contain_text("Conclusion")
    reports.get_by_text("2 versions antérieures").click()
    reports.locator("summary", has_text="définitif, version 2").click()
    expect(reports.locator(".report-warning")).to_be_visible()
    expect(reports.locator(".report-pages img")).to_have_count(2)
    assert faults(page) == []

    # A line of which an archive tells something new is drawn anew, and what is read stays.
    page.evaluate("document.querySelector('.timeline-reports').dataset.old = ''")
    page.locator(".timeline-row", has=reports).locator(".timeline-beside").click()
    expect(page.locator(".timeline-reports[data-old]")).to_have_count(0)
    expect(text).to_contain_text("Conclusion")
    expect(reports.locator(".report-pages img")).to_have_count(2)


MANY = 400
COUNT_DRAWN = """
    window.drawn = [];
    new MutationObserver(records => {
        const added = records.flatMap(({ addedNodes }) => [...addedNodes])
            .filter(node => node instanceof Element)
            .map(node => node.matches(".timeline-row") ? 1
                : node.querySelectorAll(".timeline-row").length);
        const rows = added.reduce((sum, one) => sum + one, 0);
        if (rows > 0) window.drawn.push(rows);
    }).observe(document, { childList: true, subtree: true });
"""
"""Notes how many lines each turn of the page puts in."""


def test_of_many_lines_no_more_is_drawn_than_what_is_new(
    page: Page, laboratory: Laboratory
) -> None:
    path = f"{laboratory.address}/api/patients/{laboratory.patient}/timeline"
    told = page.request.get(path).json()
    own = next(one for one in told["lines"] if one["case"])
    told["lines"] = [
        {
            **own,
            "exam": f"exam-{n}",
            "keys": [f"study {n}"],
            "on": f"{2026 - n // 100}-12-{1 + n % 28:02}T10:00:00Z",
        }
        for n in range(MANY)
    ]
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/timeline", lambda route: route.fulfill(json=told))
    page.route("**/archives/*", hold)
    page.add_init_script(COUNT_DRAWN)
    page.goto(f"{laboratory.address}/patients/{laboratory.patient}")
    rows = page.locator(".timeline-row")
    expect(rows).to_have_count(MANY)
    drawn = page.evaluate("window.drawn.splice(0)")
    assert (max(drawn), sum(drawn)) == (drawn[0], MANY)
    assert drawn[0] <= 100

    # What an archive tells puts in the lines that it alone knows.
    heard_of(page, held, 2)
    for one in held:
        one.continue_()
    expect(page.locator("[data-archive=PACS]")).to_contain_text("3 examens")
    expect(page.locator("[data-archive=Ancien]")).to_contain_text("ne répond pas")
    expect(rows).to_have_count(MANY + 3)
    assert sum(page.evaluate("window.drawn.splice(0)")) == 3

    # A key draws the line on which it acts, and those that are not in sight are not laid out.
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("c")
    expect(rows.nth(1).locator(".timeline-beside")).to_have_attribute("aria-pressed", "true")
    expect(rows.nth(1).locator(".timeline-link")).to_be_focused()
    assert page.evaluate("window.drawn.splice(0)") == [1]
    laid_out = """() => [...document.querySelectorAll('.timeline-row h3')]
        .filter(one => one.checkVisibility({ contentVisibilityAuto: true })).length"""
    assert 0 < page.evaluate(laid_out) < MANY / 10


@pytest.mark.parametrize("page", [PHONE], indirect=True, ids=["phone"])
def test_the_page_fits_a_phone(page: Page, laboratory: Laboratory, artefacts: Path) -> None:
    page.goto(f"{laboratory.address}/patients/{laboratory.patient}")
    expect(page.locator(".timeline-row")).to_have_count(4)
    expect(page.locator("[data-archive=Ancien]")).to_contain_text("does not answer")
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide)
    page.screenshot(path=artefacts / "timeline-phone.png", full_page=True)
    assert faults(page) == []
