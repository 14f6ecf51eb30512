"""A phone's pictures arrive once and whole, though the network breaks and the server dies."""

import hashlib
import random
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, expect

from archive.catalog import Catalog
from archive.record import ImageState, ObjectRole
from tests.browser import PHONE, attentive
from tests.deposit.conftest import Server
from tests.deposit.page import SOON_MS
from tests.phones.conftest import KEPT, begin, contributor
from tests.phones.network import Network

CUTS = 20


def photos(folder: Path, count: int) -> dict[str, Path]:
    """Pictures of noise, as heavy as photographs and soon made, by their files' SHA-256."""
    chance = np.random.default_rng(20)
    made = {}
    for number in range(count):
        path = folder / f"{number}.jpg"
        noise = chance.integers(0, 256, (600, 700, 3), np.uint8)
        Image.fromarray(noise).save(path, quality=90)
        made[hashlib.sha256(path.read_bytes()).hexdigest()] = path
    return made


def test_pictures_arrive_once_through_twenty_cuts_a_kill_and_a_closed_tab(
    phones_browser: Browser, plain: Server, tmp_path: Path
) -> None:
    taken = photos(tmp_path, 3)
    total = sum(one.stat().st_size for one in taken.values())
    chance = random.Random(20)
    cuts = [chance.randrange(20_000, total) for _ in range(CUTS)]
    token = contributor(plain)
    session = begin(plain, token)
    port = int(plain.address.rpartition(":")[2])
    with Network(port, cuts, [CUTS // 3, 2 * CUTS // 3]) as network:
        address = f"http://127.0.0.1:{network.port}"
        context = phones_browser.new_context(**PHONE)
        context.add_cookies([{"name": "sansverre", "value": token, "url": address}])
        with attentive(context) as page:
            page.goto(f"{address}/capture/{session}")
            page.set_input_files("input[type=file] >> nth=-1", list(taken.values()))
            while len(network.cut_at) < CUTS // 3:
                page.wait_for_timeout(20)
            again = context.new_page()
            page.close()
            again.goto(f"{address}/phones")
            expect(again.locator(".waiting-one").first).to_be_visible()
            network.go_on()
            while len(network.cut_at) < 2 * CUTS // 3:
                again.wait_for_timeout(20)
            plain.kill()
            plain.start()
            network.go_on()
            expect(again.locator(".waiting-one")).to_have_count(0, timeout=SOON_MS)
            expect(again.locator(".waiting-notes")).to_contain_text("Nothing waits")
            assert again.evaluate(KEPT) == [0, 0]
    assert len(network.cut_at) == CUTS
    require_once(plain, session, taken)


def require_once(server: Server, session: str, taken: dict[str, Path]) -> None:
    """Each file is one object, of one image, and nothing else is left of what was sent."""
    data = Path(server.environment["SANSVERRE_DATA"])
    stored = Counter(
        hashlib.sha256(one.read_bytes()).hexdigest()
        for one in (data / "objects").glob("??/*")
        # What the worker makes of them is still being written.
        if "#" not in one.name
    )
    assert {sha256: stored[sha256] for sha256 in taken} == dict.fromkeys(taken, 1)
    with Catalog.open(f"sqlite:///{data / 'catalog.sqlite'}") as catalog:
        visit = catalog.sessions.session(session, establishment="local")
        exam = catalog.exam(visit.exam_id, establishment="local", states=tuple(ImageState))
        assert sorted(image.source_sha256 for image in exam.images) == sorted(taken)
        for image in exam.images:
            assert len(image.objects_as(ObjectRole.ORIGINAL)) == 1
    assert list((data / "objects" / "incoming").iterdir()) == []
