"""A body of several parts is taken apart alike, wherever its blocks end."""

from email import message_from_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dicomweb.incoming import Began, Came, Ended, Parts, read_content_type
from api.errors import BadHeader

DICOM = "application/dicom"


def taken(body: bytes, boundary: bytes, cuts: list[int]) -> tuple[list[tuple[str, bytes]], bool]:
    """The parts that ended, and whether the body did."""
    parts, found, data, kind = Parts(boundary), [], b"", ""
    ends = sorted({min(one, len(body)) for one in cuts} | {len(body)})
    for begin, end in zip([0, *ends], ends, strict=False):
        for event in parts.take(body[begin:end]):
            match event:
                case Began(media_type):
                    kind, data = media_type, b""
                case Came(some):
                    data += some
                case Ended():
                    found.append((kind, data))
    return found, parts.is_whole


PAYLOADS = st.lists(
    st.one_of(
        st.binary(max_size=60),
        # What looks like the end, and is not.
        st.lists(
            st.sampled_from([b"\r", b"\n", b"--", b"\r\n--", b"b", b"\r\n--boun"]), max_size=9
        ).map(b"".join),
    ),
    min_size=1,
    max_size=4,
)


@given(
    payloads=PAYLOADS,
    cuts=st.lists(st.integers(0, 400), max_size=40),
    preamble=st.sampled_from([b"", b"\r\n", b"This is a preamble.\r\n", b"--other\r\n"]),
    epilogue=st.sampled_from([b"", b"\r\n", b"\r\nEpilogue\r\n--boundary\r\n\r\nnothing"]),
    with_length=st.booleans(),
)
def test_parts_are_what_was_put_in(
    payloads: list[bytes], cuts: list[int], preamble: bytes, epilogue: bytes, with_length: bool
) -> None:
    if any(b"\r\n--boundary" in b"\r\n" + one for one in payloads):
        return
    body = preamble
    for number, one in enumerate(payloads):
        body += b"\r\n" * bool(number) + b"--boundary \t\r\nContent-Type: Application/DICOM\r\n"
        body += f"Content-Length: {len(one)}\r\n".encode() * with_length + b"\r\n" + one
    body += b"\r\n--boundary--" + epilogue
    assert taken(body, b"boundary", cuts) == ([(DICOM, one) for one in payloads], True)


@given(cuts=st.lists(st.integers(0, 100), max_size=10), end=st.integers(0, 80))
def test_a_body_that_is_cut_has_no_last_part(cuts: list[int], end: int) -> None:
    body = b"--b\r\n\r\nfirst\r\n--b\r\nContent-Type: application/dicom\r\n\r\nsecond\r\n--b--"
    found, is_whole = taken(body[:end], b"b", cuts)
    assert is_whole is (end >= len(body))
    assert found == [("", b"first"), (DICOM, b"second")][: len(found)]
    assert (len(found) == 2) is (end >= len(body) - 2)


def test_what_is_no_body_of_parts_is_refused() -> None:
    for body in (b"--b hello\r\n\r\nx", b"--bb\r\n\r\nx", b"--b\r\n" + b"x" * 20_000):
        with pytest.raises(BadHeader):
            taken(body, b"b", [])
    assert taken(b"no boundary at all", b"b", []) == ([], False)


@pytest.mark.parametrize(
    ("text", "part_type", "boundary"),
    [
        ('multipart/related; type="application/dicom"; boundary=abc', DICOM, b"abc"),
        ('Multipart/Related;boundary="a b:c";type=application/dicom', DICOM, b"a b:c"),
        ("multipart/related; boundary=x; type=application/dicom; start=y", DICOM, b"x"),
        (
            'multipart/related; type="application/dicom; transfer-syntax=*"; boundary=x',
            DICOM,
            b"x",
        ),
        ("multipart/related; boundary=x", "", b"x"),
    ],
)
def test_content_types_as_clients_write_them(text: str, part_type: str, boundary: bytes) -> None:
    media_type, related = read_content_type(text)
    assert media_type == "multipart/related"
    assert related is not None
    assert (related.part_type, related.boundary) == (part_type, boundary)
    assert message_from_bytes(f"Content-Type: {text}\r\n\r\n".encode()).get_boundary() is not None


@pytest.mark.parametrize(
    "text",
    [
        "multipart/related",
        "multipart/related; boundary=" + "x" * 251,
        'multipart/related; boundary=""',
        "multipart/related; boundary*=undefined''x",
    ],
)
def test_a_boundary_is_needed(text: str) -> None:
    with pytest.raises(BadHeader):
        read_content_type(text)
