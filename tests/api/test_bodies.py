"""How much a request may bring: nobody fills the server's memory, signed in or not."""

from collections.abc import AsyncIterator

import pytest

from api.app import BODY_BYTES
from api.routes.at_the_door import KEY_BODY_BYTES
from tests.api.conftest import Installation, Web
from tests.api.uploads.client import Client

BLOCK = b" " * 65536


class Endless:
    """A body that goes on as long as somebody reads it, up to a gigabyte; counts what was read."""

    read = 0

    async def parts(self) -> AsyncIterator[bytes]:
        while self.read < 1 << 30:
            self.read += len(BLOCK)
            yield BLOCK


@pytest.mark.parametrize("address", ["/api/links", "/api/pair"])
def test_a_stranger_is_not_read_on_and_on(web: Web, address: str) -> None:
    body = Endless()
    headers = {"content-type": "application/json"}
    answer = web.post(address, content=body.parts(), headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (413, 413)
    assert body.read <= KEY_BODY_BYTES + 2 * len(BLOCK)


def test_nor_is_somebody_signed_in(web: Web, installation: Installation) -> None:
    body = Endless()
    headers = {"content-type": "application/json", **installation.bearer(establishment="north")}
    answer = web.request("PUT", "/api/me/card", content=body.parts(), headers=headers)
    assert answer.status_code == 413
    assert body.read <= BODY_BYTES + 2 * len(BLOCK)


def test_a_part_of_a_file_is_as_long_as_it_is(web: Web, installation: Installation) -> None:
    client = Client(web, installation.settings)
    assert BODY_BYTES < 20 << 20
    location = client.begin(20 << 20)
    assert client.patch(location, 0, bytes(20 << 20)).status_code == 204
