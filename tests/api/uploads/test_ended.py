"""The extensions of tus 1.0.0 by which an upload is checked, expires, or is given up."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from archive.catalog import Catalog
from tests.api.uploads.client import TUS, Client

pytestmark = pytest.mark.places


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
    become = client.web.head(location, headers=TUS).headers
    assert (become["upload-state"], become["upload-reason"]) == ("refused", "digest")
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
