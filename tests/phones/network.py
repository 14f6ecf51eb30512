"""A network between a browser and a server that breaks where it is told to."""

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self


class Network:
    """Passes connections on to a port, and cuts one at each offset of all that is sent.

    After so many cuts no upload goes on before `go_on` was called: once for each of `stops`.
    """

    def __init__(self, port: int, cuts: list[int], stops: list[int]) -> None:
        self.cut_at: list[int] = []
        self._stops = sorted(stops)
        self._may_go_on = asyncio.Event()
        self._to, self._cuts, self._sent = port, sorted(cuts), 0
        self._open: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        opening = asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result()
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(30)
        self._loop.close()

    def go_on(self) -> None:
        """Let uploads go on, up to the next stop."""
        self._loop.call_soon_threadsafe(self._let_go_on)

    def _let_go_on(self) -> None:
        self._stops.pop(0)
        self._may_go_on.set()

    async def _held_up(self) -> None:
        while self._stops and len(self.cut_at) >= self._stops[0]:
            self._may_go_on.clear()
            await self._may_go_on.wait()

    async def _stop(self) -> None:
        self._server.close()
        # Connections end by themselves when their streams do.
        for writer in self._open:
            writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    async def _pass_on(
        self, browser: asyncio.StreamReader, to_browser: asyncio.StreamWriter
    ) -> None:
        to_server = None
        self._open.add(to_browser)
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self._to)
            ways = {
                asyncio.create_task(self._sent_on(browser, to_server)),
                asyncio.create_task(answered(server, to_browser)),
            }
            _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in left:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            # The server is not there just now: the browser finds its connection closed.
            pass
        finally:
            self._open.discard(to_browser)
            for writer in (to_browser, to_server):
                if writer is not None:
                    writer.transport.abort()

    async def _sent_on(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        is_upload = False
        with contextlib.suppress(ConnectionError):
            while data := await source.read(16 << 10):
                # A browser asks for one thing after the other: each begins what is read.
                if data.startswith((b"GET ", b"HEAD ", b"POST ", b"PATCH ")):
                    is_upload = data.startswith(b"PATCH ")
                if is_upload:
                    await self._held_up()
                self._sent += len(data)
                if self._cuts and self._sent >= self._cuts[0]:
                    self.cut_at.append(self._cuts.pop(0))
                    return
                to.write(data)
                await to.drain()


async def answered(source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(64 << 10):
            to.write(data)
            await to.drain()
