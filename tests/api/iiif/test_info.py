"""What an image is: its info.json."""

import json
import re

import pytest

from api.app import create_app
from api.policies import Role
from api.settings import read_settings
from tests.api.conftest import ORIGIN, Installation, Web, opened
from tests.api.iiif.conftest import CONTEXT, HEIGHT, TILE, WIDTH, pixels


def test_the_image_itself_leads_to_what_is_told_of_it(reader: Web, base: str) -> None:
    """§2, C 4 baseUriRedirect."""
    answer = reader.get(base)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{base}/info.json"
    assert answer.content == b""


def test_what_is_told_of_an_image(reader: Web, base: str) -> None:
    """§5.2, §5.5, §5.7."""
    answer = reader.get(f"{base}/info.json")
    assert answer.status_code == 200
    told = answer.json()
    assert next(iter(told)) == "@context"
    assert told["@context"] == CONTEXT
    assert told["id"] == ORIGIN + base
    assert told["type"] == "ImageService3"
    assert told["protocol"] == "http://iiif.io/api/image"
    assert told["profile"] == "level2"
    assert (told["width"], told["height"]) == (WIDTH, HEIGHT)
    assert all(type(told[name]) is int for name in ("width", "height", "maxWidth", "maxArea"))
    assert told["extraQualities"] == ["color", "gray", "bitonal"]
    assert told["extraFormats"] == ["webp"]
    assert set(told["preferredFormats"]) <= {"jpg", "png", "webp"}
    assert {"mirroring", "rotationArbitrary", "sizeUpscaling"} <= set(told["extraFeatures"])


def test_every_size_that_is_told_is_given(reader: Web, base: str) -> None:
    """§5.2, §5.3: sizes lie within the limits and must be answered."""
    told = reader.get(f"{base}/info.json").json()
    assert told["sizes"]
    for one in told["sizes"]:
        width, height = one["width"], one["height"]
        assert width <= told["maxWidth"]
        assert height <= told["maxHeight"]
        assert width * height <= told["maxArea"]
        assert pixels(reader.get(f"{base}/full/{width},{height}/0/default.jpg")).shape == (
            height,
            width,
            3,
        )


def test_every_tile_that_is_told_is_given_and_is_deep_zoom_s(reader: Web, base: str) -> None:
    """§5.4, with the regions and sizes of the implementation notes."""
    told = reader.get(f"{base}/info.json").json()
    (tiles,) = told["tiles"]
    assert (tiles["width"], tiles["height"]) == (TILE, TILE)
    assert tiles["scaleFactors"] == [1, 2, 4, 8]
    image = base.rpartition("/")[2]
    for scale in tiles["scaleFactors"]:
        step = TILE * scale
        for x in range(0, WIDTH, step):
            for y in range(0, HEIGHT, step):
                across, down = min(step, WIDTH - x), min(step, HEIGHT - y)
                size = f"{-(-across // scale)},{-(-down // scale)}"
                tile = reader.get(f"{base}/{x},{y},{across},{down}/{size}/0/default.jpg")
                level = 11 - (scale.bit_length() - 1)
                address = f"{level}/{x // step}_{y // step}.jpeg"
                assert tile.content == reader.get(f"/deepzoom/{image}_files/{address}").content


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, f'application/ld+json;profile="{CONTEXT}"'),
        ("*/*", f'application/ld+json;profile="{CONTEXT}"'),
        ("application/ld+json", f'application/ld+json;profile="{CONTEXT}"'),
        (f'application/ld+json;profile="{CONTEXT}"', f'application/ld+json;profile="{CONTEXT}"'),
        ("application/json", "application/json"),
        ("text/html,application/json;q=0.9", "application/json"),
        ("application/json;q=0.5,application/ld+json", f'application/ld+json;profile="{CONTEXT}"'),
        ("application/json,application/ld+json;q=0.9", "application/json"),
        ("text/html", f'application/ld+json;profile="{CONTEXT}"'),
        ("application/json;q=x", f'application/ld+json;profile="{CONTEXT}"'),
    ],
)
def test_the_media_type_is_that_which_is_accepted(
    reader: Web, base: str, accept: str | None, kind: str
) -> None:
    """§5.1, C 4 jsonldMediaType."""
    headers = {"accept": accept} if accept else {}
    if accept is None:
        reader.headers.pop("accept", None)
    answer = reader.get(f"{base}/info.json", headers=headers)
    assert answer.headers["content-type"] == kind
    assert answer.headers["vary"] == "Accept"


def test_addresses_are_those_that_the_server_is_known_by(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§5.2: `id` is what the image is asked for by, behind a proxy too."""
    monkeypatch.setenv("SANSVERRE_DATA", str(installation.settings.data))
    monkeypatch.setenv("SANSVERRE_SECRETS", str(installation.settings.secrets))
    monkeypatch.setenv("SANSVERRE_PUBLIC_URL", "https://slides.example")
    with opened(create_app(read_settings())) as web:
        web.headers.update(installation.bearer(Role.READER, "north"))
        base = f"/iiif/3/{installation.images['north']}"
        assert web.get(f"{base}/info.json").json()["id"] == f"https://slides.example{base}"
        document = web.get(f"/iiif/presentation/3/{installation.exams['north']}/manifest").json()
        addresses = set(re.findall(r"https?://[^/\"]+", json.dumps(document)))
        assert addresses == {"https://slides.example", "http://iiif.io"}
