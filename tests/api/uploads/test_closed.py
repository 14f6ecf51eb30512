"""A deposit is closed by saying what it holds."""

import hashlib

import pytest

from tests.api.uploads.client import TUS, Client

pytestmark = pytest.mark.places


def test_a_deposit_is_closed_when_all_has_come(client: Client) -> None:
    deposit = client.deposit()
    whole = client.announce(deposit, "whole", 2).headers["location"]
    part = client.announce(deposit, "part", 2).headers["location"]
    client.announce(deposit, "given up", 2)
    client.patch(whole, 0, b"ab")
    client.patch(part, 0, b"a")
    names = ("whole", "part", "never")
    files = [{"path": name, "size_bytes": 2} for name in names]
    close = f"/api/deposits/{deposit}/close"
    answer = client.web.post(close, json={"files": files})
    assert (answer.status_code, answer.json()["missing"]) == (409, ["part", "never"])
    client.patch(part, 1, b"b")
    for _ in range(2):
        closed = client.web.post(close, json={"files": files[:2]}).json()
        assert closed["state"] == "closed"
        assert [one["path"] for one in closed["files"]] == ["part", "whole"]
    assert client.announce(deposit, "another", 2).status_code == 409
    assert client.web.request("DELETE", whole, headers=TUS).status_code == 409


def test_a_digest_may_be_said_at_the_end(client: Client) -> None:
    deposit = client.deposit()
    location = client.announce(deposit, "a", 2).headers["location"]
    client.patch(location, 0, b"ab")
    digest = hashlib.sha256(b"cd").hexdigest()
    files = [{"path": "a", "size_bytes": 2, "sha256": digest}]
    closed = client.web.post(f"/api/deposits/{deposit}/close", json={"files": files}).json()
    assert closed["files"][0]["reason"]["code"] == "digest"
    assert not client.draft(location).exists()
