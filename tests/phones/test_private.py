"""Under a name that is not the loopback's: plain HTTP explains itself, and HTTPS photographs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from api.certificate import Made
from tests.browser import DESKTOP, PHONE, attentive, faults, until
from tests.deposit.conftest import Server
from tests.phones.conftest import begin, by_name, contributor


@pytest.fixture(scope="module")
def secure(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("secure"),
        SANSVERRE_TLS_CERTIFICATE=str(made.certificate),
        SANSVERRE_TLS_KEY=str(made.key),
    )
    yield server
    server.stop()


def signed_in(browser: Browser, server: Server, device: dict[str, Any]) -> BrowserContext:
    context = browser.new_context(**device)
    token = contributor(server)
    context.add_cookies([{"name": "sansverre", "value": token, "url": by_name(server)}])
    return context


def test_plain_http_says_what_to_do_and_takes_nothing(
    phones_browser: Browser, plain: Server, artefacts: Path
) -> None:
    context = signed_in(phones_browser, plain, PHONE)
    # Not listened to: the browser itself complains of such an address.
    page = context.new_page()
    for address in ("/capture", "/capture/x", "/phones", "/pair#key=secret"):
        page.goto(f"{by_name(plain)}{address}")
        expect(page.locator("[data-problem=insecure]")).to_contain_text("https://")
        assert page.locator("input[type=file]").count() == 0
    page.screenshot(path=artefacts / "phones-insecure.png")
    assert page.evaluate("isSecureContext") is False
    page.locator(".language").click()
    expect(page.locator("[data-problem=insecure]")).to_contain_text("n’est pas privée")
    refused = "fetch('/api/phones', {method: 'POST'}).then(({status}) => status)"
    assert page.evaluate(refused) == 403
    context.close()


def shown_code(page: Page, picture: Path) -> str:
    """What a phone's camera reads of the code on the screen."""
    page.locator(".qr-code").screenshot(path=picture)
    with Image.open(picture) as screen:
        (found,) = zxingcpp.read_barcodes(screen)
    return found.text


def test_a_phone_comes_in_by_the_code_photographs_and_is_ended(
    phones_browser: Browser, secure: Server, made: Made, artefacts: Path
) -> None:
    asked: list[str] = []
    token = contributor(secure)
    session = begin(secure, token, made.authority)
    with (
        attentive(signed_in(phones_browser, secure, DESKTOP)) as desk,
        attentive(phones_browser.new_context(**PHONE)) as phone,
    ):
        desk.goto(f"{by_name(secure)}/capture/{session}")
        desk.get_by_role("link", name="Associer un téléphone à cette séance").click()
        desk.get_by_role("button", name="Associer un téléphone à cette séance").click()
        link = shown_code(desk, artefacts / "phones-code.png")
        assert faults(desk) == []
        desk.screenshot(path=artefacts / "phones-desktop.png")
        assert link.startswith(f"{by_name(secure)}/pair#key=")
        phone.on("request", lambda request: asked.append(request.url))
        phone.goto(link)
        expect(phone).to_have_url(f"{by_name(secure)}/pair")
        assert faults(phone) == []
        phone.screenshot(path=artefacts / "phones-pair.png")
        phone.get_by_role("button", name="Let this phone in").click()
        phone.wait_for_url(f"**/capture/{session}")
        assert not [one for one in asked if link.partition("=")[2] in one]
        expect(desk.locator(".pairing")).to_contain_text("est associé")
        photographed(phone, f"{by_name(secure)}/capture/{session}")
        others = phone.evaluate("fetch('/api/sessions').then(({status}) => status)")
        assert others == 403
        desk.locator(".phone").get_by_role("button", name=re.compile("Terminer")).click()
        expect(desk.locator(".phone")).to_have_count(0)
        phone.goto(f"{by_name(secure)}/phones")
        expect(phone.locator("[data-problem=session]")).to_be_visible()
        phone.goto(link)
        phone.get_by_role("button", name="Let this phone in").click()
        expect(phone.locator("[data-pairing=spent]")).to_be_visible()


def photographed(phone: Page, address: str) -> None:
    """A picture of the camera is on the server, and waits on the phone no more."""
    phone.goto(address)
    shutter = phone.get_by_role("button", name="Take the photo")
    expect(shutter).to_be_enabled()
    shutter.click()
    session = address.rpartition("/")[2]
    there = f"fetch('/api/sessions/{session}').then(answer => answer.json())"
    until(phone, f"{there}.then(({{photographs}}) => photographs.length === 1)")
    phone.goto(address.partition("/capture")[0] + "/phones")
    expect(phone.locator(".waiting-notes")).to_contain_text("Nothing waits")
    expect(phone.locator(".phone-here")).to_be_visible()


def test_the_page_opens_without_a_network_and_keeps_no_patient(
    phones_browser: Browser, secure: Server, made: Made
) -> None:
    with attentive(signed_in(phones_browser, secure, PHONE)) as page:
        page.goto(f"{by_name(secure)}/phones")
        until(page, "navigator.serviceWorker.controller !== null")
        kept = page.evaluate(
            "caches.keys().then(names => Promise.all(names.map(name => caches.open(name)"
            ".then(cache => cache.keys())))).then(all => all.flat().map(({url}) => url))"
        )
        assert {one.removeprefix(by_name(secure)).split("/")[1] for one in kept} == {"", "assets"}
        page.context.set_offline(True)
        page.goto(f"{by_name(secure)}/phones")
        expect(page.locator("[data-problem=network]")).to_be_visible()
        page.context.set_offline(False)
        expect(page.locator(".phones")).to_be_visible()
