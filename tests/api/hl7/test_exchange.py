"""Messages are kept, done once, in order, and answered."""

import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from api.errors import BadSettings
from api.hl7.answers import DONE, Answer
from api.hl7.exchange import Exchange
from api.hl7.framing import Frames, framed
from api.hl7.listener import Limits, Listener
from api.hl7.message import Message, read_header, read_message
from api.hl7.senders import read_senders
from api.work import Workplace
from archive.errors import InvalidIdentity, NotFound, StorageFailure
from tests.api.hl7.conftest import GAM, HERE, message
from tests.certificates import der, digest_of, pair
from tests.serving import LONG_S

LOCAL = "127.0.0.1"


def told(answer: bytes) -> tuple[str, str, str]:
    """The code, the number that is answered, and the words."""
    said = read_message(answer, read_header(answer))
    words = [one.value(8) for one in said.segments("ERR")]
    return said.first("MSA").value(1), said.first("MSA").value(2), " ".join(words)


def exchange(place: Workplace, handler: Callable[[Message], Answer]) -> Exchange:
    return Exchange(place, (GAM,), {"ADT^A28": lambda said, _, __: handler(said)})


def test_a_message_is_kept_before_anything_is_done(place: Workplace) -> None:
    def done(said: Message) -> Answer:
        (kept,) = place.catalog.inbox.listed(establishment=HERE)
        assert (kept.control_id, kept.kind, kept.code) == ("1", "ADT^A28", None)
        assert said.default_issuer == "CHU"
        return DONE

    payload = message("ADT^A28", "PID|1")
    assert told(exchange(place, done).answer(payload, LOCAL))[:2] == ("AA", "1")
    (kept,) = place.catalog.inbox.listed(establishment=HERE)
    assert kept.code == "AA"
    assert place.catalog.inbox.payload(kept.id, establishment=HERE) == payload
    with pytest.raises(NotFound):
        place.catalog.inbox.payload(kept.id, establishment="Hôpital B")
    place.catalog.inbox.forget(datetime.now(UTC) + timedelta(seconds=1))
    assert place.catalog.inbox.listed(establishment=None) == ()


def test_a_repetition_is_answered_as_before_and_not_done_again(place: Workplace) -> None:
    done: list[str] = []

    def do(said: Message) -> Answer:
        done.append(said.first("PID").value(3))
        return DONE

    speaking = exchange(place, do)
    first = speaking.answer(message("ADT^A28", "PID|1||7"), LOCAL)
    again = message("ADT^A28", "PID|1||7").replace(b"20260301120000", b"20260301120500")
    assert speaking.answer(again, LOCAL) == first
    other = message("ADT^A28", "PID|1||8")
    assert told(speaking.answer(other, LOCAL))[0] == "AE"
    assert told(speaking.answer(other, LOCAL))[2] == "this number was another message's"
    assert done == ["7"]


def test_what_was_kept_and_not_answered_is_done_when_it_is_sent_again(place: Workplace) -> None:
    failing = True

    def do(_: Message) -> Answer:
        if failing:
            raise StorageFailure("gone")
        return DONE

    speaking = exchange(place, do)
    with pytest.raises(StorageFailure):
        speaking.answer(message("ADT^A28", "PID|1"), LOCAL)
    failing = False
    assert told(speaking.answer(message("ADT^A28", "PID|1"), LOCAL))[0] == "AA"


def test_what_failed_unforeseen_is_tried_again_when_it_is_sent_again(place: Workplace) -> None:
    failing = True

    def do(_: Message) -> Answer:
        if failing:
            raise MemoryError
        return DONE

    speaking = exchange(place, do)
    assert told(speaking.answer(message("ADT^A28", "PID|1"), LOCAL))[0] == "AE"
    failing = False
    assert told(speaking.answer(message("ADT^A28", "PID|1"), LOCAL))[0] == "AA"


