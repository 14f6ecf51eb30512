"""What a part costs, and what it is drawn from."""

from pathlib import Path

import numpy as np
import openslide
import pytest
import simplejpeg
from PIL import Image, ImageCms

from api.dispatch import Dispatcher
from api.ingest import Order, ingest, receive
from api.settings import Settings
from api.work import open_workplace
from tests.api.conftest import CountingStorage, reading
from tests.api.iiif.conftest import Ask, difference
from tests.samples.photo import make_photo
from tests.samples.slide import make_slide, small_svs
from tests.samples.tissue import display_profile


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


def test_tiles_have_the_stored_colours_and_other_parts_those_of_the_profile(
    tmp_path: Path, settings: Settings
) -> None:
    """§4.4: `color` has all the colour information, which a scanner's profile is a part of."""
    profile = exchanged_profile()
    path = make_slide(tmp_path / "own.svs", 700, 500, tile=240, seed=4, mpp=0.5, icc=True)
    data = path.read_bytes()
    assert display_profile() in data
    path.write_bytes(data.replace(display_profile(), profile))
    with open_workplace(settings) as workplace:
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
    with reading(settings) as web:
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


def test_a_photograph_is_an_image_like_any_other(tmp_path: Path, settings: Settings) -> None:
    photo = make_photo(tmp_path / "photo.jpg", width=1500, height=1100)
    with open_workplace(settings) as workplace:
        taken = ingest(workplace, photo, Order("north"))
    stored = Image.open(photo)
    with reading(settings) as web:
        told = web.get(f"/iiif/3/{taken.image}/info.json").json()
        assert (told["width"], told["height"]) == (1500, 1100)
        wanted = stored.resize((300, 220), Image.Resampling.BILINEAR, box=(100, 50, 1100, 783))
        answer = web.get(f"/iiif/3/{taken.image}/100,50,1000,733/300,220/0/default.jpg")
        assert difference(answer, np.asarray(wanted)) < 3
        document = web.get(f"/iiif/presentation/3/{taken.exam}/manifest").json()
        assert document["items"][0]["label"] == {"fr": ["Photographie 1"], "en": ["Photograph 1"]}
        assert "service" not in document["items"][0]


def test_an_image_is_given_before_it_is_converted(tmp_path: Path, settings: Settings) -> None:
    path = small_svs(tmp_path / "early.svs", 1100, 700, 240, seed=5)
    with open_workplace(settings) as workplace:
        image = receive(workplace, path, Order("north"))
    with openslide.OpenSlide(path) as slide:
        part = slide.read_region((130, 70), 0, (600, 400)).convert("RGB")
    with reading(settings) as web:
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
