"""A real archive is asked for a patient's studies, both ways; what answers badly is said to."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial

import pytest

from api import asker
from api.archives import RadiologyArchive, viewer_of
from api.asker import Asker
from api.asking import Answered, AnswerState, ask
from api.errors import BadSettings
from archive.dimse_station import Station
from archive.identities.stated import Person, person_of
from archive.identity import PatientIdentity
from archive.studies.judge import Number, Patient
from tests.api.asking.radiology import ANNE, BRUNO
from tests.orthanc import Orthanc, free_ports
from tests.serving import LONG_S

HERE = "Hôpital A"

heard_out = partial(ask, within_s=LONG_S)


def patient_of(one: PatientIdentity, *rivals: PatientIdentity) -> Patient:
    return Patient(
        HERE,
        (Number(one.patient_id, one.issuer, "", (_person(one),)),),
        rivals=tuple((other.patient_id, _person(other)) for other in rivals),
    )


def _person(one: PatientIdentity) -> Person:
    return person_of({"name": one.name, "birth_date": one.birth_date, "sex": one.sex})


@pytest.fixture(params=["qido", "c-find"])
def rule(request: pytest.FixtureRequest, archive: Orthanc, station: Station) -> RadiologyArchive:
    if request.param == "qido":
        return RadiologyArchive(archive.dicomweb_url, HERE)
    return RadiologyArchive(None, HERE, station=station)


def test_of_two_patients_of_one_number_each_gets_their_own(rule: RadiologyArchive) -> None:
    viewed = replace(rule, viewer="https://pacs.example.org/see?study={study}&order={accession}")
    anne = heard_out(viewed, patient_of(ANNE, BRUNO))
    assert (anne.state, anne.to_be_looked_into, anne.of_others) == (AnswerState.ANSWERED, 0, 1)
    latest, before = sorted(anne.held, key=lambda one: str(one.study.on), reverse=True)
    assert latest.study.study_instance_uid == "1.2.3.1"
    assert latest.study.on == date(2026, 1, 5)
    assert latest.study.description == "Scanner thoracique"
    assert latest.study.modalities == ("CT",)
    assert latest.address == "https://pacs.example.org/see?study=1.2.3.1&order=R1"
    assert before.study.description == "IRM cérébrale"
    bruno = heard_out(rule, patient_of(BRUNO, ANNE))
    assert [one.study.description for one in bruno.held] == ["Scanner du bassin"]
    assert bruno.of_others == 2
    assert bruno.held[0].address is None


def test_who_is_not_there_has_nothing_and_a_namesake_is_asked_about(
    rule: RadiologyArchive,
) -> None:
    nobody = heard_out(rule, patient_of(replace(ANNE, patient_id="none")))
    assert (nobody.state, nobody.held) == (AnswerState.ANSWERED, ())
    twin = heard_out(rule, patient_of(replace(ANNE, name="ESSAI^Lucie")))
    assert (twin.held, twin.to_be_looked_into, twin.of_others) == ((), 2, 1)
    unknown = heard_out(rule, replace(patient_of(ANNE), numbers=()))
    assert unknown.state is AnswerState.LACKS


@contextmanager
def mute() -> Iterator[int]:
    """A port where somebody takes calls and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@contextmanager
def drips(beginning: bytes) -> Iterator[int]:
    """A port where an answer begins, and goes on for ever, a byte at a time."""
    ended = threading.Event()

    def told() -> None:
        with suppress(OSError), listening.accept()[0] as call:
            call.recv(1 << 16)
            call.sendall(beginning)
            while not ended.wait(0.1):
                call.sendall(b"0")

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        thread = threading.Thread(target=told)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            ended.set()
            # Who had no time left does not call at all, and is waited for no more.
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.mark.parametrize(
    ("way", "beginning"),
    [
        ("qido", b"HTTP/1.1 200 x\r\nx-"),
        ("qido", b"HTTP/1.1 200 x\r\n\r\n["),
        # Of a message that says its length (PS3.8 9.3), a few bytes.
        ("c-find", b"\x02\x00\x00\x01\x00\x00"),
    ],
)
def test_one_that_never_ends_a_sentence_is_not_listened_to_for_longer(
    way: str, beginning: bytes
) -> None:
    with drips(beginning) as port:
        station = Station("127.0.0.1", port, "X") if way == "c-find" else None
        url = f"http://127.0.0.1:{port}" if way == "qido" else None
        # Whoever listened to the end would never come back.
        answered = ask(RadiologyArchive(url, HERE, station=station), patient_of(ANNE), within_s=0.3)
        assert answered.state is AnswerState.SILENT