def test_nothing_is_read_from_where_no_sender_is(place: Workplace) -> None:
    elsewhere = replace(GAM, networks=(ip_network("10.0.0.0/8"),))
    listener = Listener(Exchange(place, (elsewhere,)), Limits())
    with socket.create_server((LOCAL, 0)) as listening, ThreadPoolExecutor(1) as threads:
        done = threads.submit(listener.run, listening)
        with socket.create_connection(listening.getsockname(), timeout=LONG_S) as connection:
            assert connection.recv(1) == b""
        listener.stopping.set()
        done.result(LONG_S)


@pytest.mark.parametrize(
    ("payload", "address", "code", "words"),
    [
        (message("ADT^A08"), LOCAL, "AR", "this event is not taken here"),
        (message("QBP^Q22"), LOCAL, "AR", "this message type is not taken here"),
        (message("ADT^A28"), "10.0.0.1", "AR", "this sender is not known here"),
        (message("ADT^A28").replace(b"GAM", b"GAP"), LOCAL, "AR", "this sender is not known here"),
        (b"hello", LOCAL, "AR", "the message does not begin with MSH"),
        (message("ADT^A28"), LOCAL, "AE", "the segment PID is missing"),
        (message("ADT^A28", "PID|7"), LOCAL, "AE", "too short"),
        (message("ADT^A28", "PID|8"), LOCAL, "AE", "it failed for reasons of this software"),
    ],
)
def test_why_a_message_is_refused(
    place: Workplace, payload: bytes, address: str, code: str, words: str
) -> None:
    def do(said: Message) -> Answer:
        if said.first("PID").value(1) == "7":
            raise InvalidIdentity("too short")
        raise ZeroDivisionError

    answer = exchange(place, do).answer(payload, address)
    assert (told(answer)[0], told(answer)[2]) == (code, words)


def test_messages_of_a_sender_are_done_one_at_a_time(place: Workplace) -> None:
    under_way: list[int] = []

    def do(_: Message) -> Answer:
        under_way.append(1)
        assert len(under_way) == 1
        place.catalog.inbox.listed(establishment=HERE)
        under_way.pop()
        return DONE

    speaking = exchange(place, do)
    payloads = [message("ADT^A28", "PID|1", control=str(one)) for one in range(12)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda one: speaking.answer(one, LOCAL), payloads))
    assert {told(one)[0] for one in answers} == {"AA"}


def test_the_table_of_senders(tmp_path: Path) -> None:
    file = tmp_path / "senders.toml"
    file.write_text(
        '[[sender]]\napplication = "GAM"\nestablishment = "A"\nfrom = ["10.0.0.0/8", "::1"]\n'
    )
    (one,) = read_senders(file)
    assert (one.name, one.establishment, len(one.networks)) == ("GAM|", "A", 2)
    for wrong in (
        "",
        "sender = 7",
        '[[sender]]\napplication = "GAM"',
        '[[sender]]\napplication = "GAM"\nestablishment = "A"\nfrom = ["all"]',
        '[[sender]]\napplication = "GAM"\nestablishment = "A"\nsecret = "x"',
        '[[sender]]\napplication = "GAM"\nestablishment = "A"\ncharset = "x"',
        '[[sender]]\napplication = "GAM"\nestablishment = "A"\nzone = "../Paris"',
        '[[sender]]\napplication = "GAM"\nestablishment = "A"\nzone = "Paris"',
        '[[sender]]\napplication = "G"\nestablishment = "A"\n' * 2,
        "[[",
    ):
        file.write_text(wrong)
        with pytest.raises(BadSettings):
            read_senders(file)
    with pytest.raises(BadSettings):
        read_senders(None)


