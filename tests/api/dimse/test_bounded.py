"""What a peer may ask is stated for every service, and nobody takes more than there is."""

import queue
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import uid_to_service_class

from api.dimse import server
from api.dimse.policies import POLICIES
from api.dimse.server import listening
from api.dimse.site import Site
from api.dimse.table import Bounds, Destination, Peer, Right, Table
from api.instances.acceptance import Acceptance
from api.settings import Settings
from archive.catalog import Catalog
from archive.storage import Storage
from tests.api.dimse.conftest import Served, answering
from tests.api.dimse.test_found import FIND, ask
from tests.api.dimse.test_moved import MOVE, counts
from tests.serving import LONG_S, until

VERIFICATION = "1.2.840.10008.1.1"


def called(port: int, title: str, *classes: str) -> Association:
    entity = AE(title)
    for one in classes:
        entity.add_requested_context(one)
    return entity.associate("127.0.0.1", port, ae_title="SANSVERRE")


@pytest.mark.parametrize(
    ("title", "may"),
    [
        ("ECHOES", set()),
        ("READER", {Right.FIND, Right.MOVE}),
        ("SCANNER", {Right.STORE, Right.COMMIT}),
    ],
)
def test_a_peer_is_offered_what_it_may_and_nothing_else(
    served: Served, title: str, may: set[Right]
) -> None:
    # C-GET is no service of ours, CT no kind that is taken.
    others = ["1.2.840.10008.5.1.4.1.2.2.3", "1.2.840.10008.5.1.4.1.1.2"]
    association = called(served.port, title, *POLICIES, *others)
    agreed = {str(one.abstract_syntax) for one in association.accepted_contexts}
    association.release()
    assert agreed == {one for one, right in POLICIES.items() if right in {Right.ECHO, *may}}


def test_every_service_has_a_right_and_a_provider() -> None:
    assert set(POLICIES.values()) == set(Right)
    for uid in POLICIES:
        assert uid_to_service_class(uid).__name__ != "ServiceClass", uid


