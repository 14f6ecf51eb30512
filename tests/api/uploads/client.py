"""What sends files by tus 1.0.0 to an application in this process."""

import base64
from pathlib import Path
from typing import Any

import httpx

from api.doors import Doors
from api.policies import Role
from api.settings import Settings, signing_key
from archive.storage import Storage
from tests.api.conftest import Web

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
        store = Storage.open(self.settings.objects_url)
        return store.drafts(self.settings.data / "incoming") / address.rpartition("/")[2]