def test_the_process_answers_over_mllp_and_ends_when_told(tmp_path: Path) -> None:
    senders = tmp_path / "senders.toml"
    senders.write_text('[[sender]]\napplication = "GAM"\nfacility = "CHU"\nestablishment = "A"\n')
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "SANSVERRE_DATA": str(tmp_path / "data"),
        "SANSVERRE_SECRETS": str(tmp_path / "secrets"),
        "SANSVERRE_HL7_SENDERS": str(senders),
    }
    command = [sys.executable, "-m", "api.cli", "listen", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline().rpartition(":")[2])
            with socket.create_connection((LOCAL, port), timeout=LONG_S) as connection:
                connection.sendall(framed(message("ADT^A08", "PID|1||SECRET")) * 2)
                frames = Frames(connection, 10_000, LONG_S, LONG_S)
                first, second = frames.next(), frames.next()
                assert first is not None
                assert told(first)[0] == "AR"
                assert first == second
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=LONG_S)
            assert process.returncode == 0
            assert "SECRET" not in log
        finally:
            process.kill()


def test_other_machines_are_heard_over_tls_or_on_purpose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from api.cli import main

    senders = tmp_path / "senders.toml"
    senders.write_text('[[sender]]\napplication = "GAM"\nestablishment = "A"\n')
    monkeypatch.setenv("SANSVERRE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SANSVERRE_SECRETS", str(tmp_path / "secrets"))
    monkeypatch.setenv("SANSVERRE_HL7_SENDERS", str(senders))
    assert main(["listen", "--host", "0.0.0.0", "--port", "0"]) == 1
    assert "can be reached from other machines" in capsys.readouterr().err


def test_a_sender_is_believed_by_its_own_certificate(
    tmp_path: Path,
    place: Workplace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from api.cli import main

    authority = pair(tmp_path, "hospital")
    theirs, others = (pair(tmp_path, one, authority) for one in ("theirs", "others"))
    table = tmp_path / "senders.toml"
    table.write_text(
        '[[sender]]\napplication = "GAM"\nfacility = "CHU"\nestablishment = "A"\n'
        f'certificate = "{digest_of(theirs)}"\n'
    )
    speaking = Exchange(place, read_senders(table), {"ADT^A28": lambda *_: DONE})
    payload = message("ADT^A28", "PID|1")
    for shown in (None, der(others)):
        assert told(speaking.answer(payload, LOCAL, shown))[0] == "AR"
    assert told(speaking.answer(payload, LOCAL, der(theirs)))[0] == "AA"
    monkeypatch.setenv("SANSVERRE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SANSVERRE_SECRETS", str(tmp_path / "secrets"))
    monkeypatch.setenv("SANSVERRE_HL7_SENDERS", str(table))
    assert main(["listen", "--port", "0"]) == 1
    assert "--clients" in capsys.readouterr().err
    table.write_text(table.read_text().replace("sha256:", "sha256:0"))
    with pytest.raises(BadSettings, match="64"):
        read_senders(table)


def test_the_certificate_of_a_connection_is_held_against_its_sender(
    tmp_path: Path, place: Workplace
) -> None:
    authority = pair(tmp_path, "hospital")
    ours, theirs, others = (pair(tmp_path, one, authority) for one in ("ours", "theirs", "others"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.certificate))
    context.load_cert_chain(ours.certificate, ours.key)
    context.verify_mode = ssl.CERT_REQUIRED
    sender = replace(GAM, certificate="theirs")
    listener = Listener(Exchange(place, (sender,), {"ADT^A28": lambda *_: DONE}), Limits(), context)
    with socket.create_server((LOCAL, 0)) as at, ThreadPoolExecutor(1) as threads:
        running = threads.submit(listener.run, at, lambda: None)
        try:
            codes = []
            for one in (others, theirs):
                calling = ssl.create_default_context(cafile=str(authority.certificate))
                calling.load_cert_chain(one.certificate, one.key)
                with (
                    socket.create_connection(at.getsockname(), timeout=LONG_S) as plain,
                    calling.wrap_socket(plain, server_hostname=LOCAL) as line,
                ):
                    line.sendall(framed(message("ADT^A28", "PID|1")))
                    answer = Frames(line, 10_000, LONG_S, LONG_S).next()
                    assert answer is not None
                    codes.append(told(answer)[0])
        finally:
            listener.stopping.set()
        running.result(LONG_S)
    assert codes == ["AR", "AA"]
