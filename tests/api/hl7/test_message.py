"""Messages as they are framed and read."""

import socket
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import BadFrame, BadMessage
from api.hl7.answers import Answer, Code, Note, written
from api.hl7.framing import Frames, framed
from api.hl7.message import DELETED, Message, read_header, read_message, read_moment
from tests.api.hl7.conftest import message

PID = (
    "PID|1||123^^^CHU&1.2.3&ISO^PI~9^^^X||MARTIN^ZOÉ^ZOÉ LÉA^^^^L~DU\\T\\PONT^ZOÉ^^^^^D"
    '||19700131|F|""' + "|" * 23 + "QUAL~DOUB"
)


def read(payload: bytes, charset: str = "") -> Message:
    return read_message(payload, read_header(payload), charset=charset)


@pytest.mark.parametrize("charset", ["UNICODE UTF-8", "8859/15", "8859/1"])
def test_letters_are_read_in_the_character_set_that_is_named(charset: str) -> None:
    pid = read(message("ADT^A28", PID, charset=charset)).first("PID")
    assert pid.value(5, 2) == "ZOÉ"
    assert [pid.value(3, repetition=one) for one in pid.repetitions(3)] == ["123", "9"]
    assert (pid.value(3, 4), pid.value(3, 4, 2), pid.value(3, 5)) == ("CHU", "1.2.3", "PI")
    assert pid.value(5, 1, repetition=2) == "DU&PONT"
    assert [pid.value(32, repetition=one) for one in pid.repetitions(32)] == ["QUAL", "DOUB"]
    assert (pid.value(9), pid.value(11), pid.value(99), pid.value(8, 2, 3)) == (DELETED, "", "", "")


def test_the_euro_sign_tells_two_character_sets_apart() -> None:
    assert read(message("ADT^A28", "ZZZ|Œ", charset="8859/15")).first("ZZZ").value(1) == "Œ"


@pytest.mark.parametrize(("charset", "stated"), [("", ""), ("UNICODE UTF-8", ""), ("KLINGON", "")])
def test_a_character_set_is_not_guessed(charset: str, stated: str) -> None:
    said = message("ADT^A28", "PID|1||1", "ZZZ|\x01").replace(b"UNICODE UTF-8", charset.encode())
    with pytest.raises(BadMessage) as caught:
        read(said.replace(b"\x01", b"\xe9"), stated)
    assert caught.value.where == "MSH^1^18"


@pytest.mark.parametrize("charset", ["8859/15", "8859/1"])
def test_utf_8_that_is_called_another_character_set_is_refused(charset: str) -> None:
    """Any bytes are letters of 8859: "é" would be read as two of them, in a patient's name."""
    said = message("ADT^A28", "ZZZ|Zoé", charset="UNICODE UTF-8")
    with pytest.raises(BadMessage) as caught:
        read(said.replace(b"UNICODE UTF-8", charset.encode()))
    assert caught.value.where == "MSH^1^18"


def test_moments_that_name_no_zone_are_of_the_senders_clocks() -> None:
    said = message("ADT^A28", "EVN||20260701120000", "PID|1||1")
    found = read_message(said, read_header(said), zone=ZoneInfo("Europe/Paris"))
    assert found.stated_at == datetime(2026, 7, 1, 10, tzinfo=UTC)
    assert found.moment("20260101120000") == datetime(2026, 1, 1, 11, tzinfo=UTC)
    assert found.moment("20260701120000+0000") == datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_a_sender_that_names_none_writes_as_its_table_says() -> None:
    said = message("ADT^A28", "ZZZ|\x01", charset="").replace(b"\x01", b"\xe9")
    assert read(said, "8859/1").first("ZZZ").value(1) == "é"


@pytest.mark.parametrize(
    "payload",
    [b"", b"PID|1", b"MSH", b"MSH|^~", rb"MSH|^^^^|A|B", rb"MSH|^~\&|A|B|||1||ADT^A28||P|2.5"],
)
def test_what_is_no_message_is_said_to_be_none(payload: bytes) -> None:
    with pytest.raises(BadMessage):
        read(payload)


