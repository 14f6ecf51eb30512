"""The slide of the northern establishment, asked for by IIIF Image API 3.0, level 2.

Tests name the section (§) of the specification that asks for what they check; C is the document of
compliance levels.
"""

import io
from collections.abc import Callable

import httpx
import numpy as np
import openslide
import pytest
from PIL import Image

from tests.api.conftest import Installation, Web
from tests.samples.slide import small_svs
from tiles.source import Pixels

WIDTH, HEIGHT, TILE = 1100, 700, 240
CONTEXT = "http://iiif.io/api/image/3/context.json"


@pytest.fixture
def base(installation: Installation) -> str:
    return f"/iiif/3/{installation.images['north']}"


Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(reader: Web, base: str) -> Ask:
    """Asks for region/size/rotation/quality.format of the slide."""
    return lambda address, **options: reader.get(f"{base}/{address}", **options)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Pixels:
    """The slide of the northern establishment, as OpenSlide reads it."""
    path = small_svs(tmp_path_factory.mktemp("whole") / "1.svs", WIDTH, HEIGHT, TILE, seed=1)
    with openslide.OpenSlide(path) as slide:
        return np.asarray(slide.read_region((0, 0), 0, slide.dimensions))[..., :3]


def pixels(answer: httpx.Response) -> Pixels:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def difference(answer: httpx.Response, wanted: Pixels) -> float:
    made = pixels(answer)
    assert made.shape == wanted.shape
    return float(np.abs(made.astype(int) - wanted).mean())
