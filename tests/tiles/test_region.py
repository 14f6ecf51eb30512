"""Parts of an image at any size, against Pillow's crop and resize of the same pixels."""

import io
from math import ceil, cos, radians, sin

import numpy as np
import openslide
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tests.samples import sample
from tests.samples.slide import small_svs
from tests.tiles.arrays import ArraySource, OpenPicture, picture
from tiles.codec import decode_jpeg, half
from tiles.colour import srgb_profile
from tiles.iiif import Limits, read_request
from tiles.pyramid import Box
from tiles.region import as_they_are, scaled, to_srgb
from tiles.region import picture as drawn
from tiles.render import Decoded
from tiles.source import Pixels


def expected(pixels: Pixels, region: Box, size: tuple[int, int]) -> Pixels:
    """The region scaled by Pillow, whose filter covers what each pixel of the result covers."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    edges = (region.x, region.y, region.right, region.bottom)
    made = np.asarray(image.resize(size, Image.Resampling.BOX, box=edges))
    return made.reshape(size[1], size[0], -1)


@settings(max_examples=60)
@given(st.integers(1, 900), st.integers(1, 900), st.sampled_from([1, 3]), st.data())
def test_any_region_is_what_pillow_makes_of_it(
    width: int, height: int, samples: int, data: st.DataObject
) -> None:
    array = picture(width, height, samples)
    for source in (ArraySource(array, 256), Decoded(ArraySource(array, 256))):
        x, y = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
        region = Box(
            x, y, data.draw(st.integers(1, width - x)), data.draw(st.integers(1, height - y))
        )
        size = (
            data.draw(st.integers(1, region.width)),
            data.draw(st.integers(1, region.height)),
        )
        made = scaled(source, region, size)
        assert made.shape == (size[1], size[0], samples)
        wanted = expected(array, region, size).astype(int)
        assert np.abs(made - wanted).mean() < (6 if size[0] * size[1] > 64 else 20)


@pytest.mark.parametrize("scale", [1, 2, 3, 4, 5.5, 8])
@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 2), (37, 101), (64, 128)])
def test_nothing_is_shifted(x: int, y: int, scale: float) -> None:
    """A shift by half a pixel of the result would be seen: the right place fits best."""
    array = picture(1600, 1400)
    source = Decoded(ArraySource(array, 256))
    size = (120, 100)
    region = Box(x, y, int(120 * scale), int(100 * scale))
    made = scaled(source, region, size).astype(float)
    step = max(1, int(scale / 2))
    errors = {
        (dx, dy): np.abs(
            made - expected(array, Box(x + dx, y + dy, region.width, region.height), size)
        )[1:-1, 1:-1].mean()
        for dx in (-step, 0, step)
        for dy in (-step, 0, step)
        if x + dx >= 0 and y + dy >= 0
    }
    assert min(errors, key=lambda shift: errors[shift]) == (0, 0)


@pytest.mark.parametrize(
    ("region", "size"),
    [
        (Box(0, 0, 2220, 2967), (740, 989)),
        (Box(513, 701, 1000, 900), (1000, 900)),
        (Box(333, 777, 1111, 999), (400, 360)),
        (Box(1000, 1000, 700, 500), (160, 114)),
        (Box(17, 1500, 2000, 1400), (250, 175)),
    ],
)
def test_a_slide_s_regions_are_openslide_s(region: Box, size: tuple[int, int]) -> None:
    path = sample("wsi/aperio/CMU-1-Small-Region.svs", small_svs)
    with openslide.OpenSlide(path) as slide:
        region = region.within(*slide.dimensions)
        part = slide.read_region((region.x, region.y), 0, (region.width, region.height))
        whole = np.asarray(slide.read_region((0, 0), 0, slide.dimensions))[..., :3]
    wanted = np.asarray(part.convert("RGB").resize(size, Image.Resampling.BILINEAR)).astype(int)
    made = scaled(Decoded(ArraySource(np.ascontiguousarray(whole), 240)), region, size)
    # Pillow's own filters differ as much from one another on tissue.
    assert np.abs(made - wanted).mean() < 5
    assert np.abs(made[:, 1:].astype(int) - wanted[:, :-1]).mean() > np.abs(made - wanted).mean()


def test_a_region_is_read_from_the_nearest_level_alone() -> None:
    array = picture(2048, 2048)
    source = ArraySource(array, 256)
    scaled(source, Box(100, 100, 300, 200), (300, 200))
    assert source.pixels_read == 300 * 200
    tiles = OpenPicture(2048, 2048, 256, jpeg_quality=95)()
    scaled(tiles, Box(0, 0, 2048, 2048), (256, 256))
    # Of the codec's own eighth, each tile once and none decoded whole.
    assert tiles.pixels_read == 0
    assert set(tiles.frames_read.values()) == {1}


def test_a_region_between_tiles_at_an_eighth_is_the_picture() -> None:
    source = OpenPicture(2048, 1536, 256, jpeg_quality=95)()
    region = Box(130, 250, 1601, 1203)
    made = scaled(source, region, (200, 150))
    wanted = expected(source.array, region, (200, 150)).astype(int)
    assert np.abs(made - wanted).mean() < 3


def test_what_is_distorted_holds_no_more_than_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ArraySource(picture(2000, 1500), 256)
    monkeypatch.setattr("tiles.region.READ_PX", 1 << 14)
    made = scaled(source, Box(1, 1, 1999, 1499), (1999, 2))
    assert made.shape == (2, 1999, 3)


def show(address: str, array: Pixels) -> Image.Image:
    region, size, rotation, last = address.split("/")
    quality, form = last.split(".")
    extents = (array.shape[1], array.shape[0])
    asked = read_request((region, size, rotation, quality, form), extents, Limits())
    image = Image.open(io.BytesIO(drawn(Decoded(ArraySource(array, 256)), asked)))
    image.load()
    return image


def test_turning_is_clockwise_and_after_mirroring() -> None:
    array = picture(130, 70)
    for rotation, turned in {
        "90": np.rot90(array, -1),
        "180": array[::-1, ::-1],
        "270": np.rot90(array),
        "!0": array[:, ::-1],
        "!90": np.rot90(array[:, ::-1], -1),
        "!180": array[::-1],
    }.items():
        made = np.asarray(show(f"full/max/{rotation}/default.png", array))
        assert np.array_equal(made, turned), rotation


@pytest.mark.parametrize("degrees", [22.5, 45, 100, 359])
@pytest.mark.parametrize("form", ["png", "webp", "jpg"])
def test_any_angle_keeps_all_of_the_picture(degrees: float, form: str) -> None:
    array = picture(200, 120)
    made = show(f"full/max/{degrees}/default.{form}", array)
    turn = radians(degrees)
    across = ceil(abs(200 * cos(turn)) + abs(120 * sin(turn)))
    down = ceil(abs(200 * sin(turn)) + abs(120 * cos(turn)))
    assert made.size == (across, down)
    mode = "RGB" if form == "jpg" else "RGBA"
    assert made.mode == mode
    # Pillow turns the other way round.
    other = Image.fromarray(array).convert(mode)
    fill = (255, 255, 255, 0)[: len(mode)]
    wanted = other.rotate(-degrees, Image.Resampling.BILINEAR, expand=True, fillcolor=fill)
    wanted = wanted.resize(made.size)
    inside = np.s_[down // 3 : 2 * down // 3, across // 3 : 2 * across // 3]
    difference = np.asarray(made)[inside].astype(int) - np.asarray(wanted)[inside]
    assert np.abs(difference).mean() < 8
    corner = np.asarray(made)[0, 0]
    if degrees in {22.5, 45}:
        assert list(corner)[3:] == [0][: len(corner) - 3]
        assert form != "jpg" or corner.min() > 240


def test_grey_and_black_and_white() -> None:
    array = picture(90, 60)
    grey = np.asarray(show("full/max/0/gray.png", array))
    wanted = np.asarray(Image.fromarray(array).convert("L")).astype(int)
    assert grey.ndim == 2
    assert np.abs(grey - wanted).max() <= 1
    two = np.asarray(show("full/max/0/bitonal.png", array))
    assert set(np.unique(two)) == {0, 255}
    assert np.array_equal(two == 255, grey >= 128)
    for form in ("jpg", "webp", "png"):
        for quality in ("gray", "bitonal", "color"):
            assert show(f"full/max/0/{quality}.{form}", array).size == (90, 60)
            assert show(f"full/max/0/{quality}.{form}", picture(90, 60, 1)).size == (90, 60)
            assert show(f"full/max/33/{quality}.{form}", picture(90, 60, 1)).width > 90


def test_larger_than_it_is() -> None:
    array = picture(40, 30)
    made = np.asarray(show("full/^400,300/0/default.png", array)).astype(int)
    wanted = Image.fromarray(array).resize((400, 300), Image.Resampling.BILINEAR)
    assert np.abs(made - np.asarray(wanted)).mean() < 2


def test_colours_become_srgb() -> None:
    # Red and green exchanged: nobody could miss it.
    profile = srgb_profile().replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ")
    profile = profile.replace(b"----", b"gXYZ")
    colours = to_srgb(profile)
    assert colours is not as_they_are
    array = picture(64, 48)
    wanted = ImageCms.profileToProfile(
        Image.fromarray(array),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        outputMode="RGB",
    )
    assert wanted is not None
    assert np.abs(np.asarray(wanted).astype(int) - array).mean() > 5
    assert np.array_equal(colours(array), np.asarray(wanted))
    # What was given stays as it was, also where it cannot be written.
    kept = array.copy()
    array.flags.writeable = False
    colours(array[:, ::-1])
    assert np.array_equal(array, kept)
    array.flags.writeable = True


@pytest.mark.parametrize("profile", [srgb_profile(), b"", b"no profile", srgb_profile()[:200]])
def test_profiles_that_change_nothing_cost_nothing(profile: bytes) -> None:
    assert to_srgb(profile) is as_they_are


def test_a_jpeg_of_a_region_is_near_the_region() -> None:
    array = picture(300, 200)
    asked = read_request(("10,20,200,150", "max", "0", "default", "jpg"), (300, 200), Limits())
    made = decode_jpeg(drawn(ArraySource(array, 256), asked))
    assert np.abs(made.astype(int) - array[20:170, 10:210]).mean() < 3
    assert half(made).shape == (75, 100, 3)
