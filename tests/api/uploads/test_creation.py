"""The extension of tus 1.0.0 by which an upload is made, and the names that files may have."""

import pytest

from tests.api.uploads.client import TUS, Client, said

pytestmark = pytest.mark.places


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
