"""What a peer may ask is stated for every service, and nobody takes more than there is."""

import queue
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from struct import pack
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import uid_to_service_class

from api.dimse.policies import POLICIES
from api.dimse.server import listening
from api.dimse.site import Site
from api.dimse.table import Peer, Right, Table
from api.instances.acceptance import Acceptance
from api.settings import Settings
from archive.catalog import Catalog
from archive.storage import Storage
from tests.api.dimse.conftest import Served, answering
from tests.api.dimse.test_found import FIND, ask
from tests.api.dimse.test_moved import MOVE, counts
from tests.serving import LONG_S

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
    association = called(narrow, "READER", FIND)
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", ""
    statuses = [one.Status for one, _ in association.send_c_find(identifier, FIND)]
    association.release()
    assert statuses == [0xFF00, 0xA700]


def let_in(port: int) -> Association:
    """One more; the one of a test before may not have ended for the other side yet."""
    until = time.monotonic() + LONG_S
    while not (one := called(port, "READER", VERIFICATION)).is_established:
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


def test_a_move_that_waits_holds_nobody_up_and_can_be_cancelled(served: Served, slow: Slow) -> None:
    accented, *_ = ask(served, QueryRetrieveLevel="STUDY", PatientName="*heloise*")
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = accented.StudyInstanceUID
    # A cancel may come when all is sent already: it is a wish. One of many comes in time.
    for number in range(1, 21):
        slow.go_on.clear()
        association = called(served.port, "READER", MOVE)
        told = association.send_c_move(identifier, "SLOW", MOVE, msg_id=number)
        slow.arrived.get(timeout=LONG_S)
        if number == 1:
            assert "HÉLOÏSE" in str(ask(served, QueryRetrieveLevel="STUDY", PatientName="")[:-1])
        association.send_c_cancel(number, query_model=MOVE)
        slow.go_on.set()
        status, _ = list(told)[-1]
        association.release()
        if status.Status == 0xFE00:
            break
    assert status.Status == 0xFE00
    assert status.NumberOfRemainingSuboperations > 0
    assert counts(status)[1:] == (0, 0)


class Broken(Mapping[str, Peer]):
    """Peers that cannot be looked up."""

    def __getitem__(self, title: str) -> Peer:
        raise RuntimeError

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError

    def __len__(self) -> int:
        raise RuntimeError


def test_where_letting_in_fails_nothing_is_offered(
    archive: tuple[Settings, dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is set for a whole process is put back: others receive in this one.
    for name in ("STORE_RECV_CHUNKED_DATASET", "LOG_HANDLER_LEVEL"):
        monkeypatch.setattr(_config, name, getattr(_config, name))
    settings, _ = archive
    table = Table("SANSVERRE", "127.0.0.1", 0, Broken())
    storage = Storage.open(settings.objects_url)
    with Catalog.open(settings.database_url) as catalog:
        acceptance = Acceptance(catalog, storage, tmp_path)
        site = Site(table, catalog, storage, tmp_path, 0, acceptance)
        with closing(acceptance), listening(site) as port:
            association = called(port, "READER", *POLICIES)
            assert association.accepted_contexts == []
            association.abort()
