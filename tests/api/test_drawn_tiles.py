"""Slides whose stored frames no browser shows: tiles are drawn out of them, once each."""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from api.ingest import Order, ingest
from api.settings import Settings
from api.work import open_workplace
from slides.open import open_slide
from tests.api.conftest import CountingStorage, reading
from tests.samples import vendors
from tests.samples.hamamatsu import Scan, ndpi
from tests.slides.converted import psnr
from tiles.pyramid import Box

PICTURE = vendors.picture(1024, 768)


@pytest.mark.parametrize(
    ("make", "side"),
    [
        (partial(vendors.aperio_jpeg_2000, pixels=PICTURE, mct=True), 256),
        (partial(vendors.aperio_jpeg_2000, pixels=PICTURE, compression=33003), 256),
        (partial(ndpi, pixels=PICTURE, scan=Scan(1024, "4:4:4")), 1024),
        (partial(vendors.generic, pixels=PICTURE, tile=(128, 240)), 512),
    ],
)
def test_every_tile_is_a_jpeg_of_the_slide(
    make: Callable[[Path], Path], side: int, settings: Settings, tmp_path: Path
) -> None:
    path = make(tmp_path / "slide.tif")
    with open_workplace(settings) as place:
        image = ingest(place, path, Order("north")).image
    storage = CountingStorage.open(settings.objects_url)
    with open_slide(path) as slide, reading(settings, storage=storage) as web:
        told = web.get(f"/api/images/{image}").json()
        assert told["tile_size"] == side
        for level, scale in ((10, 1), (9, 2), (8, 4)):
            for column in range(-(-1024 // scale // side)):
                address = f"/deepzoom/{image}_files/{level}/{column}_0.jpeg"
                answer = web.get(address)
                assert answer.status_code == 200
                with Image.open(io.BytesIO(answer.content)) as tile:
                    shown = np.asarray(tile)
                width, height = shown.shape[1] * scale, min(shown.shape[0] * scale, 768)
                pixels = slide.source.pixels(0, Box(column * side * scale, 0, width, height))
                means = pixels.reshape(height // scale, scale, width // scale, scale, 3)
                assert psnr(shown, means.mean((1, 3)).round().astype(np.uint8)) > 30
                reads = storage.reads
                assert web.get(address).content == answer.content
                assert storage.reads - reads <= 1
