"""Stacks: every plane built by itself, kept without loss, found in the order of TILED_FULL."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from ome_zarr_models.v05.image import Image as OmeImage
from yaozarrs import validate_zarr_store

from tests.tiles.arrays import OpenStack, StackSource, halved_by_definition, measured
from tiles import plan as planning
from tiles.build import run, tasks
from tiles.codec import decode, encode_jpeg_ls, half
from tiles.composite import Channel, Composite, windows
from tiles.errors import OutsideImage, UnsupportedPixels
from tiles.frames import FrameSink
from tiles.instance import FrameIndex
from tiles.ome_zarr import ZarrSink, create, describe, pixels_of
from tiles.plan import Action
from tiles.pyramid import Box, Level, Plane
from tiles.render import deep_zoom_tile
from tiles.source import Encoding, Frame


@given(
    paths=st.integers(1, 3),
    depth=st.integers(1, 3),
    width=st.integers(1, 1100),
    height=st.integers(1, 700),
    dtype=st.sampled_from(["uint8", "uint16"]),
)
@settings(max_examples=15, deadline=None)
def test_frames_are_in_the_order_of_tiled_full(
    paths: int,
    depth: int,
    width: int,
    height: int,
    dtype: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """First along rows, then down, then by focal plane, then by optical path; nothing is lost."""
    opener = OpenStack(paths, depth, width, height, dtype)
    plan = planning.full(opener())
    if (paths * depth, dtype) == (1, "uint8"):
        assert plan.encoding is Encoding.JPEG_BASELINE
        return
    assert plan.encoding is Encoding.JPEG_LS
    assert not plan.losses
    folder = tmp_path_factory.mktemp("frames")
    sink = FrameSink(folder, plan)
    run(opener, plan, sink)
    stack = opener().stack
    for number, step in enumerate(plan.levels):
        frames = iter(sink.frames(number))
        for path in range(paths):
            for focal in range(depth):
                model = stack[path, focal]
                for _ in range(number):
                    model = halved_by_definition(model)
                for row in range(step.level.rows):
                    for column in range(step.level.columns):
                        tile = decode(Frame(next(frames), Encoding.JPEG_LS))
                        box = step.level.box(column, row)
                        own = model[box.y : box.bottom, box.x : box.right]
                        assert tile.shape == (512, 512, 1)
                        assert np.array_equal(tile[: box.height, : box.width], own)
        assert next(frames, None) is None


@given(
    paths=st.integers(1, 4),
    depth=st.integers(1, 4),
    columns=st.integers(1, 5),
    rows=st.integers(1, 5),
)
def test_an_index_finds_every_tile_of_every_plane(
    paths: int, depth: int, columns: int, rows: int
) -> None:
    count = paths * depth * columns * rows
    offsets = np.arange(count, dtype="<u8")
    level = Level(columns * 8, rows * 8, 8, 8)
    index = FrameIndex(level, 1, 16, Encoding.JPEG_LS, offsets, offsets, paths, depth)
    found = [
        index.range(column, row, plane)[0]
        for plane in index.planes
        for row in range(rows)
        for column in range(columns)
    ]
    assert found == list(range(count))
    assert index.planes[0] == Plane(0, 0)
    assert index.planes[-1] == Plane(depth - 1, paths - 1)
    for beyond in (Plane(depth, 0), Plane(0, paths), Plane(-1, 0)):
        with pytest.raises(OutsideImage):
            index.range(0, 0, beyond)


def test_every_plane_has_tasks_of_its_own() -> None:
    plan = planning.full(OpenStack(2, 3, 900, 700)())
    names = [task.name for task in tasks(plan)]
    assert len(names) == len(set(names))
    assert {task.plane for task in tasks(plan)} == set(plan.planes)


@pytest.mark.parametrize(("paths", "depth"), [(1, 1), (3, 1), (1, 4), (2, 3)])
def test_stacks_as_zarr(paths: int, depth: int, tmp_path: Path) -> None:
    opener = OpenStack(paths, depth, 1500, 700)
    plan = planning.pixels_only(opener(), 512)
    folder = tmp_path / "stack.ome.zarr"
    create(folder, plan)
    run(opener, plan, ZarrSink(folder, plan))
    channels = [Channel(f"dye {n}", (0, 255, n), n, 1000 + n) for n in range(paths)]
    describe(folder, plan, (0.5, 0.25), "stack", channels, 2.5)
    validate_zarr_store(str(folder))
    group = zarr.open_group(folder, mode="r")
    told = OmeImage.from_zarr(group).ome_attributes
    axes = [axis.name for axis in told.multiscales[0].axes]
    assert axes == (["c", "z", "y", "x"] if depth > 1 else ["c", "y", "x"])
    scale = told.multiscales[0].datasets[0].coordinateTransformations[0].model_dump()["scale"]
    assert scale == ([1.0, 2.5, 0.25, 0.5] if depth > 1 else [1.0, 0.25, 0.5])
    ome: Any = group.attrs["ome"]
    shown = ome["omero"]["channels"]
    assert [one["label"] for one in shown] == [f"dye {n}" for n in range(paths)]
    assert shown[-1]["color"] == f"00FF0{paths - 1}"
    assert shown[0]["window"] == {"min": 0, "max": 65535, "start": 0, "end": 1000}
    stack = opener().stack
    for number, step in enumerate(plan.levels):
        array = group[str(number)]
        for plane in plan.planes:
            model = stack[plane.optical_path, plane.focal_plane]
            for _ in range(number):
                model = halved_by_definition(model)
            box = Box(0, 0, step.level.width, step.level.height)
            assert np.array_equal(pixels_of(array, 1, box, plane), model)


@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535))
def test_a_half_of_16_bits_is_rounded_up(a: int, b: int, c: int, d: int) -> None:
    pixels = np.array([[[a], [b]], [[c], [d]]], np.uint16)
    assert half(pixels).item() == (a + b + c + d + 2) // 4


def test_colours_of_16_bits_are_refused() -> None:
    source = StackSource(np.zeros((1, 1, 9, 9, 3), np.uint16), 64)
    with pytest.raises(UnsupportedPixels, match="16-bit colours"):
        planning.full(source)
    with pytest.raises(UnsupportedPixels):
        encode_jpeg_ls(np.zeros((9, 9, 2), np.uint8))


def test_a_stack_of_colours_is_jpeg() -> None:
    source = StackSource(np.zeros((1, 3, 900, 900, 3), np.uint8), 64)
    plan = planning.full(source)
    assert plan.encoding is Encoding.JPEG_BASELINE
    assert [step.action for step in plan.levels] == [Action.ENCODE, Action.DERIVE]


def test_channels_add_up_in_their_colours() -> None:
    stack = np.zeros((3, 2, 4, 4, 1), np.uint16)
    stack[0, 1, 0] = 2000  # beyond its window
    stack[1, 1, 1] = 600  # half way
    stack[2, 1, 1] = 100  # below
    stack[:, 0] = 50_000  # the plane that is not shown
    channels = (
        Channel("a", (0, 0, 255), 100, 1100),
        Channel("b", (255, 128, 0), 100, 1100),
        Channel("c", (0, 255, 0), 100, 1100),
    )
    shown = Composite(StackSource(stack, 64), channels)
    assert (shown.pyramid.samples, shown.pyramid.bits) == (3, 8)
    pixels = shown.pixels(0, Box(0, 0, 4, 4))
    assert pixels.dtype == np.uint8
    assert pixels[0, 0].tolist() == [0, 0, 255]
    assert pixels[1, 0].tolist() == [128, 64, 0]
    assert not pixels[2:].any()
    assert shown.frame(0, 0, 0) is None
    top = Composite(StackSource(stack, 64), channels, focal_plane=0)
    assert top.pixels(0, Box(0, 0, 1, 1)).tolist() == [[[255, 255, 255]]]
    assert deep_zoom_tile(shown, 2, 0, 0)[:2] == b"\xff\xd8"


def test_of_a_stack_of_colours_one_plane_is_shown() -> None:
    stack = np.arange(3 * 5 * 4 * 3, dtype=np.uint8).reshape(1, 3, 5, 4, 3)
    shown = Composite(StackSource(stack, 64), ())
    assert np.array_equal(shown.pixels(0, Box(0, 0, 4, 5)), stack[0, 1])
    assert shown.encoding(0) is Encoding.RAW


def test_a_window_leaves_out_what_is_rare() -> None:
    stack = np.full((2, 1, 100, 100, 1), 500, np.uint16)
    stack[0, 0, :50] = 4000
    stack[0, 0, 0, 0] = 65535
    found = windows(StackSource(stack, 64).pixels, StackSource(stack, 64).pyramid)
    assert found == ((500, 4000), (500, 501))


def test_measured_differs_from_plane_to_plane() -> None:
    stack = measured(2, 2, 40, 40)
    assert len({plane.tobytes() for plane in stack.reshape(4, -1)}) == 4
