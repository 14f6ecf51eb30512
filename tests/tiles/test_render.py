"""Pictures that are rendered: edge tiles, sizes below the smallest level, previews."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tests.tiles.arrays import ArraySource, OpenPicture, halved_by_definition, picture
from tiles.codec import decode_jpeg
from tiles.colour import as_input_profile, srgb_profile
from tiles.errors import OutsideImage
from tiles.pyramid import Box
from tiles.render import deep_zoom_tile, reduced, srgb_jpeg, thumbnail


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 1500), st.integers(1, 1500), st.sampled_from([1, 3]), st.data())
def test_any_deep_zoom_tile_is_the_halved_picture(
    width: int, height: int, samples: int, data: st.DataObject
) -> None:
    source = OpenPicture(width, height, 256, samples)()
    view = source.pyramid.deep_zoom
    index = data.draw(st.integers(0, view.count - 1))
    level = view.level(index)
    column = data.draw(st.integers(0, level.columns - 1))
    row = data.draw(st.integers(0, level.rows - 1))
    expected = source.array
    for _ in range(view.count - 1 - index):
        expected = halved_by_definition(expected)
    box = level.box(column, row)
    tile = decode_jpeg(deep_zoom_tile(source, index, column, row))
    assert tile.shape == (box.height, box.width, samples)
    area = expected[box.y : box.bottom, box.x : box.right].astype(int)
    # A tile of few pixels may lose more than tissue ever does.
    assert np.abs(tile - area).mean() < (4 if box.width * box.height > 64 else 12)


def test_reduction_in_parts_is_reduction_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    source = OpenPicture(1003, 701)()
    whole = reduced(source, 0, Box(0, 0, 126, 88), 3)
    monkeypatch.setattr("tiles.render._READ_PX", 64)
    assert np.array_equal(reduced(source, 0, Box(0, 0, 126, 88), 3), whole)
    with pytest.raises(OutsideImage):
        reduced(source, 0, Box(500, 0, 10, 10), 3)


def test_thumbnail_keeps_the_aspect_and_is_srgb() -> None:
    source = OpenPicture(3000, 1000)()
    small = Image.open(io.BytesIO(thumbnail(source, 300, srgb_profile())))
    assert small.size == (300, 100)
    assert small.mode == "RGB"
    plain = Image.open(io.BytesIO(thumbnail(source, 300)))
    assert np.abs(np.asarray(small).astype(int) - np.asarray(plain)).mean() < 3


def test_a_small_image_is_not_enlarged() -> None:
    source = ArraySource(picture(40, 30, 1), 64)
    assert Image.open(io.BytesIO(thumbnail(source, 300))).size == (40, 30)


def test_a_profile_changes_the_colours_as_littlecms_does() -> None:
    image = Image.fromarray(picture(64, 64))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    unusable = srgb_jpeg(image, lab)
    assert Image.open(io.BytesIO(unusable)).size == (64, 64)
    assert srgb_jpeg(image, b"no profile at all") == srgb_jpeg(image, None)


def test_profiles_become_input_profiles_and_stay_the_same() -> None:
    assert srgb_profile()[12:16] == b"scnr"
    assert srgb_profile()[36:40] == b"acsp"
    made = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    assert "sRGB" in ImageCms.getProfileDescription(made)
    assert as_input_profile(b"short") is None
    display = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    changed = as_input_profile(display)
    assert changed is not None
    assert changed[128:] == display[128:]
