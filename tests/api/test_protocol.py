"""How long a stranger may take to ask."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

import api.protocol
from api.dispatch import Dispatcher
from tests.serving import LONG_S

HEAD_S = 0.1


@pytest.fixture
def port(app: Dispatcher, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Where the application answers, with little patience."""
    monkeypatch.setattr(api.protocol, "HEAD_S", HEAD_S)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(app, http=api.protocol.Patience, log_config=None, timeout_keep_alive=30)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    yield int(listening.getsockname()[1])
    server.should_exit = True
    thread.join()
    listening.close()


def answer(line: socket.socket) -> bytes:
    """The status, once all of the answer has come."""
    got = b""
    while not got.endswith(b"}"):
        part = line.recv(65536)
        assert part, "it hung up"
        got += part
    return got[9:12]


def is_closed(line: socket.socket) -> bool:
    line.settimeout(LONG_S)
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        # As the system says where something came that nobody read any more.
        return True


ASKED = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("begun", [b"", b"G", ASKED[:-2]])
def test_a_slow_head_is_hung_up_on(port: int, begun: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.sendall(begun)
        assert is_closed(line)


def test_a_second_request_has_its_own_time_and_no_more(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.protocol, "HEAD_S", 3600.0)
    with socket.create_connection(("127.0.0.1", port)) as line:
        for _ in range(3):
            line.sendall(ASKED)
            assert answer(line) == b"200"
            # A head that comes in one piece is read in no time; a connection may rest after it.
            monkeypatch.setattr(api.protocol, "HEAD_S", HEAD_S)
            time.sleep(2 * HEAD_S)
        line.sendall(ASKED[:20])
        assert is_closed(line)
