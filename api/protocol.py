"""HTTP as uvicorn speaks it, with an end to how long and how slowly a stranger may ask."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES = 64 << 10
"""The request line and the headers; browsers send a tenth of it."""

HEAD_S = 20.0
"""From the first byte of a request, or from the connection, to the end of its headers."""


class Patience(HttpToolsProtocol):
    """Hangs up on a request whose head is too long or too slow.

    uvicorn sets no such limits with this parser: one connection could fill the memory and some
    thousand silent ones hold every descriptor, before anybody is asked for a token.
    """

    _until: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A request is awaited from now on."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._head_has_come()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Let the parser read on, unless the head does not end."""
        super().data_received(data)
        self._head_bytes += len(data)
        if self._until is not None and self._head_bytes > HEAD_BYTES:
            self.transport.close()

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """The end of the head; for what follows, uvicorn reads no more than is asked for."""
        self._head_has_come()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._head_has_come()
        self._head_bytes = 0
        self._until = self.loop.call_later(HEAD_S, self.transport.close)

    def _head_has_come(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None
