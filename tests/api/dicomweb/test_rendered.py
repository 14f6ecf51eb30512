"""Pictures of what is stored (PS3.18, 8.3.5, 10.4.1.1.4 and 10.4.1.1.5), pixel by pixel."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from archive.catalog import Catalog
from archive.query import FoundInstance, Query
from archive.record import ObjectRole
from tests.api.conftest import Installation, Web
from tests.api.dicomweb.parts import parts_of
from tests.api.dicomweb.test_retrieved import address
from tiles.codec import decode_jpeg
from tiles.source import Pixels

ROOT = "/dicomweb/studies"


@pytest.fixture
def found(installation: Installation) -> list[FoundInstance]:
    """The levels of the northern slide, the largest first."""
    with Catalog.open(installation.settings.database_url) as catalog:
        instances = catalog.instances.instances(Query(), establishment="north")
        image = catalog.image(installation.images["north"], establishment="north")
        levels = {one.key for one in image.objects_as(ObjectRole.LEVEL)}
    mine = [one for one in instances if one.key in levels]
    return sorted(mine, key=lambda one: -one.length_bytes)


def shown(answer: httpx.Response, media_type: str = "image/png") -> Pixels:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == media_type
    with Image.open(io.BytesIO(answer.content)) as picture:
        return np.asarray(picture.convert("RGB"))


def ask(web: Web, where: str, accept: str = "image/png", **params: str) -> httpx.Response:
    return web.get(where, headers={"accept": accept}, params=params)


def test_a_frame_is_its_own_pixels(reader: Web, found: list[FoundInstance]) -> None:
    where = f"{address(found[0])}/frames/2"
    stored = reader.get(where, headers={"accept": "image/jpeg"}).content
    np.testing.assert_array_equal(shown(ask(reader, f"{where}/rendered")), decode_jpeg(stored))
    several = ask(
        reader, f"{address(found[0])}/frames/1,2/rendered", 'multipart/related;type="image/png"'
    )
    parts = parts_of(several)
    assert [kind for kind, _ in parts] == ["image/png", "image/png"]
    with Image.open(io.BytesIO(parts[1][1])) as second:
        np.testing.assert_array_equal(np.asarray(second), decode_jpeg(stored))


@pytest.mark.parametrize("number", [0, 1])
def test_an_instance_is_its_whole_level(
    reader: Web, found: list[FoundInstance], number: int
) -> None:
    whole = shown(ask(reader, f"{address(found[number])}/rendered"))
    (told,) = reader.get(f"{address(found[number])}/metadata").json()
    width, height = (told[tag]["Value"][0] for tag in ("00480006", "00480007"))
    assert whole.shape == (height, width, 3)
    tile = decode_jpeg(
        reader.get(f"{address(found[number])}/frames/1", headers={"accept": "image/jpeg"}).content
    )
    side = min(tile.shape[0], height), min(tile.shape[1], width)
    np.testing.assert_array_equal(whole[: side[0], : side[1]], tile[: side[0], : side[1]])


def test_a_viewport_is_a_part_scaled_to_fit(reader: Web, found: list[FoundInstance]) -> None:
    where = f"{address(found[0])}/rendered"
    whole = shown(ask(reader, where))
    part = whole[30:330, 100:500]
    for viewport in ("400,300,100,30,400,300", "400,900,100,30,400,300"):
        np.testing.assert_array_equal(shown(ask(reader, where, viewport=viewport)), part)
    mirrored = shown(ask(reader, where, viewport="400,300,100,30,-400,300"))
    np.testing.assert_array_equal(mirrored, part[:, ::-1])
    flipped = shown(ask(reader, where, viewport="400,300,100,30,400,-300"))
    np.testing.assert_array_equal(flipped, part[::-1])
    half = shown(ask(reader, where, viewport=f"{whole.shape[1] // 2},5000"))
    assert half.shape[1] == whole.shape[1] // 2
    assert (
        np.abs(half[:100, :100].mean(axis=(0, 1)) - whole[:200, :200].mean(axis=(0, 1))).max() < 2
    )
    rest = shown(ask(reader, where, viewport="100,100,1000,600"))
    assert rest.shape == (100, 100, 3)


def test_quality_and_colours_are_as_asked(reader: Web, found: list[FoundInstance]) -> None:
    where = f"{address(found[-1])}/rendered"
    poor, good = (
        ask(reader, where, "image/jpeg", quality=quality).content for quality in ("10", "95")
    )
    assert len(poor) < len(good) / 2
    for accept in ("image/jpeg", "image/png", "image/webp"):
        for value, says in (("no", False), ("yes", True), ("srgb", True)):
            answer = ask(reader, where, accept, iccprofile=value)
            with Image.open(io.BytesIO(answer.content)) as picture:
                assert ("icc_profile" in picture.info) is says
    noted = ask(reader, where, annotation="patient")
    assert noted.status_code == 200
    assert "annotation" in noted.headers["warning"]


@pytest.mark.parametrize(
    ("accept", "query", "status"),
    [
        ("text/html", "", 406),
        ("image/png", "viewport=0,10", 400),
        ("image/png", "viewport=10", 400),
        ("image/png", "viewport=10,10,99999,0", 400),
        ("image/png", "viewport=10,10,-1,0", 400),
        ("image/png", "viewport=99999,99999", 400),
        ("image/png", "viewport=10,10,0,0,0,5", 400),
        ("image/png", "viewport=1e2,10", 400),
        ("image/png", "quality=0", 400),
        ("image/png", "quality=high", 400),
        ("image/png", "window=1,2", 400),
        ("image/png", "window=1,0,linear", 400),
        ("image/png", "window=1,10,cubic", 400),
        ("image/png", "iccprofile=adobergb", 400),
        ("image/png", "iccprofile=rommrgb", 400),
        ("text/html", "accept=image/png", 200),
    ],
)
def test_what_is_asked_wrongly_is_refused(
    reader: Web, found: list[FoundInstance], accept: str, query: str, status: int
) -> None:
    answer = reader.get(f"{address(found[-1])}/rendered?{query}", headers={"accept": accept})
    assert answer.status_code == status


def test_all_of_a_series_comes_in_parts(reader: Web, found: list[FoundInstance]) -> None:
    study, series = (address(found[0]).split("/")[n] for n in (3, 5))
    where = f"{ROOT}/{study}/series/{series}"
    parts = parts_of(ask(reader, f"{where}/rendered", "*/*"))
    assert len(parts) == reader.get(f"{where}/metadata").json().__len__()
    assert {kind for kind, _ in parts} == {"image/jpeg"}
    assert ask(reader, f"{where}/rendered", "image/jpeg").status_code == 406


def test_a_thumbnail_stands_for_a_study(reader: Web, found: list[FoundInstance]) -> None:
    study, series = (address(found[0]).split("/")[n] for n in (3, 5))
    whole = shown(ask(reader, f"{address(found[0])}/rendered"))
    for where in (study, f"{study}/series/{series}"):
        small = shown(ask(reader, f"{ROOT}/{where}/thumbnail"))
        assert max(small.shape[:2]) == 512
        assert np.abs(small.mean(axis=(0, 1)) - whole.mean(axis=(0, 1))).max() < 2
        again = ask(reader, f"{ROOT}/{where}/thumbnail", viewport="64,64")
        assert max(shown(again).shape[:2]) == 64
    plain = ask(reader, f"{ROOT}/{study}/thumbnail", "*/*")
    assert plain.headers["content-type"] == "image/jpeg"
    held = {"if-none-match": plain.headers["etag"]}
    assert reader.get(f"{ROOT}/{study}/thumbnail", headers=held).status_code == 304
    frame = shown(ask(reader, f"{address(found[0])}/frames/1/thumbnail", viewport="60,60"))
    assert frame.shape == (60, 60, 3)
    assert ask(reader, f"{ROOT}/{study}/thumbnail", viewport="9,9,1,1").status_code == 400


@pytest.mark.parametrize("kind", ["rendered", "thumbnail"])
def test_what_gets_and_loses_instances_is_asked_for_each_time(
    reader: Web, found: list[FoundInstance], kind: str
) -> None:
    # An image may be moved to another patient, and another one come.
    study, series = (address(found[0]).split("/")[n] for n in (3, 5))
    for where in (f"{ROOT}/{study}", f"{ROOT}/{study}/series/{series}"):
        answer = ask(reader, f"{where}/{kind}", "*/*")
        assert answer.headers["cache-control"] == "private, no-cache"
        held = {"if-none-match": answer.headers["etag"]}
        again = reader.get(f"{where}/{kind}", headers=held)
        assert (again.status_code, again.headers["cache-control"]) == (304, "private, no-cache")
    for where in (address(found[-1]), f"{address(found[-1])}/frames/1"):
        assert "immutable" in ask(reader, f"{where}/{kind}").headers["cache-control"]
