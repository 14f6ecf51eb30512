"""Storage commitment: asked, kept whatever happens, and answered on another association."""

import os
import queue
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import AE, evt

from api.settings import Settings
from archive.catalog import Catalog
from archive.query import Query
from tests.api.dimse.conftest import Served, answering
from tests.orthanc import free_ports
from tests.serving import LONG_S

COMMITMENT = "1.2.840.10008.1.20.1"
THE_INSTANCE = "1.2.840.10008.1.20.1.1"

Reference = tuple[str, str]


@contextmanager
def hearing(port: int) -> Iterator["queue.Queue[tuple[int, Dataset]]"]:
    """Who asks, as it is called back."""
    heard: queue.Queue[tuple[int, Dataset]] = queue.Queue()

    def told(event: evt.Event) -> tuple[int, None]:
        kind = int(getattr(event.request, "EventTypeID", 0))
        heard.put((kind, event.event_information))
        return 0x0000, None

    entity = AE("SCANNER")
    entity.add_supported_context(COMMITMENT, scu_role=False, scp_role=True)
    server = entity.start_server(
        ("127.0.0.1", port), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, told)]
    )
    assert server is not None
    try:
        yield heard
    finally:
        server.shutdown()


def ask(
    port: int, references: list[Reference], title: str = "SCANNER", **other: Any
) -> tuple[int, str]:
    """The status of a request, and its name."""
    told = Dataset()
    told.TransactionUID = generate_uid()
    told.ReferencedSOPSequence = []
    for sop_class, instance in references:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
        told.ReferencedSOPSequence.append(item)
    entity = AE(title)
    entity.add_requested_context(COMMITMENT)
    association = entity.associate("127.0.0.1", port, ae_title="SANSVERRE")
    assert association.is_established
    try:
        status, _ = association.send_n_action(
            told, other.get("action", 1), COMMITMENT, other.get("instance", THE_INSTANCE)
        )
    finally:
        association.release()
    return int(status.Status), str(told.TransactionUID)


def references(settings: Settings, establishment: str) -> list[Reference]:
    with Catalog.open(settings.database_url) as catalog:
        found = catalog.instances.instances(Query(limit=3), establishment=establishment)
    return [(one.sop_class_uid, one.sop_instance_uid) for one in found]


def named(told: Dataset, sequence: str) -> set[str]:
    return {str(one.ReferencedSOPInstanceUID) for one in told.get(sequence) or []}


def test_what_is_held_is_committed_and_what_is_not_is_named_with_its_reason(
    served: Served,
) -> None:
    mine = references(served.settings, "north")
    theirs = references(served.settings, "south")[:1]
    unknown = [(mine[0][0], str(generate_uid()))]
    with hearing(served.asks_port) as heard:
        assert ask(served.port, mine)[0] == 0x0000
        kind, told = heard.get(timeout=LONG_S)
        assert kind == 1
        assert named(told, "ReferencedSOPSequence") == {uid for _, uid in mine}
        assert "FailedSOPSequence" not in told
        # What another establishment holds is what nobody holds.
        status, name = ask(served.port, mine[:1] + theirs + unknown)
        assert status == 0x0000
        kind, told = heard.get(timeout=LONG_S)
    assert (kind, told.TransactionUID) == (2, name)
    assert named(told, "ReferencedSOPSequence") == {mine[0][1]}
    assert named(told, "FailedSOPSequence") == {theirs[0][1], unknown[0][1]}
    assert {one.FailureReason for one in told.FailedSOPSequence} == {0x0112}


@pytest.mark.parametrize(
    ("other", "status"), [({"action": 2}, 0x0123), ({"instance": "1.2.3"}, 0x0112)]
)
def test_what_is_no_request_is_refused(served: Served, other: dict[str, Any], status: int) -> None:
    assert ask(served.port, references(served.settings, "north"), **other)[0] == status
    assert ask(served.port, [])[0] == 0x0115


def test_a_request_outlives_the_process_that_took_it(
    archive: tuple[Settings, dict[str, str]], tmp_path: Path
) -> None:
    settings, _ = archive
    (port,) = free_ports(1)
    table, log = tmp_path / "dimse.toml", tmp_path / "log"
    # A peer of its own: the process that other tests talk to answers those that it knows.
    table.write_text(
        'address = "127.0.0.1:0"\n[peers.KEEPER]\nestablishment = "north"\n'
        f'may = ["commit"]\nhost = "127.0.0.1"\nport = {port}\n'
    )
    mine = references(settings, "north")
    with answering(settings, table, log) as (at, pid):
        assert ask(at, mine, title="KEEPER")[0] == 0x0000
        os.kill(pid, signal.SIGKILL)
    with hearing(port) as heard, answering(settings, table, log):
        kind, told = heard.get(timeout=LONG_S)
    assert kind == 1
    assert named(told, "ReferencedSOPSequence") == {uid for _, uid in mine}