@pytest.fixture(scope="module")
def narrow(
    archive: tuple[Settings, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    """A process that takes two associations and tells one answer; its port."""
    folder = tmp_path_factory.mktemp("narrow")
    table = folder / "dimse.toml"
    table.write_text(
        'address = "127.0.0.1:0"\n[limits]\nassociations = 2\nfound = 1\n'
        '[peers.READER]\nestablishment = "north"\nmay = ["find"]\n'
    )
    with answering(archive[0], table, folder / "log") as (port, _):
        yield port


def test_more_than_is_told_at_once_is_never_taken_for_all(narrow: int) -> None:
    association = let_in(narrow, FIND)
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", ""
    statuses = [one.Status for one, _ in association.send_c_find(identifier, FIND)]
    association.release()
    assert statuses == [0xFF00, 0xA700]


def let_in(port: int, sop_class: str = VERIFICATION) -> Association:
    """One more; the one of a test before may not have ended for the other side yet."""
    until = time.monotonic() + LONG_S
    while not (one := called(port, "READER", sop_class)).is_established:
        assert time.monotonic() < until
        time.sleep(0.05)
    return one


def test_one_association_too_many_is_refused_for_now(narrow: int) -> None:
    several = [let_in(narrow) for _ in range(2)]
    another = called(narrow, "READER", VERIFICATION)
    assert another.is_rejected
    answer: Any = another.acceptor.primitive
    assert (answer.result, answer.result_source, answer.diagnostic) == (2, 3, 2)
    for one in several:
        one.release()


def test_who_says_that_much_comes_is_cut_off(served: Served) -> None:
    # The head of an A-ASSOCIATE-RQ of almost 4 GiB.
    with socket.create_connection(("127.0.0.1", served.port), timeout=LONG_S) as line:
        line.sendall(pack(">BBL", 1, 0, 0xFFFFFFF0) + bytes(100))
        assert line.recv(1) == b""
    assert [one.Status for one in ask(served, QueryRetrieveLevel="STUDY", PatientID="none")] == [0]


def test_a_query_without_end_is_cut_off(served: Served) -> None:
    association = called(served.port, "READER", FIND)
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.AccessionNumber = ""
    identifier.TextValue = "x" * (3 << 20)
    line = association.dul.socket
    assert line is not None
    assert line.socket is not None
    # pynetdicom leaves a line open that the other end has closed.
    with line.socket:
        statuses = [one.get("Status") for one, _ in association.send_c_find(identifier, FIND)]
        assert statuses == [None]
    assert [one.Status for one in ask(served, QueryRetrieveLevel="STUDY", PatientID="none")] == [0]


@dataclass
class Slow:
    """A receiver that answers nothing until it is let go on."""

    arrived: "queue.Queue[str]"
    go_on: threading.Event


@pytest.fixture
def slow(served: Served) -> Iterator[Slow]:
    one = Slow(queue.Queue(), threading.Event())

    def receive(event: evt.Event) -> int:
        one.arrived.put(str(getattr(event.request, "AffectedSOPInstanceUID", "")))
        return 0x0000 if one.go_on.wait(LONG_S) else 0xA700

    entity = AE("SLOW")
    entity.add_supported_context("1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.840.10008.1.2.4.50")
    server = entity.start_server(
        ("127.0.0.1", served.slow_port), block=False, evt_handlers=[(evt.EVT_C_STORE, receive)]
    )
    assert server is not None
    yield one
    one.go_on.set()
    server.shutdown()


def test_a_move_that_waits_holds_nobody_up_and_can_be_cancelled(
    archive: tuple[Settings, dict[str, str]],
    served: Served,
    slow: Slow,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader = Peer("READER", "north", frozenset({Right.FIND, Right.MOVE}))
    destination = Destination("127.0.0.1", served.slow_port)
    peers = {"READER": reader, "SLOW": Peer("SLOW", "north", frozenset(), destination=destination)}
    accented, *_ = ask(served, QueryRetrieveLevel="STUDY", PatientName="*heloise*")
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = accented.StudyInstanceUID
    with listened_to(archive, tmp_path, monkeypatch, peers, Bounds()) as port:
        association = called(port, "READER", MOVE)
        told = association.send_c_move(identifier, "SLOW", MOVE, msg_id=7)
        slow.arrived.get(timeout=LONG_S)
        here = replace(served, port=port)
        assert "HÉLOÏSE" in str(ask(here, QueryRetrieveLevel="STUDY", PatientName="")[:-1])
        association.send_c_cancel(7, query_model=MOVE)
        # A cancel that comes when all is sent already is but a wish.
        until(lambda: any(7 in one.dimse.cancel_req for one in called_by_others()))
        slow.go_on.set()
        status, _ = list(told)[-1]
        association.release()
    assert status.Status == 0xFE00
    assert status.NumberOfRemainingSuboperations > 0
    assert counts(status)[1:] == (0, 0)


def called_by_others() -> list[Association]:
    """The associations that listeners of this process answer on."""
    threads = threading.enumerate()
    return [one for one in threads if isinstance(one, Association) and one.is_acceptor]


@contextmanager
def listened_to(
    archive: tuple[Settings, dict[str, str]],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    peers: Mapping[str, Peer],
    bounds: Bounds,
) -> Iterator[int]:
    """A listener in this process; its port."""
    # What is set for a whole process is put back: others receive in this one.
    for name in ("STORE_RECV_CHUNKED_DATASET", "LOG_HANDLER_LEVEL"):
        monkeypatch.setattr(_config, name, getattr(_config, name))
    settings, _ = archive
    table = Table("SANSVERRE", "127.0.0.1", 0, peers, bounds=bounds)
    storage = Storage.open(settings.objects_url)
    with Catalog.open(settings.database_url) as catalog:
        acceptance = Acceptance(catalog, storage, folder)
        site = Site(table, catalog, storage, folder, 0, acceptance)
        with closing(acceptance), listening(site) as port:
            yield port


class Broken(dict[str, Peer]):
    """Peers that cannot be looked up."""

    def get(self, *_: object) -> Peer:
        raise RuntimeError


def test_where_letting_in_fails_nothing_is_offered(
    archive: tuple[Settings, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = Peer("READER", "north", frozenset({Right.ECHO}))
    with listened_to(archive, tmp_path, monkeypatch, Broken(READER=reader), Bounds()) as port:
        association = called(port, "READER", *POLICIES)
        assert association.accepted_contexts == []
        association.abort()


HEAD = pack(">BBL", 1, 0, 256)
"""Of an A-ASSOCIATE-RQ whose rest does not come."""


def test_who_says_nothing_takes_no_place_of_a_peer(
    archive: tuple[Settings, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = {"READER": Peer("READER", "north", frozenset({Right.ECHO}))}
    bounds = Bounds(associations=2, idle_s=600)
    with listened_to(archive, tmp_path, monkeypatch, peers, bounds) as port, ExitStack() as held:
        for _ in range(3):
            line = held.enter_context(socket.create_connection(("127.0.0.1", port)))
            line.sendall(HEAD)
        several = [let_in(port) for _ in range(2)]
        for one in several:
            one.release()


def test_no_establishment_takes_all_places_of_the_others(
    archive: tuple[Settings, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peers = {
        title: Peer(title, whose, frozenset({Right.ECHO}))
        for title, whose in (("READER", "north"), ("OTHER", "north"), ("SOUTHERN", "south"))
    }
    bounds = Bounds(associations=4, idle_s=600)
    with listened_to(archive, tmp_path, monkeypatch, peers, bounds) as port:
        several = [called(port, one, VERIFICATION) for one in ("READER", "OTHER")]
        assert called(port, "READER", VERIFICATION).is_rejected
        several += [called(port, "SOUTHERN", VERIFICATION) for _ in range(2)]
        assert all(one.is_established for one in several)
        for one in several:
            one.release()


def test_who_trickles_is_cut_off_however_often_a_byte_comes(
    archive: tuple[Settings, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "LONGEST_INTRODUCTION_S", 0.2)
    peers = {"READER": Peer("READER", "north", frozenset({Right.ECHO}))}
    with (
        listened_to(archive, tmp_path, monkeypatch, peers, Bounds(idle_s=600)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=0.05) as line,
    ):
        line.sendall(HEAD)
        until = time.monotonic() + LONG_S
        is_open = True
        while is_open:
            assert time.monotonic() < until
            try:
                line.sendall(b"\0")
                is_open = line.recv(1) != b""
            except TimeoutError:
                continue
            except OSError:
                is_open = False


def test_who_calls_from_where_no_peer_does_is_not_listened_to(
    archive: tuple[Settings, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = (ip_network("192.0.2.0/24"),)
    peers = {"READER": Peer("READER", "north", frozenset({Right.ECHO}), elsewhere)}
    with (
        listened_to(archive, tmp_path, monkeypatch, peers, Bounds(idle_s=600)) as port,
        socket.create_connection(("127.0.0.1", port), timeout=LONG_S) as line,
    ):
        assert line.recv(1) == b""