@contextmanager
def says(answer: bytes) -> Iterator[int]:
    """A port where every question has the same answer."""
    loop = asyncio.new_event_loop()

    async def told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = loop.run_until_complete(asyncio.start_server(told, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


def test_one_that_is_not_there_or_says_nothing_is_said_not_to_answer() -> None:
    (closed,) = free_ports(1)
    with mute() as port:
        for rule in (
            RadiologyArchive(f"http://127.0.0.1:{closed}", HERE),
            RadiologyArchive(f"http://127.0.0.1:{port}", HERE),
            RadiologyArchive(None, HERE, station=Station("127.0.0.1", port, "X")),
        ):
            answered = ask(rule, patient_of(ANNE), within_s=0.5)
            assert (answered.state, answered.held) == (AnswerState.SILENT, ())


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n", AnswerState.SILENT),
        (b"HTTP/1.1 302 x\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", AnswerState.SILENT),
        (b"HTTP/1.1 404 x\r\ncontent-length: 0\r\n\r\n", AnswerState.LACKS),
        (b"HTTP/1.1 204 x\r\n\r\n", AnswerState.ANSWERED),
        (b"HTTP/1.1 200 x\r\ncontent-length: 2\r\n\r\n{}", AnswerState.SILENT),
        (b"HTTP/1.1 200 x\r\ncontent-length: 4\r\n\r\n[{}]", AnswerState.SILENT),
        (b"HTTP/1.1 200 x\r\ncontent-length: 3\r\n\r\n[1]", AnswerState.SILENT),
        (b"HTTP/1.1 200 x\r\n\r\n" + b"[" * 100_000, AnswerState.SILENT),
        (b"SSH-2.0-x\r\n\r\n", AnswerState.SILENT),
    ],
)
def test_an_answer_that_is_none_is_never_an_empty_list(answer: bytes, state: AnswerState) -> None:
    with says(answer) as port:
        rule = RadiologyArchive(f"http://127.0.0.1:{port}", HERE)
        assert heard_out(rule, patient_of(ANNE)).state is state


@pytest.mark.parametrize(
    "stated",
    [
        "javascript:{study}",
        "https://pacs.example.org/",
        "https://x/{name}{study}",
        "https://x/{",
        "/{study}",
    ],
)
def test_an_address_of_a_viewer_that_leads_nowhere_is_refused(stated: str) -> None:
    with pytest.raises(BadSettings, match="viewer"):
        viewer_of("[archives.a]", stated)


def test_whoever_waits_for_a_silent_archive_keeps_nobody_from_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard = threading.Event()

    def told(rule: RadiologyArchive, _: Patient) -> Answered:
        is_silent = rule.name == "silent"
        if is_silent:
            assert heard.wait(LONG_S)
        state = AnswerState.SILENT if is_silent else AnswerState.ANSWERED
        return Answered(rule.name, HERE, state, datetime.now(UTC))

    monkeypatch.setattr(asker, "ask", told)
    silent, quick = (RadiologyArchive("http://x", HERE, name=one) for one in ("silent", "quick"))

    async def everybody() -> Answered:
        asking = Asker((silent, quick))
        patients = [patient_of(replace(ANNE, patient_id=f"{one}")) for one in range(30)]
        waiting = [asyncio.ensure_future(asking.said(silent, one)) for one in patients]
        await asyncio.sleep(0)
        found = await asyncio.wait_for(asking.said(quick, patients[0]), LONG_S / 2)
        heard.set()
        await asyncio.gather(*waiting)
        asking.close()
        return found

    assert asyncio.run(everybody()).state is AnswerState.ANSWERED
