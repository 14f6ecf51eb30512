"""A client that asks for a file and takes nothing of it until told to."""

import asyncio
import json
from collections.abc import Callable
from typing import Any


class Slow:
    """A client that asks for a file and, once that begins, takes nothing of it until told to.

    Where `takes_each` is stated it takes every part, after calling that. `parts` are what it took.
    """

    def __init__(
        self,
        app: Any,
        headers: dict[str, str],
        asked: dict[str, Any],
        takes_each: Callable[[], None] | None = None,
    ) -> None:
        self.begun, self.takes, self.waits = (asyncio.Event() for _ in range(3))
        self.parts: list[dict[str, Any]] = []
        self._takes_each = takes_each
        self._body, self._headers = json.dumps(asked).encode(), headers
        self.task = asyncio.create_task(app(self._scope(), self._receive, self._send))

    def _scope(self) -> dict[str, Any]:
        headers = {**self._headers, "content-type": "application/json", "host": "127.0.0.1"}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/api/exports",
            "raw_path": b"/api/exports",
            "query_string": b"",
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }

    async def _receive(self) -> dict[str, Any]:
        if self._body:
            body, self._body = self._body, b""
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
            self.begun.set()
            return
        if self._takes_each is None:
            self.waits.set()
            await self.takes.wait()
        else:
            # Whoever has no time left for it is told so before the part is taken.
            await asyncio.sleep(0)
            self._takes_each()
        self.parts.append(message)
