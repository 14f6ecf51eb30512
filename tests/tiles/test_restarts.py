"""JPEGs put together without decoding show what their parts show."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiles.arrays import picture
from tiles.codec import decode_jpeg, encode_jpeg
from tiles.codestream import parse_jpeg
from tiles.errors import DamagedCodestream
from tiles.restarts import front_of, stacked
from tiles.scan import check


@given(
    st.integers(1, 12),
    st.integers(1, 16),
    st.integers(1, 70),
    st.sampled_from(["444", "422", "gray"]),
)
def test_strips_become_one_jpeg(count: int, last: int, width: int, subsampling: str) -> None:
    samples = 1 if subsampling == "gray" else 3
    pixels = picture(width, 16 * count + last, samples)
    parts = np.split(pixels, range(16, pixels.shape[0], 16))
    strips = [encode_jpeg(part, 90, subsampling) for part in parts]
    whole = stacked(strips)
    assert whole is not None
    assert check(whole, width, pixels.shape[0]).baseline
    # No row of chroma is shared by two strips of these subsamplings.
    shown = np.concatenate([decode_jpeg(strip) for strip in strips])
    assert np.array_equal(decode_jpeg(whole), shown)


def test_strips_of_different_making_are_not_put_together() -> None:
    pixels = picture(64, 16)
    one, other = (encode_jpeg(pixels, quality, "444") for quality in (90, 80))
    high, low = encode_jpeg(picture(64, 24), 90, "444"), encode_jpeg(picture(64, 20), 90, "444")
    assert stacked([one, one]) is not None
    for strips in ([one, other], [one, high], [low, one], [one, encode_jpeg(pixels, 90, "420")]):
        assert stacked(strips) is None


def test_a_header_without_scan_is_damage() -> None:
    data = encode_jpeg(picture(64, 16), 90, "444")
    with pytest.raises(DamagedCodestream):
        front_of(data[: parse_jpeg(data).scan_offset - 14], 64, 16, 8)
