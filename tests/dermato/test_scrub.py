"""The segment walker, on JPEGs, on soups of segments and on noise."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermato.errors import DamagedPhoto
from dermato.scrub import DROPPED, FRAMES, NEEDED, parts, scrub
from tiles.codestream import APP0, APP14, SOS

SOF = b"\xff\xc0" + pack(">H", 11) + bytes([8, 0, 8, 0, 8, 1, 1, 0x11, 0])
SECRET = b"48.8583 N 2.2944 E"


def segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + pack(">H", len(payload) + 2) + payload


def escaped(data: bytes) -> bytes:
    return data.replace(b"\xff", b"\xff\0")


metadata = st.builds(
    segment, st.sampled_from(sorted(DROPPED)), st.binary(max_size=40).map(lambda b: SECRET + b)
)
tables = st.builds(
    segment, st.sampled_from(sorted(NEEDED - {*FRAMES, SOS})), st.binary(max_size=40)
)
fill = st.integers(0, 3).map(lambda count: b"\xff" * count)
scans = st.builds(
    lambda payload, data: segment(SOS, payload) + data,
    st.binary(max_size=12),
    st.lists(
        st.one_of(st.binary(max_size=30).map(escaped), st.sampled_from([b"\xff\xd0", b"\xff\xd7"]))
    ).map(b"".join),
)


@st.composite
def soups(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A JPEG with metadata anywhere, and the same without."""
    kept, soup = [], []
    body = [
        SOF,
        *draw(st.lists(tables, max_size=4)),
        *draw(st.lists(scans, min_size=1, max_size=3)),
    ]
    for needed in body:
        for dropped in draw(st.lists(metadata, max_size=2)):
            soup += [draw(fill), dropped]
        soup.append(draw(fill) + needed)
        kept.append(needed)
    trailer = draw(st.binary(max_size=60))
    whole = b"\xff\xd8" + b"".join(soup) + b"\xff\xd9" + trailer
    return whole, b"\xff\xd8" + b"".join(kept) + b"\xff\xd9"


@given(soups())
def test_metadata_goes_wherever_it_stands_and_the_rest_stays(soup: tuple[bytes, bytes]) -> None:
    whole, kept = soup
    assert scrub(whole).jpeg == kept


@given(soups())
def test_scrubbing_twice_is_scrubbing_once(soup: tuple[bytes, bytes]) -> None:
    once = scrub(soup[0]).jpeg
    assert scrub(once).jpeg == once


@given(soups(), st.data())
def test_every_cut_before_eoi_is_refused(soup: tuple[bytes, bytes], data: st.DataObject) -> None:
    _, kept = soup
    length = data.draw(st.integers(0, len(kept) - 2))
    with pytest.raises(DamagedPhoto):
        scrub(kept[:length])


@given(st.binary(max_size=400).map(lambda noise: b"\xff\xd8\xff" + noise))
def test_noise_is_read_to_the_end_or_refused(noise: bytes) -> None:
    try:
        clean = scrub(noise)
    except DamagedPhoto:
        return
    assert [found.marker for found, _ in parts(clean.jpeg)]


def test_thumbnails_in_the_colour_hints_go() -> None:
    jfif = segment(APP0, b"JFIF\0\1\2\1\0\x48\0\x48\2\2" + b"\x07" * 12)
    extension = segment(APP0, b"JFXX\0\x10" + b"\xff\xd8" + SECRET)
    adobe = segment(APP14, b"Adobe\0\x64\0\0\0\0\1" + SECRET)
    end = SOF + segment(SOS, b"\1\1\0\0\x3f\0") + b"\x12\x34\xff\xd9"
    clean = scrub(b"\xff\xd8" + jfif + extension + adobe + end).jpeg
    assert clean == (
        b"\xff\xd8"
        + segment(APP0, b"JFIF\0\1\2\1\0\x48\0\x48\0\0")
        + segment(APP14, b"Adobe\0\x64\0\0\0\0\1")
        + end
    )


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
def test_a_profile_over_several_segments_is_put_together(order: tuple[int, ...]) -> None:
    chunks = b"".join(
        segment(0xE2, b"ICC_PROFILE\0" + bytes([number, 3]) + bytes([number]) * 5)
        for number in order
    )
    end = SOF + segment(SOS, b"\1\1\0\0\x3f\0") + b"\x12\xff\xd9"
    clean = scrub(b"\xff\xd8" + chunks + end)
    assert clean.icc_profile == b"\1" * 5 + b"\2" * 5 + b"\3" * 5
    assert b"ICC" not in clean.jpeg


def test_a_profile_with_a_part_missing_is_none() -> None:
    part = segment(0xE2, b"ICC_PROFILE\0\1\2" + b"x" * 9)
    end = SOF + segment(SOS, b"\1\1\0\0\x3f\0") + b"\x12\xff\xd9"
    assert scrub(b"\xff\xd8" + part + end).icc_profile is None


@pytest.mark.parametrize("marker", [0xC2, 0xC9, 0xCC, 0xDC, 0xF3])
def test_what_no_baseline_jpeg_has_is_refused(marker: int) -> None:
    strange = segment(marker, b"\0" * 9)
    end = SOF + segment(SOS, b"\1\1\0\0\x3f\0") + b"\x12\xff\xd9"
    with pytest.raises(DamagedPhoto):
        scrub(b"\xff\xd8" + strange + end)
