"""Photographs and a slide that may be taken out, and what is read of the files that leave."""

import io
import json
import re
from collections.abc import Iterator
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
from api.ingest import Order, ingest
from api.policies import Role
from api.settings import Settings, read_settings
from api.work import open_workplace
from archive.identity import PatientIdentity
from tests.api.conftest import Web, opened
from tests.api.test_lesions import bearer
from tests.dermato.pictures import photograph
from tests.samples.slide import small_svs
from tests.samples.tissue import display_profile

CARE = {"form": "jpeg", "purpose": "care"}
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
            "heic": Path(__file__).parents[2] / "samples" / "turned.heic",
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


@pytest.fixture(scope="session")
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


def departures(web: Web, taken: Taken, establishment: str = "north") -> list[dict[str, Any]]:
    headers = bearer(taken.settings, establishment, Role.OPERATOR)
    found: list[dict[str, Any]] = web.get("/api/exports/record", headers=headers).json()[
        "departures"
    ]
    return found
