"""What JPEG codestreams say, and that damage is told apart from them."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.tiles.arrays import picture
from tiles.codec import decode_jpeg, encode_jpeg
from tiles.codestream import DHT, DQT, SOS, complete, parse_jpeg, segments
from tiles.errors import DamagedCodestream
from tiles.scan import check

WHOLE = encode_jpeg(picture(64, 48), 80, "444")


def abbreviated(data: bytes) -> tuple[bytes, bytes]:
    """A JPEG as TIFF stores a tile: the tables in a stream of their own, no JFIF marker."""
    tables, rest = [b"\xff\xd8"], [b"\xff\xd8"]
    end = 2
    for segment in segments(data):
        end = segment.offset + 4 + len(segment.payload)
        if segment.marker in {DQT, DHT}:
            tables.append(data[segment.offset : end])
        elif not 0xE0 <= segment.marker <= 0xEF:
            rest.append(data[segment.offset : end])
    return b"".join([*rest, data[end:]]), b"".join([*tables, b"\xff\xd9"])


@pytest.mark.parametrize("subsampling", ["444", "422", "420"])
@pytest.mark.parametrize("quality", [30, 50, 75, 90, 95, 100])
def test_header_says_what_the_encoder_was_told(quality: int, subsampling: str) -> None:
    header = parse_jpeg(encode_jpeg(picture(70, 50), quality, subsampling))
    assert (header.width, header.height) == (70, 50)
    assert header.baseline
    assert not header.rgb
    assert header.subsampling == subsampling
    assert abs(header.quality - quality) <= 1


def test_grey_header() -> None:
    header = parse_jpeg(encode_jpeg(picture(70, 50, 1), 90, "gray"))
    assert (header.samples, header.subsampling, header.rgb) == (1, "gray", False)


def test_progressive_is_not_baseline() -> None:
    buffer = io.BytesIO()
    Image.fromarray(picture(64, 64)).save(buffer, "JPEG", progressive=True)
    header = parse_jpeg(buffer.getvalue())
    assert not header.baseline
    assert check(buffer.getvalue(), 64, 64) == header


def test_joined_tables_make_the_tile_whole() -> None:
    tile, tables = abbreviated(WHOLE)
    with pytest.raises(DamagedCodestream, match="tables"):
        check(tile, 64, 48)
    joined = complete(tile, tables, rgb=False)
    assert not check(joined, 64, 48).rgb
    assert np.array_equal(decode_jpeg(joined), decode_jpeg(WHOLE))


def test_rgb_components_are_declared_and_then_not_converted() -> None:
    tile, tables = abbreviated(WHOLE)
    joined = complete(tile, tables, rgb=True)
    assert check(joined, 64, 48).rgb
    assert complete(joined, None, rgb=True) == joined
    scan = parse_jpeg(joined).scan_offset
    assert joined[scan:] == WHOLE[parse_jpeg(WHOLE).scan_offset :]
    # The same numbers read as R, G, B and as Y, Cb, Cr: converting one gives the other.
    as_ycc = Image.open(io.BytesIO(complete(tile, tables, rgb=False)))
    as_ycc.draft("YCbCr", as_ycc.size)
    difference = np.asarray(as_ycc).astype(int) - decode_jpeg(joined)
    assert np.abs(difference).max() == 0


@given(st.integers(0, len(WHOLE) - 1))
def test_every_truncation_is_found(length: int) -> None:
    with pytest.raises(DamagedCodestream):
        check(WHOLE[:length], 64, 48)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_in_one_way(data: bytes) -> None:
    for candidate in (data, b"\xff\xd8" + data, WHOLE[:200] + data):
        with pytest.raises(DamagedCodestream):
            check(candidate, 64, 48)


@given(st.integers(2, len(WHOLE) - 3), st.binary(min_size=1, max_size=40))
def test_overwritten_bytes_never_break_the_parser(at: int, patch: bytes) -> None:
    data = WHOLE[:at] + patch + WHOLE[at + len(patch) :]
    try:
        header = check(data, 64, 48)
    except DamagedCodestream:
        return
    assert (header.width, header.height) == (64, 48)


def test_lying_sizes_and_foreign_bytes_are_found() -> None:
    with pytest.raises(DamagedCodestream, match="64 × 48 pixels, not 64 × 64"):
        check(WHOLE, 64, 64)
    middle = parse_jpeg(WHOLE).scan_offset + 100
    for foreign in (b"\xff" * 40 + b"\x58", b"\xff\x01"):
        with pytest.raises(DamagedCodestream, match="foreign"):
            check(WHOLE[:middle] + foreign + WHOLE[middle:], 64, 48)


def test_segments_end_with_the_scan() -> None:
    markers = [segment.marker for segment in segments(WHOLE)]
    assert markers[-1] == SOS
    assert markers.count(SOS) == 1
