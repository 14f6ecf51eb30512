"""CZI: blocks put where they belong, in every encoding."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from slides.convert import Request, convert
from slides.errors import DamagedSlide, SlideError, UnsupportedSlide
from slides.open import open_slide
from slides.slide import Channel
from tests.samples.czi import Block, write_czi
from tests.samples.dicom_planes import smooth, whole
from tests.slides.converted import complaints
from tiles.errors import OutsideImage, TilesError
from tiles.pyramid import Box, Plane


def blocks_of(stack: Any, side: int = 100, **how: Any) -> list[Block]:
    """A stack cut into blocks, far from the stage's origin."""
    found = []
    for c in range(stack.shape[0]):
        for z in range(stack.shape[1]):
            for y in range(0, stack.shape[2], side):
                for x in range(0, stack.shape[3], side):
                    own = stack[c, z, y : y + side, x : x + side, 0]
                    found.append(Block(own, 5000 + x, -70 + y, c, z, **how))
    return found


@pytest.mark.parametrize("compression", ["none", "jpegxr", "zstd0", "zstd1", "zstd1 apart", "jpeg"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_blocks_of_every_encoding(compression: str, dtype: Any, tmp_path: Path) -> None:
    if compression == "jpeg" or (compression == "zstd1 apart" and dtype == np.uint8):
        dtype = np.uint16 if compression == "zstd1 apart" else np.uint8
    stack = smooth(2, 3, 250, 170, dtype)
    path = write_czi(tmp_path / "a.czi", blocks_of(stack, compression=compression))
    with open_slide(path) as slide:
        found = whole(slide)
        assert found.dtype == dtype
        apart = np.abs(found.astype(int) - stack.astype(int)).max()
        assert apart <= (12 if compression == "jpeg" else 0)
        assert slide.source.pyramid.planes == tuple(Plane(z, c) for c in (0, 1) for z in range(3))
        with pytest.raises(OutsideImage):
            slide.source.pixels(0, Box(0, 0, 1, 1), Plane(3, 0))
        with pytest.raises(OutsideImage):
            slide.source.pixels(0, Box(200, 0, 51, 1))


def test_facts(tmp_path: Path) -> None:
    path = write_czi(tmp_path / "a.czi", blocks_of(smooth(2, 2, 90, 90, np.uint16)))
    with open_slide(path) as slide:
        facts = slide.facts
    assert facts.format == "czi"
    assert facts.mpp_um == pytest.approx((0.325, 0.325))
    assert facts.focal_spacing_um == pytest.approx(1.0)
    assert facts.objective_power == 20
    assert facts.acquired_at is not None
    assert facts.acquired_at.year == 2021
    assert facts.channels == (
        Channel("DAPI", True, 353, 465),
        Channel("EGFP", True, colour=(0, 255, 91)),
    )


def test_later_tiles_of_a_mosaic_lie_on_top_and_gaps_are_dark(tmp_path: Path) -> None:
    one = np.full((50, 60), 1000, np.uint16)
    blocks = [
        Block(one * 2, 40, 30, mosaic=1),
        Block(one, 0, 0, mosaic=0),
        Block(one * 3, 200, 100, scene=1, mosaic=2),
        # Reduced by half, as Zeiss's software adds; never shown.
        Block(one * 9, 0, 0, reduced=2),
    ]
    path = write_czi(tmp_path / "a.czi", blocks)
    with open_slide(path) as slide:
        found = whole(slide)[0, 0, ..., 0]
        assert slide.facts.background == (0, 0, 0)
    expected = np.zeros((150, 260), np.uint16)
    expected[:50, :60] = 1000
    expected[30:80, 40:100] = 2000
    expected[100:150, 200:260] = 3000
    assert np.array_equal(found, expected)


@given(
    x=st.integers(0, 240),
    y=st.integers(0, 160),
    width=st.integers(1, 250),
    height=st.integers(1, 170),
)
@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_any_box_is_what_it_is_of_the_whole(
    x: int, y: int, width: int, height: int, tmp_path: Path
) -> None:
    stack = smooth(1, 1, 250, 170, np.uint16)
    path = tmp_path / "a.czi"
    if not path.exists():
        write_czi(path, blocks_of(stack, 64, compression="zstd1 apart"))
    box = Box(x, y, width, height).within(250, 170)
    with open_slide(path) as slide:
        found = slide.source.pixels(0, box)
    assert np.array_equal(found, stack[0, 0, y : box.bottom, x : box.right])


def test_it_converts(tmp_path: Path) -> None:
    stack = smooth(2, 2, 700, 600, np.uint16)
    path = write_czi(tmp_path / "a.czi", blocks_of(stack, 256, compression="zstd0"))
    report = convert(path, tmp_path / "out", Request(to="both", verify=True))
    assert complaints(report.out) == []
    with open_slide(report.out / "level-0.dcm") as slide:
        assert np.array_equal(whole(slide), stack)


@pytest.mark.parametrize(
    ("blocks", "reason"),
    [
        ([Block(np.ones((9, 9), np.float32), 0, 0)], "floating-point grey"),
        (
            [Block(np.ones((9, 9), np.uint8), 0, 0), Block(np.ones((9, 9), np.uint16), 0, 0, 1)],
            "8-bit grey and 16-bit grey",
        ),
        ([Block(np.ones((9, 9), np.uint8), 0, 0, t=t) for t in range(3)], "3 times"),
    ],
)
def test_what_is_not_read_is_refused(blocks: list[Block], reason: str, tmp_path: Path) -> None:
    path = write_czi(tmp_path / "a.czi", blocks)
    with pytest.raises(UnsupportedSlide, match=reason):
        open_slide(path)


@pytest.mark.parametrize("share", [0.001, 0.3, 0.6, 0.99])
def test_a_file_that_is_cut_is_damage(share: float, tmp_path: Path) -> None:
    path = write_czi(tmp_path / "a.czi", blocks_of(smooth(1, 1, 250, 170, np.uint16)))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)].ljust(16, b"\0"))
    with pytest.raises(DamagedSlide):
        open_slide(path)


def test_a_file_without_metadata_is_read(tmp_path: Path) -> None:
    stack = smooth(1, 1, 90, 90, np.uint16)
    path = write_czi(tmp_path / "a.czi", blocks_of(stack), "<ImageDocument/>")
    with open_slide(path) as slide:
        assert np.array_equal(whole(slide), stack)
        assert slide.facts.mpp_um is None


@given(at=st.integers(0, 4000), byte=st.integers(0, 255), tail=st.booleans())
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_changed_byte_never_escapes_as_another_error(
    at: int, byte: int, tail: bool, tmp_path: Path
) -> None:
    whole_path = tmp_path / "whole.czi"
    if not whole_path.exists():
        write_czi(whole_path, blocks_of(smooth(1, 1, 90, 90, np.uint8), 45, compression="zstd1"))
    data = bytearray(whole_path.read_bytes())
    data[-at - 1 if tail else at % len(data)] = byte
    path = tmp_path / "a.czi"
    path.write_bytes(data)
    told = ""
    try:
        with open_slide(path) as slide:
            level = slide.source.pyramid.levels[0]
            slide.source.pixels(0, Box(0, 0, min(level.width, 99), min(level.height, 99)))
    except (SlideError, TilesError) as error:
        told = str(error)
    assert "\n" not in told
