"""Two users of one phone: neither sees nor sends what the other has taken."""

from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser import PHONE, faults, until
from tests.deposit.conftest import Server
from tests.phones.conftest import KEPT, begin, contributor
from tests.samples.photo import make_photo

RAW = """async () => {
    const asked = request => new Promise(done => request.onsuccess = () => done(request.result));
    const database = await asked(indexedDB.open("sansverre-queue"));
    const stores = database.transaction(["entry", "picture"]);
    const entries = await asked(stores.objectStore("entry").getAll());
    const pictures = await asked(stores.objectStore("picture").getAll());
    const all = [...entries.map(({ facts }) => facts), ...pictures.map(({ sealed }) => sealed)];
    return all.map(({ bytes }) => new TextDecoder("latin1").decode(bytes)).join("");
}"""
"""What somebody finds who reads the browser's database, besides numbers drawn by chance."""


def sign_in(context: BrowserContext, server: Server, user: str) -> None:
    token = contributor(server, user)
    context.add_cookies([{"name": "sansverre", "value": token, "url": server.address}])


def test_what_one_took_waits_for_them_and_for_nobody_else(
    phones_browser: Browser, plain: Server, tmp_path: Path, artefacts: Path
) -> None:
    photo = make_photo(tmp_path / "a.jpg", seed=77, width=300, height=225)
    unwanted = make_photo(tmp_path / "b.jpg", seed=78, width=300, height=225)
    session = begin(plain, contributor(plain, "first"))
    context = phones_browser.new_context(**PHONE)
    sign_in(context, plain, "first")
    context.route("**/uploads", lambda route: route.abort())
    page = context.new_page()
    page.goto(f"{plain.address}/capture/{session}")
    page.set_input_files("[data-brings=files]", [photo, unwanted])
    until(page, "localStorage.getItem('sansverre.waiting') === '1'")
    # Whoever leaves sooner takes a picture along that is not on the disk yet.
    until(page, f"({KEPT})().then(kept => kept.every(count => count === 2))")
    raw = page.evaluate(RAW)
    assert len(raw) > photo.stat().st_size + unwanted.stat().st_size
    assert session not in raw
    assert "JFIF" in photo.read_bytes().decode("latin-1")
    assert "JFIF" not in raw
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(f"{plain.address}/phones")
    expect(page.locator(".waiting-one img")).to_have_count(2)
    page.locator(".waiting-one").last.get_by_role("button", name="Discard").click()
    expect(page.locator(".waiting-one")).to_have_count(1)
    expect(page.locator(".waiting-one img")).to_be_visible()
    assert faults(page) == []
    page.screenshot(path=artefacts / "phones-waiting.png")
    sign_in(context, plain, "second")
    page.goto(f"{plain.address}/phones")
    expect(page.locator(".waiting-notes")).to_contain_text("1 photo of another user")
    assert page.locator(".waiting-one").count() == 0
    context.unroute("**/uploads")
    # Whoever it is that is signed in now, what waits is not sent for them.
    page.reload()
    expect(page.locator(".waiting-notes")).to_contain_text("1 photo of another user")
    sign_in(context, plain, "first")
    page.goto(f"{plain.address}/phones")
    until(page, "localStorage.getItem('sansverre.waiting') === null")
    there = f"fetch('/api/sessions/{session}').then(answer => answer.json())"
    until(page, f"{there}.then(({{photographs}}) => photographs.length === 1)")
    context.close()
