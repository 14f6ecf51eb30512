"""Codes on labels are read in photographs, and none in skin."""

from pathlib import Path

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


def skin(folder: Path) -> Image.Image:
    path = make_photo(folder / "skin.jpg", width=1600, height=1200)
    with Image.open(path) as picture:
        return picture.convert("RGB")


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
def test_a_code_on_a_label_is_read(kind: str, degrees: int, tmp_path: Path) -> None:
    picture, laid = skin(tmp_path), label("PATIENT 12345", kind).rotate(degrees, expand=True)
    picture.paste(laid, (200, 150), laid)
    assert codes_in(pixels(picture)) == ("PATIENT 12345",)
    assert codes_in(pixels(picture.convert("L"))) == ("PATIENT 12345",)


def test_codes_are_told_from_the_top_and_once(tmp_path: Path) -> None:
    picture = skin(tmp_path)
    for text, place in (("low", (100, 700)), ("high", (900, 60)), ("low", (1000, 800))):
        picture.paste(label(text, "QRCode"), place)
    assert codes_in(pixels(picture)) == ("high", "low")
    long = Image.new("RGB", (2600, 1000), "white")
    long.paste(label("9" * 400, "QRCode"), (100, 60))
    assert codes_in(pixels(long)) == ("9" * MOST_CHARACTERS,)


@pytest.mark.parametrize("name", UPRIGHT)
def test_skin_has_no_codes(name: str) -> None:
    assert codes_in(decode(open_photo(photograph(name)).whole)) == ()
