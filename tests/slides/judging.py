"""Judgement of converted levels against the pixels that other people's software reads."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import openslide
import tifffile
from openslide.deepzoom import DeepZoomGenerator
from PIL import Image, ImageOps
from pydicom import dcmread
from pydicom.dataset import Dataset

from slides.convert import Report
from slides.open import open_slide
from tests.slides.converted import psnr, stored
from tiles.codec import decode_jpeg, encode_jpeg, padded
from tiles.codestream import parse_jpeg
from tiles.composite import Composite, channels_of, is_composite
from tiles.instance import StoredImage
from tiles.plan import LOSSY, Action
from tiles.pyramid import Box
from tiles.render import deep_zoom_tile
from tiles.source import Pixels

ORIENTATION = 274


def picture_level(path: Path) -> Pixels:
    """The largest level as other people's software reads it: OpenSlide, else tifffile, pydicom."""
    if _orientation(path) > 1:
        # OpenSlide turns the tiles and leaves them where they are.
        turned = Image.fromarray(np.asarray(tifffile.imread(path, key=0)))
        turned.getexif()[ORIENTATION] = _orientation(path)
        return np.asarray(ImageOps.exif_transpose(turned))[..., np.newaxis]
    try:
        with openslide.OpenSlide(path) as slide:
            region = slide.read_region((0, 0), 0, slide.dimensions)
            colour = slide.properties.get("openslide.background-color", "ffffff")
        ground = Image.new("RGB", region.size, f"#{colour}")
        ground.paste(region, mask=region.getchannel("A"))
        return np.asarray(ground)
    except openslide.OpenSlideError:
        pass
    if path.suffix == ".czi":
        with open_slide(path) as slide:  # no other reader of grey ones is at hand
            base = slide.source.pyramid
            return slide.source.pixels(0, Box(0, 0, base.width, base.height))
    if path.read_bytes()[128:132] == b"DICM":
        return _joined(dcmread(path))
    pixels = np.asarray(tifffile.imread(path, key=0))
    if pixels.dtype == np.int8:
        pixels = pixels.view(np.uint8) ^ 0x80
    return pixels[..., np.newaxis] if pixels.ndim == 2 else pixels


def _orientation(path: Path) -> int:
    if path.read_bytes()[:2] not in {b"II", b"MM"}:
        return 1
    with tifffile.TiffFile(path) as tiff:
        page: Any = tiff.pages[0]
        return int(page.tags.valueof(ORIENTATION, 1))


def _joined(data: Dataset) -> Pixels:
    width = data.get("TotalPixelMatrixColumns", data.Columns)
    height = data.get("TotalPixelMatrixRows", data.Rows)
    columns = -(-width // data.Columns)
    data.PlanarConfiguration = data.get("PlanarConfiguration", 0)
    tiles = data.pixel_array.reshape(-1, data.Rows, data.Columns, data.SamplesPerPixel)
    rows = [np.concatenate(tiles[n : n + columns], 1) for n in range(0, len(tiles), columns)]
    return np.concatenate(rows, 0)[:height, :width]


def loss_db(image: StoredImage, reference: Pixels, quality: int) -> float:
    """How much worse level 0 is than its reference encoded the same way: the median over tiles."""
    level = image.pyramid.levels[0]
    frame = image.frame(0, 0, 0)
    assert frame is not None
    subsampling = parse_jpeg(frame.data).subsampling
    losses = []
    for row in range(level.rows):
        for column in range(level.columns):
            box = level.box(column, row)
            area = np.ascontiguousarray(reference[box.y : box.bottom, box.x : box.right])
            tile = padded(area, level.tile_height, level.tile_width)
            ideal = decode_jpeg(encode_jpeg(tile, quality, subsampling))[: box.height, : box.width]
            losses.append(psnr(ideal, area) - psnr(image.pixels(0, box), area))
    return float(np.median(losses))


def level_0_is_right(out: Path, report: Report, reference: Pixels, tolerance: int = 0) -> str:
    """Judge the pixels of level 0 and say how they were found right."""
    image = stored(out)
    level = image.pyramid.levels[0]
    if image.pyramid.samples == 1:
        reference = reference[..., :1]
    assert reference.shape == (level.height, level.width, image.pyramid.samples)
    if report.plan.levels[0].action is Action.COPY:
        pixels = image.pixels(0, Box(0, 0, level.width, level.height))
        assert np.abs(pixels.astype(int) - reference).max() <= tolerance
        return "exact"
    if report.plan.encoding not in LOSSY:
        pixels = image.pixels(0, Box(0, 0, level.width, level.height))
        assert np.array_equal(pixels, reference)
        return "exact"
    loss = loss_db(image, reference, report.plan.quality)
    assert abs(loss) < 1
    corner = Box(level.width - 1, level.height - 1, 1, 1)
    last = reference[-1, -1].astype(int)
    assert np.abs(image.pixels(0, corner)[0, 0] - last).max() < 48
    return f"{loss:.2f} dB"


def deep_zoom_is_right(image: StoredImage) -> None:
    """First and last tile of every level have the sizes that OpenSlide's generator asks for."""
    pyramid = image.pyramid
    shown = Composite(image, channels_of(None, pyramid)) if is_composite(pyramid) else image
    blank = openslide.ImageSlide(Image.new("RGB", (pyramid.width, pyramid.height)))
    view = DeepZoomGenerator(blank, pyramid.deep_zoom.tile_size, 0, limit_bounds=False)
    assert view.level_count == pyramid.deep_zoom.count
    for level, (columns, rows) in enumerate(view.level_tiles):
        for address in {(0, 0), (columns - 1, rows - 1)}:
            tile = deep_zoom_tile(shown, level, *address)
            assert Image.open(io.BytesIO(tile)).size == view.get_tile_dimensions(level, address)
