"""JPEG-LS headers: what an encoder was asked for is what they say."""

from contextlib import suppress

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiles.errors import DamagedCodestream
from tiles.jpeg_ls import JpegLsHeader, check_header, parse_jpeg_ls


@pytest.mark.parametrize(
    ("shape", "dtype", "near"),
    [((40, 30), "u1", 0), ((40, 30), "u2", 0), ((40, 30, 3), "u1", 0), ((40, 30, 3), "u1", 3)],
)
def test_headers(shape: tuple[int, ...], dtype: str, near: int) -> None:
    pixels = (np.arange(np.prod(shape)).reshape(shape) * 7).astype(dtype)
    if dtype == "u2":
        pixels += 60_000
    data = bytes(imagecodecs.jpegls_encode(pixels, level=near))
    samples = shape[2] if len(shape) == 3 else 1
    header = parse_jpeg_ls(data)
    assert header == JpegLsHeader(30, 40, samples, 8 * pixels.itemsize, near, turned=False)
    check_header(header, 30, 40)
    with pytest.raises(DamagedCodestream, match="30 × 40 pixels where 40 × 30 belong"):
        check_header(header, 40, 30)
    transform = b"\xff\xe8\x00\x07mrfx\x01"
    assert parse_jpeg_ls(data[:2] + transform + data[2:]).turned


@given(st.binary(max_size=60), st.integers(0, 60))
def test_nothing_else_is_taken_for_one(noise: bytes, at: int) -> None:
    data = bytes(imagecodecs.jpegls_encode(np.zeros((8, 8), np.uint8)))
    told: JpegLsHeader | None = None
    with suppress(DamagedCodestream):
        told = parse_jpeg_ls(data[:at] + noise)
    assert told is None or data[:2] == (data[:at] + noise)[:2]
