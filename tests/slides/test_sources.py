"""What every TileSource of a slide promises, whatever the format."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from slides.open import open_slide
from slides.slide import Slide
from tests.samples import dicom_slides, real_samples, vendors
from tests.samples.dicom_slides import Made
from tests.samples.slide import small_svs
from tiles.codec import decode
from tiles.errors import OutsideImage
from tiles.pyramid import Box, Plane, same_view
from tiles.source import Encoding

PICTURE = vendors.picture()
ODD = vendors.picture(701, 507)
GREY = PICTURE[..., 0]


def _encoded(name: str | None, **more: object) -> Callable[[Path], Path]:
    """A maker of generic pyramids of another compression."""
    arguments = {"compression": name, "compressionargs": None} | more
    return lambda path: vendors.generic(path / "a.tif", PICTURE, **arguments)


def _dicom(pixels: vendors.RGB, made: Made) -> Callable[[Path], Path]:
    return lambda path: dicom_slides.write_instance(path / "a.dcm", pixels, made)


MADE: dict[str, Callable[[Path], Path]] = {
    "svs": lambda path: small_svs(path / "a.svs", 700, 500),
    "svs-ycbcr": lambda path: small_svs(path / "a.svs", 700, 500, form="complete-ycbcr"),
    "svs-jpeg2000": lambda path: vendors.aperio_jpeg_2000(path / "a.svs", PICTURE),
    "svs-jpeg2000-ycbcr": lambda path: vendors.aperio_jpeg_2000(path / "a.svs", PICTURE, 33003),
    "tiff": lambda path: vendors.generic(path / "a.tif", ODD),
    "tiff-deflate": _encoded("deflate", predictor=True),
    "tiff-lzw": _encoded("lzw"),
    "tiff-zstd": _encoded("zstd"),
    "tiff-raw": _encoded(None),
    "tiff-planar": lambda path: vendors.planar(path / "a.tif", PICTURE),
    "tiff-strips": lambda path: vendors.strips(path / "a.tif", ODD, compression="jpeg"),
    "tiff-one-strip": lambda path: vendors.strips(path / "a.tif", ODD, rows=507),
    "tiff-turned": _encoded(None, extratags=[(274, "H", 1, 6, True)]),
    "tiff-grey": lambda path: vendors.strips(path / "a.tif", GREY, photometric="minisblack"),
    "ome-tiff": lambda path: vendors.ome_pyramid(path / "a.ome.tif", PICTURE),
    "trestle": lambda path: vendors.trestle(path / "a.tif", PICTURE),
    "philips": lambda path: vendors.philips(path / "a.tiff", PICTURE),
    "bif": lambda path: vendors.ventana(path / "a.bif", PICTURE),
    "dicom": _dicom(ODD, Made()),
    "dicom-native": _dicom(PICTURE, Made(table="native")),
    "dicom-planar": _dicom(PICTURE, Made(table="native", planar=True)),
    "dicom-sparse": _dicom(PICTURE, Made(sparse_without=(3,))),
}


REAL = {
    "real-svs": "wsi/aperio/CMU-1-Small-Region.svs",
    "real-ndpi": "wsi/hamamatsu/test3-DAPI-2-(387).ndpi",
    "real-strips": "wsi/generic-tiff/kidney-48-5.tif",
    "real-dicom-jpeg": "dicom-wsi/cmu-1-small-region-12-levels/level-0-frames-0-30.dcm",
    "real-dicom-jpeg-2000": "dicom-wsi/google-wsi2dcm/jpeg2000.dicom",
    "real-dicom-jpeg-ls": "dicom-wsi/highdicom/sm_image_jpegls.dcm",
}


@pytest.fixture(scope="module", params=[*MADE, *(REAL if real_samples() else ())])
def slide(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Slide]:
    if request.param in REAL:
        path = (real_samples() or Path()) / REAL[request.param]
    else:
        path = MADE[request.param](tmp_path_factory.mktemp("made"))
    with open_slide(path) as opened:
        yield opened


def test_levels_shrink_and_keep_their_view(slide: Slide) -> None:
    levels = slide.source.pyramid.levels
    for large, small in pairwise(levels):
        assert (small.width, small.height) != (large.width, large.height)
        assert same_view(large.width, large.height, small.width, small.height)


def test_any_box_is_a_part_of_the_whole(slide: Slide) -> None:
    samples = slide.source.pyramid.samples
    for number, level in enumerate(slide.source.pyramid.levels):
        whole = slide.source.pixels(number, Box(0, 0, level.width, level.height))
        assert whole.shape == (level.height, level.width, samples)
        assert whole.dtype == np.uint8
        edge_x, edge_y = min(level.tile_width, level.width), min(level.tile_height, level.height)
        boxes = [
            Box(0, 0, 1, 1),
            Box(level.width - 1, level.height - 1, 1, 1),
            Box(edge_x // 2, edge_y // 2, level.width - edge_x // 2, level.height - edge_y // 2),
            Box(max(0, edge_x - 3), max(0, edge_y - 3), 6, 6).within(level.width, level.height),
        ]
        for box in boxes:
            part = slide.source.pixels(number, box)
            assert np.array_equal(part, whole[box.y : box.bottom, box.x : box.right])


def test_addresses_outside_are_refused(slide: Slide) -> None:
    source, level = slide.source, slide.source.pyramid.levels[0]
    for box in (
        Box(0, 0, level.width + 1, 1),
        Box(-1, 0, 2, 2),
        Box(0, level.height, 1, 1),
        Box(0, 0, 0, 0),
    ):
        with pytest.raises(OutsideImage):
            source.pixels(0, box)
    beyond = len(source.pyramid.levels)
    with pytest.raises(OutsideImage):
        source.pixels(beyond, Box(0, 0, 1, 1))
    with pytest.raises(OutsideImage):
        source.encoding(beyond)
    with pytest.raises(OutsideImage):
        source.pixels(0, Box(0, 0, 1, 1), Plane(1, 0))
    for column, row in ((level.columns, 0), (0, level.rows), (-1, 0)):
        with pytest.raises(OutsideImage):
            source.frame(0, column, row)


def test_frames_decode_to_the_pixels_of_their_tile(slide: Slide) -> None:
    source = slide.source
    for number, level in enumerate(source.pyramid.levels):
        for row in range(level.rows):
            for column in range(level.columns):
                frame = source.frame(number, column, row)
                if frame is None:
                    continue
                assert frame.encoding is source.encoding(number)
                assert frame.encoding is not Encoding.OPAQUE
                box = level.box(column, row)
                shown = decode(frame)
                assert shown.shape[:2] == (level.tile_height, level.tile_width)
                assert np.array_equal(shown[: box.height, : box.width], source.pixels(number, box))


def test_threads_get_the_same_pixels(slide: Slide) -> None:
    level = slide.source.pyramid.levels[0]
    boxes = [level.box(c, r) for r in range(level.rows) for c in range(level.columns)]
    alone = [slide.source.pixels(0, box) for box in boxes]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda box: slide.source.pixels(0, box), boxes * 3))
    for number, pixels in enumerate(together):
        assert np.array_equal(pixels, alone[number % len(boxes)])


def test_associated_images_are_of_their_size(slide: Slide) -> None:
    for name, image in slide.associated.items():
        assert name in {"label", "macro", "thumbnail"}
        assert image.pixels().shape == (image.height, image.width, 3)
        frame = image.frame()
        if frame is not None:
            # Strips put together are decoded together: chroma is smoothed across their edges.
            difference = decode(frame).astype(int) - image.pixels()
            assert np.abs(difference).mean() < 1
            assert np.abs(difference[4:12]).max() <= 2


def test_closing_twice_is_safe(tmp_path: Path) -> None:
    slide = open_slide(vendors.generic(tmp_path / "a.tif", PICTURE))
    slide.close()
    slide.close()
    with pytest.raises(OSError, match="closed"):
        slide.source.pixels(0, Box(0, 0, 1, 1))


@pytest.mark.parametrize("name", ["tiff", "tiff-raw", "ome-tiff", "trestle", "philips", "bif"])
def test_copies_of_the_picture_look_like_it(name: str, tmp_path: Path) -> None:
    original = ODD if name == "tiff" else PICTURE
    with open_slide(MADE[name](tmp_path)) as slide:
        level = slide.source.pyramid.levels[0]
        shown = slide.source.pixels(0, Box(0, 0, level.width, level.height))
    assert shown.shape == original.shape
    assert np.abs(shown.astype(int) - original).mean() < 3