def test_a_message_of_too_many_fields_is_not_taken_apart() -> None:
    with pytest.raises(BadMessage, match="more fields"):
        read(message("ADT^A28", "PID|" + "~^&" * 100_000))


def test_a_text_that_is_broken_into_lines_goes_on() -> None:
    said = message(
        "ORU^R01", "OBX|1|TX|a||un\n\ndeux\r\n trois^b||||||F\n", "NTE|1||a", "OBX|2\r\r\n"
    )
    found = read(said).segments("OBX", "NTE")
    assert [one.value(1) for one in found] == ["1", "1", "2"]
    assert found[0].text(5) == "un\n\ndeux\n trois^b"
    assert found[0].value(11) == "F"


def test_what_is_behind_other_segments_is_no_part_of_them() -> None:
    pid = read(message("ADT^A28", "PID|1||1||A^B||19700101|F\r\nend")).first("PID")
    assert pid.value(8) == "F"


def test_a_message_of_too_many_lines_is_not_taken_apart() -> None:
    for many in ("\n" * 400_001, r"\E" * 800_002):
        with pytest.raises(BadMessage, match="more lines"):
            read(message("ADT^A28", "PID|" + many))


@pytest.mark.parametrize("end", ["\r\n", "\\.br\\"])
def test_lines_of_a_document_are_no_fields(end: str) -> None:
    inside = end.join(["A" * 76] * 60_000)
    found = read(message("ORU^R01", f"OBX|1|ED|a||^AP^PDF^Base64^{inside}||||||F")).first("OBX")
    assert "".join(found.value(5, 5).split()) == "A" * 76 * 60_000
    assert found.value(11) == "F"


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(tail: bytes) -> None:
    payload = rb"MSH|^~\&|A|B|||1||ADT^A28|7|P|2.5||||||UNICODE UTF-8" + b"\r" + tail
    try:
        found = read(payload)
    except BadMessage:
        return
    for segment in found.parts:
        for number in range(1, 6):
            for repetition in segment.repetitions(number):
                segment.value(number, 2, 2, repetition)
    assert found.header.control_id == "7"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20260102", datetime(2026, 1, 2, tzinfo=UTC)),
        ("20260102030405.12+0100", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("20261302", None),
        ("", None),
        ("today", None),
    ],
)
def test_moments(text: str, moment: datetime | None) -> None:
    assert read_moment(text) == moment


def test_an_answer_names_the_message_and_says_why() -> None:
    header = read_header(message("ADT^A28", control="x7"))
    said = read(written(Answer(Code.ERROR, (Note(204, "a|b", "PID^1^3"),)), header))
    assert said.header.kind == "ACK^A28"
    msa, err = said.first("MSA"), said.first("ERR")
    assert (msa.value(1), msa.value(2)) == ("AE", "x7")
    assert (err.value(2, 3), err.value(3), err.value(4), err.value(8)) == ("3", "204", "E", "a|b")


def frames(sent: list[bytes], max_bytes: int = 1000) -> list[bytes]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for one in sent:
            theirs.sendall(one)
        theirs.shutdown(socket.SHUT_WR)
        found = Frames(ours, max_bytes, message_s=60, idle_s=60)
        return list(iter(found.next, None))


@given(st.lists(st.binary(max_size=50).map(lambda one: one.replace(b"\x1c", b""))), st.data())
def test_messages_are_found_however_they_are_cut(
    messages: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(framed(one) for one in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    edges = [0, *cuts, len(stream)]
    parts = [stream[a:b] for a, b in pairwise(edges)]
    assert frames(parts) == messages


@pytest.mark.parametrize(
    ("sent", "why"),
    [(b"GET / HTTP/1.1", "MLLP"), (b"\x0bMSH", "cut off"), (b"\x0b" + b"a" * 2000, "more than")],
)
def test_what_is_no_frame_ends_the_connection(sent: bytes, why: str) -> None:
    with pytest.raises(BadFrame, match=why):
        frames([sent])


def test_a_message_that_never_ends_is_not_waited_for() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"\x0bMSH")
        with pytest.raises(BadFrame, match="in time"):
            Frames(ours, 1000, message_s=0.05, idle_s=60).next()
