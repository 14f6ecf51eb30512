"""Regions, sizes, rotations, qualities and formats."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.api.iiif.conftest import HEIGHT, WIDTH, Ask, difference, pixels
from tiles.source import Pixels

MEDIA = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


@pytest.mark.parametrize(
    ("region", "box"),
    [
        ("full", (0, 0, WIDTH, HEIGHT)),
        ("square", (200, 0, 700, 700)),
        ("100,50,300,200", (100, 50, 300, 200)),
        ("pct:10,10,50,20", (110, 70, 550, 140)),
        ("900,600,500,500", (900, 600, 200, 100)),
        ("0,0,1,1", (0, 0, 1, 1)),
    ],
)
def test_regions_are_parts_of_the_slide(
    ask: Ask, whole: Pixels, region: str, box: tuple[int, int, int, int]
) -> None:
    """§4.1, C 3.1: regionByPx, regionByPct, regionSquare."""
    x, y, width, height = box
    part = whole[y : y + height, x : x + width]
    assert difference(ask(f"{region}/max/0/default.png"), part) < 1
    assert difference(ask(f"{region}/max/0/default.jpg"), part) < 3


@pytest.mark.parametrize("size", ["550,", ",350", "pct:50", "550,350", "!550,999", "^550,350"])
def test_every_form_of_size(ask: Ask, whole: Pixels, size: str) -> None:
    """§4.2, C 3.2: sizeByW, sizeByH, sizeByPct, sizeByWh, sizeByConfinedWh."""
    wanted = Image.fromarray(whole).resize((550, 350), Image.Resampling.BOX)
    assert difference(ask(f"full/{size}/0/default.png"), np.asarray(wanted)) < 6


@pytest.mark.parametrize(
    ("address", "size"),
    [
        ("full/400,300/0/default.png", (400, 300)),
        ("37,41,613,571/200,/0/default.png", (200, 186)),
        ("37,41,613,571/,100/0/default.png", (107, 100)),
        ("3,5,1000,690/pct:33.3/0/default.png", (333, 230)),
        ("100,100,64,64/^256,/0/default.png", (256, 256)),
        ("0,0,100,100/^max/0/gray.jpg", (4096, 4096)),
    ],
)
def test_sizes_are_scaled_regions(
    ask: Ask, whole: Pixels, address: str, size: tuple[int, int]
) -> None:
    """§4.2, against Pillow's crop and resize of what OpenSlide reads; sizeUpscaling."""
    answer = ask(address)
    made = Image.open(io.BytesIO(answer.content))
    assert made.size == size
    if made.mode == "RGB":
        numbers = [int(one) for one in re.findall(r"\d+", address.partition("/")[0])]
        x, y, width, height = numbers or (0, 0, WIDTH, HEIGHT)
        part = Image.fromarray(whole[y : y + height, x : x + width])
        wanted = np.asarray(part.resize(size, Image.Resampling.BILINEAR))
        assert difference(answer, wanted) < 6


@pytest.mark.parametrize("rotation", ["0", "90", "180", "270", "!0", "!90", "!180", "360"])
def test_rotations(ask: Ask, whole: Pixels, rotation: str) -> None:
    """§4.3, §4.6, C 3.3: rotationBy90s and mirroring, mirrored first."""
    part = whole[100:300, 200:500]
    part = part[:, ::-1] if rotation.startswith("!") else part
    wanted = np.rot90(part, -int(rotation.removeprefix("!")) // 90)
    assert difference(ask(f"200,100,300,200/max/{rotation}/default.png"), wanted) < 1


def test_any_rotation_is_see_through_around_it(ask: Ask) -> None:
    """§4.3: rotationArbitrary; all contents, no more space than they need."""
    made = pixels(ask("200,100,300,200/max/22.5/default.png"))
    assert made.shape == (300, 354, 4)
    assert made[0, 0, 3] == 0
    assert made[150, 177, 3] == 255
    assert pixels(ask("200,100,300,200/max/22.5/default.jpg"))[0, 0].min() > 240


@pytest.mark.parametrize("form", ["jpg", "png", "webp"])
@pytest.mark.parametrize("quality", ["default", "color", "gray", "bitonal"])
def test_qualities_and_formats(ask: Ask, quality: str, form: str) -> None:
    """§4.4, §4.5, C 3.4 and 3.5."""
    answer = ask(f"100,100,200,100/max/0/{quality}.{form}")
    assert answer.headers["content-type"] == MEDIA[form]
    made = Image.open(io.BytesIO(answer.content))
    assert made.size == (200, 100)
    assert made.format == {"jpg": "JPEG"}.get(form, form.upper())
    if quality == "gray":
        colours = np.asarray(made.convert("RGB")).astype(int)
        assert np.ptp(colours, axis=2).max() <= 2
    if quality == "bitonal" and form == "png":
        assert set(np.unique(np.asarray(made))) <= {0, 255}


@pytest.mark.parametrize(
    "address",
    [
        *(f"{one}/max/0/default.jpg" for one in ("frob", "1,2,3", "-1,0,9,9", "pct:x,0,9,9")),
        *(f"{one}/max/0/default.jpg" for one in ("0,0,0,9", "1100,0,9,9", "0,700,9,9", "0,0,9,0")),
        *(f"full/{one}/0/default.jpg" for one in ("frob", "full", ",", "0,", "pct:0", "!9,", "^")),
        # More than there is, without ^.
        *(f"full/{one}/0/default.jpg" for one in ("1101,", ",701", "pct:200", "2000,2000")),
        # More than is made.
        *(f"full/{one}/0/default.jpg" for one in ("^9000,", "^8000,8000", "^pct:1000")),
        *(f"full/max/{one}/default.jpg" for one in ("frob", "-90", "361", "!", "90!", "1e1")),
        *(f"full/max/0/{one}.jpg" for one in ("frob", "grey", "native", "Default")),
        *(f"full/max/0/default.{one}" for one in ("frob", "jpeg", "tif", "gif", "jp2", "pdf")),
    ],
)
def test_what_cannot_be_asked_for(ask: Ask, address: str) -> None:
    """§4.1 to §4.5 and §7.3: 400, with words for people."""
    answer = ask(address)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]
