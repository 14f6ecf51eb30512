"""tus 1.0.0 as it is spoken here; each test names the part of the protocol that it is of."""

import base64
import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message

from api.app import create_app
from api.doors import Doors, Role
from api.settings import Settings, UploadLimits, signing_key
from archive.catalog import Catalog
from archive.draft import held
from tests.api.conftest import Web, opened

TUS = {"tus-resumable": "1.0.0"}
PART = {**TUS, "content-type": "application/offset+octet-stream"}


def said(**words: str) -> str:
    return ",".join(
        f"{name} {base64.b64encode(word.encode()).decode()}" for name, word in words.items()
    )


class Client:
    """A contributor of the north."""

    def __init__(self, web: Web, settings: Settings) -> None:
        self.web, self.settings = web, settings
        self.sign_in("north")

    def sign_in(self, establishment: str | None, role: Role = Role.CONTRIBUTOR) -> None:
        token = Doors(signing_key(self.settings)).issue(role, establishment)
        self.web.headers.update({"authorization": f"Bearer {token}"})

    def deposit(self, **order: Any) -> str:
        answer = self.web.post("/api/deposits", json=order)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def announce(self, deposit: str, path: str, length: int, **more: str) -> httpx.Response:
        metadata = said(deposit=deposit, path=path, **more)
        headers = {**TUS, "upload-length": str(length), "upload-metadata": metadata}
        return self.web.post("/uploads", headers=headers)

    def begin(self, length: int, path: str = "a.svs", **more: str) -> str:
        answer = self.announce(self.deposit(), path, length, **more)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"]

    def patch(self, address: str, offset: int, data: bytes, **more: str) -> httpx.Response:
        headers = {**PART, "upload-offset": str(offset), **more}
        return self.web.request("PATCH", address, headers=headers, content=data)

    def offset(self, address: str) -> int:
        answer = self.web.head(address, headers=TUS)
        assert answer.status_code == 200
        return int(answer.headers["upload-offset"])

    def file(self, deposit: str, path: str = "a.svs") -> dict[str, Any]:
        files = self.web.get(f"/api/deposits/{deposit}").json()["files"]
        (found,) = [one for one in files if one["path"] == path]
        return dict(found)

    def draft(self, address: str) -> Path:
        return self.settings.objects / "incoming" / address.rpartition("/")[2]


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with opened(create_app(settings)) as web:
        yield Client(web, settings)


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


def test_an_upload_is_made(client: Client) -> None:
    """Creation, POST: 201 with Location; an empty file is complete at once."""
    deposit = client.deposit()
    answer = client.announce(deposit, "empty.txt", 0)
    assert answer.status_code == 201
    assert answer.headers["location"].startswith("/uploads/")
    assert client.file(deposit, "empty.txt")["state"] == "checking"
    assert client.draft(answer.headers["location"]).read_bytes() == b""


def test_the_same_file_again_is_the_same_upload(client: Client) -> None:
    deposit = client.deposit()
    first, again = (client.announce(deposit, "a.svs", 10) for _ in range(2))
    assert first.headers["location"] == again.headers["location"]
    assert client.patch(first.headers["location"], 0, b"x" * 10).status_code == 204
    third = client.announce(deposit, "a.svs", 10)
    assert (third.headers["location"], third.headers["upload-offset"]) == (
        first.headers["location"],
        "10",
    )
    assert client.announce(deposit, "a.svs", 11).status_code == 409


@pytest.mark.parametrize(
    "path",
    ["../a", "/a", "a//b", "a/./b", "a/..", "a\0b", "a\nb", "a" * 256, "a/" * 300 + "a", "é" * 200],
)
def test_a_path_leads_nowhere_else(client: Client, path: str) -> None:
    assert client.announce(client.deposit(), path, 1).status_code == 422


def test_a_file_is_no_folder(client: Client) -> None:
    deposit = client.deposit()
    assert client.announce(deposit, "a/b", 1).status_code == 201
    assert client.announce(deposit, "a", 1).status_code == 409
    assert client.announce(deposit, "a/b/c", 1).status_code == 409
    assert client.announce(deposit, "a0", 1).status_code == 201


@pytest.mark.parametrize(
    "metadata",
    ["", "deposit", "path YQ==", "deposit YQ==", "deposit YQ==,path !", "deposit /w==,path YQ=="],
)
def test_metadata_is_pairs_of_a_key_and_base64(client: Client, metadata: str) -> None:
    """Creation, Upload-Metadata."""
    headers = {**TUS, "upload-length": "1", "upload-metadata": metadata}
    assert client.web.post("/uploads", headers=headers).status_code == 400


@pytest.mark.parametrize("length", [None, "-1", "x", ""])
def test_a_length_is_a_number(client: Client, length: str | None) -> None:
    """Creation, Upload-Length; lengths that are said later are not offered."""
    headers = {**TUS, "upload-metadata": said(deposit=client.deposit(), path="a")}
    if length is not None:
        headers["upload-length"] = length
    assert client.web.post("/uploads", headers=headers).status_code == 400


def test_a_part_is_what_its_checksum_says(client: Client) -> None:
    """Checksum: 460 for a mismatch, and the part is dropped; 400 for another algorithm."""
    data = b"abcdefgh" * 100
    location = client.begin(len(data) * 2, sha256=hashlib.sha256(data * 2).hexdigest())
    right = f"sha256 {base64.b64encode(hashlib.sha256(data).digest()).decode()}"
    assert client.patch(location, 0, data, **{"upload-checksum": right}).status_code == 204
    wrong = client.patch(location, len(data), b"x" * len(data), **{"upload-checksum": right})
    assert wrong.status_code == 460
    assert wrong.headers["content-type"] == "application/problem+json"
    assert client.offset(location) == len(data)
    assert client.draft(location).read_bytes() == data
    for header in ("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", "sha256 AAAA", "sha256 *", "sha256"):
        answer = client.patch(location, len(data), data, **{"upload-checksum": header})
        assert answer.status_code == 400, header
    last = client.patch(location, len(data), data, **{"upload-checksum": right})
    assert last.status_code == 204
    assert client.draft(location).read_bytes() == data * 2


