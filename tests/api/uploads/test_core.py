"""The core protocol of tus 1.0.0; each test names the part of it that it is of."""

import hashlib
from collections.abc import AsyncIterator

import pytest

from tests.api.uploads.client import PART, TUS, Client

pytestmark = pytest.mark.places


@pytest.mark.places(always=True)
def test_a_file_in_two_parts(client: Client) -> None:
    deposit = client.deposit()
    data = bytes(range(256)) * 5000
    location = client.announce(deposit, "folder/a.svs", len(data)).headers["location"]
    assert client.file(deposit, "folder/a.svs")["state"] == "waiting"
    first = client.patch(location, 0, data[:700_000])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "700000")
    assert client.offset(location) == 700_000
    assert client.file(deposit, "folder/a.svs")["state"] == "uploading"
    last = client.patch(location, 700_000, data[700_000:])
    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(data)))
    assert client.draft(location).read_bytes() == data
    found = client.file(deposit, "folder/a.svs")
    assert (found["state"], found["received_bytes"]) == ("checking", len(data))
    closed = client.web.post(
        f"/api/deposits/{deposit}/close",
        json={
            "files": [
                {
                    "path": "folder/a.svs",
                    "size_bytes": len(data),
                    "sha256": hashlib.sha256(data).hexdigest(),
                }
            ]
        },
    )
    assert closed.status_code == 200
    assert closed.json()["state"] == "closed"


def test_the_version_is_told_in_every_answer(client: Client) -> None:
    """Core protocol, Headers, Tus-Resumable: in every request and response but OPTIONS."""
    location = client.begin(10)
    answers = [
        client.web.head(location, headers=TUS),
        client.patch(location, 0, b"x" * 5),
        client.patch(location, 9, b"x"),
        client.web.head("/uploads/nothing", headers=TUS),
        client.web.request("DELETE", location, headers=TUS),
    ]
    assert [one.status_code for one in answers] == [200, 204, 409, 404, 204]
    assert {one.headers["tus-resumable"] for one in answers} == {"1.0.0"}


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0.1"])
@pytest.mark.parametrize("method", ["POST", "HEAD", "PATCH", "DELETE"])
def test_another_version_is_refused_and_nothing_done(
    client: Client, method: str, version: str | None
) -> None:
    """Core protocol, Headers, Tus-Version: 412 with the versions that are spoken."""
    location = client.begin(10)
    headers = {**PART, "upload-offset": "0", "upload-length": "10"}
    del headers["tus-resumable"]
    if version is not None:
        headers["tus-resumable"] = version
    address = "/uploads" if method == "POST" else location
    answer = client.web.request(method, address, headers=headers, content=b"x" * 10)
    assert (answer.status_code, answer.headers["tus-version"]) == (412, "1.0.0")
    assert client.offset(location) == 0


def test_what_is_offered(client: Client) -> None:
    """Core protocol, OPTIONS: version, extensions, the largest file; no Tus-Resumable is asked."""
    answer = client.web.request("OPTIONS", "/uploads")
    assert answer.status_code == 204
    assert answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation",
        "termination",
        "checksum",
        "expiration",
    }
    assert answer.headers["tus-checksum-algorithm"] == "sha256"
    assert int(answer.headers["tus-max-size"]) == client.settings.uploads.max_bytes


def test_head_tells_offset_and_length_and_is_kept_by_nobody(client: Client) -> None:
    """Core protocol, HEAD: Upload-Offset also for 0, Upload-Length, Cache-Control: no-store."""
    answer = client.web.head(client.begin(10), headers=TUS)
    assert answer.status_code == 200
    told = {name: answer.headers[name] for name in ("upload-offset", "upload-length")}
    assert told == {"upload-offset": "0", "upload-length": "10"}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers.get("content-length", "0") == "0"


def test_what_does_not_exist_has_no_offset(client: Client) -> None:
    """Core protocol, HEAD: 404, 410 or 403 without Upload-Offset."""
    answer = client.web.head("/uploads/nothing", headers=TUS)
    assert answer.status_code == 404
    assert "upload-offset" not in answer.headers


def test_a_part_says_what_it_is(client: Client) -> None:
    """Core protocol, PATCH: 415 for any other content type."""
    location = client.begin(4)
    headers = {**TUS, "upload-offset": "0", "content-type": "application/octet-stream"}
    answer = client.web.request("PATCH", location, headers=headers, content=b"data")
    assert answer.status_code == 415
    assert client.offset(location) == 0


@pytest.mark.parametrize("offset", [1, 3, 5, 10, 11])
def test_a_part_goes_on_where_the_file_ends(client: Client, offset: int) -> None:
    """Core protocol, PATCH: 409 where the offsets differ, and the upload is not changed."""
    location = client.begin(10)
    assert client.patch(location, 0, b"abcd").status_code == 204
    assert client.patch(location, offset, b"x").status_code == 409
    assert client.offset(location) == 4
    assert client.draft(location).read_bytes() == b"abcd"


@pytest.mark.parametrize("offset", ["", "-1", "1.5", "one", "9" * 40, "٣"])
def test_an_offset_is_a_number(client: Client, offset: str) -> None:
    """Core protocol, Headers, Upload-Offset: a non-negative integer."""
    location = client.begin(10)
    headers = {
        b"upload-offset": offset.encode(),
        **{k.encode(): v.encode() for k, v in PART.items()},
    }
    answer = client.web.request("PATCH", location, headers=headers, content=b"x")
    assert answer.status_code == 400


def test_a_part_is_no_longer_than_what_is_missing(client: Client) -> None:
    """Core protocol, PATCH: what would exceed Upload-Length is not taken."""
    location = client.begin(10)
    assert client.patch(location, 0, b"x" * 11).status_code == 400
    assert client.offset(location) == 0

    async def unmeasured() -> AsyncIterator[bytes]:
        yield b"x" * 6
        yield b"x" * 6

    headers = {**PART, "upload-offset": "0"}
    answer = client.web.request("PATCH", location, headers=headers, content=unmeasured())
    assert answer.status_code == 400
    assert client.offset(location) in {0, 6}


def test_a_method_may_be_said_in_a_header_of_a_post_alone(client: Client) -> None:
    """Core protocol, Headers, X-HTTP-Method-Override: for clients that have no PATCH.

    Not of a GET, which browsers send for any page: what changes things has to say that it does.
    """
    location = client.begin(4)
    headers = {**PART, "upload-offset": "0", "x-http-method-override": "PATCH"}
    assert client.web.get(location, headers=headers).status_code == 405
    assert client.offset(location) == 0
    assert client.web.post(location, headers=headers, content=b"data").status_code == 204
    assert client.offset(location) == 4
    headers["x-http-method-override"] = "DELETE"
    assert client.web.post(location, headers=headers).status_code == 204
    assert client.web.head(location, headers=TUS).status_code == 404
