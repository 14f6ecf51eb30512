"""Who may send, how much, and what nobody learns."""

from dataclasses import replace

import pytest

from api.app import create_app
from api.policies import Role
from api.settings import Settings, UploadLimits
from tests.api.conftest import opened
from tests.api.uploads.client import TUS, Client

pytestmark = pytest.mark.places


def test_more_than_may_be_sent(settings: Settings) -> None:
    """413 says how much; what an establishment has on its way counts, another's does not."""
    limits = UploadLimits(max_bytes=100, quota_bytes=150)
    with opened(create_app(replace(settings, uploads=limits))) as web:
        client = Client(web, settings)
        deposit = client.deposit()
        large = client.announce(deposit, "a", 101)
        assert (large.status_code, large.json()["max_bytes"]) == (413, 100)
        assert client.announce(deposit, "b", 100).status_code == 201
        over = client.announce(deposit, "c", 51)
        assert over.status_code == 413
        assert {name: over.json()[name] for name in ("quota_bytes", "used_bytes")} == {
            "quota_bytes": 150,
            "used_bytes": 100,
        }
        assert client.announce(deposit, "d", 50).status_code == 201
        client.sign_in("south")
        assert client.announce(client.deposit(), "c", 51).status_code == 201


def test_a_disk_without_room(settings: Settings) -> None:
    limits = UploadLimits(headroom_bytes=1 << 60)
    with opened(create_app(replace(settings, uploads=limits))) as web:
        client = Client(web, settings)
        full = client.announce(client.deposit(), "a", 10)
        assert full.status_code == 507
        assert full.json()["needed_bytes"] == 10


def test_another_establishment_learns_nothing(client: Client) -> None:
    deposit = client.deposit()
    location = client.announce(deposit, "a.svs", 4).headers["location"]
    client.patch(location, 0, b"ab")
    client.sign_in("south")
    assert client.web.head(location, headers=TUS).status_code == 404
    assert client.patch(location, 2, b"cd").status_code == 404
    assert client.web.request("DELETE", location, headers=TUS).status_code == 404
    assert client.announce(deposit, "b.svs", 4).status_code == 404
    address = f"/api/deposits/{deposit}"
    assert client.web.get(address).status_code == 404
    assert client.web.request("PUT", f"{address}/order", json={}).status_code == 404
    assert client.web.post(f"{address}/close", json={}).status_code == 404
    assert client.web.request("DELETE", address).status_code == 404
    assert client.web.get("/api/deposits").json() == {"deposits": []}
    client.sign_in("north")
    assert client.offset(location) == 2
    assert len(client.web.get("/api/deposits").json()["deposits"]) == 1


def test_readers_send_nothing(client: Client) -> None:
    client.sign_in("north", Role.READER)
    assert client.web.get("/api/deposits").status_code == 403
    assert client.web.post("/api/deposits", json={}).status_code == 403
    assert client.web.request("OPTIONS", "/uploads").status_code == 403


def test_nothing_of_a_name_is_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    client.begin(4, path="DOE^JANE.svs")
    client.announce(client.deposit(), "../DOE^JANE.svs", 4)
    assert "DOE" not in caplog.text
