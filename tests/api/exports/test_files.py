"""Pictures taken out: the files hold the pictures as they are, and nothing else."""

import io
import re
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from PIL import Image

from api.app import create_app
from api.policies import Role
from tests.api.conftest import Installation, Web, opened
from tests.api.exports.conftest import (
    CARE,
    WHO,
    Taken,
    apart,
    as_srgb,
    chosen,
    decoded,
    embedded,
    paged,
    pictures,
    upright,
    wide_profile,
)
from tests.api.test_lesions import bearer

IDENTIFYING = (
    b"Exif",
    b"GPS",
    b"NIKON",
    b"COOLPIX",
    b"Apple",
    b"SV-SERIAL",
    b"Sample Phone",
    b"JFXX",
)


def test_jpegs_are_the_pictures_upright_and_nothing_else(web: Web, taken: Taken) -> None:
    names = ("camera", "turned", "dermoscopy", "heic", "wide")
    found = pictures(web, images=chosen(taken, *names), colours="stored")
    assert list(found) == [
        "01-overview.jpg",
        "02-close-up.jpg",
        "03-dermoscopy.jpg",
        "04-close-up.jpg",
        "05-close-up.jpg",
    ]
    for name, (file, jpeg) in zip(names, found.items(), strict=True):
        image = Image.open(io.BytesIO(jpeg))
        assert set(image.info) <= {
            "jfif",
            "jfif_version",
            "jfif_unit",
            "jfif_density",
            "dpi",
            "icc_profile",
            "adobe",
            "adobe_transform",
        }, file
        assert not image.getexif()
        assert [word for word in IDENTIFYING if word in jpeg] == [], file
        picture = upright(taken.files[name])
        # The camera's own scan, or a fine JPEG of what could not be turned or kept as one.
        bound = {"camera": 0.0, "dermoscopy": 0.0}.get(name, 3.0)
        assert apart(decoded(jpeg), picture) <= bound, name
    # The camera's own scan goes on unchanged: only its segments are others.
    scan = taken.files["camera"].read_bytes().split(b"\xff\xda", 2)[-1][:4096]
    assert scan in found["01-overview.jpg"]


def test_colours_leave_as_srgb_or_with_their_profile(web: Web, taken: Taken) -> None:
    (kept,) = pictures(web, images=chosen(taken, "wide"), colours="stored").values()
    (shown,) = pictures(web, images=chosen(taken, "wide")).values()
    original = upright(taken.files["wide"])
    assert apart(decoded(kept), original) < 3
    right = as_srgb(original, wide_profile())
    assert apart(right, original) > 20
    assert apart(decoded(shown), right) < 3
    profiles = [Image.open(io.BytesIO(one)).info["icc_profile"] for one in (kept, shown)]
    # A profile that leaves says the transform and no more, and means what it meant.
    assert apart(as_srgb(decoded(kept), profiles[0]), right) < 4
    assert apart(as_srgb(decoded(shown), profiles[1]), right) < 4


def test_a_slide_leaves_whole_and_small_or_by_its_field(web: Web, taken: Taken) -> None:
    field = {"x": 300, "y": 40, "width": 200, "height": 150}
    images = [{"image": taken.ids["slide"]}, {"image": taken.ids["slide"], "region": field}]
    whole, part = map(decoded, pictures(web, images=images).values())
    assert (whole.shape, part.shape) == ((387, 2400, 3), (150, 200, 3))
    address = f"/iiif/3/{taken.ids['slide']}/300,40,200,150/max/0/color.png"
    right = np.asarray(Image.open(io.BytesIO(web.get(address).content)).convert("RGB"))
    assert apart(part, right) < 2
    beyond = [{"image": taken.ids["slide"], "region": {**field, "x": 3000}}]
    assert web.post("/api/exports", json={**CARE, "images": beyond}).status_code == 404


