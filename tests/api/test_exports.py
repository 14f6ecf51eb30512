"""Pictures taken out: nothing in the files but the pictures, and nothing leaves that may not."""

import io
import json
import logging
import re
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps
from pypdf import PageObject, PdfReader
from pypdf.generic import StreamObject

from api import cli
from api.app import create_app
from api.doors import Role
from api.ingest import Order, ingest
from api.moving import move_once
from api.settings import Settings, read_settings
from api.work import open_workplace
from archive.departures import Departures
from archive.identity import PatientIdentity
from archive.move import Author, Destination
from tests.api.conftest import Installation, Web, opened
from tests.api.test_lesions import bearer
from tests.dermato.pictures import photograph
from tests.samples.photo import make_photo
from tests.samples.slide import small_svs
from tests.samples.tissue import display_profile

CARE = {"form": "jpeg", "purpose": "care"}
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
WHO = ("--patient-id", "77123", "--patient-name", "TÉMOIN^Œuvre", "--birth-date", "19570307")


def wide_profile() -> bytes:
    """A profile of colours far from those of sRGB: its red is sRGB's green."""
    profile = display_profile()
    swapped = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}
    return re.sub(b"[rg]XYZ", lambda found: swapped[found[0]], profile)


class Taken:
    """Photographs of one patient, and others, as `sansverre photo` and `ingest` take them."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings, self.files, self.ids = settings, dict[str, Path](), dict[str, str]()
        self.files = {
            "camera": photograph("phone-photos/gps/DSCN0010.jpg"),
            "turned": photograph("phone-photos/orientation/landscape_6.jpg"),
            "dermoscopy": photograph("derm/dermoscopy/ISIC_0000000.jpg"),
            "heic": Path(__file__).parents[1] / "samples" / "turned.heic",
            "wide": folder / "wide.png",
            "face": folder / "face.png",
            "other": folder / "other.png",
        }
        colours = np.stack(np.meshgrid(*[np.arange(64) * 4] * 2), -1).astype(np.uint8)
        pixels = np.dstack((colours, 255 - colours[..., :1]))
        Image.fromarray(pixels).save(self.files["wide"], icc_profile=wide_profile())
        Image.fromarray(pixels[::-1]).save(self.files["face"])
        Image.fromarray(pixels[:, ::-1]).save(self.files["other"])
        for name, words in {
            "camera": ("--site", "70559009", "--side", "L", "--kind", "overview"),
            "turned": ("--site", "70559009", "--side", "L"),
            "dermoscopy": ("--site", "nez", "--kind", "dermoscopy", "--mm-per-pixel", "0.02"),
            "heic": ("--site", "nez"),
            "wide": ("--site", "nez"),
            "face": ("--site", "73897004", "--kind", "overview"),
        }.items():
            self.ids[name] = self.take(name, *WHO, *words)
        self.ids["other"] = self.take("other", "--patient-id", "2", "--site", "nez")
        with open_workplace(settings) as place:
            slide = small_svs(folder / "slide.svs", 3100, 500, 240, seed=5)
            patient = PatientIdentity("77123")
            taken = ingest(place, slide, Order("north", patient, "A1"))
            self.ids["slide"] = taken.image

    def take(self, name: str, *words: str) -> str:
        command = ["photo", str(self.files[name]), *words, "--establishment", "north", "--json"]
        told = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stdout", told)
            assert cli.main(command) == 0
        return str(json.loads(told.getvalue().splitlines()[-1])["image"])


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taken]:
    folder = tmp_path_factory.mktemp("taken-out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SANSVERRE_DATA", str(folder / "data"))
        patch.setenv("SANSVERRE_SECRETS", str(folder / "secrets"))
        yield Taken(read_settings(), folder)


@pytest.fixture
def web(taken: Taken) -> Iterator[Web]:
    """A client who contributes in the north."""
    with opened(create_app(taken.settings)) as client:
        client.headers.update(bearer(taken.settings, "north"))
        yield client


def chosen(taken: Taken, *names: str) -> list[dict[str, Any]]:
    return [{"image": taken.ids[name]} for name in names]


def pictures(web: Web, **asked: Any) -> dict[str, bytes]:
    answer = web.post("/api/exports", json={**CARE, **asked})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert re.search(r'"sans-verre-[\d-]{10}\.zip"', answer.headers["content-disposition"])
    with ZipFile(io.BytesIO(answer.content)) as zipped:
        assert {one.date_time for one in zipped.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        return {one: zipped.read(one) for one in zipped.namelist()}


def upright(path: Path) -> NDArray[np.uint8]:
    if path.suffix == ".heic":
        from pi_heif import open_heif

        return np.asarray(open_heif(path).to_pillow().convert("RGB"))
    return np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))


def decoded(jpeg: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def apart(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(int) - other).mean())


def as_srgb(pixels: NDArray[np.uint8], profile: bytes) -> NDArray[np.uint8]:
    """By LittleCMS, whatever our own code makes of it."""
    turned = ImageCms.profileToProfile(
        Image.fromarray(pixels),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
    )
    return np.asarray(turned)


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


def paged(web: Web, **asked: Any) -> PdfReader:
    answer = web.post("/api/exports", json={**CARE, "form": "pdf", **asked})
    assert answer.status_code == 200, answer.text
    return PdfReader(io.BytesIO(answer.content), strict=True)


def embedded(page: PageObject) -> list[bytes]:
    """The JPEG of a page as they stand in the file: pypdf would encode them anew."""
    streams = [one.indirect_reference.get_object() for one in page.images if one.indirect_reference]
    assert all(isinstance(one, StreamObject) for one in streams)
    filters = {str(one["/Filter"]) for one in streams if isinstance(one, StreamObject)}
    assert filters == {"/DCTDecode"}
    return [one._data for one in streams if isinstance(one, StreamObject)]


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


def test_a_pseudonym_is_all_that_names(web: Web, taken: Taken) -> None:
    asked = {"images": chosen(taken, "wide"), "named": "pseudonym", "pseudonym": "Cas nº 12"}
    document = paged(web, **asked, language="en")
    text = document.pages[0].extract_text()
    assert "Cas nº 12" in text
    assert "Skin of nose" in text
    for word in ("MOIN", "uvre", "77123", "1957"):
        assert word not in text
    nobody = paged(web, images=chosen(taken, "wide")).pages[0].extract_text()
    assert "Cas" not in nobody
    strange = {**CARE, **asked, "form": "pdf", "pseudonym": "Дело"}
    refused = web.post("/api/exports", json=strange)
    assert (refused.status_code, refused.json()["reason"]) == (422, "letters")


def test_what_may_not_leave_is_named_and_stays(web: Web, taken: Taken) -> None:
    before = departures(web, taken)
    for names, purpose, reason, which in (
        (("wide", "face"), "care", "recognizable", ["face"]),
        (("wide", "other"), "care", "patients", ["wide", "other"]),
        (("wide", "heic"), "teaching", "consent", ["wide", "heic"]),
    ):
        images = chosen(taken, *names)
        said = {"form": "jpeg", "purpose": purpose, "images": images}
        refused = web.post("/api/exports", json=said)
        assert refused.status_code == 409
        told = refused.json()
        assert told["reason"] == reason
        assert told["images"] == [taken.ids[name] for name in which]
    wrongs: tuple[dict[str, Any], ...] = (
        {"form": "pdf", "purpose": "teaching", "named": "patient"},
        {"named": "patient"},
        {"form": "pdf", "named": "pseudonym", "pseudonym": " "},
        {"form": "pdf", "colours": "stored"},
        {"form": "pdf", "images": chosen(taken, "wide") * 41},
        {"images": []},
    )
    for wrong in wrongs:
        asked = {**CARE, "images": chosen(taken, "wide"), **wrong}
        assert web.post("/api/exports", json=asked).status_code == 422, wrong
    assert departures(web, taken) == before


def test_others_are_told_that_there_is_nothing(web: Web, taken: Taken) -> None:
    asked = {**CARE, "images": chosen(taken, "wide")}
    south = bearer(taken.settings, "south")
    theirs = web.post("/api/exports", json=asked, headers=south)
    none = web.post("/api/exports", json={**CARE, "images": [{"image": "0" * 32}]}, headers=south)
    assert theirs.status_code == none.status_code == 404
    assert theirs.content == none.content
    reader = bearer(taken.settings, "north", Role.READER)
    assert web.post("/api/exports", json=asked, headers=reader).status_code == 403
    assert web.get("/api/exports/record").status_code == 403


def departures(web: Web, taken: Taken, establishment: str = "north") -> list[dict[str, Any]]:
    headers = bearer(taken.settings, establishment, Role.OPERATOR)
    found: list[dict[str, Any]] = web.get("/api/exports/record", headers=headers).json()[
        "departures"
    ]
    return found


def test_each_export_is_written_down_and_no_log_tells_of_it(
    web: Web, taken: Taken, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        paged(web, images=chosen(taken, "wide", "heic"), named="pseudonym", pseudonym="Cas 12")
    latest, *_ = departures(web, taken)
    assert (latest["way"], latest["purpose"], latest["is_named"]) == ("pdf", "care", False)
    assert latest["images"] == [taken.ids["wide"], taken.ids["heic"]]
    assert "Cas 12" not in json.dumps(latest)
    assert departures(web, taken, "south") == []
    for word in ("Cas 12", "MOIN", "77123", taken.ids["wide"]):
        assert word not in caplog.text


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


def test_a_picture_that_is_moved_meanwhile_leaves_under_nobodys_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANSVERRE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SANSVERRE_SECRETS", str(tmp_path / "secrets"))
    settings, right = read_settings(), PatientIdentity("2", "", "JUSTE^Zoe")
    file = make_photo(tmp_path / "photo.jpg", width=96, height=64)
    with open_workplace(settings) as place:
        order = Order("north", PatientIdentity("1", "", "FAUX^Anne"))
        image = ingest(place, file, order).image
        record = Departures.record

        def moved_first(departures: Departures, *words: Any, **more: Any) -> Any:
            to, who = Destination(right), Author("subject")
            place.catalog.moves.ask([image], to, who, establishment="north")
            assert move_once(place)
            return record(departures, *words, **more)

        monkeypatch.setattr(Departures, "record", moved_first)
        asked = {"form": "pdf", "purpose": "care", "named": "patient", "images": [{"image": image}]}
        with opened(create_app(settings)) as web:
            web.headers.update(bearer(settings, "north"))
            answer = web.post("/api/exports", json=asked)
    assert answer.status_code == 503
    assert b"FAUX" not in answer.content
