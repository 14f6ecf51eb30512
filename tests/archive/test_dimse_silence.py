"""A peer that falls silent in the midst of a message holds nobody for ever."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from pynetdicom.presentation import build_context

from archive import dimse_link
from archive.dimse import calling
from archive.dimse.calling import Called, associated
from archive.dimse_link import DimseLink
from archive.dimse_station import Station
from archive.errors import LinkDown
from archive.link import Named

PATIENCE_S = 60.0
"""So long it says nothing more; who hangs up does so long before, on any machine."""


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where the answer to an association begins, and that is all."""
    ended = threading.Event()

    def told() -> None:
        call, _ = listening.accept()
        with call:
            call.recv(1 << 16)
            call.sendall(b"\x02\x00\x00\x00\x01\x00")
            ended.wait(PATIENCE_S)

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=told)
        thread.start()
        yield listening.getsockname()[1]
        ended.set()
        thread.join()


def telling(port: int) -> None:
    DimseLink(Station("127.0.0.1", port, "X")).shown(Named("1.2", "1.3", "1.4", "1.5"))


def calling_out(port: int) -> None:
    with associated("ME", Called("X", "127.0.0.1", port), [build_context("1.2.840.10008.1.1")]):
        pass


@pytest.mark.parametrize("call", [telling, calling_out])
def test_a_peer_that_falls_silent_within_a_message_is_hung_up_on(
    silent: int, monkeypatch: pytest.MonkeyPatch, call: Callable[[int], None]
) -> None:
    monkeypatch.setattr(dimse_link, "TIMEOUT_S", 0.2)
    monkeypatch.setattr(calling, "SILENT_S", 0.2)
    began = time.monotonic()
    with pytest.raises(LinkDown):
        call(silent)
    assert time.monotonic() - began < PATIENCE_S / 2