def test_a_file_that_came_otherwise_is_refused_and_not_kept(client: Client) -> None:
    deposit = client.deposit()
    sha256 = hashlib.sha256(b"what was meant").hexdigest()
    location = client.announce(deposit, "a.svs", 14, sha256=sha256).headers["location"]
    assert client.patch(location, 0, b"what was heard").status_code == 204
    told = client.file(deposit)
    assert (told["state"], told["reason"]["code"]) == ("refused", "digest")
    assert told["reason"]["fr"]
    assert told["reason"]["en"]
    assert not client.draft(location).exists()
    anew = client.announce(deposit, "a.svs", 14, sha256=sha256).headers["location"]
    assert anew != location
    assert client.patch(anew, 0, b"what was meant").status_code == 204
    assert client.file(deposit)["state"] == "checking"


def test_when_an_upload_expires_is_told(client: Client) -> None:
    """Expiration: Upload-Expires, as RFC 9110 writes dates, while it is unfinished."""
    location = client.begin(4)
    told = client.web.head(location, headers=TUS).headers["upload-expires"]
    left = parsedate_to_datetime(told) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    assert "upload-expires" in client.patch(location, 0, b"ab").headers
    assert "upload-expires" not in client.patch(location, 2, b"cd").headers


def test_an_expired_upload_is_gone(client: Client) -> None:
    """Expiration: 404 or 410; here 410, and the same file begins anew."""
    deposit = client.deposit()
    location = client.announce(deposit, "a.svs", 4).headers["location"]
    client.patch(location, 0, b"ab")
    with Catalog.open(client.settings.database_url) as catalog:
        assert catalog.uploads.expire(datetime.now(UTC)) == 0
        assert catalog.uploads.expire(datetime.now(UTC) + timedelta(days=8)) == 1
    assert client.web.head(location, headers=TUS).status_code == 410
    assert client.patch(location, 2, b"cd").status_code == 410
    assert client.file(deposit)["reason"]["code"] == "expired"
    again = client.announce(deposit, "a.svs", 4)
    assert again.headers["upload-offset"] == "0"


def test_an_upload_is_given_up(client: Client) -> None:
    """Termination: 204, then 404 or 410; what it held is free."""
    location = client.begin(4)
    client.patch(location, 0, b"ab")
    assert client.web.request("DELETE", location, headers=TUS).status_code == 204
    assert client.web.head(location, headers=TUS).status_code == 404
    assert client.web.request("DELETE", location, headers=TUS).status_code == 404
    assert not client.draft(location).exists()


def test_one_of_two_writers_wins(client: Client) -> None:
    location = client.begin(4)
    with held(client.draft(location)):
        assert client.patch(location, 0, b"abcd").status_code == 423
    assert client.patch(location, 0, b"abcd").status_code == 204
    assert client.patch(location, 0, b"abcd").status_code == 409


def test_what_a_killed_process_wrote_beyond_its_word_is_cut(client: Client) -> None:
    location = client.begin(8)
    client.patch(location, 0, b"abcd")
    with client.draft(location).open("ab") as stream:
        stream.write(b"zz")
    assert client.offset(location) == 4
    assert client.patch(location, 4, b"efgh").status_code == 204
    assert client.draft(location).read_bytes() == b"abcdefgh"


def test_a_draft_that_was_lost_is_begun_anew(client: Client) -> None:
    location = client.begin(8)
    client.patch(location, 0, b"abcd")
    os.truncate(client.draft(location), 2)
    assert client.patch(location, 4, b"efgh").status_code == 409
    assert client.offset(location) == 2
    assert client.patch(location, 2, b"cdefgh").status_code == 204
    assert client.draft(location).read_bytes() == b"abcdefgh"


def test_what_came_before_a_network_broke_is_kept(client: Client) -> None:
    location = client.begin(8)

    headers = {**PART, "upload-offset": "0"}
    app, token = client.web.client._transport.app, client.web.headers["authorization"]  # type: ignore[attr-defined]

    async def cut() -> int:
        messages: list[Message] = [
            {"type": "http.request", "body": b"abc", "more_body": True},
            {"type": "http.disconnect"},
        ]
        statuses: list[int] = []

        async def receive() -> Message:
            return messages.pop(0)

        async def send(message: Message) -> None:
            statuses.append(message.get("status", 0))

        raw = {**headers, "authorization": token, "host": "test"}
        scope = {
            "type": "http",
            "method": "PATCH",
            "path": location,
            "raw_path": location.encode(),
            "query_string": b"",
            "scheme": "http",
            "http_version": "1.1",
            "headers": [(name.encode(), value.encode()) for name, value in raw.items()],
        }
        await app(scope, receive, send)
        return statuses[0]

    assert client.web.call(cut) == 408
    assert client.offset(location) == 3
    assert client.patch(location, 3, b"defgh").status_code == 204
    assert client.draft(location).read_bytes() == b"abcdefgh"


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


def test_nothing_of_a_name_is_logged(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    client.begin(4, path="DOE^JANE.svs")
    client.announce(client.deposit(), "../DOE^JANE.svs", 4)
    assert "DOE" not in caplog.text
