"""The map of a slide's tiles: the same bytes and pixels as its source gives."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from slides.mapping import early_tile_size, tile_map_of
from slides.open import open_slide
from slides.shared_file import SharedFile
from tests.samples import sample, vendors
from tests.samples.dicom_slides import Made, write_instance
from tests.samples.slide import Form, small_svs
from tiles.plan import full
from tiles.pyramid import Box
from tiles.tile_map import MappedImage, TileMap, read_tile_map, write_tile_map


def map_of(path: Path) -> tuple[TileMap | None, tuple[Path, ...], int | None]:
    with open_slide(path) as slide:
        size = early_tile_size(slide)
        return None if size is None else tile_map_of(slide, size), slide.files, size


def assert_the_same(path: Path) -> None:
    found, files, size = map_of(path)
    assert found is not None
    shared = [SharedFile(file) for file in files]
    image = MappedImage(
        read_tile_map(write_tile_map(found), [one.size for one in shared]),
        [one.read for one in shared],
    )
    with open_slide(path) as slide:
        source = slide.source
        assert size == full(source).levels[0].level.tile_width
        assert image.pyramid.levels[0] == source.pyramid.levels[0]
        for number, level in enumerate(image.pyramid.levels):
            own = source.pyramid.levels.index(level)
            whole = Box(0, 0, level.width, level.height)
            assert np.array_equal(image.pixels(number, whole), source.pixels(own, whole))
            for index in range(level.tiles):
                row, column = divmod(index, level.columns)
                assert image.frame(number, column, row) == source.frame(own, column, row)
    for one in shared:
        one.close()


@pytest.mark.parametrize("form", ["abbreviated-rgb", "complete-ycbcr"])
def test_an_aperio_slide(form: Form, tmp_path: Path) -> None:
    assert_the_same(small_svs(tmp_path / "a.svs", 1100, 1300, 240, form=form))


@pytest.mark.parametrize(
    "made",
    [Made(), Made(table="extended"), Made(sparse_without=(2, 5))],
    ids=str,
)
def test_dicom_in_one_fragment_a_frame(made: Made, tmp_path: Path) -> None:
    assert_the_same(write_instance(tmp_path / "a.dcm", vendors.picture(400, 300), made))


@pytest.mark.parametrize("made", [Made(fragments=3), Made(table="native")], ids=str)
def test_dicom_whose_frames_are_no_pieces_of_jpeg(made: Made, tmp_path: Path) -> None:
    found, _, size = map_of(write_instance(tmp_path / "a.dcm", vendors.picture(400, 300), made))
    assert found is None
    assert size is not None


@pytest.mark.parametrize(
    "make", [vendors.aperio_jpeg_2000, vendors.planar, partial(vendors.strips, rows=50)]
)
def test_what_is_no_grid_of_jpeg_tiles_has_no_map(make: object, tmp_path: Path) -> None:
    assert callable(make)
    path = tmp_path / "a.tiff"
    make(path, vendors.picture(700, 500))
    assert map_of(path)[0] is None


def test_a_real_slide() -> None:
    assert_the_same(sample("wsi/aperio/CMU-1-Small-Region.svs", small_svs))
