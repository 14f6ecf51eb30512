"""What is chosen for the Accept headers of the standard and of real clients."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.dicomweb.media import (
    MOST_CHARACTERS,
    Chosen,
    Offer,
    accepted,
    choose,
    read_media_type,
)
from api.errors import BadHeader, NotAcceptable

JPEG, JPEG_LS, RAW = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.1"
LOSSY_FRAMES = (Offer("image/jpeg", JPEG), Offer("application/octet-stream", JPEG))
LOSSLESS_FRAMES = (
    Offer("image/jls", JPEG_LS),
    Offer("application/octet-stream", JPEG_LS, is_default=False),
    Offer("application/octet-stream", RAW),
)
INSTANCE = (
    Offer("application/dicom", JPEG_LS, is_default=False),
    Offer("application/dicom", RAW),
)
OHIF = (
    'multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.80, '
    'multipart/related; type="image/jls", '
    'multipart/related; type="image/x-dicom-rle"; q=0.9, '
    'multipart/related; type="application/octet-stream"; transfer-syntax=*; q=0.8'
)


def scope(*headers: str, query: str = "") -> dict[str, Any]:
    return {
        "headers": [(b"accept", one.encode()) for one in headers],
        "query_string": query.encode(),
    }


@pytest.mark.parametrize(
    ("header", "offers", "expected"),
    [
        # dicom-microscopy-viewer, and what cornerstone falls back to
        (
            'multipart/related; type="application/octet-stream"; transfer-syntax=*',
            LOSSY_FRAMES,
            f"multi application/octet-stream; transfer-syntax={JPEG}",
        ),
        (OHIF, LOSSLESS_FRAMES, f"multi image/jls; transfer-syntax={JPEG_LS}"),
        (OHIF, LOSSY_FRAMES, f"multi application/octet-stream; transfer-syntax={JPEG}"),
        # unquoted, as many write it
        (
            "multipart/related; type=application/octet-stream; transfer-syntax=*",
            LOSSLESS_FRAMES,
            f"multi application/octet-stream; transfer-syntax={JPEG_LS}",
        ),
        # nothing asked: lossless is decoded, lossy goes as it is stored
        (
            'multipart/related; type="application/octet-stream"',
            LOSSLESS_FRAMES,
            f"multi application/octet-stream; transfer-syntax={RAW}",
        ),
        (
            'multipart/related; type="application/octet-stream"',
            LOSSY_FRAMES,
            f"multi application/octet-stream; transfer-syntax={JPEG}",
        ),
        ("image/jpeg", LOSSY_FRAMES, f"single image/jpeg; transfer-syntax={JPEG}"),
        ("text/html, image/*;q=0.8", LOSSY_FRAMES, f"single image/jpeg; transfer-syntax={JPEG}"),
        ("*/*", LOSSY_FRAMES, f"multi image/jpeg; transfer-syntax={JPEG}"),
        ("application/dicom", INSTANCE, f"single application/dicom; transfer-syntax={RAW}"),
        (
            'multipart/related; type="application/dicom"; transfer-syntax=*',
            INSTANCE,
            f"multi application/dicom; transfer-syntax={JPEG_LS}",
        ),
        (
            'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1',
            INSTANCE,
            f"multi application/dicom; transfer-syntax={RAW}",
        ),
        ("image/png, image/jpeg;q=0.2, image/jls;q=0.4", LOSSLESS_FRAMES, "single image/jls"),
    ],
)
def test_real_clients_get_what_they_can_read(
    header: str, offers: tuple[Offer, ...], expected: str
) -> None:
    chosen = choose(accepted(scope(header)), offers)
    assert told(chosen).startswith(expected)


def told(chosen: Chosen) -> str:
    return f"{'multi' if chosen.is_multipart else 'single'} {chosen.offer.content_type}"


@pytest.mark.parametrize(
    "header",
    [
        "text/html",
        "image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.70",
        'multipart/related; type="image/jp2"',
        "image/jpeg; q=0",
        "image/jpeg; q=nonsense",
        "multipart/related; type=image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.57",
    ],
)
def test_what_is_not_to_be_had_is_refused(header: str) -> None:
    with pytest.raises(NotAcceptable):
        choose(accepted(scope(header)), LOSSY_FRAMES)


def test_who_says_nothing_takes_anything() -> None:
    assert choose(accepted(scope()), LOSSY_FRAMES).offer is LOSSY_FRAMES[0]


def test_the_query_comes_before_the_header_and_several_headers_are_one() -> None:
    asked = scope("image/png", "image/jls", query="accept=application/dicom&accept=image/jpeg")
    assert [one.media_type for one in accepted(asked)] == [
        "application/dicom",
        "image/jpeg",
        "image/png",
        "image/jls",
    ]


def test_odd_headers_are_read_and_long_ones_refused() -> None:
    (encoded,) = accepted(scope("multipart/related; type*=utf-8''application%2Fdicom"))
    assert encoded.media_type == "application/dicom"
    (queried,) = accepted(scope(query="accept=application/dicom+json"))
    assert queried.media_type == "application/dicom+json"
    begun = time.process_time()
    for header in ("," * 60_000 + '"', '"' * 60_001, '",' * 30_000):
        with pytest.raises(NotAcceptable):
            choose(accepted(scope(header)), LOSSY_FRAMES)
    assert time.process_time() - begun < 5.0


UNREADABLE = (
    "image/jpeg; q*=undefined''x",
    "image/jpeg; x*=%00''abc",
    "image/jpeg; x*=idna''%FF",
    f"image/jpeg; x*{'9' * 4500}=y",
)


@pytest.mark.parametrize("header", UNREADABLE)
def test_what_cannot_be_read_is_left(header: str) -> None:
    with pytest.raises(BadHeader):
        read_media_type(header)
    if len(header) < MOST_CHARACTERS:
        assert [one.media_type for one in accepted(scope(f"{header}, image/png"))] == ["image/png"]


_WORDS = ("image/jpeg", ";", "*", "*0", "*1*", "=", "q", "''", "%00", "%FF", "utf-16", "idna", '"')


@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(_WORDS)).map("".join)))
def test_any_header_is_read(text: str) -> None:
    for one in accepted(scope(text.encode("latin-1", "ignore").decode("latin-1"))):
        assert 0 <= one.quality <= 1
        assert one.media_type == one.media_type.strip().lower()
