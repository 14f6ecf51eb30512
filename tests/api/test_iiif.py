"""IIIF Image API 3.0, level 2, and manifests: what IIIF's validator checks, by the specification.

Each test names the section (§) of the specification that asks for what it checks; C is the
document of compliance levels.
"""

import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import openslide
import pytest
import simplejpeg
from PIL import Image, ImageCms

from api.app import create_app
from api.dispatch import Dispatcher
from api.doors import Doors, Role
from api.ingest import Order, ingest, receive
from api.settings import Settings, read_settings, signing_key
from api.work import open_workplace
from tests.api.conftest import ORIGIN, CountingStorage, Installation, Web, opened
from tests.samples.photo import make_photo
from tests.samples.slide import make_slide, small_svs
from tests.samples.tissue import display_profile
from tiles.source import Pixels

WIDTH, HEIGHT, TILE = 1100, 700, 240
CONTEXT = "http://iiif.io/api/image/3/context.json"
MEDIA = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


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


# What an image is


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


# How it is reached


def test_scripts_of_any_site_may_read_every_answer(ask: Ask, web: Web, base: str) -> None:
    """§7.1, C 4 cors: also of errors, and of what strangers are told."""
    for address in ("info.json", "full/max/0/default.jpg", "full/9,9,9/0/default.jpg"):
        answer = ask(address, headers={"origin": "https://viewer.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers
    stranger = web.get(f"{base}/info.json", headers={"authorization": ""})
    assert stranger.status_code == 401
    assert stranger.headers["access-control-allow-origin"] == "*"


def test_nothing_else_is_read_by_other_sites(reader: Web, installation: Installation) -> None:
    """§7.1 is of IIIF's addresses alone."""
    for address in ("/api/exams", f"/deepzoom/{installation.images['north']}.dzi", "/", "/healthz"):
        assert "access-control-allow-origin" not in reader.get(address).headers


def test_browsers_may_ask_whether_they_may_ask(web: Web, base: str) -> None:
    """§7, §7.1: the preflight request, which comes without a token."""
    asked = {
        "origin": "https://viewer.example",
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
    }
    for address in (f"{base}/info.json", f"{base}/full/max/0/default.jpg", "/iiif/3/nothing"):
        answer = web.request("OPTIONS", address, headers=asked)
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "GET" in answer.headers["access-control-allow-methods"]
        assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    for address in ("/api/exams", "/iiif", "/"):
        assert (
            "access-control-allow-origin"
            not in web.request("OPTIONS", address, headers=asked).headers
        )


def test_the_canonical_address_and_the_level_are_linked(ask: Ask, base: str) -> None:
    """§4.8 canonicalLinkHeader, §6 profileLinkHeader."""
    answer = ask("pct:0,0,50,100/275,/0.0/default.jpg")
    canonical = f"{ORIGIN}{base}/0,0,550,700/275,350/0/default.jpg"
    links = {
        name: address
        for address, name in re.findall(r'<([^>]*)>;rel="(\w+)"', answer.headers["link"])
    }
    assert links["canonical"] == canonical
    assert links["profile"] == "http://iiif.io/api/image/3/level2.json"
    again = ask(canonical.removeprefix(f"{ORIGIN}{base}/"))
    assert again.content == answer.content
    assert again.headers["etag"] == answer.headers["etag"]


def test_heads_and_holders(ask: Ask, reader: Web, base: str, storage: CountingStorage) -> None:
    """§7: HEAD is recommended; §7.2: 304 as HTTP has it."""
    for address in ("10,20,300,200/max/0/default.jpg", "240,240,240,240/240,/0/default.jpg"):
        first = ask(address)
        head = reader.head(f"{base}/{address}")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(first.content))
        reads = storage.reads
        for held in (first.headers["etag"], f'"x", W/{first.headers["etag"]}'):
            again = ask(address, headers={"if-none-match": held})
            assert (again.status_code, again.content) == (304, b"")
        assert storage.reads == reads
    assert reader.post(f"{base}/info.json").status_code == 405


# Identifiers


@pytest.mark.parametrize(
    "identifier",
    ["nothing", "d3adb33fd3adb33f", "a%2Fb", "%5Bfrob%5D", "%3Ffrob", "..%2F", "%00", "é"],
)
def test_unknown_identifiers(reader: Web, identifier: str) -> None:
    """§3, §7.3, §9: no such image is a 404, however it is written."""
    for rest in ("", "/info.json", "/full/max/0/default.jpg"):
        assert reader.get(f"/iiif/3/{identifier}{rest}").status_code == 404


def test_an_escaped_identifier_is_the_same(reader: Web, base: str) -> None:
    """§9: percent-encoding other characters introduces no ambiguity."""
    escaped = "".join(f"%{ord(letter):02X}" for letter in base.rpartition("/")[2])
    plain = reader.get(f"{base}/full/100,/0/default.jpg").content
    assert reader.get(f"/iiif/3/{escaped}/full/100,/0/default.jpg").content == plain


def test_an_establishment_learns_nothing_of_another_s(web: Web, installation: Installation) -> None:
    """§7.3: what is not for this caller does not exist."""
    web.headers.update(installation.bearer(Role.READER, "north"))
    foreign, absent = f"/iiif/3/{installation.images['south']}", "/iiif/3/absent"
    for rest in ("", "/info.json", "/full/max/0/default.jpg", "/full/x/0/default.jpg"):
        own, other = web.get(absent + rest), web.get(foreign + rest)
        assert (other.status_code, other.content) == (own.status_code, own.content)
        assert other.status_code == 404
    exam = f"/iiif/presentation/3/{installation.exams['south']}/manifest"
    assert web.get(exam).status_code == 404
    web.headers.update(installation.bearer(Role.READER, "south"))
    assert web.get(f"{foreign}/info.json").status_code == 200
    assert web.get(exam).status_code == 200


# Regions, sizes, rotations, qualities, formats


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


# What it costs, and from where it is drawn


def test_a_stored_tile_costs_one_read_and_no_decoding(
    ask: Ask, storage: CountingStorage, monkeypatch: pytest.MonkeyPatch, app: Dispatcher, base: str
) -> None:
    # Once for where things lie, and for the colours of the scanner, which these are not.
    assert ask("0,0,240,240/240,240/0/default.jpg").status_code == 200
    assert ask("0,0,240,240/240,240/0/color.jpg").status_code == 200
    decode = simplejpeg.decode_jpeg
    decoded: list[int] = []

    def counted(data: bytes, **options: object) -> object:
        decoded.append(len(data))
        return decode(data, **options)

    monkeypatch.setattr(simplejpeg, "decode_jpeg", counted)
    kept = app._sources._open.find((base.rpartition("/")[2], 0, True))
    assert kept is not None
    for address, (level, column, row) in {
        "240,240,240,240/240,240/0/default.jpg": (0, 1, 1),
        "480,240,240,240/max/0/default.jpg": (0, 2, 1),
        "720,0,240,240/240,/0/color.jpg": (0, 3, 0),
        "480,0,480,480/240,240/0/default.jpg": (1, 1, 0),
    }.items():
        reads = storage.reads
        answer = ask(address)
        assert storage.reads - reads == 1, address
        frame = kept.source.frame(level, column, row)
        assert frame is not None
        assert answer.content == frame.data
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert decoded == []


def test_what_was_drawn_is_kept(ask: Ask, storage: CountingStorage) -> None:
    first = ask("11,13,300,200/100,/0/default.jpg")
    reads = storage.reads
    assert ask("11,13,300,200/100,67/0/default.jpg").content == first.content
    assert storage.reads == reads


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation with nothing in it."""
    monkeypatch.setenv("SANSVERRE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SANSVERRE_SECRETS", str(tmp_path / "keys"))
    return read_settings()


@contextmanager
def reading(settings: Settings) -> Iterator[Web]:
    with opened(create_app(settings)) as web:
        web.headers["authorization"] = f"Bearer {Doors(signing_key(settings)).issue(Role.READER)}"
        yield web


def test_tiles_have_the_stored_colours_and_other_parts_those_of_the_profile(
    tmp_path: Path, empty: Settings
) -> None:
    """§4.4: `color` has all the colour information, which a scanner's profile is a part of."""
    profile = exchanged_profile()
    path = make_slide(tmp_path / "own.svs", 700, 500, tile=240, seed=4, mpp=0.5, icc=True)
    data = path.read_bytes()
    assert display_profile() in data
    path.write_bytes(data.replace(display_profile(), profile))
    with open_workplace(empty) as workplace:
        image = ingest(workplace, path, Order("north")).image
    with openslide.OpenSlide(path) as slide:
        stored = np.asarray(slide.read_region((0, 0), 0, slide.dimensions))[..., :3]
        told = slide.color_profile
        assert told is not None
    shown = ImageCms.profileToProfile(
        Image.fromarray(stored), told, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert shown is not None
    managed = np.asarray(shown)
    assert np.abs(managed.astype(int) - stored).mean() > 3
    with reading(empty) as web:
        for address, wanted in {
            "0,0,240,240/240,240/0/default.jpg": stored[:240, :240],
            "480,240,220,240/max/0/default.jpg": stored[240:480, 480:],
            "0,0,240,240/240,240/0/color.jpg": managed[:240, :240],
            "10,20,300,200/max/0/default.jpg": managed[20:220, 10:310],
            "10,20,300,200/max/0/color.png": managed[20:220, 10:310],
            "full/max/0/default.png": managed,
        }.items():
            assert difference(web.get(f"/iiif/3/{image}/{address}"), wanted) < 3, address


def exchanged_profile() -> bytes:
    """As long as the one of made slides, with red and green exchanged."""
    profile = display_profile().replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ")
    return profile.replace(b"----", b"gXYZ")


def test_a_photograph_is_an_image_like_any_other(tmp_path: Path, empty: Settings) -> None:
    photo = make_photo(tmp_path / "photo.jpg", width=1500, height=1100)
    with open_workplace(empty) as workplace:
        taken = ingest(workplace, photo, Order("north"))
    stored = Image.open(photo)
    with reading(empty) as web:
        told = web.get(f"/iiif/3/{taken.image}/info.json").json()
        assert (told["width"], told["height"]) == (1500, 1100)
        wanted = stored.resize((300, 220), Image.Resampling.BILINEAR, box=(100, 50, 1100, 783))
        answer = web.get(f"/iiif/3/{taken.image}/100,50,1000,733/300,220/0/default.jpg")
        assert difference(answer, np.asarray(wanted)) < 3
        document = web.get(f"/iiif/presentation/3/{taken.exam}/manifest").json()
        assert document["items"][0]["label"] == {"fr": ["Photographie 1"], "en": ["Photograph 1"]}
        assert "service" not in document["items"][0]


def test_an_image_is_given_before_it_is_converted(tmp_path: Path, empty: Settings) -> None:
    path = small_svs(tmp_path / "early.svs", 1100, 700, 240, seed=5)
    with open_workplace(empty) as workplace:
        image = receive(workplace, path, Order("north"))
    with openslide.OpenSlide(path) as slide:
        part = slide.read_region((130, 70), 0, (600, 400)).convert("RGB")
    with reading(empty) as web:
        base = f"/iiif/3/{image.id}"
        assert web.get(f"{base}/info.json").json()["width"] == 1100
        answer = web.get(f"{base}/130,70,600,400/300,/0/default.jpg")
        assert answer.headers["cache-control"] == "private, no-cache"
        wanted = np.asarray(part.resize((300, 200), Image.Resampling.BILINEAR))
        assert difference(answer, wanted) < 6
        tile = web.get(f"{base}/240,240,240,240/240,240/0/default.jpg")
        zoomed = web.get(f"/deepzoom/{image.id}_files/11/1_1.jpeg")
        assert tile.content == zoomed.content
        document = web.get(f"/iiif/presentation/3/{image.exam_id}/manifest").json()
        assert [one["width"] for one in document["items"]] == [1100]


# Manifests


def test_a_manifest_is_the_exam_and_nothing_of_the_patient(
    reader: Web, installation: Installation
) -> None:
    """Presentation API 3.0 §3, §5.2, §5.3, §5.5, §5.6."""
    exam, image = installation.exams["north"], installation.images["north"]
    answer = reader.get(f"/iiif/presentation/3/{exam}/manifest")
    context = "http://iiif.io/api/presentation/3/context.json"
    assert answer.headers["content-type"] == f'application/ld+json;profile="{context}"'
    assert answer.headers["access-control-allow-origin"] == "*"
    told = answer.json()
    assert told["@context"] == context
    assert told["id"] == f"{ORIGIN}/iiif/presentation/3/{exam}/manifest"
    assert told["type"] == "Manifest"
    assert set(told["label"]) == {"fr", "en"}
    (canvas,) = told["items"]
    assert canvas["type"] == "Canvas"
    assert (canvas["width"], canvas["height"]) == (WIDTH, HEIGHT)
    assert canvas["label"] == {"fr": ["Lame 1"], "en": ["Slide 1"]}
    (page,) = canvas["items"]
    (annotation,) = page["items"]
    assert (page["type"], annotation["type"]) == ("AnnotationPage", "Annotation")
    assert annotation["motivation"] == "painting"
    assert annotation["target"] == canvas["id"]
    body = annotation["body"]
    service = {"id": f"{ORIGIN}/iiif/3/{image}", "type": "ImageService3", "profile": "level2"}
    assert body["type"] == "Image"
    assert body["service"] == [service]
    assert (body["width"], body["height"]) == (WIDTH, HEIGHT)
    (physical,) = canvas["service"]
    assert physical["profile"] == "http://iiif.io/api/annex/services/physdim"
    assert (physical["physicalScale"], physical["physicalUnits"]) == (0.0005, "mm")
    ids = [one["id"] for one in (told, canvas, page, annotation, body)]
    assert len(set(ids)) == len(ids)
    for traitor in ("SPECIMEN", "registry", "A1", "1970", "north", "svs"):
        assert traitor not in answer.text.replace("iiif/3/", "")
    for one in (body, canvas["thumbnail"][0], told["thumbnail"][0]):
        picture = reader.get(one["id"].removeprefix(ORIGIN))
        made = Image.open(io.BytesIO(picture.content))
        assert made.size == (one["width"], one["height"])


def test_a_manifest_of_nothing_is_not_found(reader: Web) -> None:
    assert reader.get("/iiif/presentation/3/absent/manifest").status_code == 404


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