def test_a_pdf_has_the_pictures_their_words_and_the_name(web: Web, taken: Taken) -> None:
    images = chosen(taken, "camera", "dermoscopy", "wide")
    document = paged(web, images=images, named="patient", per_page=2)
    assert len(document.pages) == 2
    first, second = (page.extract_text() for page in document.pages)
    for page in (first, second):
        assert "TÉMOIN Œuvre" in page
        assert "né(e) le 07/03/1957 · ID 77123" in page
    assert "1. Face antérieure de l’avant-bras, gauche" in first
    assert "Vue d’ensemble" in first
    assert "2. Nez" in first
    assert re.search(r"\d mm", first)
    assert not re.search(r"\d mm", second)
    shown = [jpeg for page in document.pages for jpeg in embedded(page)]
    assert len(shown) == 3
    # The JPEG in the page is the camera's picture itself: it is no larger than a page shows.
    assert apart(decoded(shown[0]), upright(taken.files["camera"])) == 0
    assert apart(decoded(shown[1]), upright(taken.files["dermoscopy"])) == 0
    right = as_srgb(upright(taken.files["wide"]), wide_profile())
    assert apart(decoded(shown[2]), right) < 3
    assert set(document.metadata or {}) <= {"/Producer", "/CreationDate"}


@contextmanager
def peak_bytes() -> Iterator[list[int]]:
    """The most that was held at once by arrays and bytes of this process."""
    peak: list[int] = []
    tracemalloc.start()
    yield peak
    peak.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()


def test_many_large_pictures_are_not_held_at_once(web: Web, taken: Taken, tmp_path: Path) -> None:
    """Ten photographs of 12 megapixels are 360 MB; one of them, and ten pages, fit in 150."""
    rows = np.arange(3000, dtype=np.uint8)[:, None] // 8
    pixels = np.dstack([np.broadcast_to(rows + n, (3000, 4000)) for n in (0, 60, 120)])
    taken.files["large"] = tmp_path / "large.jpg"
    Image.fromarray(pixels).save(taken.files["large"], quality=90)
    taken.ids["large"] = taken.take("large", *WHO, "--site", "nez")
    with peak_bytes() as peak:
        document = paged(web, images=chosen(taken, *["large"] * 10))
    assert len(document.pages) == 10
    assert decoded(embedded(document.pages[9])[0]).shape == (1800, 2400, 3)
    assert peak[0] < 150 << 20
    with peak_bytes() as peak:
        files = pictures(web, images=chosen(taken, *["large"] * 10))
    assert apart(decoded(files["10-close-up.jpg"]), upright(taken.files["large"])) == 0
    assert peak[0] < 150 << 20


def test_all_pictures_of_a_patient_are_listed(web: Web, taken: Taken) -> None:
    exams = web.get("/api/exams").json()["exams"]
    (key,) = {one["patient_key"] for one in exams if one["patient"]["patient_id"] == "77123"}
    album = web.get(f"/api/patients/{key}/images").json()
    assert album["patient"]["name"] == "TÉMOIN^Œuvre"
    listed = {one["id"]: one for one in album["images"]}
    own = {taken.ids[name] for name in taken.ids if name != "other"}
    assert own == listed.keys()
    times = [one["taken_at"] for one in album["images"]]
    assert times == sorted(times, reverse=True)
    assert listed[taken.ids["dermoscopy"]]["view"] == "dermoscopy"
    assert listed[taken.ids["slide"]]["site"] is None
    south = bearer(taken.settings, "south")
    assert web.get(f"/api/patients/{key}/images", headers=south).status_code == 404


def test_an_installation_without_photographs_exports_its_slides(installation: Installation) -> None:
    headers = installation.bearer(Role.CONTRIBUTOR, "north")
    with opened(create_app(installation.settings)) as web:
        images = [{"image": installation.images["north"]}]
        answer = web.post("/api/exports", json={**CARE, "images": images}, headers=headers)
        with ZipFile(io.BytesIO(answer.content)) as zipped:
            assert zipped.namelist() == ["01-slide.jpg"]
