"""Decoding, encoding and halving."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiles.arrays import halved_by_definition, picture
from tiles.codec import (
    decode,
    decode_jpeg,
    decode_jpeg2000_small,
    decode_jpeg_half,
    encode_jpeg,
    encode_jpeg2000_lossless,
    encode_jpeg_as,
    half,
    padded,
)
from tiles.codestream import parse_jpeg
from tiles.errors import DamagedCodestream, UnsupportedPixels
from tiles.jpeg2000 import parse_jpeg2000
from tiles.source import Encoding, Frame


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]), st.integers(0, 99))
def test_half_averages_what_is_there(width: int, height: int, samples: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, samples), dtype=np.uint8)
    assert np.array_equal(half(pixels), halved_by_definition(pixels))


@pytest.mark.parametrize("samples", [1, 3])
def test_lossless_is_lossless(samples: int) -> None:
    pixels = picture(91, 57, samples)
    frame = Frame(encode_jpeg2000_lossless(pixels), Encoding.JPEG_2000)
    assert np.array_equal(decode(frame), pixels)


@pytest.mark.parametrize(("samples", "subsampling"), [(1, "gray"), (3, "444"), (3, "420")])
def test_jpeg_loses_little(samples: int, subsampling: str) -> None:
    pixels = picture(91, 57, samples)
    back = decode(Frame(encode_jpeg(pixels, 95, subsampling), Encoding.JPEG_BASELINE))
    assert back.shape == pixels.shape
    assert np.abs(back.astype(int) - pixels).mean() < 3


def test_a_tile_encoded_like_an_rgb_one_is_rgb() -> None:
    pixels = picture(64, 64)
    from tiles.codestream import complete

    like = parse_jpeg(
        complete(encode_jpeg(pixels, 80, "444")[:2] + _without_jfif(pixels), None, rgb=True)
    )
    assert like.rgb
    made = encode_jpeg_as(pixels, like)
    assert parse_jpeg(made).rgb
    assert np.abs(decode_jpeg(made).astype(int) - pixels).mean() < 4


def _without_jfif(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bytes:
    from tests.tiles.test_codestream import abbreviated

    tile, tables = abbreviated(encode_jpeg(pixels, 80, "444"))
    return tables[2:-2] + tile[2:]


def test_padding_repeats_the_edge() -> None:
    pixels = picture(5, 3)
    whole = padded(pixels, 4, 8)
    assert whole.shape == (4, 8, 3)
    assert np.array_equal(whole[3, :5], pixels[2])
    assert np.array_equal(whole[0, 7], pixels[0, 4])
    assert padded(pixels, 3, 5) is pixels


def test_damage_and_unsupported_pixels_are_told() -> None:
    data = encode_jpeg(picture(64, 64), 80, "444")
    with pytest.raises(DamagedCodestream):
        decode_jpeg(data[: len(data) // 2])
    with pytest.raises(DamagedCodestream):
        decode(Frame(b"\xff\x4f nonsense", Encoding.JPEG_2000))
    with pytest.raises(UnsupportedPixels, match="opaque"):
        decode(Frame(b"", Encoding.OPAQUE))
    with pytest.raises(UnsupportedPixels, match="uint16"):
        encode_jpeg(picture(8, 8).astype(np.uint16), 80, "444")
    with pytest.raises(UnsupportedPixels):
        half(picture(8, 8).astype(np.float32))


@pytest.mark.parametrize(("samples", "subsampling"), [(1, "gray"), (3, "444"), (3, "420")])
def test_half_scale_decoding_is_near_the_average(samples: int, subsampling: str) -> None:
    data = encode_jpeg(picture(256, 255, samples), 85, subsampling)
    halves = decode_jpeg_half(data, 256, 255, samples)
    averages = halved_by_definition(decode_jpeg(data))
    assert halves.shape == averages.shape == (128, 128, samples)
    inner = (halves[:127].astype(float) - averages[:127]) ** 2
    assert 10 * np.log10(255**2 / inner.mean()) > 38
    with pytest.raises(DamagedCodestream):
        decode_jpeg_half(data[: len(data) // 2], 256, 255, samples)
    with pytest.raises(DamagedCodestream, match="256 × 255"):
        decode_jpeg_half(data, 65_000, 65_000, samples)


@pytest.mark.parametrize("samples", [1, 3])
def test_jpeg_2000_is_decoded_small_as_far_as_its_wavelet_goes(samples: int) -> None:
    pixels = picture(256, 128, samples)
    data = encode_jpeg2000_lossless(pixels)
    assert np.array_equal(decode_jpeg2000_small(data, (256, 128), samples, 0), pixels)
    for times in (1, 2, 3):
        small = decode_jpeg2000_small(data, (256, 128), samples, times)
        average = pixels
        for _ in range(times):
            average = half(average)
        assert small.shape == average.shape
        assert np.abs(small.astype(int) - average).mean() < 5 * times
    deepest = decode_jpeg2000_small(data, (256, 128), samples, 30)
    assert deepest.shape[0] == 128 >> parse_jpeg2000(data).halvings
    with pytest.raises(DamagedCodestream):
        decode_jpeg2000_small(data, (65_000, 65_000), samples, 1)
    with pytest.raises(DamagedCodestream):
        decode_jpeg2000_small(data[:200], (256, 128), samples, 1)
