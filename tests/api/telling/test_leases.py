"""A row is held while anything of it moves, and by nobody once nothing does."""

import socket
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import sqlalchemy as sa

from api import sending
from api.archives import REMOTE, RadiologyArchive
from api.settings import Settings
from api.work import Workplace
from archive import dicomweb_link, schema
from archive.dicomweb_link import DicomWebLink
from archive.dimse_link import DimseLink
from archive.errors import LinkDown
from archive.identity import PatientIdentity
from archive.link import Instance, Moved, Named
from archive.record import Image, OutboxState, Sent
from archive.telling.rules import Corrections
from tests.api.telling.places import (
    HERE,
    all_sent,
    at,
    corrected,
    due_now,
    kept,
    photographed,
    send_once,
    states,
    telling,
    told,
)
from tests.api.telling.test_stations import station
from tests.orthanc import Orthanc

GOOD = (Sent.OBJECT, OutboxState.READ_BACK)
MEGABYTE = 1 << 20


def lease_of(place: Workplace, image: Image) -> datetime | None:
    row = schema.outbox.c
    with place.catalog._database.read() as connection:
        held = sa.select(row.lease_until).where(row.image_id == image.id)
        return connection.scalar(held)


@pytest.mark.parametrize("link", [DicomWebLink, DimseLink])
def test_a_lease_grows_while_bytes_move(
    settings: Settings,
    empty_catalogue: Path,
    archive: Orthanc,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    link: type[DicomWebLink | DimseLink],
) -> None:
    """Each way: when it is given, and when it is had back."""
    monkeypatch.setattr(sending, "RENEWED_S", 0.0)
    seen: list[datetime | None] = []
    store, fetch = link.store, link.fetch
    rule = RadiologyArchive(archive.dicomweb_url, HERE)
    known = rule if link is DicomWebLink else station(archive.dicom_port)
    with at(settings, empty_catalogue, known) as place:
        who, seed = PatientIdentity(link.__name__, "R"), 900 + len(link.__name__)
        image = photographed(place, tmp_path, seed, who, order=link.__name__)

        def stored(*given: Any) -> None:
            seen.append(lease_of(place, image))
            store(*given)
            seen.append(lease_of(place, image))

        def fetched(*given: Any) -> None:
            fetch(*given)
            seen.append(lease_of(place, image))

        monkeypatch.setattr(link, "store", stored)
        monkeypatch.setattr(link, "fetch", fetched)
        assert send_once(place)
        assert states(place, image) == [GOOD]
        assert lease_of(place, image) is None
    times = [one for one in seen if one is not None]
    assert len(times) == len(seen) == len(set(times)) == 3
    assert times == sorted(times)


def test_whoever_lost_it_sends_no_more_of_it(
    settings: Settings,
    empty_catalogue: Path,
    archive: Orthanc,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was taken over by another, who sends it: the first one's bytes end in the midst."""
    monkeypatch.setattr(sending, "RENEWED_S", 0.0)
    store = DicomWebLink.store
    with telling(settings, empty_catalogue, archive) as place:
        image = photographed(place, tmp_path, 902, PatientIdentity("l2", "R"))
        outbox = place.catalog.outbox

        def too_late(link: DicomWebLink, instance: Instance, moved: Moved) -> None:
            outbox.lapse(place.worker)
            assert outbox.claim("another", HERE, REMOTE, 60) is not None
            store(link, instance, moved)

        monkeypatch.setattr(DicomWebLink, "store", too_late)
        assert send_once(place)
        (one,) = told(place, image)
        assert kept(archive, one.sop_instance_uid) == []
        assert (one.state, one.attempt) == (OutboxState.WAITING, 2)
        lease = lease_of(place, image)
        assert lease is not None
        assert lease > datetime.now(UTC)
        monkeypatch.undo()
        outbox.lapse("another")
        due_now(place)
        assert send_once(place)
        assert states(place, image) == [GOOD]


def test_who_reads_no_more_moves_nothing_and_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts are counted as they move: an archive that stops in the midst holds nobody."""
    monkeypatch.setattr(dicomweb_link, "TIMEOUT_S", 0.5)
    size, moved, done = 64 * MEGABYTE, [0], Event()
    large = tmp_path / "large.dcm"
    with large.open("wb") as file:
        file.truncate(size)

    def count() -> None:
        moved[0] += 1

    with socket.create_server(("127.0.0.1", 0)) as listening:

        def read_some() -> None:
            near, _ = listening.accept()
            with near:
                for _ in range(16):
                    near.recv(MEGABYTE)
                done.wait()

        reader = Thread(target=read_some)
        reader.start()
        port = listening.getsockname()[1]
        with DicomWebLink(f"http://127.0.0.1:{port}") as link, pytest.raises(LinkDown):
            link.store(Instance(Named("1", "2", "3"), large), count)
        done.set()
        reader.join()
    assert moved[0] < size // MEGABYTE


class Killed(BaseException):
    """What no handler of ours sees."""


@pytest.mark.parametrize("moment", range(8))
def test_killed_between_any_two_steps_it_is_told_once_and_what_was_before_is_gone(
    settings: Settings,
    empty_catalogue: Path,
    archive: Orthanc,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: int,
) -> None:
    """Of a correction by rejection: note, asking, deleting; then storing, asking, having back."""
    before = PatientIdentity(f"m{moment}", "R", "FAUX^Anne")
    rule = {"corrections": Corrections.REINCARNATION, "orthanc_url": str(archive.web.base_url)}
    with telling(settings, empty_catalogue, archive, **rule) as place:
        image = photographed(place, tmp_path, 1010 + moment, before)
        all_sent(place)
        corrected(place, before, replace(before, patient_id=f"n{moment}"))
        done = [0]

        def until_then(method: Any) -> Any:
            def called(*given: Any) -> Any:
                if done[0] == moment:
                    raise Killed
                done[0] += 1
                return method(*given)

            return called

        for name in ("store", "shown", "remove", "fetch"):
            monkeypatch.setattr(DicomWebLink, name, until_then(getattr(DicomWebLink, name)))
        # Seven steps; the eighth is never taken.
        with pytest.raises(Killed) if moment < 7 else nullcontext():
            all_sent(place)
        monkeypatch.undo()
        place.catalog.outbox.lapse(place.worker)
        all_sent(place)
        old, note, new = told(place, image)
        assert (note.kind, note.state) == (Sent.REJECTION, OutboxState.READ_BACK)
        assert (old.state, new.state) == (OutboxState.SUPERSEDED, OutboxState.READ_BACK)
        assert kept(archive, old.sop_instance_uid) == []
        (there,) = kept(archive, new.sop_instance_uid)
        assert there["PatientID"] == f"n{moment}"
