"""Codes on labels are read in photographs, and none in skin."""

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from dermato.codes import MOST_CHARACTERS, codes_in
from dermato.photo import open_photo
from tests.dermato.pictures import UPRIGHT, photograph
from tests.samples.photo import make_photo
from tiles.codec import decode
from tiles.source import Pixels


@pytest.fixture(scope="module")
def photographed(tmp_path_factory: pytest.TempPathFactory) -> Image.Image:
    path = tmp_path_factory.mktemp("codes") / "skin.jpg"
    with Image.open(make_photo(path, width=1200, height=1200)) as picture:
        return picture.convert("RGB")


@pytest.fixture
def skin(photographed: Image.Image) -> Image.Image:
    return photographed.copy()


def label(text: str, kind: str, scale: int = 5) -> Image.Image:
    code = zxingcpp.create_barcode(text, zxingcpp.barcode_format_from_str(kind))
    return Image.fromarray(np.asarray(code.to_image(scale=scale))).convert("RGBA")


def pixels(picture: Image.Image) -> Pixels:
    return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize(
    ("kind", "degrees"),
    [
        *((kind, degrees) for kind in ("QRCode", "DataMatrix", "Aztec") for degrees in (0, 17)),
        *((kind, degrees) for kind in ("PDF417", "Code128", "Code39") for degrees in (0, 90)),
    ],
)
def test_a_code_on_a_label_is_read(kind: str, degrees: int, skin: Image.Image) -> None:
    laid = label("PATIENT 12345", kind).rotate(degrees, expand=True)
    skin.paste(laid, (100, 50), laid)
    assert codes_in(pixels(skin)) == ("PATIENT 12345",)
    assert codes_in(pixels(skin.convert("L"))) == ("PATIENT 12345",)


def test_codes_are_told_from_the_top_and_once(skin: Image.Image) -> None:
    for text, place in (("low", (100, 500)), ("high", (700, 60)), ("low", (800, 600))):
        skin.paste(label(text, "QRCode"), place)
    assert codes_in(pixels(skin)) == ("high", "low")
    long = Image.new("RGB", (2600, 1000), "white")
    long.paste(label("9" * 400, "QRCode"), (100, 60))
    assert codes_in(pixels(long)) == ("9" * MOST_CHARACTERS,)


@pytest.mark.parametrize("name", UPRIGHT)
def test_skin_has_no_codes(name: str) -> None:
    assert codes_in(decode(open_photo(photograph(name)).whole)) == ()
