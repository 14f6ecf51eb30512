"""What JPEG 2000 codestreams say, and that damage is told apart from them."""

import io
from struct import pack
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.tiles.arrays import picture
from tiles.codec import decode
from tiles.coding import HTJ2K, JPEG_2000, coding_of, encode_as, obstacle_to_copying
from tiles.errors import DamagedCodestream
from tiles.jpeg2000 import check, codestream_of, parse_jpeg2000, with_colour_transform
from tiles.source import Encoding, Frame


def made(samples: int = 3, **more: Any) -> bytes:
    """A codestream of 64 × 48 pixels."""
    usual: dict[str, Any] = {
        "level": 45,
        "codecformat": "j2k",
        "reversible": False,
        "mct": samples == 3,
    }
    pixels = picture(64, 48, samples)
    return bytes(
        imagecodecs.jpeg2k_encode(pixels[..., 0] if samples == 1 else pixels, **usual | more)
    )


WHOLE = made()


@pytest.mark.parametrize(
    ("more", "colours"),
    [
        ({}, "YBR_ICT"),
        ({"reversible": True, "level": 0}, "YBR_RCT"),
        ({"mct": False}, "RGB"),
        ({"samples": 1}, "MONOCHROME2"),
    ],
)
def test_colours_are_what_the_codestream_says(more: dict[str, Any], colours: str) -> None:
    header = check(made(**more), 64, 48)
    assert (header.width, header.height, header.bits) == (64, 48, 8)
    coding = coding_of(header)
    assert (coding.transfer_syntax, coding.photometric_interpretation) == (JPEG_2000, colours)
    assert coding.lossy_method == "ISO_15444_1"
    filling = encode_as(picture(64, 48, header.samples), header)
    assert coding_of(check(filling, 64, 48)) == coding


def test_high_throughput_is_told() -> None:
    header = check(bytes(imagecodecs.htj2k_encode(picture(64, 48))), 64, 48)
    assert header.high_throughput
    assert coding_of(header).transfer_syntax == HTJ2K


def test_16_bits_are_no_frame_of_8() -> None:
    deep = picture(64, 48).astype(np.uint16) * 257
    header = parse_jpeg2000(bytes(imagecodecs.jpeg2k_encode(deep, codecformat="j2k")))
    assert header.bits == 16
    assert "16-bit" in str(obstacle_to_copying(header))


def test_ycbcr_components_are_made_to_say_so() -> None:
    pixels = picture(64, 48)
    ycbcr = np.asarray(Image.fromarray(pixels).convert("YCbCr"))
    silent = bytes(
        imagecodecs.jpeg2k_encode(ycbcr, level=45, codecformat="j2k", reversible=False, mct=False)
    )
    marked = with_colour_transform(silent)
    assert len(marked) == len(silent)
    assert sum(a != b for a, b in zip(marked, silent, strict=True)) == 1
    assert check(marked, 64, 48).colour_transform
    shown = decode(Frame(marked, Encoding.JPEG_2000)).astype(int)
    converted = Image.fromarray(decode(Frame(silent, Encoding.JPEG_2000)), "YCbCr").convert("RGB")
    assert np.abs(shown - np.asarray(converted)).max() <= 2
    assert np.abs(shown - pixels).mean() < 4


@pytest.mark.parametrize("large", [False, True])
def test_the_codestream_is_taken_out_of_a_jp2_file(large: bool) -> None:
    pixels = picture(64, 48)
    boxed = bytes(imagecodecs.jpeg2k_encode(pixels, level=45, codecformat="jp2"))
    at = boxed.index(b"jp2c") - 4
    if large:
        body = boxed[at + 8 :]
        boxed = boxed[:at] + pack(">I4sQ", 1, b"jp2c", len(body) + 16) + body
    inner = codestream_of(boxed)
    assert check(inner, 64, 48) == parse_jpeg2000(inner)
    assert np.array_equal(imagecodecs.jpeg2k_decode(inner), imagecodecs.jpeg2k_decode(boxed))
    assert codestream_of(inner) == inner
    with pytest.raises(DamagedCodestream, match="no whole codestream"):
        codestream_of(boxed[:-10])


def test_other_sizes_are_found_out() -> None:
    with pytest.raises(DamagedCodestream, match="64 × 48"):
        check(WHOLE, 64, 64)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_cut_codestream_is_found_out(length: int) -> None:
    with pytest.raises(DamagedCodestream):
        check(WHOLE[:length], 64, 48)


@given(st.integers(parse_jpeg2000(WHOLE).tile_parts_offset, len(WHOLE) - 17))
def test_overwritten_bytes_are_found_out(at: int) -> None:
    with pytest.raises(DamagedCodestream):
        check(WHOLE[:at] + b"\xff" * 16 + WHOLE[at + 16 :], 64, 48)


@given(st.binary(max_size=200), st.integers(0, 120))
def test_nothing_but_damage_is_raised(noise: bytes, at: int) -> None:
    for data in (noise, WHOLE[:at] + noise, WHOLE[:at] + noise + WHOLE[at + len(noise) :]):
        try:
            header = check(codestream_of(data), 64, 48)
        except DamagedCodestream:
            continue
        assert (header.width, header.height) == (64, 48)


def test_a_last_part_may_leave_its_length_open() -> None:
    at = parse_jpeg2000(WHOLE).tile_parts_offset + 6
    unsaid = WHOLE[:at] + bytes(4) + WHOLE[at + 4 :]
    assert check(unsaid, 64, 48) == check(WHOLE, 64, 48)
    with io.BytesIO(unsaid) as file, Image.open(file) as image:
        assert np.array_equal(np.asarray(image), decode(Frame(WHOLE, Encoding.JPEG_2000)))
