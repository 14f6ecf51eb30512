"""Two writers, killed processes, lost drafts and broken networks."""

import os

import pytest
from starlette.types import Message

from archive.draft import held
from tests.api.uploads.client import PART, Client

pytestmark = pytest.mark.places


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
