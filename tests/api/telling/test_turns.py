"""Each archive has its turn, whatever another one does, and each row whatever one of them is."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from api.archives import RadiologyArchive
from api.settings import Settings
from api.teller import FIRST_REST_S, LONGEST_REST_S, Turns
from api.why import UNFORESEEN
from archive import dicomweb_link
from archive.dicomweb_link import DicomWebLink
from archive.link import Instance, Moved
from archive.record import OutboxState
from tests.api.telling.places import HERE, all_sent, at, photographed, telling, told, uid_of
from tests.api.telling.test_stations import Promising, person, promising, station
from tests.orthanc import Orthanc


@contextmanager
def mute() -> Iterator[tuple[socket.socket, str]]:
    """An archive that takes calls and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield listening, f"http://127.0.0.1:{listening.getsockname()[1]}/dicom-web"


def calls(listening: socket.socket) -> int:
    """How often it was called since it was asked last."""
    count = 0
    while True:
        try:
            near, _ = listening.accept()
        except BlockingIOError:
            return count
        near.close()
        count += 1


def test_an_archive_that_says_nothing_rests_while_others_are_told(
    settings: Settings, empty_catalogue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its silences takes the others' time; so it is asked ever more rarely."""
    monkeypatch.setattr(dicomweb_link, "TIMEOUT_S", 0.2)
    now, other = [0.0], Promising()
    turns = Turns(lambda: now[0])
    with mute() as (listening, url), promising(other) as port:
        silent = RadiologyArchive(url, HERE, name="silent")
        up = replace(station(port), name="up")
        with at(settings, empty_catalogue, silent, up) as place:
            images = [
                photographed(place, tmp_path, 970 + number, person("w")) for number in range(4)
            ]
            for _ in images:
                assert turns.some(place)
            assert len(other.stored) == len(images)
            assert calls(listening) == 1
            assert not turns.some(place)
            now[0] += FIRST_REST_S
            assert turns.some(place)
            assert calls(listening) == 1
            now[0] += FIRST_REST_S
            assert not turns.some(place)
            now[0] += LONGEST_REST_S
            assert turns.some(place)
            assert calls(listening) == 1


def test_an_archive_that_answers_again_is_told_at_once(
    settings: Settings, empty_catalogue: Path, archive: Orthanc, tmp_path: Path
) -> None:
    now = [0.0]
    turns = Turns(lambda: now[0])
    with telling(settings, empty_catalogue, archive) as place:
        for number in range(3):
            photographed(place, tmp_path, 975 + number, person("y"))
        link = place.archives[0].link
        assert isinstance(link, DicomWebLink)
        right, link._url = link._url, f"{link._url}/nowhere"
        assert turns.some(place)
        assert not turns.some(place)
        link._url = right
        now[0] += FIRST_REST_S
        assert turns.some(place)
        assert turns.some(place)


def test_what_nobody_foresaw_of_one_keeps_no_other_waiting(
    settings: Settings,
    empty_catalogue: Path,
    archive: Orthanc,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = DicomWebLink.store
    with telling(settings, empty_catalogue, archive) as place:
        bad = photographed(place, tmp_path, 981, person("x"))
        good = photographed(place, tmp_path, 982, person("x"))

        def sometimes(link: DicomWebLink, instance: Instance, moved: Moved) -> None:
            if instance.named.sop_instance_uid == uid_of(bad):
                raise KeyError("FAUX^Anne")
            store(link, instance, moved)

        monkeypatch.setattr(DicomWebLink, "store", sometimes)
        with caplog.at_level(logging.DEBUG):
            all_sent(place)
        (waits,), (done,) = told(place, bad), told(place, good)
        assert (waits.state, waits.reason) == (OutboxState.WAITING, UNFORESEEN)
        assert done.state is OutboxState.READ_BACK
    assert "KeyError at" in caplog.text
    assert "FAUX" not in caplog.text
